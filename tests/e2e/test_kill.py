"""Killing, releasing and arming from outside; and a watchdog that kills for a process that hangs."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from tests.e2e.conftest import PROGRAM, clean_environment, run_in
from tests.venues.local_exchange import KEY, SECRET, LocalExchange

from tradewright.adapters.alpaca.trading import AlpacaTrading
from tradewright.adapters.alpaca.trading_params import AlpacaTradingParams, PaperKeys
from tradewright.adapters.binance.trading import BinanceTrading
from tradewright.adapters.binance.trading_params import BinanceTradingParams, TestnetKeys
from tradewright.core.types.instrument import Instrument
from tradewright.core.types.order import OrderKind, Side, TimeInForce, TradingState
from tradewright.core.types.venue import OrderIntent, VenueOrder
from tradewright.risk.trading_state import TradingStateFile
from tradewright.services.trading.evidence import hash_of

needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="SIGSTOP")
CONFIG = """
strategy: {{name: ema_cross}}
data: {{symbols: [{symbol}]}}
trading: {{account: main, venue: {venue}, kind: {kind}, url: "{url}"}}
limits: {{max_order_value: 1000}}
"""
BEATS = """
import sys, time
from pathlib import Path
from tradewright.execution.heartbeat import HeartbeatFile
file = HeartbeatFile(Path(sys.argv[1]))
while True:
    file.beat(time.time_ns())
    time.sleep(0.05)
