"""Rows of nouns, seams, scans and timestamps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewright.core.kernel.records import single_event
from tradewright.core.types.bar import Bar
from tradewright.core.types.calendar import Calendar
from tradewright.core.types.dtypes import (
    ASK,
    BID,
    CLOSE,
    LOCAL_TIME,
    N_FIELDS,
    PRICE,
    REFERENCE,
    SESSION,
    SESSION_CLOSE,
    SESSION_OPEN,
    TIME,
)
from tradewright.core.types.events import EventKind, MarketEvents
from tradewright.core.types.instrument import Instrument
from tradewright.core.types.journal import JournalRecord
from tradewright.core.types.quote import Quote
from tradewright.core.types.trade import Trade
from tradewright.data.clock import EventClock, fill_clock
from tradewright.data.presets import CALENDARS
from tradewright.data.synthetic import WalkParams, synthetic_bars
from tradewright.engine.live.feeding import RowMaker, Scan, Seam, Stamps, closes_ns
from tradewright.engine.live.rows import MarketRow, RecordedEvents, payload_of, row_of, rows_of, show
from tradewright.engine.plan import LONG_AGO

MINUTE = 60_000_000_000
DAY = 1_440 * MINUTE


def bar(symbol: str, opens: int, close: float = 10.0) -> Bar:
    return Bar(symbol, opens, opens + MINUTE, close, close, close, close, 5.0)


def row(instrument: int, ends: int, kind: EventKind = EventKind.BAR) -> MarketRow:
    return MarketRow(instrument, int(kind), ends - MINUTE, ends, ends, np.zeros(N_FIELDS))


@pytest.mark.parametrize("name", sorted(CALENDARS))
@settings(deadline=None, max_examples=60)
@given(start=st.integers(1_577_836_800, 1_767_225_600), step=st.integers(1, 50_000))
def test_the_clock_of_one_event_is_that_of_a_table(name: str, start: int, step: int) -> None:
    """Daylight saving, early closes and weekends lie in the range."""
    calendar: Calendar = CALENDARS[name]
    opens = start * 10**9 + np.arange(6) * step * 10**9
    ends = opens + MINUTE
    clock = EventClock(calendar)
    for i in range(6):
        whole, one = np.zeros((N_FIELDS, 1)), np.zeros(N_FIELDS)
        fill_clock(whole, opens[i : i + 1], ends[i : i + 1], calendar)
        clock.fill(one, int(opens[i]), int(ends[i]))
        for field in (SESSION, TIME, LOCAL_TIME, SESSION_OPEN, SESSION_CLOSE):
            assert one[field] == whole[field, 0], (name, field)


def test_bars_of_a_feed_become_the_rows_that_a_store_gives() -> None:
    bars = synthetic_bars(50, 3, WalkParams("AAA", interval=MINUTE))
    stored = rows_of(MarketEvents.from_bars([bars]))
    maker = RowMaker([Instrument("AAA")])
    for i, expected in enumerate(stored):
        names = ("open", "high", "low", "close", "volume")
        prices = [float(getattr(bars, name)[i]) for name in names]
        told = Bar("AAA", int(bars.ts_open[i]), int(bars.ts_event[i]), *prices)
        made = maker.row(told, int(bars.ts_event[i]))
        assert made is not None
        assert made.fields.tobytes() == expected.fields.tobytes()
        assert (made.ts_open, made.ts_event, made.ts_seen) == (expected.ts_open, expected.ts_event, expected.ts_seen)


def test_ticks_and_a_reference() -> None:
    maker = RowMaker([Instrument("AAA")], reference="IDX")
    assert maker.row(bar("IDX", -MINUTE, 77.0), MINUTE) is None
    quote = maker.row(Quote("AAA", 5, 6, 9.9, 10.1, 3.0, 4.0), 7)
    trade = maker.row(Trade("AAA", 8, 9, 10.0, 2.0, 1), 7)
    assert quote is not None
    assert trade is not None
    assert (quote.fields[BID], quote.fields[ASK], quote.kind, quote.ts_seen) == (9.9, 10.1, EventKind.QUOTE, 7)
    assert (trade.fields[PRICE], trade.ts_open, trade.ts_seen) == (10.0, 8, 8), "nothing is seen before it happened"
    assert quote.fields[REFERENCE] == 77.0


def test_a_row_shows_the_reference_as_it_was_when_the_row_ended() -> None:
    maker = RowMaker([Instrument("AAA")], reference="IDX")
    maker.refer(2 * MINUTE, 70.0)
    for k, close in enumerate((71.0, 72.0, 73.0), 2):
        maker.row(bar("IDX", k * MINUTE, close), 9 * MINUTE)
    maker.refer(3 * MINUTE, 1.0)  # told again
    shown = {}
    for k in (0, 1, 2, 3, 5, 4):  # bars that were missed are made later
        made = maker.row(bar("AAA", k * MINUTE), 9 * MINUTE)
        assert made is not None
        shown[k] = float(made.fields[REFERENCE])
    assert np.isnan(shown.pop(0))
    assert shown == {1: 70.0, 2: 71.0, 3: 72.0, 4: 73.0, 5: 73.0}


def test_a_row_comes_back_from_the_journal_to_the_bit() -> None:
    event = single_event()
    fields = np.random.default_rng(1).normal(size=N_FIELDS)
    fields[REFERENCE] = np.nan
    sent = MarketRow(1, 1, 5, 6, 7, fields, False, np.array([0.1, np.nan, 0.3, 0.4]), 4)
    record = JournalRecord(1, "market", 6, 7, payload_of(sent), "", "", "")
    found = row_of(record)
    assert found.fields.tobytes() == fields.tobytes()
    assert found.forecast is not None
    assert sent.forecast is not None
    assert found.forecast.tobytes() == sent.forecast.tobytes()
    assert (found.decides, found.forecast_ts, found.ts_open) == (False, 4, 5)
    show(found, event)
    assert event.fields[CLOSE, 0] == fields[CLOSE]
    with pytest.raises(ValueError, match="no market event"):
        row_of(JournalRecord(2, "market", 6, 7, {"j": 0}, "", "", ""))
    short = payload_of(MarketRow(0, 1, 5, 6, 7, np.zeros(3)))
    with pytest.raises(ValueError, match="3 fields"):
        row_of(JournalRecord(3, "market", 6, 7, short, "", "", ""))


@pytest.mark.parametrize("decides", [True, False])
@pytest.mark.parametrize("when", [None, 4])
def test_a_record_is_laid_before_a_session_as_its_row_is(decides: bool, when: int | None) -> None:
    by_row, by_record = single_event(), single_event()
    news, known, known_ts = np.array([0.1, np.nan, 0.3, 0.4]), np.full(4, np.nan), np.full(1, -1)
    sent = MarketRow(1, 2, 5, 6, 7, np.random.default_rng(1).normal(size=N_FIELDS), decides, news, when)
    recorded = RecordedEvents(by_record, known, known_ts)
    show(sent, by_row)
    assert recorded.show(JournalRecord(1, "market", 6, 7, payload_of(sent), "", "", "")) is decides
    for name in ("fields", "ts_open", "ts_event", "ts_seen", "kind", "instrument"):
        assert np.array_equal(getattr(by_record, name), getattr(by_row, name)), name
    if decides:
        assert known.tobytes() == news.tobytes()
        assert known_ts[0] == (LONG_AGO if when is None else when)
    else:
        assert np.isnan(known).all(), "what nobody is asked about is no news"
    without = payload_of(sent._replace(forecast=None))
    before = known.tobytes()
    recorded.show(JournalRecord(2, "market", 6, 7, without, "", "", ""))
    assert known.tobytes() == before
    wrongs: list[dict[str, object]] = [{"j": 0}, {**without, "f": "AAAA"}, {**without, "o": "5"}]
    for wrong in wrongs:
        with pytest.raises(ValueError, match="no market event"):
            recorded.show(JournalRecord(3, "market", 6, 7, wrong, "", "", ""))


def test_no_bar_twice_and_none_missing_without_a_word() -> None:
    seam = Seam()
    first, second, fourth = row(0, MINUTE), row(0, 2 * MINUTE), row(0, 4 * MINUTE)
    assert not seam.is_double(first)
    assert seam.missing(first) is None, "before the first nothing can be missing"
    seam.last = first.ts_event
    assert seam.is_double(first)
    assert seam.missing(second) is None
    seam.last = second.ts_event
    assert seam.missing(fourth) == (2 * MINUTE, 3 * MINUTE)
    assert seam.doubles == 1
    tick = row(0, 2 * MINUTE, EventKind.TRADE)
    assert not seam.is_double(tick), "two trades may have one time"


def test_a_scan_asks_about_the_newest_and_lets_the_rest_pass() -> None:
    scan = Scan(120.0)
    heard = [(r.ts_event, r.decides) for end in (1, 2, 3) for r in scan.offer(row(0, end * MINUTE))]
    assert heard == [(MINUTE, False), (2 * MINUTE, False)]
    assert scan.due(MINUTE) == []
    assert [(r.ts_event, r.decides) for r in scan.due(4 * MINUTE)] == [(3 * MINUTE, True)]
    assert scan.due(4 * MINUTE) == [], "once"
    every = Scan()
    assert [r.decides for r in every.offer(row(0, MINUTE))] == [True]
    assert every.due(1 << 62) == []


def test_a_timestamp_is_complete_when_all_have_spoken_or_time_has_passed() -> None:
    stamps = Stamps(2, 0.5)
    assert stamps.after(row(0, MINUTE)) is None
    assert stamps.after(row(1, MINUTE)) == MINUTE
    assert stamps.after(row(0, 2 * MINUTE)) is None
    assert stamps.before(row(1, 3 * MINUTE)) == 2 * MINUTE, "the next one has begun"
    assert stamps.after(row(1, 3 * MINUTE)) is None
    assert stamps.due(3 * MINUTE + 10**8) is None
    assert stamps.due(3 * MINUTE + 6 * 10**8) == 3 * MINUTE


def test_the_session_of_a_row_ends_when_its_calendar_says() -> None:
    maker = RowMaker([Instrument("AAA", calendar=CALENDARS["us_equity"])])
    opens = 1_704_205_800 * 10**9  # 2024-01-02 09:30 in New York
    made = maker.row(bar("AAA", opens), opens)
    assert made is not None
    assert closes_ns(made) == 1_704_229_200 * 10**9
