"""What the exchange trades: instruments, opening hours, and a market of quotes where only bars were recorded."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.bar import Bars, blank_fields
from tradewright.core.types.dtypes import ASK, ASK_SIZE, BID, BID_SIZE, N_FIELDS, PRICE, SIZE
from tradewright.core.types.events import EventKind, MarketEvents
from tradewright.core.types.instrument import Instrument

_FOREVER = 2**62


@dataclass(frozen=True, slots=True)
class Hours:
    """Sessions in order of time, ns UTC, i8[n]; the default never closes."""

    opens: NDArray[np.int64] = field(default_factory=lambda: np.array([-_FOREVER], np.int64))
    closes: NDArray[np.int64] = field(default_factory=lambda: np.array([_FOREVER], np.int64))

    def is_open(self, now_ns: int) -> bool:
        """Return whether trading goes on; the first moment of a session belongs to it, the last does not."""
        k = int(np.searchsorted(self.opens, now_ns, side="right")) - 1
        return k >= 0 and now_ns < int(self.closes[k])

    def next_open(self, now_ns: int) -> int:
        """Return when the next session begins; 0 if none is known."""
        k = int(np.searchsorted(self.opens, now_ns, side="right"))
        return int(self.opens[k]) if k < len(self.opens) else 0

    def next_close(self, now_ns: int) -> int:
        """Return when this session, or the next one, ends; 0 if none is known."""
        k = int(np.searchsorted(self.closes, now_ns, side="right"))
        return int(self.closes[k]) if k < len(self.closes) else 0

    @property
    def never_close(self) -> bool:
        """Whether there are no sessions."""
        return len(self.opens) == 1 and int(self.closes[0]) == _FOREVER


@dataclass(frozen=True, slots=True)
class Market:
    """One instrument with its hours and, for those who ask, its recorded bars."""

    instrument: Instrument
    hours: Hours = field(default_factory=Hours)
    bars: Bars | None = None
    timeframe_ns: int = 0


@dataclass(frozen=True, slots=True)
class QuoteParams:
    """How quotes are made of bars.

    Parameters
    ----------
    half_spread_bps : float
        Distance of bid and ask from the bar's price; at least half a tick.
    shown : float
        Share of a bar's volume that each quote displays; the whole of ``unknown_size`` where a bar has no volume.
    unknown_size : float
        Displayed size, in units, of bars without volume.
    """

    half_spread_bps: float = 1.0
    shown: float = 0.05
    unknown_size: float = 1_000_000.0


def quotes_of_bars(bars: Bars, instrument: Instrument, params: QuoteParams) -> MarketEvents:
    """Return four quotes a bar, each followed by a trade: open, the two extremes, close.

    A bar that rose went down first, as most simulators assume; times are the bar's start, its thirds, and the
    nanosecond before its end, so that a bar is published after what it is made of. Prices stay on the tick grid.
    """
    n = len(bars)
    rose = bars.close >= bars.open
    path = np.stack([bars.open, np.where(rose, bars.low, bars.high), np.where(rose, bars.high, bars.low), bars.close])
    step = (bars.ts_event - bars.ts_open) // 3
    times = np.stack([bars.ts_open, bars.ts_open + step, bars.ts_open + 2 * step, bars.ts_event - 1])
    price, ts = path.T.reshape(-1), times.T.reshape(-1)
    lot = float(instrument.lot)
    volume = np.repeat(bars.volume, 4)
    size = np.where(volume > 0, np.maximum(lot, np.floor(volume * params.shown / lot) * lot), params.unknown_size)
    bid, ask = _around(price, instrument, params.half_spread_bps)
    both = np.repeat(ts, 2)
    fields = blank_fields(both)
    fields[BID, ::2], fields[ASK, ::2] = bid, ask
    fields[BID_SIZE, ::2] = fields[ASK_SIZE, ::2] = size
    fields[PRICE, 1::2], fields[SIZE, 1::2] = price, np.where(volume > 0, np.maximum(lot, volume / 4 // lot * lot), lot)
    kind = np.tile(np.array([int(EventKind.QUOTE), int(EventKind.TRADE)], np.int64), 4 * n)
    return MarketEvents(fields, both, both, both, kind=kind)


def _around(
    price: NDArray[np.float64], instrument: Instrument, half_spread_bps: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return bid and ask on the tick grid around prices; never equal."""
    num, den = instrument.tick.as_integer_ratio()
    half = price * half_spread_bps * 1e-4
    low = np.maximum(1.0, np.floor((price - half) * den / num + 1e-9))
    high = np.maximum(low + 1.0, np.ceil((price + half) * den / num - 1e-9))
    return low * num / den, high * num / den


def merged(parts: list[MarketEvents]) -> MarketEvents:
    """Merge the events of several instruments in order of time; of one moment, in order of instruments."""
    number = np.repeat(np.arange(len(parts), dtype=np.int64), [len(p) for p in parts])
    ts_event = np.concatenate([p.ts_event for p in parts])
    order = np.lexsort((number, ts_event))
    fields = np.empty((N_FIELDS, len(order)))
    np.take(np.concatenate([p.fields for p in parts], axis=1), order, axis=1, out=fields)
    ts_event = ts_event[order]
    ts_open = np.concatenate([p.ts_open for p in parts])[order]
    kinds = np.concatenate([p.kinds for p in parts])[order]
    return MarketEvents(fields, ts_open, ts_event, ts_event, kind=kinds, instrument=number[order])
