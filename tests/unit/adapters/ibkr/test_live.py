from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import pytest
from tests.venues.faults import Fault
from tests.venues.ibkr_venue import IbkrVenue

from tradewright.adapters.ibkr import IbkrLive, IbkrParams
from tradewright.core.types.bar import Bar
from tradewright.core.types.errors import SourceError, UsageError
from tradewright.core.types.feed import FeedGap
from tradewright.core.types.quote import Quote
from tradewright.core.types.trade import Trade
from tradewright.data.kinds import Kind
from tradewright.data.ports import Subscription
from tradewright.data.timeframe import SECOND

BARS = Subscription("AAPL", Kind.BARS, "5s")
Noun = Bar | Quote | Trade | FeedGap


async def no_sleep(_seconds: float) -> None:
    await asyncio.sleep(0)


def heard(
    params: IbkrParams, subscriptions: Sequence[Subscription], is_enough: Callable[[list[Noun]], bool]
) -> list[Noun]:
    """Listen until it is enough."""

    async def listen() -> list[Noun]:
        found: list[Noun] = []
        stream = IbkrLive(params, now_ns=time.time_ns, sleep=no_sleep).stream(subscriptions)
        try:
            async for noun in stream:
                found.append(noun)
                if is_enough(found):
                    break
        finally:
            await stream.aclose()
        return found

    async def bounded() -> list[Noun]:
        return await asyncio.wait_for(listen(), 10)

    return asyncio.run(bounded())


def count(n: int) -> Callable[[list[Noun]], bool]:
    return lambda found: len(found) >= n


def bars_of(nouns: Sequence[Noun]) -> list[Bar]:
    return [n for n in nouns if isinstance(n, Bar)]


def gaps_of(nouns: Sequence[Noun]) -> list[FeedGap]:
    return [n for n in nouns if isinstance(n, FeedGap)]


def expected_bars(venue: IbkrVenue, bars: Sequence[Bar], length: int) -> list[Bar]:
    """Return what the market says about the spans of these bars."""
    found = []
    for bar in bars:
        at = bar.ts_open // SECOND
        parts = [[float(x) for x in venue.market.bars(s, s + 5, 5)[0]] for s in range(at, at + length, 5)]
        prices = (parts[0][1], max(p[2] for p in parts), min(p[3] for p in parts), parts[-1][4])
        found.append(Bar("AAPL", at * SECOND, (at + length) * SECOND, *prices, sum(p[5] for p in parts)))
    return found


def test_bars_trades_and_quotes_arrive_with_the_time_of_the_venue() -> None:
    wishes = [BARS, Subscription("AAPL", Kind.TRADES), Subscription("EURUSD", Kind.QUOTES)]
    begin = time.time_ns()
    with IbkrVenue() as venue:
        nouns = heard(
            venue.params(),
            wishes,
            lambda found: all(sum(isinstance(n, t) for n in found) > 20 for t in (Bar, Trade, Quote)),
        )
    assert gaps_of(nouns) == []
    bars = bars_of(nouns)
    assert bars == expected_bars(venue, bars, 5)
    start = venue.live_start
    for noun_type, kind in ((Trade, "TRADES"), (Quote, "BID_ASK")):
        got = [n for n in nouns if isinstance(n, noun_type)]
        truth = [row for s in range(start, start + 200) for row in venue.market.ticks(s, kind)][: len(got)]
        assert [n.ts_event for n in got] == [int(row[0]) * SECOND for row in truth]
        first = [n.price if isinstance(n, Trade) else n.bid for n in got]
        assert first == [float(row[2]) for row in truth]
        assert all(begin <= n.ts_seen <= time.time_ns() for n in got)


def test_two_timeframes_share_one_subscription_and_come_when_complete() -> None:
    with IbkrVenue(live_start=1_704_186_020) as venue:  # joins in the middle of a minute
        nouns = heard(venue.params(), [BARS, Subscription("AAPL", Kind.BARS, "1m")], count(60))
    longer = [b for b in bars_of(nouns) if b.ts_event - b.ts_open == 60 * SECOND]
    assert len(longer) >= 3
    assert longer == expected_bars(venue, longer, 60)
    assert longer[0].ts_open == 1_704_186_060 * SECOND
    assert len(venue.asked("live")) == 1


@pytest.mark.parametrize(
    ("kind", "reason", "subscribed"),
    [
        ("drop", "disconnected", 2),
        ("back_empty", "disconnected", 2),
        ("offline", "disconnected", 1),
        ("gap", "sequence", 1),
    ],
)
def test_what_may_be_missing_is_said_and_the_bars_go_on(kind: str, reason: str, subscribed: int) -> None:
    with IbkrVenue([Fault(kind, "live AAPL")]) as venue:
        nouns = heard(venue.params(), [BARS], count(25))
    gaps, bars = gaps_of(nouns), bars_of(nouns)
    assert gaps
    assert gaps[0].reason == reason
    assert gaps[0].ts_from < gaps[0].ts_to
    assert nouns.index(gaps[0]) == 4
    assert bars == expected_bars(venue, bars, 5)
    assert [b.ts_open for b in bars] == sorted({b.ts_open for b in bars})
    assert len(venue.asked("live")) == subscribed


def test_a_silent_subscription_is_reported_and_made_again() -> None:
    with IbkrVenue([Fault("silent", "live AAPL")]) as venue:
        nouns = heard(venue.params(silence_s=0.15), [BARS], count(15))
    assert [g.reason for g in gaps_of(nouns)] == ["silent"]
    assert len(venue.asked("live")) == 2
    assert len(bars_of(nouns)) == 14


