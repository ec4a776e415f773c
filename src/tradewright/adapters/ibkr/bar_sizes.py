"""Which bars the interface makes, and how many of them one request may ask for.

Source: TWS API, *Historical Bar Data* and *Historical Data Limitations* (step sizes),
https://interactivebrokers.github.io/tws-api/historical_bars.html and .../historical_limitations.html. The table
there: 1800 S for bars from 1 s, 3600 S from 5 s, 14400 S from 10 s, 28800 S from 30 s, 1 D from 1 min, 2 D from
2 mins, 1 W from 3 mins, 1 M from 30 mins, 1 Y of daily bars.

Spans stay below that table where days are counted: a request in days counts trading days of the contract, which need
not be days of UTC, so one more day is asked for than is kept.
"""

from __future__ import annotations

from dataclasses import dataclass

from tradewright.core.types.errors import UsageError
from tradewright.data.timeframe import DAY, SECOND, interval_ns

_MINUTE, _HOUR = 60, 3600
_DAY_S = 86_400
#: Length of a bar in s: the interface's name, and the longest span of one piece in s.
_SIZES = {
    1: ("1 secs", 1800),
    5: ("5 secs", 3600),
    10: ("10 secs", 14_400),
    15: ("15 secs", 14_400),
    30: ("30 secs", 28_800),
    _MINUTE: ("1 min", _DAY_S),
    2 * _MINUTE: ("2 mins", _DAY_S),
    3 * _MINUTE: ("3 mins", 6 * _DAY_S),
    5 * _MINUTE: ("5 mins", 6 * _DAY_S),
    10 * _MINUTE: ("10 mins", 6 * _DAY_S),
    15 * _MINUTE: ("15 mins", 6 * _DAY_S),
    20 * _MINUTE: ("20 mins", 6 * _DAY_S),
    30 * _MINUTE: ("30 mins", 28 * _DAY_S),
    _HOUR: ("1 hour", 28 * _DAY_S),
    _DAY_S: ("1 day", 360 * _DAY_S),
}
#: Ticks come a thousand at a time; a piece is as much as is worth asking again after an interruption.
TICK_SPAN_NS = _HOUR * SECOND


@dataclass(frozen=True, slots=True)
class BarSize:
    """One size of bars.

    ``interval`` is the length of a bar and ``span`` the longest piece, ns; ``setting`` is the interface's name.
    """

    interval: int
    setting: str
    span: int

    @property
    def is_small(self) -> bool:
        """Whether the ten-minute limit of requests holds (bars of 30 s or less)."""
        return self.interval <= 30 * SECOND

    @property
    def is_daily(self) -> bool:
        """Whether bars come as dates."""
        return self.interval == DAY

    @property
    def margin(self) -> int:
        """How much further than the piece a request reaches, ns: bars that need not begin on its edges."""
        if self.is_daily:
            return 2 * DAY
        return self.interval if self.interval == _HOUR * SECOND else 0


def bar_size(timeframe: str) -> BarSize:
    """Return the size of bars of a timeframe.

    Raises
    ------
    UsageError
        If the interface has no such bars, or has them with an alignment that it does not document (above one hour).
    """
    seconds, rest = divmod(interval_ns(timeframe), SECOND)
    if rest or seconds not in _SIZES:
        what = f"Interactive Brokers bars of {timeframe} are not offered here"
        names = "1s, 5s, 10s, 15s, 30s, 1m, 2m, 3m, 5m, 10m, 15m, 20m, 30m, 1h, 1d"
        raise UsageError(what, fix=f"Fetch one of {names} and build longer bars from those.")
    setting, span_s = _SIZES[seconds]
    return BarSize(seconds * SECOND, setting, span_s * SECOND)


def duration_text(length: int) -> str:
    """Return a duration of at least ``length`` ns as the interface writes it: ``1800 S``, ``7 D``."""
    seconds = -(-length // SECOND)
    if seconds <= _DAY_S:
        return f"{seconds} S"
    days = -(-seconds // _DAY_S) + 1  # trading days may begin and end inside a day of UTC
    return f"{days} D" if days <= 365 else f"{-(-days // 365)} Y"
