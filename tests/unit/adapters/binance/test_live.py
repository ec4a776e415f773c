"""Live streams of a local Binance: what arrives, and that every loss is said."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import cache
from itertools import count

import pytest
from tests.venues.binance_venue import BinanceVenue
from tests.venues.faults import Fault

from tradewright.adapters.binance.live import BinanceLive
from tradewright.adapters.binance.params import BinanceParams, Market
from tradewright.core.types.bar import Bar
from tradewright.core.types.errors import SourceError, UsageError
from tradewright.core.types.feed import FeedGap
from tradewright.core.types.quote import Quote
from tradewright.core.types.trade import Trade
from tradewright.data.kinds import Kind
from tradewright.data.ports import Subscription
from tradewright.data.timeframe import SECOND

Item = Bar | Quote | Trade | FeedGap
BARS = Subscription("BTCUSDT", Kind.BARS, "1m")
TRADES = Subscription("BTCUSDT", Kind.TRADES)
QUOTES = Subscription("BTCUSDT", Kind.QUOTES)
ALL = (BARS, TRADES, QUOTES)
MARKETS = pytest.mark.parametrize("market", list(Market))
STEPS = 12


async def no_sleep(_seconds: float) -> None:
    await asyncio.sleep(0)


def listen(
    venue: BinanceVenue,
    subscriptions: Sequence[Subscription],
    is_last: Callable[[list[Item]], bool],
    silence_s: float = 15.0,
) -> list[Item]:
    """Return what a stream brings until a condition holds; the clock counts its calls."""
    ticks = count(1)

    async def _go() -> list[Item]:
        live = BinanceLive(venue.params(silence_s=silence_s), clock_ns=lambda: next(ticks), sleep=no_sleep)
        got: list[Item] = []
        async with asyncio.timeout(20), aclosing(live.stream(subscriptions)) as stream:
            async for item in stream:
                got.append(item)
                if is_last(got):
                    break
        return got

    return asyncio.run(_go())


def timeless(item: Item) -> Item:
    """Return an item without the times of our clock."""
    if isinstance(item, Quote):
        return replace(item, ts_seen=0, ts_event=0)
    return replace(item, ts_seen=0) if isinstance(item, Trade) else item


def nouns(items: Sequence[Item], kind: type) -> list[Item]:
    return [timeless(item) for item in items if isinstance(item, kind)]


def gaps(items: Sequence[Item]) -> list[FeedGap]:
    return [item for item in items if isinstance(item, FeedGap)]


@cache
def all_of(market: Market, subscriptions: tuple[Subscription, ...]) -> list[Item]:
    """Return everything that a tape without faults holds."""
    wanted = sum(STEPS // 2 if s.kind is Kind.BARS else STEPS for s in subscriptions)
    with BinanceVenue(market, steps=STEPS) as venue:
        return listen(venue, subscriptions, lambda got: len(got) == wanted)


def until_the_last(market: Market, subscriptions: tuple[Subscription, ...]) -> Callable[[list[Item]], bool]:
    last = {type(item): timeless(item) for item in all_of(market, subscriptions)}
    return lambda got: set(last.values()) <= {timeless(item) for item in got}


def run(fault: Fault, subscription: Subscription, market: Market = Market.SPOT) -> tuple[list[Item], list[Item]]:
    """Return what comes with a fault and what comes without."""
    with BinanceVenue(market, [fault], steps=STEPS) as venue:
        silence_s = 0.2 if fault.kind == "silent" else 15.0
        got = listen(venue, (subscription,), until_the_last(market, (subscription,)), silence_s)
    assert venue.script.fired.total() == 1
    return got, all_of(market, (subscription,))


@MARKETS
def test_everything_arrives_once_and_in_order(market: Market) -> None:
    got = all_of(market, ALL)
    assert gaps(got) == []
    with BinanceVenue(market, steps=STEPS) as venue:
        tape = {name: [data for n, data in venue.tape([name])] for name in ("btcusdt@aggTrade", "btcusdt@kline_1m")}
    unit = 1000 if market is Market.SPOT else 1_000_000
    trades = [item for item in got if isinstance(item, Trade)]
    told = tape["btcusdt@aggTrade"]
    assert [t.ts_event for t in trades] == [data["T"] * unit for data in told]
    assert [t.price for t in trades] == [float(data["p"]) for data in told]
    assert [t.aggressor for t in trades] == [-1 if data["m"] else 1 for data in told]
    bars = [item for item in got if isinstance(item, Bar)]
    closed = [data["k"] for data in tape["btcusdt@kline_1m"] if data["k"]["x"]]
    assert [(b.ts_open, b.open, b.high, b.low, b.close, b.volume) for b in bars] == [
        (k["t"] * unit, *(float(k[key]) for key in "ohlcv")) for k in closed
    ]
    assert all(b.ts_event == b.ts_open + 60 * SECOND for b in bars)
    quotes = [item for item in got if isinstance(item, Quote)]
    assert [q.bid for q in quotes] == [40000.0 + 0.07 * i for i in range(STEPS)]
    assert all((q.ts_event == q.ts_seen) is (market is Market.SPOT) for q in quotes)
    assert {item.instrument for item in got} == {"BTCUSDT"}


def test_addresses_are_those_of_the_venue() -> None:
    def urls(market: Market, **settings: int) -> list[str]:
        live = BinanceLive(BinanceParams(market=market, **settings))
        return [url for url, _ in live._connections(ALL)]

    names = "btcusdt@kline_1m/btcusdt@aggTrade"
    unit = "&timeUnit=MICROSECOND"
    assert urls(Market.SPOT) == [f"wss://stream.binance.com:9443/stream?streams={names}/btcusdt@bookTicker{unit}"]
    assert urls(Market.FUTURES) == [
        f"wss://fstream.binance.com/market/stream?streams={names}",
        "wss://fstream.binance.com/public/stream?streams=btcusdt@bookTicker",
    ]
    assert len(urls(Market.SPOT, streams_per_connection=2)) == 2


@MARKETS
@pytest.mark.parametrize(("kind", "reason"), [("drop", "disconnected"), ("silent", "silent")])
def test_a_lost_connection_is_said_and_what_was_missed_is_not_invented(kind: str, reason: str, market: Market) -> None:
    got, clean = run(Fault(kind, path="aggTrade", skip=4, count=3), TRADES, market)
    assert nouns(got, Trade) == nouns(clean[:4] + clean[7:], Trade)
    (gap,) = gaps(got)
    before, after = got[3], got[5]
    assert got[4] is gap
    assert gap.reason == reason
    assert isinstance(before, Trade)
    assert isinstance(after, Trade)
    assert gap.ts_from < gap.ts_to < after.ts_seen


@MARKETS
def test_a_lost_connection_is_said_for_each_instrument(market: Market) -> None:
    subscriptions = (TRADES, Subscription("ETHUSDT", Kind.TRADES))
    with BinanceVenue(market, [Fault("drop", skip=5)], steps=STEPS) as venue:
        got = listen(venue, subscriptions, lambda items: len(items) == 2 * STEPS + 1)
    assert [(gap.instrument, gap.reason) for gap in gaps(got)] == [
        ("BTCUSDT", "disconnected"),
        ("ETHUSDT", "disconnected"),
    ]
    assert len(set(venue.targets)) == 1
    assert len(venue.targets) == 2


@pytest.mark.parametrize(
    ("subscription", "skip", "lost"), [(TRADES, 4, 2), (BARS, 4, 2)], ids=["two trades", "one closed bar"]
)
def test_a_hole_in_the_sequence_is_said(subscription: Subscription, skip: int, lost: int) -> None:
    got, clean = run(Fault("gap", skip=skip, count=lost), subscription)
    noun = Bar if subscription is BARS else Trade
    (gap,) = gaps(got)
    assert gap.reason == "sequence"
    assert gap.ts_from < gap.ts_to
    at = got.index(gap)
    missed = 1 if subscription is BARS else 2
    assert nouns(got, noun) == nouns([*clean[:at], *clean[at + missed :]], noun)


def test_updates_of_quotes_may_skip_numbers() -> None:
    got, clean = run(Fault("gap", skip=4, count=2), QUOTES)
    assert gaps(got) == []
    assert nouns(got, Quote) == nouns(clean[:4] + clean[6:], Quote)


@pytest.mark.parametrize("subscription", ALL)
def test_repetitions_are_suppressed(subscription: Subscription) -> None:
    got, clean = run(Fault("duplicate", skip=6, count=4), subscription)
    assert [timeless(item) for item in got] == [timeless(item) for item in clean]


def test_repetitions_after_a_lost_connection_are_suppressed() -> None:
    faults = [Fault("drop", skip=6, count=0), Fault("duplicate", skip=7, count=4)]
    with BinanceVenue(Market.SPOT, faults, steps=STEPS) as venue:
        got = listen(venue, (TRADES,), until_the_last(Market.SPOT, (TRADES,)))
    assert venue.script.fired.total() == 2
    assert nouns(got, Trade) == nouns(all_of(Market.SPOT, (TRADES,)), Trade)
    assert [gap.reason for gap in gaps(got)] == ["disconnected"]


@pytest.mark.parametrize("subscription", ALL)
def test_a_message_that_cannot_be_understood_is_a_gap(subscription: Subscription) -> None:
    got, clean = run(Fault("malformed", skip=5), subscription)
    assert [gap.reason for gap in gaps(got)] == ["sequence"]
    assert len(got) == len(clean)  # the gap stands for the message


def connected_to(*messages: str) -> tuple[list[Item], Callable[[str], list[Item]]]:
    live = BinanceLive(clock_ns=count(100).__next__)
    ((_, streams),) = live._connections((TRADES,))

    def read(message: str) -> list[Item]:
        return list(live._read(message, streams))

    return [item for message in messages for item in read(message)], read


def trade(number: int) -> str:
    fields = f'"e":"aggTrade","s":"BTCUSDT","a":{number},"p":"1","q":"1","T":1,"m":true'
    return f'{{"stream":"btcusdt@aggTrade","data":{{{fields}}}}}'


@pytest.mark.parametrize("message", ["{", "[]", "7", "null", '"text"'])
def test_what_is_no_message_at_all_is_a_gap(message: str) -> None:
    got, _ = connected_to(trade(1), message)
    assert gaps(got) == [FeedGap("BTCUSDT", 100, 101, "sequence")]


@pytest.mark.parametrize(
    "message", ['{"result":null,"id":1}', '{"e":"serverShutdown","E":1}', '{"stream":"other@aggTrade","data":{}}']
)
def test_news_of_the_server_is_no_market_data(message: str) -> None:
    assert connected_to(message)[0] == []


def test_a_refusal_in_the_stream_is_an_error() -> None:
    with pytest.raises(SourceError, match="Invalid request"):
        connected_to('{"error":{"code":2,"msg":"Invalid request: unknown stream"}}')


def test_a_venue_that_counts_anew_is_followed_after_a_while() -> None:
    got, _ = connected_to(trade(1000), *(trade(i) for i in range(1, 60)))
    assert len(gaps(got)) == 1
    assert len(nouns(got, Trade)) == 1 + 10


@pytest.mark.parametrize(
    ("subscription", "match"),
    [
        (Subscription("btcusdt", Kind.TRADES), "not a Binance symbol"),
        (Subscription("BTCUSDT", Kind.BARS, "2m"), "no bars of '2m'"),
        (Subscription("BTCUSDT", Kind.QUOTES, "1m"), "have no timeframe"),
    ],
)
def test_what_the_venue_does_not_have(subscription: Subscription, match: str) -> None:
    async def _go() -> None:
        async with aclosing(BinanceLive().stream((subscription,))) as stream:
            await anext(stream)

    with pytest.raises(UsageError, match=match):
        asyncio.run(_go())


def test_nothing_to_listen_to() -> None:
    with pytest.raises(UsageError, match="nothing to listen to"):
        BinanceLive()._connections(())
