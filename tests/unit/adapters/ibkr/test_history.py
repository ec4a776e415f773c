"""The adapter against a local TWS that speaks the wire protocol and misbehaves on a script."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from tests.venues.faults import Fault
from tests.venues.ibkr_market import Market
from tests.venues.ibkr_venue import IbkrVenue

from tradewright.adapters.ibkr import IbkrHistory, IbkrParams
from tradewright.adapters.ibkr.pacing import Pacer, PacingLimits
from tradewright.core.types.calendar import Calendar
from tradewright.core.types.dtypes import PRICE
from tradewright.core.types.errors import SourceError, UsageError
from tradewright.data.download import download
from tradewright.data.instruments import InstrumentParams
from tradewright.data.kinds import Kind
from tradewright.data.ports import Fetched, Wanted
from tradewright.data.store import BarStore
from tradewright.data.timeframe import SECOND

TUESDAY = 1_704_186_000  # 2024-01-02 09:00 UTC
DAY_S = 86_400
LATER = TUESDAY + 60 * DAY_S


class Time(Protocol):
    now: float
    slept: list[float]

    def clock(self) -> float: ...
    async def sleep(self, seconds: float) -> None: ...


def wanted(symbol: str, kind: Kind, timeframe: str, length_s: int, start: int = TUESDAY) -> Wanted:
    return Wanted(symbol, kind, timeframe, start * SECOND, (start + length_s) * SECOND)


BARS = wanted("AAPL", Kind.BARS, "5s", 7200)
TRADES = wanted("AAPL", Kind.TRADES, "tick", 2400)
QUOTES = wanted("EURUSD", Kind.QUOTES, "tick", 1500)


def source(params: IbkrParams, time: Time, now_s: int = LATER) -> IbkrHistory:
    pacer = Pacer(clock=time.clock, sleep=time.sleep)
    return IbkrHistory(params, now_ns=lambda: now_s * SECOND, sleep=time.sleep, pacer=pacer)


async def fetch(history: IbkrHistory, want: Wanted) -> list[Fetched]:
    try:
        return [await history.fetch(want, piece) for piece in history.pieces(want)]
    finally:
        await history.close()


def fetched(params: IbkrParams, time: Time, want: Wanted, now_s: int = LATER) -> list[Fetched]:
    return asyncio.run(fetch(source(params, time, now_s), want))


def joined(parts: Sequence[Fetched]) -> pl.DataFrame:
    return pl.concat([p.frame for p in parts])


def notes(parts: Sequence[Fetched]) -> str:
    return "; ".join(n for p in parts for n in p.notes)


def market_frame(market: Market, want: Wanted, length: int) -> pl.DataFrame:
    """Return the truth, from the market itself."""
    rows = market.bars(want.start // SECOND, want.end // SECOND, length)
    data = np.array([[float(x) for x in row] for row in rows])
    opens = data[:, 0].astype(np.int64) * SECOND
    names = ("open", "high", "low", "close", "volume")
    values = {n: data[:, i + 1] for i, n in enumerate(names)} | {"trades": data[:, 7]}
    return pl.DataFrame({"ts_open": opens, "ts_event": opens + length * SECOND} | values)


# ---------------------------------------------------------------------------------------------------------- clean runs
@pytest.mark.parametrize(
    ("symbol", "timeframe", "length", "span_s"),
    [
        ("AAPL", "1s", 1, 5400),
        ("AAPL", "5s", 5, 7200),
        ("ES@202403", "1m", 60, 2 * DAY_S),
        ("AAPL", "1h", 3600, 20 * DAY_S),
    ],
)
def test_bars_are_those_of_the_market(symbol: str, timeframe: str, length: int, span_s: int, fake_time: Time) -> None:
    want = wanted(symbol, Kind.BARS, timeframe, span_s)
    with IbkrVenue() as venue:
        parts = fetched(venue.params(), fake_time, want)
    truth = market_frame(venue.market, want, length)
    assert_frame_equal(joined(parts).select(truth.columns), truth)
    assert all(p.is_final and p.quarantined is None for p in parts)


def test_daily_bars_lie_in_the_days_of_the_contract(fake_time: Time) -> None:
    want = wanted("ES@202403", Kind.BARS, "1d", 14 * DAY_S, start=TUESDAY - 9 * 3600)
    with IbkrVenue() as venue:
        frame = joined(fetched(venue.params(), fake_time, want))
    opens = frame["ts_open"].cast(pl.Datetime("ns")).dt.replace_time_zone("UTC").dt.convert_time_zone("US/Central")
    assert opens.dt.hour().unique().to_list() == [17]
    assert opens.dt.date().cast(pl.String).to_list()[:4] == ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-07"]
    assert frame.height == 10  # of two weeks, less the Monday that began before the start, with the one after it


def test_a_year_of_days_comes_in_pieces_that_lose_nothing(fake_time: Time) -> None:
    want = wanted("AAPL", Kind.BARS, "1d", 800 * DAY_S, start=TUESDAY - 800 * DAY_S)
    with IbkrVenue() as venue:
        parts = fetched(venue.params(), fake_time, want)
    frame = joined(parts)
    assert len(parts) == 3
    assert frame["ts_open"].is_unique().all()
    assert frame["ts_open"].is_sorted()
    weekdays = np.arange(want.start // SECOND // DAY_S + 1, want.end // SECOND // DAY_S)
    assert abs(frame.height - int(((weekdays + 3) % 7 < 5).sum())) <= 1


@pytest.mark.parametrize("want", [TRADES, QUOTES])
def test_ticks_are_those_of_the_market(want: Wanted, fake_time: Time) -> None:
    kind = {Kind.TRADES: "TRADES", Kind.QUOTES: "BID_ASK"}[want.kind]
    with IbkrVenue() as venue:
        frame = joined(fetched(venue.params(), fake_time, want))
    seconds = range(want.start // SECOND, want.end // SECOND)
    truth = [row for s in seconds for row in venue.market.ticks(s, kind)]
    assert frame["ts_event"].to_list() == [int(row[0]) * SECOND for row in truth]
    first = "price" if want.kind is Kind.TRADES else "bid"
    assert frame[first].to_list() == [float(row[2]) for row in truth]
    assert len(truth) > 2 * 1000  # more than one page


@pytest.mark.parametrize("page", [1, 2, 7, 40, 1000])
@pytest.mark.parametrize("busy", [0, 1200])
def test_the_size_of_a_page_changes_nothing(page: int, busy: int, fake_time: Time) -> None:
    market = Market(busy_second=TUESDAY + 10, busy_count=busy)
    want = wanted("AAPL", Kind.TRADES, "tick", 18)
    with IbkrVenue(market=market) as venue:
        frame = joined(fetched(venue.params(page_ticks=page), fake_time, want))
    truth = [row for s in range(TUESDAY, TUESDAY + 18) for row in market.ticks(s, "TRADES")]
    assert frame["price"].to_list() == [float(row[2]) for row in truth]
    assert frame["ts_event"].to_list() == [int(row[0]) * SECOND for row in truth]


def test_ticks_of_one_second_keep_the_venues_order_through_the_store_to_the_events(
    fake_time: Time, tmp_path: Path
) -> None:
    market = Market(busy_second=TUESDAY + 10, busy_count=90)  # prices go up and down within the second
    store = BarStore(tmp_path)
    with IbkrVenue(market=market) as venue:
        for start, length in ((TUESDAY + 9, 9), (TUESDAY, 9)):  # the later stretch first: one file, written twice
            history = source(venue.params(), fake_time)
            want = wanted("AAPL", Kind.TRADES, "tick", length, start)
            asyncio.run(brought(history, want, store))
    truth = [row for s in range(TUESDAY, TUESDAY + 18) for row in market.ticks(s, "TRADES")]
    events = store.load_events("AAPL", Kind.TRADES)
    assert events.fields[PRICE].tolist() == [float(row[2]) for row in truth]
    assert events.ts_event.tolist() == [int(row[0]) * SECOND for row in truth]
    assert (events.ts_seen == events.ts_event + SECOND).all()


async def brought(history: IbkrHistory, want: Wanted, store: BarStore) -> None:
    try:
        await download(history, want, store, InstrumentParams(symbol=want.symbol, tick_size="0.01"))
    finally:
        await history.close()


def test_ticks_of_a_second_session_within_the_piece_are_found(fake_time: Time) -> None:
    market = Market(pause=(TUESDAY + 300, TUESDAY + 1800))
    want = wanted("AAPL", Kind.TRADES, "tick", 3600)
    with IbkrVenue(market=market) as venue:
        frame = joined(fetched(venue.params(), fake_time, want))
    truth = [row for s in range(TUESDAY, TUESDAY + 3600) for row in market.ticks(s, "TRADES")]
    assert frame["ts_event"].to_list() == [int(row[0]) * SECOND for row in truth]
    assert frame["ts_event"].max() == (TUESDAY + 3599) * SECOND


# ------------------------------------------------------------------------------------------------- on the wire, pieces
def test_requests_say_utc_epoch_and_the_longest_allowed_duration(fake_time: Time) -> None:
    with IbkrVenue() as venue:
        fetched(venue.params(use_rth=True), fake_time, wanted("AAPL", Kind.BARS, "1s", 3600))
        fetched(venue.params(), fake_time, wanted("AAPL", Kind.TRADES, "tick", 1))
    asked = [fields[15:21] for fields in venue.asked("bars")]
    assert asked == [
        ["20240102-09:30:00", "1 secs", "1800 S", "1", "TRADES", "2"],
        ["20240102-10:00:00", "1 secs", "1800 S", "1", "TRADES", "2"],
    ]
    assert venue.asked("ticks")[0][15:19] == ["20240102-09:00:00", "", "1000", "TRADES"]


def test_pieces_touch_have_safe_keys_and_depend_on_the_settings() -> None:
    params = IbkrParams()
    want = wanted("BRK B", Kind.BARS, "1m", 5 * DAY_S)
    history = IbkrHistory(params, now_ns=lambda: 0)
    pieces = history.pieces(want)
    assert (pieces[0].start, pieces[-1].end) == (want.start, want.end)
    assert all(a.end == b.start for a, b in pairwise(pieces))
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", p.key) for p in pieces)
    later = history.pieces(wanted("BRK B", Kind.BARS, "1m", 9 * DAY_S))
    assert pieces[:-1] == later[: len(pieces) - 1]  # a longer wish asks for the same whole pieces
    for changed in (
        IbkrParams(use_rth=True),
        IbkrParams(what_to_show="BID"),
        IbkrParams(exchange="ISLAND"),
        IbkrParams(calendar=Calendar()),
    ):
        other = IbkrHistory(changed, now_ns=lambda: 0).pieces(want)
        assert {p.key for p in other}.isdisjoint(p.key for p in pieces)


@pytest.mark.parametrize(
    "want",
    [
        wanted("AAPL", Kind.BARS, "2h", 60),
        wanted("AAPL", Kind.BARS, "tick", 60),
        wanted("AAPL", Kind.TRADES, "1m", 60),
        wanted("EURUSD", Kind.TRADES, "tick", 60),
        wanted("???", Kind.BARS, "1m", 60),
    ],
)
def test_what_is_not_offered_is_refused_before_anything_is_asked(want: Wanted) -> None:
    with pytest.raises(UsageError):
        IbkrHistory(IbkrParams(), now_ns=lambda: 0).pieces(want)


def test_unfinished_bars_are_left_out_and_the_piece_is_not_final(fake_time: Time) -> None:
    now = TUESDAY + 1003
    with IbkrVenue() as venue:
        (part,) = fetched(venue.params(), fake_time, wanted("AAPL", Kind.BARS, "5s", 3600), now)
        (future,) = fetched(venue.params(), fake_time, wanted("AAPL", Kind.BARS, "5s", 60, start=LATER), now)
        (ticks,) = fetched(venue.params(), fake_time, wanted("AAPL", Kind.TRADES, "tick", 3600), now)
    assert not part.is_final
    assert part.frame["ts_event"].max() == (TUESDAY + 1000) * SECOND
    assert "unfinished" in notes([part])
    assert (future.frame.height, future.is_final, len(venue.asked("bars"))) == (0, False, 1)
    assert not ticks.is_final
    newest = ticks.frame["ts_event"].max()
    assert isinstance(newest, int)
    assert newest < now * SECOND


def test_a_continuous_future_reaches_back_from_now_without_an_end_date(fake_time: Time) -> None:
    now = TUESDAY
    with IbkrVenue(live_start=now) as venue:
        want = wanted("ES@CONT", Kind.BARS, "1m", 3600, start=now - 3600)
        parts = fetched(venue.params(), fake_time, want, now)
        with pytest.raises(SourceError, match="reaches back from now"):
            fetched(venue.params(), fake_time, wanted("ES@CONT", Kind.BARS, "1m", 60, start=now - 9 * DAY_S), now)
    assert_frame_equal(joined(parts)["close"].to_frame(), market_frame(venue.market, want, 60).select("close"))
    assert venue.asked("bars")[0][15] == ""


# -------------------------------------------------------------------------------------------------------------- faults
@pytest.mark.parametrize("kind", ["pacing", "cancelled", "offline", "drop", "garbled", "slow"])
@pytest.mark.parametrize(("want", "on"), [(BARS, "bars"), (TRADES, "ticks"), (QUOTES, "ticks")])
@pytest.mark.parametrize("skip", [0, 1])
def test_what_passes_is_asked_again(kind: str, want: Wanted, on: str, skip: int, fake_time: Time) -> None:
    with IbkrVenue() as clean:
        truth = joined(fetched(clean.params(), fake_time, want))
    with IbkrVenue([Fault(kind, on, skip=skip, times=2)]) as venue:
        parts = fetched(venue.params(), fake_time, want)
    assert_frame_equal(joined(parts), truth)
    assert venue.script.fired[kind] >= 1
    if kind != "slow":
        assert len(venue.asked(on)) == len(clean.asked(on)) + venue.script.fired[kind]


def test_a_silent_server_is_asked_again_and_given_up(fake_time: Time) -> None:
    with IbkrVenue([Fault("silent", "bars")]) as venue:
        parts = fetched(venue.params(request_timeout_s=0.1), fake_time, BARS)
    assert joined(parts).height == 1440
    with (
        IbkrVenue([Fault("silent", "bars", times=None)]) as venue,
        pytest.raises(SourceError, match=r"no answer within 0\.15"),
    ):
        fetched(venue.params(request_timeout_s=0.15, max_attempts=2), fake_time, BARS)
    assert len(venue.asked("bars")) == 2


def test_a_pacing_violation_waits_and_an_identical_request_waits_fifteen_seconds(fake_time: Time) -> None:
    with IbkrVenue([Fault("pacing", "bars", times=3)]) as venue:
        fetched(venue.params(), fake_time, wanted("AAPL", Kind.BARS, "5s", 60))
    assert [s for s in fake_time.slept if s >= 15] == [15, 30, 60]
    with IbkrVenue([Fault("drop", "bars")]) as venue:
        begin = fake_time.now
        fetched(venue.params(), fake_time, wanted("AAPL", Kind.BARS, "5s", 60))
    assert 15.0 <= fake_time.now - begin < 15.5


def test_requests_for_bid_and_ask_count_twice(fake_time: Time) -> None:
    bars = wanted("AAPL", Kind.BARS, "5s", 3 * 3600)
    for want, what, waits in ((TRADES, "", []), (QUOTES, "", [2.1]), (bars, "", []), (bars, "BID_ASK", [2.1])):
        fake_time.slept.clear()
        with IbkrVenue() as venue:
            fetched(venue.params(what_to_show=what), fake_time, want)
        assert len(venue.asked("bars") + venue.asked("ticks")) in (3, 4)
        assert [round(s, 6) for s in fake_time.slept] == waits


def test_the_order_of_rows_does_not_matter_and_is_noted(fake_time: Time) -> None:
    for want, on in ((BARS, "bars"), (TRADES, "ticks"), (QUOTES, "ticks")):
        with IbkrVenue() as clean:
            truth = joined(fetched(clean.params(), fake_time, want))
        with IbkrVenue([Fault("reorder", on, times=None)]) as venue:
            parts = fetched(venue.params(), fake_time, want)
        assert_frame_equal(joined(parts), truth)
        assert "out of order" in notes(parts)


@pytest.mark.parametrize(("kind", "reason"), [("duplicate", ""), ("conflict", "contradicts"), ("malformed", "'abc'")])
def test_bad_rows_of_bars_are_removed_or_kept_apart(kind: str, reason: str, fake_time: Time) -> None:
    with IbkrVenue() as clean:
        truth = joined(fetched(clean.params(), fake_time, BARS))
    with IbkrVenue([Fault(kind, "bars")]) as venue:
        parts = fetched(venue.params(), fake_time, BARS)
    assert_frame_equal(joined(parts), truth)
    if kind == "duplicate":
        assert "1 repeated rows removed" in notes(parts)
        return
    quarantined = parts[0].quarantined
    assert quarantined is not None
    assert quarantined.height == 1
    assert reason in quarantined["reason"][0]


def test_a_malformed_tick_is_kept_apart(fake_time: Time) -> None:
    want = wanted("EURUSD", Kind.QUOTES, "tick", 60)
    with IbkrVenue() as clean:
        truth = joined(fetched(clean.params(), fake_time, want))
    with IbkrVenue([Fault("malformed", "ticks")]) as venue:
        (part,) = fetched(venue.params(page_ticks=40), fake_time, want)
    assert_frame_equal(part.frame, truth)
    assert part.quarantined is not None
    assert part.quarantined["reason"].to_list() == ["bid 'abc' is not a number"]


def test_a_page_without_one_usable_tick_is_an_error_and_no_endless_loop(fake_time: Time) -> None:
    with IbkrVenue([Fault("no_times", "ticks")]) as venue, pytest.raises(SourceError, match="none that can be used"):
        fetched(venue.params(), fake_time, TRADES)
    assert len(venue.asked("ticks")) == 1


def test_a_calendar_in_the_settings_places_the_days(fake_time: Time) -> None:
    want = wanted("AAPL", Kind.BARS, "1d", 3 * DAY_S, start=TUESDAY - 9 * 3600)
    with IbkrVenue([Fault("odd_zone", "details")]) as venue:
        (part,) = fetched(venue.params(calendar=Calendar("utc")), fake_time, want)
    assert part.frame["ts_open"].to_list() == [want.start + i * DAY_S * SECOND for i in range(3)]


def test_nothing_later_than_now_is_asked_for(fake_time: Time) -> None:
    now = TUESDAY + 7
    with IbkrVenue() as venue:
        for timeframe in ("1m", "1h", "1d"):
            (part,) = fetched(
                venue.params(), fake_time, wanted("AAPL", Kind.BARS, timeframe, 9 * 3600, TUESDAY - 9 * 3600), now
            )
            assert (part.frame["ts_event"] <= now * SECOND).all()
    assert {fields[15] for fields in venue.asked("bars")} == {"20240102-09:00:00", "20240102-09:00:07"}


def test_no_data_is_an_empty_piece_that_says_so(fake_time: Time) -> None:
    saturday = TUESDAY + 4 * DAY_S
    with IbkrVenue() as venue:
        (bars,) = fetched(venue.params(), fake_time, wanted("AAPL", Kind.BARS, "5s", 3600, start=saturday))
        (ticks,) = fetched(venue.params(), fake_time, wanted("AAPL", Kind.TRADES, "tick", 3600, start=saturday))
    for part in (bars, ticks):
        assert (part.frame.height, part.is_final, part.notes) == (0, True, ("no data in this span",))


@pytest.mark.parametrize(
    ("fault", "says", "fix"),
    [
        (Fault("no_definition", "details"), "No security definition", "Check the symbol"),
        (Fault("two_contracts", "details"), "2 contracts fit", "Name the exchange"),
        (Fault("invalid", "details"), "Error validating request", "invalid"),
        (Fault("odd_zone", "details"), "Moon/Crater", "calendar"),
        (Fault("not_subscribed", "bars"), "not subscribed", "Client Portal"),
        (Fault("no_permission", "bars"), "No market data permissions", "Client Portal"),
        (Fault("refused", "bars"), "End Date/Time", "10314"),
        (Fault("invalid", "bars"), "Error validating request", "invalid"),
        (Fault("offline", "bars", times=None), "1100", "again"),  # in either of two wordings
        (Fault("pacing", "bars", times=None), "pacing violation", "Try again later"),
        (Fault("drop", "bars", times=None), "connection was closed", "Try again later"),
        (Fault("busy", "connect"), "client id 71 is already in use", "another client_id"),
        (Fault("drop", "connect"), "no TWS or IB Gateway answers", "Start TWS or IB Gateway"),
        (Fault("silent", "connect"), "nothing within 0.2 s", "Start TWS or IB Gateway"),
    ],
)
def test_what_does_not_pass_is_an_error_that_says_what_to_do(
    fault: Fault, says: str, fix: str, fake_time: Time
) -> None:
    timeout = 0.2 if fault.kind == "silent" else 5.0
    with IbkrVenue([fault]) as venue, pytest.raises(SourceError) as caught:
        fetched(venue.params(connect_timeout_s=timeout), fake_time, BARS)
    assert says in caught.value.what
    assert fix in f"{caught.value.fix} {caught.value.what}"
    assert caught.value.where.startswith("ibkr ")


def test_no_gateway_is_an_error_that_says_where_it_is_set(fake_time: Time) -> None:
    with IbkrVenue() as venue:
        params = venue.params()
    with pytest.raises(SourceError) as caught:
        fetched(params, fake_time, BARS)
    assert "connection refused" in caught.value.what
    assert str(params.port) in caught.value.where
    assert "settings port and host" in caught.value.fix
    assert fake_time.slept == []  # no waiting for what was never there


def test_a_gateway_that_restarts_is_waited_for(fake_time: Time) -> None:
    faults = [Fault("drop", "bars"), Fault("busy", "connect", skip=1, times=2)]
    with IbkrVenue(faults) as venue:
        parts = fetched(venue.params(), fake_time, BARS)
    assert joined(parts).height == 1440
    assert len(venue.asked("connect")) == 4


def test_a_contract_is_asked_once_and_again_after_a_break(fake_time: Time) -> None:
    with IbkrVenue([Fault("drop", "details")]) as venue:
        fetched(venue.params(), fake_time, BARS)
    assert len(venue.asked("details")) == 2


def test_pieces_fetched_side_by_side_share_one_connection(fake_time: Time) -> None:
    faults = [Fault("drop", "bars", skip=2, times=2), Fault("pacing", "bars", skip=5)]

    async def work(venue: IbkrVenue) -> list[Fetched]:
        pacer = Pacer(PacingLimits(same_window_s=0, identical_s=0, small_window_s=0, margin_s=0), clock=fake_time.clock)
        history = IbkrHistory(venue.params(), now_ns=lambda: LATER * SECOND, sleep=fake_time.sleep, pacer=pacer)
        want = wanted("AAPL", Kind.BARS, "5s", 8 * 3600)
        try:
            return list(await asyncio.gather(*(history.fetch(want, p) for p in history.pieces(want))))
        finally:
            await history.close()

    with IbkrVenue(faults) as venue:
        parts = asyncio.run(work(venue))
    want = wanted("AAPL", Kind.BARS, "5s", 8 * 3600)
    truth = market_frame(venue.market, want, 5)
    assert_frame_equal(joined(parts).select(truth.columns), truth)
    assert len(venue.asked("connect")) == 1 + venue.script.fired["drop"]


@pytest.mark.parametrize("seed", range(5))
def test_any_request_may_break_and_nothing_is_lost(seed: int, fake_time: Time) -> None:
    faults = [Fault(k, times=None, probability=0.06) for k in ("drop", "garbled", "pacing", "cancelled", "reorder")]
    with IbkrVenue() as clean:
        truth = [joined(fetched(clean.params(), fake_time, want)) for want in (BARS, TRADES)]
    with IbkrVenue(faults, seed=seed) as venue:
        params = venue.params(max_attempts=30)
        got = [joined(fetched_patiently(params, fake_time, want)) for want in (BARS, TRADES)]
    for frame, expected in zip(got, truth, strict=True):
        assert_frame_equal(frame, expected)


def fetched_patiently(params: IbkrParams, time: Time, want: Wanted) -> list[Fetched]:
    """Start again when the very first connection breaks, as a person would."""
    while True:
        try:
            return fetched(params, time, want)
        except SourceError as error:
            if "no TWS or IB Gateway" not in error.what:
                raise
