"""The service as a process: starts, answers, shares a Redis with another, and stops when told to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.services.redis_server import RedisServer, redis_server

Run = Callable[..., subprocess.CompletedProcess[str]]
TOKEN = "0123456789abcdef-swordfish"  # noqa: S105 -- of a service that lives for a test


@contextmanager
def serving(place: Path, *words: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the service; yield the process and its address."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TRADEWRIGHT_")}
    program = (sys.executable, "-c", "from tradewright.services.cli.app import main; main()")
    process = subprocess.Popen(
        [*program, "data", "serve", "--port", "0", *words],
        cwd=place,
        env=kept | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "http://" in line, process.communicate(timeout=30)[1]
        yield process, line.split(" on ")[1].split()[0]
    finally:
        process.kill()
        process.communicate(timeout=30)


def get(address: str, **headers: str) -> tuple[int, Any]:
    request = urllib.request.Request(address, headers=headers)  # noqa: S310 -- this machine
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with redis_server() as found:
        if isinstance(found, str):
            pytest.skip(found)
        yield found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_answers_and_stops_when_told_to(place: Path, number: signal.Signals) -> None:
    with serving(place, "--features", "trend=ema(3), rsi_wilder(5)", "--access-log") as (process, address):
        assert get(f"{address}/health")[1]["redis"] == {"state": "off"}
        status, page = get(f"{address}/v1/bars/ACME/1h?limit=3")
        assert (status, len(page["rows"])) == (200, 3)
        status, row = get(f"{address}/v1/features/ACME/1h/latest?set=trend")
        assert (status, list(row["values"])) == (200, ["ema(3)", "rsi_wilder(5)"])
        assert get(f"{address}/v1/bars/ACNE/1h")[0] == 404
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert out.endswith("Stopped.\n")
    assert "Traceback" not in err
    assert [json.loads(line)["status"] for line in err.splitlines()] == [200, 200, 200, 404]


def test_two_processes_share_one_redis(place: Path, redis: RedisServer) -> None:
    with (
        serving(place, TRADEWRIGHT_DATA_REDIS_URL=redis.url) as (_, one),
        serving(place, TRADEWRIGHT_DATA_REDIS_URL=redis.url) as (_, other),
    ):
        for path in ("/v1/bars/ACME/1h", "/v1/features/ACME/1h"):
            assert get(one + path) == get(other + path)
        rows = [get(f"{a}/v1/features/ACME/1h/latest")[1] for a in (one, other)]
        assert rows[0]["values"] == rows[1]["values"]
        counts = [get(f"{a}/health")[1]["counts"] for a in (one, other)]
        assert [c["pages_computed"] for c in counts] == [2, 0]
        assert [c["pages_from_redis"] for c in counts] == [0, 2]
        assert [c["rows_computed"] for c in counts] == [1, 0]
        redis.kill()
        assert get(f"{one}/v1/bars/ACME/1h?limit=7")[0] == 200
        redis.start()


def test_a_token_from_a_file(place: Path) -> None:
    (place / "token").write_text(TOKEN)
    with serving(place, TRADEWRIGHT_DATA_TOKEN_FILE="token") as (process, address):  # noqa: S106 -- a file
        assert get(f"{address}/v1/datasets")[0] == 401
        assert get(f"{address}/v1/datasets", Authorization=f"Bearer {TOKEN}")[0] == 200
        process.terminate()
        assert TOKEN not in "".join(process.communicate(timeout=30))


@pytest.mark.parametrize(
    ("words", "environment", "told"),
    [
        (("--host", "0.0.0.0"), {}, "Set TRADEWRIGHT_DATA_TOKEN"),  # noqa: S104 -- refused
        ((), {"TRADEWRIGHT_DATA_TOKEN": "short"}, "at least 16"),
        ((), {"TRADEWRIGHT_DATA_TOKEN_FILE": "no/such/file"}, "cannot be read"),
        ((), {"TRADEWRIGHT_DATA_REDIS_URL": "swordfish"}, "redis://HOST:PORT"),
        (("--features", "trend=emma(3)"), {}, "emma"),
        (("--features", "trend=ema("), {}, "not a list of features"),
        (("--features", "ema(3)"), {}, "--features"),
        (("--features", "trend=quoted_spread"), {}, "quote"),
        (("--refresh", "0"), {}, "--refresh"),
    ],
)
def test_what_cannot_be_served_is_refused(
    tw: Run, words: tuple[str, ...], environment: dict[str, str], told: str
) -> None:
    done = tw("data", "serve", "--port", "0", *words, **environment)
    assert done.returncode == 2, done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert "swordfish" not in done.stderr


def test_a_taken_port_is_one_clear_error(place: Path, tw: Run) -> None:
    with serving(place) as (_, address):
        done = tw("data", "serve", "--port", address.rsplit(":", 1)[1])
    assert done.returncode == 2
    assert "cannot listen" in done.stderr
