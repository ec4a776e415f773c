"""A terminal that shows bars and quotes as a test says, look by look."""

from __future__ import annotations

from typing import Any, cast

from tradewright.adapters.mt5.terminal import BarRow, Bars, Period, SymbolRow, Terminal, TickRow
from tradewright.core.types.errors import VenueError

MINUTE = 60_000


def bar(begin_ms: int, close: float = 1.5, length_ms: int = MINUTE, **more: float) -> BarRow:
    prices: dict[str, Any] = {"open": 1.0, "high": 2.0, "low": 0.5, "close": close} | more
    return BarRow(time_ms=begin_ms, end_ms=begin_ms + length_ms, **prices, ticks=7, spread=3)


class ShownTerminal:
    """``error`` is raised by every question while there is one; ``asked``: spans that bars were asked for."""

    def __init__(self, *rows: BarRow, quoted_ms: int = 0, knows_zone: bool = True) -> None:
        self.rows, self.quoted_ms, self.knows_zone = list(rows), quoted_ms, knows_zone
        self.error: VenueError | None = None
        self.names, self.ask = {"EURUSD.m"}, 1.1
        self.asked: list[tuple[int, int]] = []
        self.loads_at_once: int | None = None  # more and more rows come with each answer

    @property
    def terminal(self) -> Terminal:
        return cast("Terminal", self)

    async def symbol(self, name: str) -> SymbolRow | None:
        self._answers()
        known = SymbolRow(name=name, contract_size=1e5, volume_min=0.01, volume_step=0.01, fillings=())
        return known if name in self.names else None

    async def tick(self, name: str) -> TickRow:
        self._answers()
        assert name in self.names
        return TickRow(time_ms=self.quoted_ms, bid=1.0, ask=self.ask)

    async def bars(self, name: str, period: Period, start_ms: int, end_ms: int) -> Bars:
        self._answers()
        assert name in self.names
        self.asked.append((start_ms, end_ms))
        rows = [r for r in self.rows if start_ms <= r.time_ms < end_ms and abs(r.end_ms - r.time_ms - period.ms) < 1]
        if self.loads_at_once is not None:
            rows = rows[-self.loads_at_once * len(self.asked) :]
        return Bars(rows=tuple(rows), knows_zone=self.knows_zone)

    async def close(self) -> None:
        return None

    def _answers(self) -> None:
        if self.error is not None:
            raise self.error
