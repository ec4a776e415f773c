"""A broker's names of symbols beside ours."""

from __future__ import annotations

import asyncio

import pytest
from tests.venues.local_account import LocalAccount
from tests.venues.mt5_server import Mt5Server
from tests.venues.mt5_ways import module_terminal

from tradewright.adapters.mt5.names import NamedTerminal
from tradewright.adapters.mt5.terminal import Action, OrderType, Request
from tradewright.core.types.errors import ConfigError


def test_our_name_goes_in_and_comes_out_and_a_stranger_of_that_name_keeps_apart() -> None:
    server = Mt5Server(LocalAccount("EURUSD.m"))

    async def work() -> None:
        terminal = NamedTerminal(module_terminal(server), {"EURUSD": "EURUSD.m"})
        try:
            row = await terminal.symbol("EURUSD")
            assert row is not None
            assert (row.name, (await terminal.tick("EURUSD")).bid > 0) == ("EURUSD.m", True)
            bought = Request(action=Action.DEAL, symbol="EURUSD", type=OrderType.BUY, volume=0.03, magic=7, comment="a")
            assert (await terminal.send(bought, lambda: None)).order
            names = [found.symbol for found in await terminal.positions()]
            names += [found.symbol for found in await terminal.history_orders(0)]
            names += [found.symbol for found in await terminal.history_deals(0)]
            assert names == ["EURUSD"] * 3
        finally:
            await terminal.close()
        swapped = NamedTerminal(module_terminal(server), {"EURUSD.m": "EURUSD"})
        try:
            assert [p.symbol for p in await swapped.positions()] == ["EURUSD.m (broker's)"]
        finally:
            await swapped.close()

    asyncio.run(work())


def test_two_of_our_names_for_one_symbol_are_refused() -> None:
    with pytest.raises(ConfigError, match="one symbol at the broker"):
        NamedTerminal(module_terminal(Mt5Server(LocalAccount("EURUSD"))), {"A": "EURUSD", "B": "EURUSD"})
