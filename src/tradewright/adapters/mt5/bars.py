"""Bars of a terminal as the house counts them: of bids, their volume the number of quotes.

`real_volume` of MetaTrader is not used: brokers of currencies have none, and an exchange's is 0 in minutes in which
quotes move and nobody trades, so that one column would hold two units.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from tradewright.adapters.mt5.terminal import BarRow, Period
from tradewright.core.types.errors import UsageError
from tradewright.data.kinds import Kind
from tradewright.data.timeframe import interval_ns, timeframe_name

MS = 1_000_000
#: Quotes of one symbol may come so much later than those of another.
_LATE_MS = 1_000


def period_of(kind: Kind, timeframe: str) -> Period:
    """Return the period of a timeframe.

    Raises
    ------
    UsageError
        If a terminal has no such rows.
    """
    periods = {p.ms * MS: p for p in Period}
    names = ", ".join(timeframe_name(length) for length in periods)
    if kind is not Kind.BARS:
        what = f"{kind.value} of {timeframe} are not read from a MetaTrader terminal"
        raise UsageError(what, where="mt5", fix=f"Take bars of {names}.")
    found = periods.get(interval_ns(timeframe))
    if found is None:
        raise UsageError(f"MetaTrader has no bars of {timeframe}", where="mt5", fix=f"Take one of {names}.")
    return found


def cleaned(rows: Iterable[BarRow]) -> tuple[list[BarRow], list[str], list[tuple[str, str]]]:
    """Return bars in order, one a time, then what people should know, then what contradicts an earlier one."""
    found: dict[int, BarRow] = {}
    notes: list[str] = []
    refused: list[tuple[str, str]] = []
    repeated = 0
    for row in rows:
        if row.time_ms not in found:
            found[row.time_ms] = row
        elif row == found[row.time_ms]:
            repeated += 1
        else:
            refused.append(("contradicts an earlier bar of the same time", row.model_dump_json()))
    if repeated:
        notes.append(f"{repeated} repeated bars removed")
    if list(found) != sorted(found):
        notes.append("bars came out of order and were sorted")
    return [found[time] for time in sorted(found)], notes, refused


def over(rows: Sequence[BarRow], quoted_ms: int) -> list[BarRow]:
    """Return the bars, in order of time, that nothing can change any more.

    One is over when a later one exists, or when the terminal's newest quote of any symbol is well past its end.
    """
    return [row for row, later in zip(rows, [*rows[1:], None], strict=False) if later or _is_past(row, quoted_ms)]


def trouble(row: BarRow) -> str:
    """Return why a bar cannot be right; "" for one that can."""
    prices = (row.open, row.high, row.low, row.close)
    if not all(math.isfinite(price) and price > 0 for price in prices):
        return "a price is not a number above zero"
    if not row.low <= min(row.open, row.close) <= max(row.open, row.close) <= row.high:
        return "high and low do not enclose open and close"
    return "the volume is below zero" if row.ticks < 0 else ""


def _is_past(row: BarRow, quoted_ms: int) -> bool:
    return row.end_ms + _LATE_MS <= quoted_ms
