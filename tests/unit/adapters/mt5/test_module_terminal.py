"""The way through the official package: one thread, a zone that has to be found out, None for every failure."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from tests.venues.local_account import LocalAccount
from tests.venues.mt5_module import Mt5Module
from tests.venues.mt5_server import Mt5Server

from tradewright.adapters.mt5.module_terminal import ModuleTerminal, load_module
from tradewright.adapters.mt5.terminal import Action, Request
from tradewright.core.types.errors import ConfigError
from tradewright.execution.venue import GateClosedError, VenueTimeoutError, VenueUnavailableError

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
