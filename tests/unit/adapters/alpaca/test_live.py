"""The live stream against a local Alpaca that drops, stays silent, repeats, leaves out and refuses."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import aclosing
from datetime import date
from typing import Any

import pytest
from pydantic import SecretStr
from tests.unit.adapters.alpaca.conftest import asked, no_pause, run
from tests.venues.alpaca_venue import KEY, LIVE_FROM, LIVE_TO, SECOND, SECRET, AlpacaVenue, HeardClock, ns
from tests.venues.alpaca_venue import trades as venue_trades
from tests.venues.faults import Fault

from tradewright.adapters.alpaca.live import AlpacaLive
from tradewright.core.types.bar import Bar
from tradewright.core.types.errors import SourceError, UsageError
from tradewright.core.types.feed import FeedGap
from tradewright.core.types.quote import Quote
from tradewright.core.types.trade import Trade
from tradewright.data.kinds import Kind
from tradewright.data.ports import Subscription, Wanted

AAPL_TICKS = [Subscription("AAPL", Kind.TRADES), Subscription("AAPL", Kind.QUOTES)]
AAPL_SECONDS = [Subscription("AAPL", Kind.BARS, "1s")]
ALL = [*AAPL_TICKS, *AAPL_SECONDS, Subscription("AAPL", Kind.BARS, "1m")]
#: All bars of seconds are closed once the stream has passed this.
NEAR_THE_END = LIVE_TO - 3 * SECOND

Event = Bar | Quote | Trade | FeedGap


def listen(
    venue: AlpacaVenue,
    subscriptions: Sequence[Subscription],
    until: int = NEAR_THE_END,
    **changes: Any,  # noqa: ANN401
) -> tuple[list[Event], AlpacaLive]:
    """Return what comes until the market's clock passes a time."""
    clock = HeardClock(venue)
    venue.play_to = until + 2 * SECOND
    params = venue.params(**{"silence_s": 5.0, "wait_s": 60.0, **changes})
    live = AlpacaLive(params, clock_ns=clock.ns, connect=clock.connect, sleep=no_pause)

    async def collect() -> list[Event]:
        events: list[Event] = []
        async with aclosing(live.stream(subscriptions)) as stream:
            async for event in stream:
                events.append(event)
                if clock.now >= until:
                    return events
        return events

    return run(collect()), live


