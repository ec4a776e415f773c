"""The way through the official package: one thread, a zone that has to be found out, None for every failure."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.venues.local_account import LocalAccount
from tests.venues.mt5_module import RATES, Mt5Module
from tests.venues.mt5_server import Mt5Server

from tradewright.adapters.mt5.module_terminal import ModuleTerminal, load_module
from tradewright.adapters.mt5.server_zone import ServerZone
from tradewright.adapters.mt5.terminal import Action, Period, Request
from tradewright.core.types.errors import ConfigError
from tradewright.execution.venue import GateClosedError, VenueRejectedError, VenueTimeoutError, VenueUnavailableError

Work = Callable[[ModuleTerminal], Coroutine[Any, Any, None]]


@pytest.fixture(scope="module")
def local() -> LocalAccount:
    return LocalAccount("EURUSD")


def run(module: Mt5Module, work: Work, **changes: Any) -> None:  # noqa: ANN401
    async def inside() -> None:
        local = module.server.local
        terminal = ModuleTerminal(module, clock_ns=lambda: local.now_ns, **changes)
        try:
            await work(terminal)
        finally:
            module.goes_on.set()
            await terminal.close()

    asyncio.run(inside())


@pytest.mark.skipif(sys.platform == "win32", reason="there it may be installed")
def test_without_the_package_the_error_says_what_else_there_is() -> None:
    with pytest.raises(ConfigError, match="mt5-bridge"):
        load_module()


@pytest.mark.parametrize("ahead_s", [0, 2 * 3_600, 3 * 3_600, -5 * 3_600, 5 * 3_600 + 1_800])
def test_the_zone_of_the_server_is_measured_at_a_quote_that_moves(local: LocalAccount, ahead_s: int) -> None:
    async def work(terminal: ModuleTerminal) -> None:
        tick = await terminal.tick("EURUSD")
        assert abs(tick.time_ms - local.now_ns // 10**6) < 1_000

    run(Mt5Module(Mt5Server(local), ahead_s), work)


def test_a_quote_that_stands_tells_no_zone(local: LocalAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradewright.adapters.mt5.module_terminal._LOOK_S", 0.01)
    monkeypatch.setattr("tradewright.adapters.mt5.module_terminal._FRESH_S", 0.05)

    async def work(terminal: ModuleTerminal) -> None:
        with pytest.raises(VenueUnavailableError, match="zone of the server is not known"):
            await terminal.tick("EURUSD")

    async def told(terminal: ModuleTerminal) -> None:
        assert (await terminal.tick("EURUSD")).time_ms == local.now_ns // 10**6

    module = Mt5Module(Mt5Server(local), 7_200, moves=False)
    run(module, work)
    run(module, told, utc_offset_s=7_200)


def test_a_package_that_hangs_is_no_answer_and_what_waits_behind_it_is_not_sent(local: LocalAccount) -> None:
    module = Mt5Module(Mt5Server(local))
    request = Request(action=Action.REMOVE, order=1)

    async def work(terminal: ModuleTerminal) -> None:
        await terminal.account()
        module.goes_on.clear()
        with pytest.raises(VenueTimeoutError, match="does not answer"):
            await terminal.orders()
        with pytest.raises(VenueUnavailableError, match="nothing was sent"):
            await terminal.send(request, lambda: None)
        module.goes_on.set()
        await terminal.account()
        assert module.server.requests == 0
        assert len(module.threads) == 1

    run(module, work, timeout_s=0.1)


def test_a_terminal_that_is_gone_is_no_empty_answer_and_is_found_when_it_is_back(local: LocalAccount) -> None:
    module = Mt5Module(Mt5Server(local))

    async def work(terminal: ModuleTerminal) -> None:
        module.is_running = False
        for ask in (terminal.orders, terminal.positions, terminal.account):
            with pytest.raises(VenueUnavailableError):
                await ask()
        module.is_running = True
        assert await terminal.orders() == []

    run(module, work)


def test_a_closed_gate_sends_nothing(local: LocalAccount) -> None:
    module = Mt5Module(Mt5Server(local))

    async def work(terminal: ModuleTerminal) -> None:
        def closed() -> None:
            raise GateClosedError("closed")

        with pytest.raises(GateClosedError):
            await terminal.send(Request(action=Action.REMOVE, order=1), closed)
        assert module.server.requests == 0

    run(module, work)


def stepped(module: Mt5Module, at_ms: int, *begins_ms: int) -> None:
    """Let it be another time: quotes and bars of the server's, by its own clock."""

    def tick(_: str) -> SimpleNamespace:
        module._ticks += 1
        return SimpleNamespace(time_msc=at_ms + module._ticks, bid=1.0, ask=1.1)

    def rates(_name: str, _period: int, start: int, end: int) -> Any:  # noqa: ANN401
        rows = [(ms // 1_000, 1.0, 2.0, 0.5, 1.5, 9, 3, 0) for ms in begins_ms]
        return np.array([row for row in rows if start <= row[0] <= end], dtype=RATES)

    module.symbol_info_tick, module.copy_rates_range = tick, rates  # type: ignore[method-assign, assignment]


def test_what_was_measured_of_the_zone_is_measured_again_when_clocks_were_moved(
    local: LocalAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradewright.adapters.mt5.module_terminal._LOOK_S", 0.001)
    monkeypatch.setattr("tradewright.adapters.mt5.module_terminal._FRESH_S", 0.01)
    module, hour = Mt5Module(Mt5Server(local)), 3_600_000
    friday, monday = 1_793_361_600_000, 1_793_620_800_000  # 30 October and 2 November 2026, noon UTC
    now = [friday]

    async def work() -> None:
        terminal = ModuleTerminal(module, clock_ns=lambda: now[0] * 10**6)
        try:
            stepped(module, friday + 3 * hour, friday + 2 * hour)
            before = await terminal.bars("EURUSD", Period.H1, friday - 2 * hour, friday)
            assert [row.time_ms for row in before.rows] == [friday - hour]
            now[0] = monday
            module.symbol_info_tick = lambda _: SimpleNamespace(time_msc=1)  # type: ignore[method-assign, assignment]
            with pytest.raises(VenueUnavailableError, match="zone of the server is not known"):
                await terminal.bars("EURUSD", Period.H1, monday - 2 * hour, monday)
            stepped(module, monday + 2 * hour, monday + hour)
            after = await terminal.bars("EURUSD", Period.H1, monday - 2 * hour, monday)
            assert ([row.time_ms for row in after.rows], after.knows_zone) == ([monday - hour], False)
        finally:
            await terminal.close()

    asyncio.run(work())


def test_with_its_zone_times_of_every_season_are_told_and_a_wrong_one_is_refused(
    local: LocalAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradewright.adapters.mt5.module_terminal._LOOK_S", 0.001)
    monkeypatch.setattr("tradewright.adapters.mt5.module_terminal._FRESH_S", 0.01)
    module, hour = Mt5Module(Mt5Server(local)), 3_600_000
    july, january = 1_784_030_400_000, 1_768_305_600_000  # 2026, the 14th and the 13th, noon UTC
    stepped(module, july + 3 * hour, january + 2 * hour, july + 3 * hour - 60_000)

    async def bars(zone: str) -> list[int]:
        terminal = ModuleTerminal(module, clock_ns=lambda: july * 10**6, zone=ServerZone.parse(zone))
        try:
            found = await terminal.bars("EURUSD", Period.M1, january, july)
            assert found.knows_zone
            return [row.time_ms for row in found.rows]
        finally:
            await terminal.close()

    assert asyncio.run(bars("America/New_York+7")) == [january, july - 60_000]
    assert asyncio.run(bars("UTC+3")) == [july - 60_000]
    with pytest.raises(VenueRejectedError, match=r"14:00 in UTC\+2"):
        asyncio.run(bars("UTC+2"))


def test_a_closed_terminal_is_closed_once(local: LocalAccount) -> None:
    module = Mt5Module(Mt5Server(local))
    ends: list[int] = []
    module.shutdown = lambda: ends.append(1)  # type: ignore[method-assign]

    async def work(terminal: ModuleTerminal) -> None:
        await terminal.account()
        await terminal.close()
        await terminal.close()

    run(module, work)
    assert ends == [1]
