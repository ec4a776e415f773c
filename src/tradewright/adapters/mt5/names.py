"""A terminal whose symbols are called otherwise than our instruments: brokers write EURUSD as EURUSD.m or EURUSD#."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from tradewright.adapters.mt5.terminal import (
    AccountRow,
    Bars,
    DealRow,
    Gate,
    OrderRow,
    Period,
    PositionRow,
    Request,
    Result,
    SymbolRow,
    Terminal,
    TickRow,
)
from tradewright.core.types.errors import ConfigError

R = TypeVar("R", OrderRow, DealRow, PositionRow)


class NamedTerminal:
    """A terminal that speaks our names; satisfies `Terminal`. ``names``: the broker's by ours; others stay as they are.

    Raises
    ------
    ConfigError
        If two of our names are one of the broker's: positions would be mixed up.
    """

    def __init__(self, terminal: Terminal, names: Mapping[str, str]) -> None:
        self._terminal, self._theirs = terminal, dict(names)
        self._ours = {theirs: ours for ours, theirs in names.items()}
        if len(self._ours) != len(names):
            what = "two instruments have one symbol at the broker"
            raise ConfigError(what, where="trading.mt5.symbols", fix="Give each its own.")

    @property
    def comment_length(self) -> int:
        """Return how many characters of a comment arrive."""
        return self._terminal.comment_length

    async def account(self) -> AccountRow:
        """Return the account."""
        return await self._terminal.account()

    async def symbol(self, name: str) -> SymbolRow | None:
        """Return how a symbol is traded, or None if there is none of that name."""
        return await self._terminal.symbol(self._theirs.get(name, name))

    async def tick(self, name: str) -> TickRow:
        """Return the newest quote of a symbol."""
        return await self._terminal.tick(self._theirs.get(name, name))

    async def bars(self, name: str, period: Period, start_ms: int, end_ms: int) -> Bars:
        """Return bars of a symbol."""
        return await self._terminal.bars(self._theirs.get(name, name), period, start_ms, end_ms)

    async def orders(self) -> list[OrderRow]:
        """Return open orders."""
        return self._renamed(await self._terminal.orders())

    async def positions(self) -> list[PositionRow]:
        """Return open positions."""
        return self._renamed(await self._terminal.positions())

    async def history_orders(self, since_ms: int) -> list[OrderRow]:
        """Return orders that ended since a time."""
        return self._renamed(await self._terminal.history_orders(since_ms))

    async def history_deals(self, since_ms: int) -> list[DealRow]:
        """Return executions since a time."""
        return self._renamed(await self._terminal.history_deals(since_ms))

    async def send(self, request: Request, gate: Gate) -> Result:
        """Send a request, once."""
        name = self._theirs.get(request.symbol, request.symbol)
        return await self._terminal.send(request.model_copy(update={"symbol": name}), gate)

    async def close(self) -> None:
        """Release it."""
        await self._terminal.close()

    def _renamed(self, rows: list[R]) -> list[R]:
        """Return rows under our names; one of a symbol that is not traded here and has a name of ours keeps apart."""
        return [row.model_copy(update={"symbol": self._name(row.symbol)}) for row in rows]

    def _name(self, theirs: str) -> str:
        ours = self._ours.get(theirs)
        return ours if ours is not None else f"{theirs} (broker's)" if theirs in self._theirs else theirs