def of(kind: type, events: list[Event]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def history_bars(venue: AlpacaVenue, until: int) -> list[tuple[float, ...]]:
    """Return the bars of seconds that history has of the live seconds."""
    wanted = Wanted("AAPL", Kind.BARS, "1s", LIVE_FROM, until)
    (piece,) = run(asked(venue.params(), wanted, LIVE_TO * 2))
    return list(piece.frame.select("ts_open", "ts_event", "open", "high", "low", "close", "volume").iter_rows())


def as_row(bar: Bar) -> tuple[float, ...]:
    return (bar.ts_open, bar.ts_event, bar.open, bar.high, bar.low, bar.close, bar.volume)


def test_a_clean_stream_has_everything_and_its_bars_are_those_of_history() -> None:
    with AlpacaVenue() as venue:
        events, live = listen(venue, ALL)
        heard = of(Trade, events)
        sent = venue_trades("AAPL", date(2024, 3, 7), venue.seed)
        prices = [row["p"] for row in sent if LIVE_FROM <= ns(row["t"]) < LIVE_TO]
        assert [trade.price for trade in heard] == prices[: len(heard)]
        assert len(heard) > 300
        assert len(of(Quote, events)) > 100
        assert len(of(Bar, events)) > 50
        minute = [bar for bar in of(Bar, events) if bar.ts_event - bar.ts_open == 60 * SECOND]
        assert [bar.ts_open for bar in minute] == [LIVE_FROM]
        seconds = [as_row(bar) for bar in of(Bar, events) if bar.ts_event - bar.ts_open == SECOND]
        assert seconds == history_bars(venue, seconds[-1][1])  # type: ignore[arg-type]
        assert not of(FeedGap, events)
        assert live.counts["cancellations"]
        assert live.counts["corrections"]
        assert set(live.counts) <= {"cancellations", "corrections", "changed bars"}
        assert venue.heard[0] == {"action": "auth", "key": KEY, "secret": SECRET}


@pytest.mark.parametrize(("kind", "reason"), [("drop", "disconnected"), ("silent", "silent")])
def test_a_lost_connection_is_told_and_makes_no_wrong_bar(kind: str, reason: str) -> None:
    faults = [Fault(kind, path="/v2/iex", skip=150), Fault(kind, path="/v2/iex", skip=400)]
    with AlpacaVenue(faults) as venue:
        events, _ = listen(venue, ALL, silence_s=0.15)
        gaps = of(FeedGap, events)
        assert [(gap.instrument, gap.reason) for gap in gaps] == [("AAPL", reason)] * 2
        assert all(LIVE_FROM < gap.ts_from < gap.ts_to < LIVE_TO for gap in gaps)
        seconds = [as_row(bar) for bar in of(Bar, events) if bar.ts_event - bar.ts_open == SECOND]
        whole = history_bars(venue, seconds[-1][1])  # type: ignore[arg-type]
        assert set(seconds) < set(whole)
        missing = [bar for bar in whole if bar not in seconds]
        assert missing
        for ts_open, ts_event, *_ in missing:  # every bar that did not come lies in a gap that was told
            assert any(gap.ts_from <= ts_event and ts_open <= gap.ts_to for gap in gaps), (ts_open, gaps)


def test_repeated_messages_are_heard_once() -> None:
    with AlpacaVenue() as clean:
        expected, _ = listen(clean, [AAPL_TICKS[0], *AAPL_SECONDS])
    with AlpacaVenue([Fault("duplicate", times=None, probability=0.5)]) as venue:
        events, live = listen(venue, [AAPL_TICKS[0], *AAPL_SECONDS])
    assert live.counts["repeated trades"] > 50
    assert [e for e in events if not isinstance(e, FeedGap)][: len(events)] == expected[: len(events)]
    assert len(events) >= len(expected) - 1  # the last message may be the one that came twice


def test_a_message_that_never_came_cannot_be_noticed_and_changes_nothing_else() -> None:
    """The stream has no sequence numbers: history repairs this, not the stream."""
    with AlpacaVenue() as clean:
        expected, _ = listen(clean, AAPL_TICKS)
    with AlpacaVenue([Fault("gap", skip=50)]) as venue:
        events, _ = listen(venue, AAPL_TICKS)
    lost = [event for event in expected if event not in events]
    assert len(lost) == 1
    assert [event for event in expected if event not in lost] == events


def test_a_malformed_message_is_told_as_a_gap() -> None:
    with AlpacaVenue([Fault("malformed", skip=60)]) as venue:
        events, live = listen(venue, ALL)
        (gap,) = of(FeedGap, events)
        assert (gap.instrument, gap.reason) == ("AAPL", "sequence")
        assert live.counts["malformed messages"] == 1
        seconds = [as_row(bar) for bar in of(Bar, events) if bar.ts_event - bar.ts_open == SECOND]
        assert set(seconds) < set(history_bars(venue, seconds[-1][1]))  # type: ignore[arg-type]


def test_stocks_and_crypto_come_over_a_connection_each() -> None:
    both = [Subscription("AAPL", Kind.TRADES), Subscription("BTC/USD", Kind.TRADES)]
    with AlpacaVenue() as venue:
        venue.play_to = LIVE_FROM + 2 * SECOND
        live = AlpacaLive(venue.params(silence_s=5.0), clock_ns=lambda: LIVE_FROM, sleep=no_pause)

        async def collect() -> set[str]:
            seen: set[str] = set()
            async with aclosing(live.stream(both)) as stream:
                async for event in stream:
                    assert isinstance(event, Trade)
                    seen.add(f"{event.instrument} {event.aggressor}")
                    if len(seen) == 3:
                        break
            return seen

        assert run(collect()) == {"AAPL 0", "BTC/USD 1", "BTC/USD -1"}


@pytest.mark.parametrize("code", ["402", "405", "409"])
def test_a_refusal_that_does_not_pass_ends_the_stream(code: str) -> None:
    with AlpacaVenue([Fault(code)]) as venue, pytest.raises(SourceError, match=code):
        listen(venue, AAPL_TICKS)


@pytest.mark.parametrize("code", ["404", "406", "407"])
def test_a_refusal_that_passes_is_tried_again(code: str) -> None:
    with AlpacaVenue([Fault(code, times=3)]) as venue:
        events, live = listen(venue, AAPL_TICKS, until=LIVE_FROM + SECOND)
        assert of(Trade, events)
        assert live.counts[f"error {code}"] == 3


def test_a_connection_that_another_program_holds_is_an_error() -> None:
    with AlpacaVenue([Fault("406", times=None)]) as venue, pytest.raises(SourceError, match="406") as error:
        listen(venue, AAPL_TICKS)
    assert "one connection" in str(error.value)


def test_a_plan_without_the_feed_says_so() -> None:
    with AlpacaVenue(plan="free") as venue, pytest.raises(SourceError, match="409") as error:
        listen(venue, AAPL_TICKS, feed="sip")
    assert "feed='iex'" in str(error.value)


def test_missing_keys_and_odd_symbols_are_told_before_anything_is_opened() -> None:
    async def first(live: AlpacaLive, symbol: str) -> None:
        await anext(live.stream([Subscription(symbol, Kind.TRADES)]))

    with AlpacaVenue() as venue:
        with pytest.raises(UsageError, match="keys are missing"):
            run(first(AlpacaLive(venue.params(key=SecretStr("")), clock_ns=lambda: 0), "AAPL"))
        with pytest.raises(UsageError, match="not a symbol"):
            run(first(AlpacaLive(venue.params(), clock_ns=lambda: 0), "aapl"))
        assert not venue.heard


def test_keys_are_in_no_error_and_no_log_of_the_stream(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    wrong = SecretStr("canary-wrong-secret")
    with AlpacaVenue() as venue:
        with pytest.raises(SourceError, match="402") as error:  # the venue's message quotes the secret
            listen(venue, AAPL_TICKS, secret=wrong)
        _, live = listen(venue, AAPL_TICKS, until=LIVE_FROM + SECOND)
    said = [str(error.value), repr(error.value), repr(live), repr(vars(live)), str(live.counts)]
    said += [record.getMessage() for record in caplog.records]
    assert not [text for text in said for word in (KEY, SECRET, "canary-wrong") if word in text]


def test_a_stream_can_be_left_at_any_time() -> None:
    async def leave(venue: AlpacaVenue) -> int:
        live = AlpacaLive(venue.params(silence_s=5.0), clock_ns=lambda: LIVE_FROM, sleep=no_pause)
        async with aclosing(live.stream(ALL)) as stream:
            await anext(stream)
        await asyncio.sleep(0)
        return len([t for t in asyncio.all_tasks() if t is not asyncio.current_task()])

    with AlpacaVenue() as venue:
        venue.play_to = LIVE_FROM + SECOND
        # only what the time limit around this test brings may be left
        assert run(leave(venue)) <= 1
        venue.play_to += SECOND
        assert run(leave(venue)) <= 1