"""


@pytest.fixture
def account(tmp_path: Path) -> Path:
    folder = tmp_path / ".tradewright" / "accounts" / "main"
    TradingStateFile(folder / "state.json").write(TradingState.ACTIVE, "ann", "begin", 1)
    return folder


def test_killing_needs_no_session_and_releasing_needs_two_people(tmp_path: Path, account: Path) -> None:
    killed = run_in(tmp_path, "kill", "--level", "flatten", "--by", "ann", "--reason", "it doubles orders")
    assert killed.returncode == 0, killed.stderr
    assert "main: KILLED. No session runs" in killed.stdout
    assert len(list((account / "kill").glob("kill-*.json"))) == 1
    shown = json.loads(run_in(tmp_path, "controls", "state", "--account", str(account), "--json").stdout)
    assert (shown["state"], shown["by"], shown["why"]) == ("KILLED", "ann", "it doubles orders")
    one = ("release", "--account", "main", "--by", "ann", "--reason", "mended")
    refused = run_in(tmp_path, *one)
    assert refused.returncode == 2
    assert "no running session says that it is reconciled and flat" in refused.stderr
    asked = run_in(tmp_path, *one, "--accept-open", "--json")
    assert asked.returncode == 0, asked.stderr
    nonce = json.loads(asked.stdout)["nonce"]
    for by, words in (("ann", "ann asked for it"), ("bob", "Wait another")):
        second = run_in(tmp_path, "release", "--account", "main", "--confirm", nonce, "--by", by)
        assert second.returncode == 2
        assert words in second.stderr
    empty = run_in(tmp_path, *one, "--accept-open", "--confirm", "")
    assert empty.returncode == 2
    assert "Give the number that the first step printed" in empty.stderr
    assert TradingStateFile(account / "state.json").read().state is TradingState.KILLED
    loosened = run_in(tmp_path, "controls", "state", "ACTIVE", "--account", str(account), "--by", "a", "--why", "b")
    assert loosened.returncode == 2
    assert "tradewright release" in loosened.stderr


def test_a_kill_that_makes_no_sense_kills_nothing(tmp_path: Path, account: Path) -> None:
    for words in (("--account", "mian"), ("--level", "stop"), ("--scope", "some"), ("--accounts", "nowhere")):
        assert run_in(tmp_path, "kill", *words).returncode == 2, words
    assert TradingStateFile(account / "state.json").read().state is TradingState.ACTIVE
    assert not (account / "kill").exists()


def test_arming_lists_what_is_missing_and_wants_the_phrase(tmp_path: Path, account: Path) -> None:
    text = CONFIG.format(symbol="AAPL", venue="alpaca", kind="live", url="")
    (tmp_path / "live.yaml").write_text(text, encoding="utf-8")
    checked = run_in(tmp_path, "arm", "live.yaml", "--check")
    assert checked.returncode == 2
    codes = ["ARMED", "KEYS", "MODEL", "LIMITS", "RELEASE"]
    assert all(f"{code}: " in checked.stderr for code in codes)
    assert run_in(tmp_path, "arm", "live.yaml", "--by", "ann", "--phrase", "yes").returncode == 2
    assert run_in(tmp_path, "arm", "live.yaml", "--by", "ann").returncode == 2  # nobody is there to type
    assert not (account / "arm.json").exists()
    armed = run_in(tmp_path, "arm", "live.yaml", "--by", "ann", "--phrase", "trade main with real money")
    assert armed.returncode == 0, armed.stderr
    assert "main is armed until" in armed.stdout
    approved = run_in(tmp_path, "approve", "live.yaml", "--by", "bob")
    assert approved.returncode == 0, approved.stderr
    rows = json.loads(run_in(tmp_path, "arm", "live.yaml", "--check", "--json").stdout)["missing"]
    assert [row["code"] for row in rows] == ["KEYS", "MODEL", "LIMITS"]
    assert run_in(tmp_path, "disarm", "--account", "main").stdout == "main is disarmed.\n"


def test_a_drill_is_measured_and_chained(tmp_path: Path, account: Path) -> None:
    for _ in range(2):
        done = run_in(tmp_path, "drill", "kill", "--account", "main", "--rounds", "2", "--json")
        assert done.returncode in {0, 1}, done.stderr  # a busy machine may be over the budget
    first, second = (json.loads(p.read_text(encoding="utf-8")) for p in sorted((account / "drills").iterdir()))
    assert second["previous"] == first["hash"] == hash_of(first)
    assert len(second["rounds"]) == 2
    assert second["passed"] is not bool(second["failures"])
    assert TradingStateFile(account / "state.json").read().state is TradingState.ACTIVE


# ------------------------------------------------------------------------------------------------------- the watchdog
Venue = AlpacaTrading | BinanceTrading


def alpaca(exchange: LocalExchange) -> AlpacaTrading:
    keys = PaperKeys(key=SecretStr(KEY), secret=SecretStr(SECRET))
    params = AlpacaTradingParams(trading_url=exchange.http_url, keys=keys, requests_per_minute=1e6)
    return AlpacaTrading(params, {"SYN": Instrument("SYN")}, clock_ns=time.time_ns)


def binance(exchange: LocalExchange) -> BinanceTrading:
    keys = TestnetKeys(key=SecretStr(KEY), secret=SecretStr(SECRET))
    params = BinanceTradingParams(rest_url=exchange.http_url, keys=keys, weight_per_minute=1e6)
    return BinanceTrading(params, {"SYN": Instrument("SYN", lot_size="0.0001")}, clock_ns=time.time_ns)


def ask(venue: Callable[[], Venue], work: Callable[[Venue], Coroutine[Any, Any, Any]]) -> Any:  # noqa: ANN401
    async def inside() -> Any:  # noqa: ANN401
        made = venue()
        try:
            return await work(made)
        finally:
            await made.close()

    return asyncio.run(inside())


def limit(name: str, side: Side, price: float, lots: int) -> OrderIntent:
    return OrderIntent(name, 1, 1, "s", "SYN", side, OrderKind.LIMIT, lots, 0, price, None, TimeInForce.GTC)


async def stocked(venue: Venue) -> None:
    """Hold a position with an exit above it, and two entries below."""
    lots = 5 if isinstance(venue, AlpacaTrading) else 50_000
    entry = OrderIntent("in", 1, 1, "s", "SYN", Side.BUY, OrderKind.MARKET, lots, 0, time_in_force=TimeInForce.GTC)
    for intent in (
        entry,
        limit("exit", Side.SELL, 200.0, lots),
        limit("one", Side.BUY, 50.0, lots),
        limit("two", Side.BUY, 51.0, lots),
    ):
        await venue.submit(intent, lambda: None)


async def open_names(venue: Venue) -> set[str]:
    found: list[VenueOrder] = await venue.open_orders()
    return {order.client_id for order in found}


async def lots_held(venue: Venue) -> list[int]:
    return [p.lots for p in await venue.positions()]


@contextmanager
def process(*words: str, cwd: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    run = subprocess.Popen(words, cwd=cwd, env=clean_environment(**environment), stdout=-1, stderr=-1, encoding="utf-8")
    try:
        yield run
    finally:
        run.kill()
        run.communicate()


def wait_for(is_so: Callable[[], object], seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.02)


@needs_signals
@pytest.mark.parametrize(("name", "make", "flattens"), [("alpaca", alpaca, False), ("binance", binance, True)])
def test_the_watchdog_kills_for_a_process_that_hangs(
    tmp_path: Path,
    account: Path,
    name: str,
    make: Callable[[LocalExchange], Venue],
    flattens: bool,
) -> None:
    with LocalExchange("synthetic:SYN", protocol=name) as exchange:
        exchange.advance(3)

        def venue() -> Venue:
            return make(exchange)

        ask(venue, stocked)
        assert ask(venue, open_names) == {"exit", "one", "two"}
        (tmp_path / "run.yaml").write_text(
            CONFIG.format(symbol="SYN", venue=name, kind="paper", url=exchange.http_url), encoding="utf-8"
        )
        stem = f"TRADEWRIGHT_KEYS_{name.upper()}_PAPER"
        words = ("watchdog", "run.yaml", "--silence", "1", *(["--flatten"] if flattens else []))
        shared = {f"{stem}_KEY": KEY, f"{stem}_SECRET": SECRET}
        refused = run_in(tmp_path, *words, **shared)
        assert refused.returncode == 2
        assert "no keys of its own" in refused.stderr
        own = {f"{stem}_WATCHDOG_KEY": KEY, f"{stem}_WATCHDOG_SECRET": SECRET}
        beating = (sys.executable, "-c", BEATS, str(account / "heartbeat"))
        with process(*beating, cwd=tmp_path) as session, process(*PROGRAM, *words, cwd=tmp_path, **own) as dog:
            assert dog.stdout is not None
            assert dog.stdout.readline().startswith("Watching main")
            wait_for((account / "heartbeat").exists)
            time.sleep(0.2)
            assert dog.poll() is None
            os.kill(session.pid, signal.SIGSTOP)
            said = dog.communicate(timeout=60)[1]
        assert dog.returncode == 1, said
        assert "KILL: no heartbeat for 1." in said
        assert "verified after" in said
        assert TradingStateFile(account / "state.json").read().by == "watchdog"
        request = json.loads(next((account / "kill").glob("kill-*.json")).read_text(encoding="utf-8").split("\n", 1)[1])
        assert request["level"] == ("FLATTEN" if flattens else "CANCEL")
        assert ask(venue, open_names) == (set() if flattens else {"exit"})
        assert ask(venue, lots_held) == ([] if flattens else [5])
