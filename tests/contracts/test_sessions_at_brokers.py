"""A whole paper session at Interactive Brokers and MetaTrader 5: signals, orders, fills, a restart, a kill."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.venues.broker_places import SYMBOL, Place, place_at, settings, stored
from tests.venues.mt5_module import Mt5Module
from tests.venues.mt5_ways import WAYS

from tradewright.adapters.mt5 import module_terminal as package
from tradewright.core.types.errors import TradewrightError
from tradewright.core.types.order import KillLevel, OrderStatus
from tradewright.execution.orders.inputs import Alert
from tradewright.execution.orders.state import ALL
from tradewright.risk.kill.requests import write_kill
from tradewright.services.live.clocks import VenueClock
from tradewright.services.live.start import Started, Surroundings
from tradewright.services.runs.prepare import prepare

PLACES = ("ibkr", *(f"mt5 {way}" for way in WAYS), "mt5 module hedging")


class Session:
    """One process of the session."""

    def __init__(self, place: Place, accounts: Path, **changes: Any) -> None:  # noqa: ANN401
        self.place, self.alerts = place, list[Alert]()
        around = Surroundings(time.time_ns, place.environment, accounts, self.alerts.append, lambda _: None)
        self.started = Started(prepare(settings(place, **changes)), "paper", around)
        self.task: asyncio.Task[None] | None = None

    async def run_until(self, what: str, holds: Callable[[Started], bool]) -> None:
        if self.task is None:
            self.task = asyncio.create_task(self.started.follow_feed(VenueClock(time.time_ns, follows=True)))
        for look in range(6_000):
            if self.started.session is not None and holds(self.started):
                return
            if self.task.done():
                await self.task
            await asyncio.sleep(0.01)
            if look % 20 == 0:
                self.place.local.advance()  # the venue's book fills up again
        raise AssertionError(f"{what}: {self.alerts}")

    async def end(self) -> None:
        if self.task is not None:
            self.task.cancel()
            with suppress(asyncio.CancelledError, ExceptionGroup, TradewrightError):
                await self.task
        await self.started.close()


def fills(started: Started) -> int:
    assert started.session is not None
    return len(started.session.state.fills)


def position(started: Started) -> int:
    assert started.session is not None
    return started.session.state.position(SYMBOL)


def is_settled(started: Started) -> bool:
    """Tell whether nothing is under way: all that is open is one accepted stop for all that is held.

    Bars come quicker here than looks at a terminal: while another order is open, the venue may have filled it already.
    """
    assert started.session is not None
    orders = started.session.state.open.values()
    stops = [o.intent.lots for o in orders if o.intent.stop_price and o.status is OrderStatus.ACCEPTED]
    return len(orders) == 1 and stops == [position(started)]


@pytest.mark.parametrize("where", PLACES)
def test_a_session_trades_is_restarted_and_killed(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(place: Place) -> None:
        first = Session(place, tmp_path)
        try:
            await first.run_until("it enters, leaves and enters", lambda s: fills(s) >= 3 and position(s) > 0)
            await first.run_until("it is protected", is_settled)
        finally:
            await first.end()
        held = position(first.started)
        assert place.held == held > 0
        again = Session(place, tmp_path)
        try:
            await again.run_until("it is reconciled", lambda s: s.session is not None and s.session.state.is_ready)
            session = again.started.session
            assert session is not None
            assert session.is_continued
            assert (session.state.quarantine, session.state.of(SYMBOL).halted) == ([], "")
            await again.run_until("it trades on", lambda s: fills(s) > fills(first.started))
            await again.run_until("it holds again", lambda s: position(s) > 0)
            write_kill(again.started.folder.kill, KillLevel.FLATTEN, ALL, ("ann", "the end"), time.time_ns())
            await again.run_until("it is flat", lambda s: position(s) == 0 and not session.state.open)
            assert (place.held, place.working) == (0, 0)
            assert place.server is None or place.server.positions() == [], "no pair is left"
            assert session.state.corrections == 0
        finally:
            await again.end()

    with place_at(where, tmp_path, monkeypatch) as place:
        asyncio.run(work(place))


def test_orders_and_bars_of_a_session_have_one_terminal_in_its_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[Mt5Module] = []

    def load_module() -> Mt5Module:
        assert place.server is not None
        loaded.append(Mt5Module(place.server))
        return loaded[-1]

    async def work() -> None:
        session = Session(place, tmp_path)
        try:
            await session.run_until("it trades", lambda s: fills(s) >= 1)
        finally:
            await session.end()

    monkeypatch.setattr("tradewright.adapters.mt5.live._POLL_S", 0.05)
    with place_at("mt5 module", tmp_path, monkeypatch, source="mt5") as place:
        assert place.server is not None
        stored(tmp_path, place.server.bars(60)[:-1])
        monkeypatch.setattr(package, "load_module", load_module)
        asyncio.run(work())
    assert [len(module.threads) for module in loaded] == [1]


REAL = {"kind": "live"}


def changed(place: Place, **about: Any) -> dict[str, Any]:  # noqa: ANN401
    name = place.trading["venue"]
    return {name: place.trading[name] | about}


async def refused(place: Place, folder: Path, **changes: Any) -> str:  # noqa: ANN401
    session = Session(place, folder, **changes)
    try:
        with pytest.raises(TradewrightError) as error:
            await session.run_until("it is refused", lambda _: False)
    finally:
        await session.end()
    assert not (folder / "side" / "journal").exists()
    return str(error.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"account_id": "U0000001"}, "not a paper account"),
        ({"account_id": "DU7777777"}, "logged in to DU0000001, not to the paper account"),
        ({"port": 1}, "no TWS or IB Gateway answers"),
    ],
)
def test_another_account_of_interactive_brokers_is_refused(
    changes: Mapping[str, Any], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with place_at("ibkr", tmp_path, monkeypatch) as place:
        assert said in asyncio.run(refused(place, tmp_path, **changed(place, **changes)))
        real = asyncio.run(refused(place, tmp_path, **REAL))
        assert "this is a paper account" in real
        real = asyncio.run(refused(place, tmp_path, **REAL, **changed(place, account_id="U0000001")))
        assert "logged in to DU0000001, not to the live account" in real


@pytest.mark.parametrize("way", WAYS)
def test_another_account_of_metatrader_is_refused(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with place_at(f"mt5 {way}", tmp_path, monkeypatch) as place:
        assert place.server is not None
        assert "logged in to 5001 (DEMO)" in asyncio.run(refused(place, tmp_path, **changed(place, login=5002)))
        live = {k.replace("_PAPER_", "_LIVE_"): v for k, v in place.environment.items()}
        place.environment |= live
        assert "logged in to 5001 (DEMO)" in asyncio.run(refused(place, tmp_path, **REAL))
        place.server.trade_mode = 2
        assert "logged in to 5001 (REAL)" in asyncio.run(refused(place, tmp_path))
        if way != "module":
            secret = "TRADEWRIGHT_KEYS_MT5_PAPER_SECRET"  # noqa: S105 - the name of the variable
            place.environment[secret] = "another-token-than-is-wanted"
            told = asyncio.run(refused(place, tmp_path))
            assert "401" in told
            assert place.environment.pop(secret) not in told
            assert f"{secret}: the paper keys are missing" in asyncio.run(refused(place, tmp_path))
