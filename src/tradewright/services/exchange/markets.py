"""What the exchange serves: stored bars and ticks, the packaged sample, or a synthetic walk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.bar import Bars, blank_fields
from tradewright.core.types.dtypes import CLOSE, HIGH, LOW, OPEN, PRICE, SIZE, TRADES, VOLUME
from tradewright.core.types.errors import UsageError
from tradewright.core.types.events import EventKind, MarketEvents
from tradewright.core.types.instrument import Instrument
from tradewright.data.kinds import Kind
from tradewright.data.sessions import ALWAYS, sessions_between, sessions_name
from tradewright.data.store import BarStore
from tradewright.data.timeframe import DAY, SECOND, TICK, interval_ns
from tradewright.execution.exchange.market import Hours, Market, QuoteParams, merged, quotes_of_bars

_MINUTE = 60 * SECOND
_INTRADAY = 12 * 3600 * SECOND
_SYNTHETIC, _SAMPLE = "synthetic", "sample"
_SYNTHETIC_BARS = 7 * 1_440


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be served.

    ``specs``: ``SYMBOL@TIMEFRAME`` of the store (``@tick``: its quotes and trades), ``sample:SYMBOL``,
    ``synthetic:SYMBOL``.
    """

    specs: Sequence[str]
    store: Path
    start: int | None = None
    end: int | None = None
    fills: str = "quotes"
    quotes: QuoteParams = field(default_factory=QuoteParams)
    seed: int = 0


def load_markets(wanted: Wanted) -> tuple[tuple[Market, ...], MarketEvents]:
    """Return the markets, and everything that happens in them.

    Raises
    ------
    UsageError
        If something asked for does not exist, or nothing is left.
    """
    markets: list[Market] = []
    parts: list[MarketEvents] = []
    for spec in wanted.specs:
        instrument, bars, ticks, size = _rows(spec, wanted)
        times = [
            t
            for t in (None if bars is None else bars.ts_open, None if ticks is None else ticks.ts_event)
            if t is not None
        ]
        first, last = min(int(t[0]) for t in times), max(int(t[-1]) for t in times)
        hours = hours_of(instrument, first, last) if wanted.fills == "quotes" else Hours()
        if ticks is None and bars is not None:
            ticks = _events(bars, instrument, hours, wanted)
        elif ticks is not None and bars is None:
            bars, size = minute_bars(instrument.symbol, ticks), _MINUTE
        if ticks is None:
            raise UsageError(f"nothing of {spec}", where="--data")
        markets.append(Market(instrument, hours, bars, size))
        parts.append(ticks)
    names = [m.instrument.symbol for m in markets]
    if len(set(names)) < len(names):
        raise UsageError("an instrument is named twice", where="--data", fix="Name each once.")
    return tuple(markets), merged(parts)


def _events(bars: Bars, instrument: Instrument, hours: Hours, wanted: Wanted) -> MarketEvents:
    if wanted.fills == "bars":
        return MarketEvents(bars.fields, bars.ts_open, bars.ts_event, bars.ts_event)
    inside = _in_session(bars, hours)
    return quotes_of_bars(inside, instrument, wanted.quotes)


def _rows(spec: str, wanted: Wanted) -> tuple[Instrument, Bars | None, MarketEvents | None, int]:
    origin, colon, symbol = spec.partition(":")
    if colon and origin == _SYNTHETIC:
        from tradewright.data.synthetic import WalkParams, synthetic_bars

        bars = synthetic_bars(_SYNTHETIC_BARS, wanted.seed + sum(symbol.encode()), WalkParams(symbol=symbol))
        return (
            Instrument(symbol, lot_size="0.0001" if "/" in symbol or symbol.endswith("USDT") else "1"),
            _cut(bars, wanted),
            None,
            _MINUTE,
        )
    if colon and origin == _SAMPLE:
        return _sample(symbol, wanted)
    if colon:
        raise UsageError(
            f"'{spec}' is not understood", where="--data", fix="SYMBOL@TIMEFRAME, sample:SYMBOL or synthetic:SYMBOL."
        )
    store = BarStore(wanted.store)
    symbol, _, timeframe = spec.partition("@")
    if timeframe == TICK:
        kinds = [d.kind for d in store.list() if d.symbol == symbol and d.timeframe == TICK]
        ticks = [store.load_events(symbol, kind, wanted.start, wanted.end) for kind in kinds]
        if not kinds or not any(len(t) for t in ticks):
            store.describe(symbol, TICK, Kind.QUOTES)  # raises, and says what there is
        joined = merged(ticks)
        joined = MarketEvents(joined.fields, joined.ts_open, joined.ts_event, joined.ts_seen, kind=joined.kinds)
        return store.describe(symbol, TICK, kinds[0]).instrument.instrument(), None, joined, 0
    entries = [d for d in store.list(Kind.BARS) if d.symbol == symbol and timeframe in ("", d.timeframe)]
    if not entries:
        store.describe(symbol, timeframe or "1d")  # raises, and says what there is
    entry = min(entries, key=lambda d: interval_ns(d.timeframe))
    bars = store.load(symbol, entry.timeframe, wanted.start, wanted.end)
    if not len(bars):
        raise UsageError(f"no {entry.timeframe} bars of {symbol} in the range asked for", where="--start, --end")
    return entry.instrument.instrument(), bars, None, interval_ns(entry.timeframe)


