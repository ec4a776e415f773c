"""`tradewright data fetch` and `data update` from outside, against local venues that misbehave."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.e2e.conftest import clean_environment, run_in
from tests.venues.alpaca_venue import KEY, SECRET, AlpacaVenue
from tests.venues.binance_venue import BinanceVenue
from tests.venues.faults import Fault
from tests.venues.ibkr_venue import IbkrVenue

#: A shell that starts the tests in the background lets its children ignore Ctrl-C; this one shall not.
LISTENING = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
PROGRAM = (sys.executable, "-c", f"{LISTENING}; from tradewright.services.cli.app import main; main()")
Environment = dict[str, str]


@contextmanager
def alpaca(faults: Sequence[Fault] = ()) -> Iterator[Environment]:
    with AlpacaVenue(faults) as venue:
        yield {
            "TRADEWRIGHT_ALPACA_DATA_URL": venue.http_url,
            "TRADEWRIGHT_ALPACA_KEY": KEY,
            "TRADEWRIGHT_ALPACA_SECRET": SECRET,
            "TRADEWRIGHT_ALPACA_REQUESTS_PER_MINUTE": "1000000",
        }


@contextmanager
def ibkr(faults: Sequence[Fault] = ()) -> Iterator[Environment]:
    with IbkrVenue(faults) as venue:
        yield {"TRADEWRIGHT_IBKR_HOST": "127.0.0.1", "TRADEWRIGHT_IBKR_PORT": str(venue.port)}


@contextmanager
def binance(faults: Sequence[Fault] = ()) -> Iterator[Environment]:
    with BinanceVenue(faults=faults) as venue:
        yield {"TRADEWRIGHT_BINANCE_ARCHIVE_URL": venue.http_url, "TRADEWRIGHT_BINANCE_REST_URL": venue.http_url}


@dataclass(frozen=True)
class Case:
    """A vendor, what is asked of it, what goes wrong on the way, and how it falls silent."""

    venue: Callable[[Sequence[Fault]], AbstractContextManager[Environment]]
    words: tuple[str, ...]
    faults: tuple[Fault, ...]
    stall: Fault

    def fetch(self, store: str, *more: str) -> tuple[str, ...]:
        return ("data", "fetch", *self.words, "--store", store, *more)


CASES = {
    "binance": Case(
        binance,
        ("binance", "BTCUSDT", "--timeframe", "5m", "--start", "2024-12-01", "--end", "2025-01-05 10:00"),
        (
            Fault("429", times=2),
            Fault("503", skip=2),
            Fault("checksum", path="2024-12"),
            Fault("truncated", path="2025-01-01"),
            Fault("damaged", path="2025-01-02.zip"),
            Fault("repeated", path="2025-01-03"),
            Fault("missing", path="2025-01-04", times=None),
            Fault("500", path="klines"),
        ),
        Fault("slow", times=None, skip=4, seconds=30.0),
    ),
    "alpaca": Case(
        alpaca,
        ("alpaca", "AAPL", "--timeframe", "1s", "--start", "2024-03-04", "--end", "2024-03-09"),
        (
            Fault("429", times=2),
            Fault("503", skip=3, times=2),
            Fault("truncated", skip=5),
            Fault("swapped", skip=1),
            Fault("page twice", skip=2),
            Fault("rows twice", skip=4),
        ),
        Fault("slow", times=None, skip=2, seconds=20.0),
    ),
    "ibkr": Case(
        ibkr,
        ("ibkr", "EURUSD", "--timeframe", "1m", "--start", "2024-01-02", "--end", "2024-01-06"),
        (
            Fault("reorder", path="bars", skip=2),
            Fault("duplicate", path="bars", skip=3),
        ),
        Fault("silent", path="bars", times=None, skip=2),
    ),
}


def document(done: subprocess.CompletedProcess[str]) -> Any:  # noqa: ANN401  JSON
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def staged(folder: Path) -> int:
    return len(list(folder.glob(".fetch/*/*/[!.]*.json")))


@contextmanager
def started(folder: Path, *words: str, **more: str) -> Iterator[subprocess.Popen[str]]:
    """Run the command beside the test; it never outlives the block."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [*PROGRAM, *words], cwd=folder, env=clean_environment(**more), stdout=pipe, stderr=pipe, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    for _ in range(1500):
        if condition() or process.poll() is not None:
            return
        time.sleep(0.02)
    pytest.fail("nothing happened for 30 seconds")


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a venue without faults gives, in one go: the printed documents by vendor."""
    folder, found = tmp_path_factory.mktemp("clean"), {}
    for name, case in CASES.items():
        with case.venue(()) as address:
            found[name] = document(run_in(folder, *case.fetch(name, "--json"), **address))
    return found


@pytest.mark.parametrize("name", CASES)
def test_a_venue_that_misbehaves_gives_the_rows_of_a_clean_one(
    tmp_path: Path, clean: dict[str, Any], name: str
) -> None:
    case = CASES[name]
    with case.venue(case.faults) as broken:
        found = document(run_in(tmp_path, *case.fetch("store", "--json"), **broken))
    assert found["rows"] > 100
    assert {k: found[k] for k in ("rows", "fingerprint", "quarantined", "pieces", "resumed")} == {
        k: clean[name][k] for k in ("rows", "fingerprint", "quarantined", "pieces", "resumed")
    }
    assert run_in(tmp_path, "data", "check", found["symbol"], "--store", "store").returncode == 0


@pytest.mark.parametrize("name", ["binance", "ibkr"])
def test_ctrl_c_stops_cleanly_and_the_same_command_goes_on(tmp_path: Path, clean: dict[str, Any], name: str) -> None:
    case, store = CASES[name], tmp_path / "store"
    with (
        case.venue([case.stall]) as stalled,
        started(tmp_path, *case.fetch("store", "--workers", "1"), **stalled) as process,
    ):
        wait_for(lambda: staged(store) >= 1, process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert (out, "Traceback" in err) == ("", False)
    assert "The same command goes on" in err
    assert not list(store.rglob("catalogue.json"))
    with case.venue(()) as address:
        again = document(run_in(tmp_path, *case.fetch("store", "--json"), **address))
    assert again["fingerprint"] == clean[name]["fingerprint"]
    assert again["resumed"] >= 1


def test_killed_it_goes_on_where_it_was(tmp_path: Path, clean: dict[str, Any]) -> None:
    case, store = CASES["binance"], tmp_path / "store"
    with case.venue([Fault("slow", times=None, seconds=0.05)]) as slow:
        for least in (1, 3):
            with started(tmp_path, *case.fetch("store", "--workers", "1"), **slow) as process:
                wait_for(lambda least=least: staged(store) >= least, process)  # type: ignore[misc]
                process.kill()
                process.communicate(timeout=30)
            assert process.returncode == -signal.SIGKILL
            assert not list(store.rglob("catalogue.json"))
        again = document(run_in(tmp_path, *case.fetch("store", "--json"), **slow))
    assert again["fingerprint"] == clean["binance"]["fingerprint"]
    assert again["resumed"] >= 3


def test_update_continues_what_was_fetched(tmp_path: Path, clean: dict[str, Any]) -> None:
    words = ("data", "fetch", "binance", "BTCUSDT", "--timeframe", "5m", "--start", "2024-12-01", "--end", "2025-01-03")
    with binance() as address:
        document(run_in(tmp_path, *words, "--store", "store", "--json", **address))
        [found] = document(
            run_in(tmp_path, "data", "update", "--end", "2025-01-05 10:00", "--store", "store", "--json", **address)
        )
        assert found["fingerprint"] == clean["binance"]["fingerprint"]
        assert (found["pieces"], found["added"]) == (3, 2 * 288 + 120)
        again = run_in(
            tmp_path, "data", "update", "BTCUSDT", "--end", "2025-01-05 10:00", "--store", "store", **address
        )
    assert (again.returncode, again.stdout) == (0, "Nothing to update.\n")


def test_refused_rows_are_told_and_kept(tmp_path: Path) -> None:
    with binance([Fault("malformed", path="2025-01-01")]) as address:
        done = run_in(
            tmp_path,
            *("data", "fetch", "binance", "BTCUSDT", "--timeframe", "5m"),
            *("--start", "2025-01-01", "--end", "2025-01-02", "--store", "store"),
            **address,
        )
    assert done.returncode == 0, done.stderr
    assert "warning: BTCUSDT 5m: " in done.stderr
    [path] = (tmp_path / "store/bars/BTCUSDT/5m/quarantine").iterdir()
    assert str(path.parent.relative_to(tmp_path)) in done.stderr
    assert pl.read_parquet(path).columns == ["reason", "row"]


def test_a_venue_that_stays_down_is_one_clear_error(tmp_path: Path) -> None:
    words = ("data", "fetch", "alpaca", "NOSUCH", "--timeframe", "1m", "--start", "2024-03-04", "--end", "2024-03-05")
    with alpaca() as address:
        done = run_in(tmp_path, *words, **address)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "invalid symbol" in done.stderr
    assert SECRET not in done.stderr
    assert KEY not in done.stderr
    assert "Traceback" not in done.stderr
