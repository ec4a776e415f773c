"""A synthetic market for the local Binance: bars and aggregated trades of any day, computed from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

DAY_US = 86_400_000_000
_UNITS_US = {"s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": DAY_US}
Kline = list[int | str]


def interval_us(interval: str) -> int:
    """Return the length of ``1s`` to ``1d`` in microseconds."""
    return int(interval[:-1]) * _UNITS_US[interval[-1]]


@dataclass(frozen=True)
class AggTrade:
    """One aggregated trade; ``time_us`` in microseconds."""

    id: int
    price: str
    size: str
    first: int
    last: int
    time_us: int
    is_buyer_maker: bool


def _decimal(units: int, decimals: int) -> str:
    """Return a whole number of smallest units as the venue writes it: eight decimals."""
    return f"{units // 10**decimals}.{units % 10**decimals:0{decimals}d}".ljust(
        len(str(units // 10**decimals)) + 9, "0"
    )


@lru_cache(maxsize=256)
def day_of_klines(seed: int, symbol: str, interval: str, day: int) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """Return for each bar of a day its opening time in us and open, high, low, close, volume, trades, bought.

    Prices are in 0.01, volumes in 1e-5.
    """
    base = "1s" if interval == "1s" else "1m"
    n = DAY_US // interval_us(base)
    rng = np.random.default_rng([seed, day, n, *symbol.encode()])
    close = 4_000_000 + 1000 * (day % 97) + np.cumsum(rng.integers(-50, 51, n))
    open_ = np.concatenate(([4_000_000 + 1000 * (day % 97)], close[:-1]))
    high = np.maximum(open_, close) + rng.integers(0, 40, n)
    low = np.minimum(open_, close) - rng.integers(0, 40, n)
    trades = rng.integers(1, 200, n)
    volume = trades * rng.integers(100, 9000, n)
    bought = (volume * rng.random(n)).astype(np.int64)
    k = interval_us(interval) // interval_us(base)
    shape = (n // k, k)
    columns = (
        open_.reshape(shape)[:, 0],
        high.reshape(shape).max(axis=1),
        low.reshape(shape).min(axis=1),
        close.reshape(shape)[:, -1],
        volume.reshape(shape).sum(axis=1),
        trades.reshape(shape).sum(axis=1),
        bought.reshape(shape).sum(axis=1),
    )
    step = interval_us(interval)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return tuple((day * DAY_US + i * step, values) for i, values in enumerate(rows))


@lru_cache(maxsize=64)
def day_of_trades(seed: int, symbol: str, day: int, first_id: int, n: int) -> tuple[AggTrade, ...]:
    """Return the trades of a day, with ids from ``first_id`` on."""
    rng = np.random.default_rng([seed, day, 7, *symbol.encode()])
    times = np.sort(rng.integers(0, DAY_US, n)).tolist()
    prices = (4_000_000 + np.cumsum(rng.integers(-30, 31, n))).tolist()
    sizes = rng.integers(1, 500_000, n).tolist()
    makers = (rng.random(n) < 0.5).tolist()
    return tuple(
        AggTrade(
            first_id + i,
            _decimal(prices[i], 2),
            _decimal(sizes[i], 5),
            3 * (first_id + i),
            3 * (first_id + i) + 2,
            day * DAY_US + times[i],
            makers[i],
        )
        for i in range(n)
    )


@dataclass(frozen=True)
class SyntheticMarket:
    """Symbols that were all listed on one day and trade without pause but for halts.

    Parameters
    ----------
    seed : int
        Of everything.
    symbols : tuple of str
        What is listed.
    first_day : int
        Days since 1970 of the listing.
    trades_a_day : int
        Aggregated trades of each day.
    halts_us : tuple of pairs
        Stretches without bars, microseconds.
    """

    seed: int
    symbols: tuple[str, ...]
    first_day: int
    trades_a_day: int
    halts_us: tuple[tuple[int, int], ...] = ()

    def klines(self, symbol: str, interval: str, start_us: int, end_us: int) -> list[Kline]:
        """Return bars that begin in ``[start, end)``, as the venue writes them, in microseconds."""
        found: list[Kline] = []
        step = interval_us(interval)
        for day in range(max(self.first_day, start_us // DAY_US), -(-end_us // DAY_US)):
            for at, (o, h, low, c, v, n, bought) in day_of_klines(self.seed, symbol, interval, day):
                is_halted = any(a <= at < b for a, b in self.halts_us)
                if start_us <= at < end_us and not is_halted:
                    prices = [_decimal(x, 2) for x in (o, h, low, c)]
                    quote, bought_quote = f"{v * c / 1e7:.8f}", f"{bought * c / 1e7:.8f}"
                    tail: Kline = [at + step - 1, quote, n, _decimal(bought, 5), bought_quote, "0"]
                    found.append([at, *prices, _decimal(v, 5), *tail])
        return found

    def trades(self, symbol: str, start_us: int, end_us: int) -> list[AggTrade]:
        """Return trades of ``[start, end)``."""
        found: list[AggTrade] = []
        for day in range(max(self.first_day, start_us // DAY_US), -(-end_us // DAY_US)):
            found += [t for t in self._day(symbol, day) if start_us <= t.time_us < end_us]
        return found

    def trades_from(self, symbol: str, first_id: int, limit: int, end_us: int) -> list[AggTrade]:
        """Return so many trades from an id on, before a time."""
        found: list[AggTrade] = []
        day = self.first_day + first_id // self.trades_a_day
        while len(found) < limit and day * DAY_US < end_us:
            found += [t for t in self._day(symbol, day) if t.id >= first_id and t.time_us < end_us]
            day += 1
        return found[:limit]

    def _day(self, symbol: str, day: int) -> tuple[AggTrade, ...]:
        first = (day - self.first_day) * self.trades_a_day
        return day_of_trades(self.seed, symbol, day, first, self.trades_a_day)