def _sample(symbol: str, wanted: Wanted) -> tuple[Instrument, Bars, None, int]:
    """Return a file of the packaged sample, without a store."""
    from tradewright.data.bars.rows import bars_of
    from tradewright.data.importer import import_file
    from tradewright.data.sample import sample_instrument, sample_source

    instrument = sample_instrument(symbol).instrument()
    imported = import_file(sample_source(symbol), instrument.calendar)
    return instrument, _cut(bars_of(symbol, imported.frame), wanted), None, interval_ns(imported.timeframe)


def _cut(bars: Bars, wanted: Wanted) -> Bars:
    start, end = wanted.start or 0, wanted.end or 2**62
    keep = (bars.ts_open >= start) & (bars.ts_event <= end)
    if not keep.any():
        raise UsageError(f"no bars of {bars.instrument} in the range asked for", where="--start, --end")
    return Bars(bars.instrument, bars.ts_open[keep], bars.ts_event[keep], np.ascontiguousarray(bars.fields[:, keep]))


def hours_of(instrument: Instrument, first_ns: int, last_ns: int) -> Hours:
    """Return when an instrument is traded; always, where its calendar knows no sessions or none of these years."""
    name = sessions_name(instrument.calendar)
    if name in ("", ALWAYS):
        return Hours()
    try:
        sessions = sessions_between(name, first_ns - 7 * DAY, last_ns + 14 * DAY)
    except UsageError:
        return Hours()
    return Hours(sessions.opens, sessions.closes) if len(sessions) else Hours()


def _in_session(bars: Bars, hours: Hours) -> Bars:
    """Return bars that lie within sessions: a daily bar is its session, what lies outside is left out."""
    if hours.never_close:
        return bars
    is_daily = len(bars) > 0 and int(bars.ts_event[0] - bars.ts_open[0]) >= _INTRADAY
    place = np.searchsorted(hours.closes, bars.ts_open, side="right")
    place = np.minimum(place, len(hours.opens) - 1)
    opens, closes = hours.opens[place], hours.closes[place]
    if is_daily:
        keep = (opens >= bars.ts_open) & (closes <= bars.ts_event)
        starts, ends = opens[keep], closes[keep]
    else:
        keep = (bars.ts_open >= opens) & (bars.ts_event <= closes)
        starts, ends = bars.ts_open[keep], bars.ts_event[keep]
    if not keep.any():
        raise UsageError(f"no bar of {bars.instrument} lies within its exchange's sessions", where="--data")
    return Bars(bars.instrument, starts, ends, np.ascontiguousarray(bars.fields[:, keep]))


def minute_bars(symbol: str, ticks: MarketEvents) -> Bars | None:
    """Return bars of one minute from trades; None where there is no trade."""
    trades = np.flatnonzero(ticks.kinds == int(EventKind.TRADE))
    if not len(trades):
        return None
    price, size = ticks.fields[PRICE, trades], ticks.fields[SIZE, trades]
    starts: NDArray[np.int64] = ticks.ts_event[trades] // _MINUTE * _MINUTE
    first = np.flatnonzero(np.concatenate([[True], starts[1:] != starts[:-1]]))
    last = np.append(first[1:], len(trades)) - 1
    fields = blank_fields(starts[first] + _MINUTE)
    fields[OPEN], fields[CLOSE] = price[first], price[last]
    fields[HIGH], fields[LOW] = np.maximum.reduceat(price, first), np.minimum.reduceat(price, first)
    fields[VOLUME], fields[TRADES] = np.add.reduceat(size, first), last - first + 1
    return Bars(symbol, starts[first], starts[first] + _MINUTE, fields)
