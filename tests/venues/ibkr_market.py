"""A seeded market for the local TWS: prices and ticks as pure functions of the second.

Every second has one price, so that bars of every size and ticks agree with each other. It is closed on Saturdays and
Sundays of UTC, and within ``pause``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

Seconds = NDArray[np.int64]
_BLOCK = 4096
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Market:
    """Prices and trades as pure functions of the second."""

    seed: int = 7
    pause: tuple[int, int] = (0, 0)
    busy_second: int = 0
    busy_count: int = 0
    _blocks: dict[int, tuple[list[int], list[float]]] = field(default_factory=dict, repr=False)

    def noise(self, seconds: Seconds, salt: int) -> NDArray[np.float64]:
        """Return uniform numbers of [0, 1): splitmix64 of seed, salt and second."""
        with np.errstate(over="ignore"):
            z = seconds.astype(np.uint64) + np.uint64((self.seed * 1_000_003 + salt) & 0xFFFFFFFF) * np.uint64(
                0x9E3779B97F4A7C15
            )
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            z ^= z >> np.uint64(31)
        uniform: NDArray[np.float64] = (z >> np.uint64(11)).astype(np.float64) / 2.0**53
        return uniform

    def prices(self, seconds: Seconds) -> NDArray[np.float64]:
        """Return the price of each second."""
        slow: NDArray[np.float64] = 150 + 10 * np.sin(seconds / 7000.0) + 4 * np.sin(seconds / 400_000.0)
        prices: NDArray[np.float64] = np.round(slow + self.noise(seconds, 1) - 0.5, 2)
        return prices

    def is_open(self, seconds: Seconds) -> NDArray[np.bool_]:
        """Return whether the market trades: weekdays of UTC, not in the pause."""
        weekday = (seconds // 86_400 + 3) % 7
        return (weekday < 5) & ~((seconds >= self.pause[0]) & (seconds < self.pause[1]))

    def counts(self, seconds: Seconds) -> NDArray[np.int64]:
        """Return the number of ticks of each second."""
        n = np.where(self.is_open(seconds), (self.noise(seconds, 2) * 4).astype(np.int64), 0)
        return np.where((seconds == self.busy_second) & (self.busy_count > 0), self.busy_count, n)

    def bars(self, start: int, end: int, length: int) -> list[list[str]]:
        """Return rows of bars that begin within [start, end), seconds."""
        step = 1 if length <= 60 else 60 if length <= 3600 else 3600
        first = start // length * length if start % length == 0 else (start // length + 1) * length
        seconds = np.arange(first, end, step, dtype=np.int64)
        rows: list[list[str]] = []
        if len(seconds) == 0:
            return rows
        prices, is_open, volumes = self.prices(seconds), self.is_open(seconds), self.counts(seconds) * 10
        for begin in range(0, len(seconds), length // step):
            part = slice(begin, begin + length // step)
            if not is_open[part].any():
                continue
            p, v = prices[part][is_open[part]], int(volumes[part].sum())
            values = (p[0], p.max(), p.min(), p[-1], v, round(float(p.mean()), 4), v // 10)
            rows.append([str(seconds[begin]), *(f"{x:g}" if isinstance(x, int) else repr(float(x)) for x in values)])
            rows[-1][7] = str(v // 10)
        return rows

    def days(self, start: datetime, end: datetime) -> list[list[str]]:
        """Return rows of daily bars, dated by weekday."""
        rows: list[list[str]] = []
        day = start.replace(hour=0, minute=0, second=0)
        while day < end:
            if day.weekday() < 5:
                at = int((day - _EPOCH).total_seconds())
                (row,) = self.bars(at, at + 86_400, 86_400)
                rows.append([day.strftime("%Y%m%d"), *row[1:]])
            day += timedelta(days=1)
        return rows

    def ticks(self, second: int, kind: str) -> list[list[str]]:
        """Return the ticks of one second; equal neighbours happen."""
        counts, prices = self._block(second // _BLOCK)
        n, price = counts[second % _BLOCK], prices[second % _BLOCK]
        at = str(second)
        if kind == "TRADES":
            return [[at, "0", repr(round(price + 0.01 * (i // 2 % 3), 2)), "100", "ARCA", ""] for i in range(n)]
        bid, asks = repr(round(price - 0.01, 2)), [repr(round(price + 0.01 * k, 2)) for k in (1, 2, 3)]
        return [[at, "0", bid, asks[i // 2 % 3], "300", "500"] for i in range(n)]

    def _block(self, number: int) -> tuple[list[int], list[float]]:
        """Return number of ticks and price of each second of a block; computed once."""
        if number not in self._blocks:
            seconds = np.arange(number * _BLOCK, (number + 1) * _BLOCK, dtype=np.int64)
            self._blocks[number] = self.counts(seconds).tolist(), self.prices(seconds).tolist()
        return self._blocks[number]