def test_a_market_that_stays_silent_is_woken_ever_less_often() -> None:
    with IbkrVenue(live_start=1_704_186_000 + 4 * 86_400) as venue:  # a Saturday
        nouns = heard(venue.params(silence_s=0.02), [BARS], count(3))
    gaps = gaps_of(nouns)
    assert [g.reason for g in gaps] == ["silent"] * 3
    assert gaps[1].ts_to - gaps[1].ts_from > 1.5 * (0.02 * SECOND)
    assert gaps[0].ts_to == gaps[1].ts_from  # nothing between them is unreported


def test_repeated_bars_come_once() -> None:
    with IbkrVenue([Fault("duplicate", "live AAPL")]) as venue:
        nouns = heard(venue.params(), [BARS], count(20))
    assert gaps_of(nouns) == []
    assert [b.ts_open for b in bars_of(nouns)] == [(venue.live_start + 5 * i) * SECOND for i in range(20)]


@pytest.mark.parametrize(
    ("wish", "path"), [(BARS, "live AAPL BARS"), (Subscription("AAPL", Kind.TRADES), "live AAPL TRADES")]
)
def test_a_message_that_cannot_be_read_is_a_message_lost(wish: Subscription, path: str) -> None:
    with IbkrVenue([Fault("malformed", path)]) as venue:
        nouns = heard(venue.params(), [wish], count(20))
    assert {g.reason for g in gaps_of(nouns)} <= {"sequence"}
    if wish.kind is Kind.BARS:
        assert gaps_of(nouns)


def test_a_bust_makes_the_subscription_again() -> None:
    with IbkrVenue([Fault("bust", "live AAPL")]) as venue:
        nouns = heard(venue.params(), [BARS], count(15))
    assert len(venue.asked("live")) == 2
    assert bars_of(nouns) == expected_bars(venue, bars_of(nouns), 5)


def test_a_longer_bar_with_a_part_missing_is_left_out() -> None:
    with IbkrVenue([Fault("gap", "live AAPL")]) as venue:
        nouns = heard(venue.params(), [Subscription("AAPL", Kind.BARS, "1m")], count(3))
    assert [type(n) for n in nouns] == [FeedGap, Bar, Bar]
    assert bars_of(nouns)[0].ts_open == (venue.live_start + 60) * SECOND


def test_a_reader_too_slow_is_told_what_it_lost() -> None:
    async def listen(params: IbkrParams) -> list[Noun]:
        found: list[Noun] = []
        stream = IbkrLive(params, now_ns=time.time_ns, sleep=no_sleep).stream([BARS])
        async for noun in stream:
            found.append(noun)
            if len(found) == 1:
                await asyncio.sleep(0.1)
            if any(isinstance(n, FeedGap) for n in found) and isinstance(noun, Bar):
                break
        await stream.aclose()
        return found

    with IbkrVenue() as venue:
        nouns = asyncio.run(listen(venue.params(queue_size=3)))
    (gap,) = gaps_of(nouns)
    assert gap.reason == "overflow"
    at = nouns.index(gap)
    before, after = nouns[at - 1], nouns[at + 1]
    assert isinstance(before, Bar)
    assert isinstance(after, Bar)
    assert after.ts_open > before.ts_event


def test_what_is_refused_is_an_error() -> None:
    with IbkrVenue([Fault("not_subscribed", "live AAPL")]) as venue, pytest.raises(SourceError, match="additional"):
        heard(venue.params(), [BARS], count(1))
    with IbkrVenue([Fault("no_definition", "details")]) as venue, pytest.raises(SourceError, match="No security"):
        heard(venue.params(), [BARS], count(1))
    with pytest.raises(SourceError, match="connection refused"):
        heard(venue.params(), [BARS], count(1))


def test_a_gateway_that_restarts_is_waited_for() -> None:
    faults = [Fault("drop", "live AAPL"), Fault("drop", "connect", skip=1, times=3), Fault("drop", "details", skip=1)]
    with IbkrVenue(faults) as venue:
        nouns = heard(venue.params(max_attempts=1), [BARS], count(12))
    assert [g.reason for g in gaps_of(nouns)] == ["disconnected"]
    assert bars_of(nouns) == expected_bars(venue, bars_of(nouns), 5)


@pytest.mark.parametrize(
    ("wishes", "changes"),
    [
        ([], {}),
        ([Subscription("AAPL", Kind.BARS, "1s")], {}),
        ([Subscription("AAPL", Kind.BARS, "tick")], {}),
        ([Subscription("AAPL", Kind.TRADES, "1m")], {}),
        ([Subscription("EURUSD", Kind.TRADES)], {}),
        ([Subscription("ES@CONT", Kind.BARS, "5s")], {}),
        ([BARS], {"what_to_show": "BID_ASK"}),
    ],
)
def test_what_is_not_offered_is_refused(wishes: list[Subscription], changes: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        heard(IbkrParams(**changes), wishes, count(1))  # type: ignore[arg-type]


def test_who_stops_listening_as_something_arrives_has_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cancellation that came together with news was lost: the session that had failed listened on for ever."""

    async def nothing(_: IbkrLive) -> None:
        pass

    monkeypatch.setattr(IbkrLive, "_subscribe_all", nothing)

    async def listen() -> None:
        source = IbkrLive(IbkrParams(), now_ns=time.time_ns, sleep=no_sleep)
        stream = source.stream([BARS])
        listening = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0.01)
        source._queue.append(FeedGap("AAPL", 0, 1, "silent"))
        source._ready.set()
        listening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await listening
        await stream.aclose()

    asyncio.run(listen())
