"""The local exchange as a process: says what it serves, answers, stops, and refuses what makes no sense."""

from __future__ import annotations

import json
import signal
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.conftest import PROGRAM, clean_environment

Run = Callable[..., subprocess.CompletedProcess[str]]
KEYS = {"APCA-API-KEY-ID": "PKLOCALEXCHANGE", "APCA-API-SECRET-KEY": "local-exchange"}


@contextmanager
def serving(place: Path, *words: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Run the exchange; yield the process and what it said until it listened."""
    process = subprocess.Popen(
        [*PROGRAM, "exchange", "--port", "0", "--speed", "0", *words],
        cwd=place,
        env=clean_environment(**environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        said: list[str] = []
        while not said or "http://" not in said[-1]:
            said.append(process.stdout.readline())
            assert said[-1], process.communicate(timeout=30)[1]
        yield process, said
    finally:
        process.kill()
        process.communicate(timeout=30)


def ask(address: str, path: str, body: object = None, headers: dict[str, str] | None = None) -> Any:  # noqa: ANN401
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address + path, data, headers or KEYS)  # noqa: S310 -- this machine
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        return json.load(answer)


def test_it_serves_the_sample_and_stops_when_told_to(place: Path) -> None:
    with serving(place, "--data", "sample:AAPL", "--data", "sample:MSFT", "--start", "2004-08-20") as (process, said):
        assert said[0].startswith("alpaca: AAPL, MSFT; ")
        assert "Key PKLOCALEXCHANGE" in said[1]
        address = said[-1].split(" on ")[1].strip()
        assert ask(address, "/v2/clock")["next_close"] == "2004-08-20T16:00:00-04:00"
        assert ask(address, "/simulation/advance", {"moments": 3})["symbols"] == ["AAPL", "MSFT"]
        assert ask(address, "/v2/clock")["is_open"] is True
        order = {"symbol": "AAPL", "qty": "2", "side": "buy", "type": "market", "time_in_force": "day"}
        assert ask(address, "/v2/orders", order)["status"] == "filled"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert out.endswith("Stopped.\n")


def test_it_serves_what_was_imported_under_own_keys_in_binances_words(place: Path) -> None:
    keys = {"TRADEWRIGHT_EXCHANGE_KEY": "mine", "TRADEWRIGHT_EXCHANGE_SECRET": "swordfish-swordfish"}
    with serving(place, "--data", "ACME@1h", "--protocol", "binance", **keys) as (_, said):
        assert "swordfish" not in "".join(said)
        address = said[-1].split(" on ")[1].strip()
        info = ask(address, "/api/v3/exchangeInfo")
    assert [s["symbol"] for s in info["symbols"]] == ["ACME"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--fault", "duplicate_fil"), "Did you mean duplicate_fill"),
        (("--data", "NOPE@1h"), "NOPE"),
        (("--host", "0.0.0.0"), "TRADEWRIGHT_EXCHANGE_KEY"),  # noqa: S104 -- refused
        (("--start", "yesterday"), "Write 2024-01-02"),
        (("--data", "ACME@1h", "--data", "ACME"), "named twice"),
    ],
)
def test_what_makes_no_sense_is_one_clear_error(tw: Run, words: tuple[str, ...], said: str) -> None:
    ended = tw("exchange", *words)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_faults_are_listed(tw: Run) -> None:
    ended = tw("exchange", "--list-faults")
    assert ended.returncode == 0
    assert "F01  accept_then_timeout" in ended.stdout
