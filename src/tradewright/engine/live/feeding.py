"""From what a feed says to rows of the session: one at a time, each once, none missing without a word."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

from tradewright.core.types.bar import Bar
from tradewright.core.types.dtypes import (
    AGGRESSOR,
    ASK,
    ASK_SIZE,
    BID,
    BID_SIZE,
    BUY_VOLUME,
    CLOSE,
    HIGH,
    LOW,
    N_FIELDS,
    OPEN,
    PRICE,
    REFERENCE,
    SESSION_CLOSE,
    SIZE,
    TRADES,
    VOLUME,
)
from tradewright.core.types.events import EventKind
from tradewright.core.types.instrument import Instrument
from tradewright.core.types.quote import Quote
from tradewright.core.types.trade import Trade
from tradewright.data.clock import EventClock
from tradewright.engine.live.rows import MarketRow

Noun = Bar | Quote | Trade
_SECOND = 1_000_000_000
#: So many closes of a reference are kept: holes in a feed are no longer.
_REFERRED = 10_000


class RowMaker:
    """Makes rows of nouns.

    Parameters
    ----------
    instruments : sequence of Instrument
        Their places are the numbers.
    reference : str
        Symbol whose close other rows show, the newest known when they end; it may be traded or only followed.
    """

    def __init__(self, instruments: Sequence[Instrument], reference: str = "") -> None:
        self.numbers = {instrument.symbol: j for j, instrument in enumerate(instruments)}
        self._clocks = [EventClock(instrument.calendar) for instrument in instruments]
        self._reference = reference
        self._referred: deque[tuple[int, float]] = deque(maxlen=_REFERRED)  # when a close was known, and the close

    def refer(self, ts_event: int, close: float) -> None:
        """Take in a close of the reference; one that is older than the newest is known already."""
        if not self._referred or ts_event > self._referred[-1][0]:
            self._referred.append((ts_event, close))

    def row(self, noun: Noun, now: int) -> MarketRow | None:
        """Return the row of a noun; None for a symbol that is only the reference."""
        if isinstance(noun, Bar) and noun.instrument == self._reference:
            self.refer(noun.ts_event, noun.close)
        j = self.numbers.get(noun.instrument)
        if j is None:
            return None
        fields = np.zeros(N_FIELDS)
        fields[BUY_VOLUME], fields[REFERENCE] = np.nan, self._close_at(noun.ts_event)
        opened = noun.ts_event
        if isinstance(noun, Bar):
            kind, opened = EventKind.BAR, noun.ts_open
            fields[[OPEN, HIGH, LOW, CLOSE, VOLUME]] = noun.open, noun.high, noun.low, noun.close, noun.volume
            fields[TRADES], fields[BUY_VOLUME] = noun.trades, noun.buy_volume
        elif isinstance(noun, Quote):
            kind = EventKind.QUOTE
            fields[[BID, ASK, BID_SIZE, ASK_SIZE]] = noun.bid, noun.ask, noun.bid_size, noun.ask_size
        else:
            kind = EventKind.TRADE
            fields[[PRICE, SIZE, AGGRESSOR]] = noun.price, noun.size, noun.aggressor
        self._clocks[j].fill(fields, opened, noun.ts_event)
        return MarketRow(j, int(kind), opened, noun.ts_event, max(now, noun.ts_event), fields)

    def _close_at(self, ts_event: int) -> float:
        """Return the newest close of the reference at a time: rows that were missed are made later than they ended."""
        return next((close for ts, close in reversed(self._referred) if ts <= ts_event), np.nan)


class Seam:
    """Whether rows of one instrument follow each other: no bar twice, none missing.

    Only bars can be counted. Of ticks, those of before the newest one are late and dropped; what is missing only the
    feed can say.
    """

    def __init__(self) -> None:
        self.last = 0  # ts_event of the newest row
        self.doubles = 0

    def is_double(self, row: MarketRow) -> bool:
        """Whether the row was there already, or comes too late."""
        is_bar = row.kind == EventKind.BAR
        found = row.ts_event <= self.last if is_bar else row.ts_event < self.last
        self.doubles += found
        return found

    def missing(self, row: MarketRow) -> tuple[int, int] | None:
        """Return the span (ns UTC) between the newest row and this one where bars may be missing."""
        if row.kind != EventKind.BAR or self.last == 0 or row.ts_open <= self.last:
            return None
        return self.last, row.ts_open


class Scan:
    """When the strategy is asked: after every event, or every ``seconds`` about each instrument's newest.

    Between two scans features, prices and the account follow every event; the newest one waits for the scan.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        self._every = round(seconds * _SECOND)
        self._waiting: dict[int, MarketRow] = {}
        self._due = 0

    def offer(self, row: MarketRow) -> list[MarketRow]:
        """Return the rows to take in now."""
        if self._every == 0:
            return [row]
        if self._due == 0:
            self._due = (row.ts_seen // self._every + 1) * self._every
        before = self._waiting.get(row.instrument)
        self._waiting[row.instrument] = row
        return [] if before is None else [_undecided(before)]

    def due(self, now: int) -> list[MarketRow]:
        """Return the rows of a scan whose time has come, in order of time."""
        if self._every == 0 or self._due == 0 or now < self._due:
            return []
        self._due = (now // self._every + 1) * self._every
        rows = sorted(self._waiting.values(), key=lambda row: (row.ts_event, row.instrument))
        self._waiting.clear()
        return rows


class Stamps:
    """When a timestamp is complete: all instruments have spoken, a later time has begun, or waiting was in vain."""

    def __init__(self, count: int, grace_s: float) -> None:
        self._count, self._grace = count, round(grace_s * _SECOND)
        self._open: set[int] = set()
        self._ts = self._seen = 0

    def before(self, row: MarketRow) -> int | None:
        """Return the time of a timestamp that this row ends, or None."""
        return self._close() if self._open and row.ts_event > self._ts else None

    def after(self, row: MarketRow) -> int | None:
        """Note a row; return the time of its timestamp if that is complete now."""
        if not self._open:
            self._ts = row.ts_event
        self._seen = max(self._seen, row.ts_seen)
        self._open.add(row.instrument)
        return self._close() if len(self._open) == self._count else None

    def due(self, now: int) -> int | None:
        """Return the time of a timestamp that has waited long enough."""
        return self._close() if self._open and now - self._seen >= self._grace else None

    def _close(self) -> int:
        self._open.clear()
        return self._seen


def closes_ns(row: MarketRow) -> int:
    """When the session of a row ends, ns UTC."""
    return int(row.fields[SESSION_CLOSE]) * _SECOND


def _undecided(row: MarketRow) -> MarketRow:
    return row._replace(decides=False)
