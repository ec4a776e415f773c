"""What the stream says, line by line, without a socket."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from pydantic import SecretStr

from tradewright.adapters.alpaca.listener import Event, Listener
from tradewright.adapters.alpaca.params import AlpacaParams
from tradewright.adapters.websocket import Reconnected
from tradewright.core.types.bar import Bar
from tradewright.core.types.errors import SourceError, UsageError
from tradewright.core.types.feed import FeedGap
from tradewright.core.types.quote import Quote
from tradewright.core.types.trade import Trade
from tradewright.data.kinds import Kind
from tradewright.data.ports import Subscription

SECOND = 10**9
START = 1_709_823_600 * SECOND  # 2024-03-07 15:00 UTC
SECRET = "canary-in-the-stream"  # noqa: S105
PARAMS = AlpacaParams(key=SecretStr("K"), secret=SecretStr(SECRET))
ALL = [
    Subscription("AAPL", Kind.TRADES),
    Subscription("AAPL", Kind.QUOTES),
    Subscription("AAPL", Kind.BARS, "1m"),
    Subscription("AAPL", Kind.BARS, "1s"),
    Subscription("MSFT", Kind.QUOTES),
]
ACK = {"T": "subscription", "trades": ["AAPL"], "quotes": ["AAPL", "MSFT"], "bars": ["AAPL"], "updatedBars": []}


def stamp(seconds: float) -> str:
    return f"2024-03-07T15:{int(seconds) // 60:02d}:{int(seconds) % 60:02d}.{round(seconds % 1 * 1000):03d}Z"


def trade(seconds: float, number: int, price: float = 10.0, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    row = {"T": "t", "S": "AAPL", "i": number, "x": "V", "p": price, "s": 100, "c": ["@"], "z": "C"}
    return row | {"t": stamp(seconds)} | more


def quote(seconds: float, symbol: str = "MSFT", **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"T": "q", "S": symbol, "bp": 1.0, "bs": 2, "ap": 1.1, "as": 3, "t": stamp(seconds), "c": ["R"]} | more


class Talk:
    """A listener, and how to talk to it."""

    def __init__(self, subscriptions: list[Subscription] | None = None, params: AlpacaParams = PARAMS) -> None:
        self.counts: Counter[str] = Counter()
        self.listener = Listener(ALL if subscriptions is None else subscriptions, params, self.counts)

    def say(self, *parts: Any, at: float = 0.0) -> list[Event]:  # noqa: ANN401
        return self.listener.hear(json.dumps(list(parts)), START + round(at * SECOND))

    def ready(self, at: float = 0.0) -> list[Event]:
        return self.say(ACK, at=at)


def bars(events: list[Event]) -> list[Bar]:
    return [event for event in events if isinstance(event, Bar)]


def test_the_steps_of_a_login() -> None:
    talk = Talk()
    assert talk.say({"T": "success", "msg": "connected"}) == []
    assert [json.loads(text) for text in talk.listener.replies()] == [{"action": "auth", "key": "K", "secret": SECRET}]
    assert talk.say({"T": "success", "msg": "authenticated"}) == []
    (asked,) = talk.listener.replies()
    assert json.loads(asked) == {
        "action": "subscribe",
        "trades": ["AAPL"],
        "quotes": ["AAPL", "MSFT"],
        "bars": ["AAPL"],
    }
    assert talk.ready() == []
    assert talk.listener.replies() == []


def test_nouns_carry_both_times() -> None:
    talk = Talk()
    talk.ready()
    bar = {"T": "b", "S": "AAPL", "o": 1, "h": 2, "l": 0.5, "c": 1.5, "v": 9, "n": 2, "vw": 1.2, "t": stamp(0)}
    events = talk.say(trade(0.25, 1), quote(0.5), at=0.75)
    assert events == [
        Trade("AAPL", START + SECOND // 4, START + 3 * SECOND // 4, 10.0, 100.0, 0),
        Quote("MSFT", START + SECOND // 2, START + 3 * SECOND // 4, 1.0, 1.1, 2.0, 3.0),
    ]
    assert talk.say(bar, at=0.8) == [Bar("AAPL", START, START + 60 * SECOND, 1.0, 2.0, 0.5, 1.5, 9.0)]


def test_a_crypto_trade_has_a_side() -> None:
    talk = Talk([Subscription("BTC/USD", Kind.TRADES)])
    talk.say({"T": "subscription", "trades": ["BTC/USD"]})
    row = {"T": "t", "S": "BTC/USD", "p": 1.0, "s": 0.5, "i": 1, "t": stamp(0)}
    (buy,) = talk.say(row | {"tks": "B"})
    (sell,) = talk.say(row | {"tks": "S", "i": 2})
    assert isinstance(buy, Trade)
    assert isinstance(sell, Trade)
    assert (buy.aggressor, sell.aggressor) == (1, -1)


def test_a_minute_bar_comes_once() -> None:
    talk = Talk()
    talk.ready()
    bar = {"T": "b", "S": "AAPL", "o": 1, "h": 2, "l": 0.5, "c": 1.5, "v": 9, "n": 2, "vw": 1.2, "t": stamp(0)}
    assert len(talk.say(bar, bar, bar | {"T": "u"}, bar | {"T": "d"}, {"T": "s", "S": "AAPL"})) == 1
    assert len(talk.say(bar | {"t": stamp(60)}, bar)) == 1
    assert talk.counts == {"repeated bars": 2, "changed bars": 1, "unfinished daily bars": 1, "trading status": 1}


def test_a_trade_comes_once() -> None:
    talk = Talk()
    talk.ready()
    events = talk.say(trade(0.1, 1), trade(0.1, 1), trade(0.1, 1, x="Q"), trade(0.2, 1), at=0.3)
    assert len(events) == 3  # the number is the exchange's, and begins anew each day
    assert talk.counts == {"repeated trades": 1}


def test_a_bar_of_seconds_closes_when_the_stream_has_moved_on() -> None:
    talk = Talk()
    talk.ready()
    assert not bars(talk.say(trade(0.1, 1, 10.0), trade(0.9, 2, 12.0), at=0.9))
    assert not bars(talk.say(trade(1.5, 4, 11.0), at=1.6))
    assert not bars(talk.say(trade(0.5, 3, 9.0), at=1.7))  # late, and still in time
    closed = bars(talk.say(quote(2.0), at=2.1))  # one second past the end, by any symbol
    assert closed == [Bar("AAPL", START, START + SECOND, 10.0, 12.0, 9.0, 12.0, 300.0)]
    talk.say(trade(0.6, 5), at=2.2)
    assert talk.counts == {"trades outside an open bar": 1}


def test_on_a_quiet_stream_our_clock_closes_a_bar() -> None:
    talk = Talk()
    talk.ready()
    talk.say(trade(0.5, 1), at=0.6)
    assert talk.listener.closed_bars(START + 3 * SECOND - 1) == []
    assert len(talk.listener.closed_bars(START + 3 * SECOND)) == 1
    assert talk.listener.closed_bars(START + 9 * SECOND) == []


def test_the_first_bar_is_one_that_was_seen_from_its_beginning() -> None:
    talk = Talk()
    talk.ready(at=0.5)
    talk.say(trade(0.6, 1), trade(1.0, 2), at=1.1)
    assert [bar.ts_open for bar in bars(talk.say(quote(9.0), at=9.0))] == [START + SECOND]


def test_a_cancelled_or_corrected_trade_leaves_an_open_bar() -> None:
    for is_kept, high, volume in ((False, 10.0, 100.0), (True, 13.0, 107.0)):
        talk = Talk(params=PARAMS.model_copy(update={"is_corrected_kept": is_kept}))
        talk.ready()
        talk.say(trade(0.1, 1), trade(0.2, 2, 99.0), trade(0.3, 3, 50.0), at=0.4)
        common = {"S": "AAPL", "x": "V", "z": "C", "t": stamp(0.5)}
        correction = {"T": "c", "oi": 3, "op": 50.0, "os": 100, "oc": ["@"], "ci": 4, "cp": 13.0, "cs": 7, "cc": ["@"]}
        assert talk.say({"T": "x", "i": 2, "p": 99.0, "s": 100, "a": "C"} | common, correction | common, at=0.6) == []
        (bar,) = bars(talk.say(quote(5.0), at=5.0))
        assert (bar.high, bar.volume) == (high, volume)
        assert talk.counts == {"cancellations": 1, "corrections": 1}


def test_a_lost_connection_is_a_gap_until_the_subscription_stands_again() -> None:
    talk = Talk()
    talk.ready()
    talk.say(trade(0.1, 1), trade(2.5, 2), quote(2.6), at=2.7)
    loss = Reconnected(START + 2 * SECOND, START + 4 * SECOND, "silent")
    assert talk.listener.lose(loss) == []  # the bar of the first second was handed over before
    assert talk.say({"T": "success", "msg": "connected"}, at=4.1) == []
    assert talk.listener.lose(Reconnected(START + 5 * SECOND, START + 6 * SECOND, "disconnected")) == []
    assert talk.ready(at=7.5) == [
        FeedGap("AAPL", START + 2 * SECOND, START + 7 * SECOND + SECOND // 2, "silent"),
        FeedGap("MSFT", START + 2 * SECOND, START + 7 * SECOND + SECOND // 2, "silent"),
    ]
    talk.say(trade(7.6, 3), trade(8.0, 4), at=8.1)
    assert [bar.ts_open for bar in bars(talk.say(quote(20.0), at=20.0))] == [START + 8 * SECOND]


def test_a_gap_reaches_back_to_the_bar_that_is_dropped() -> None:
    talk = Talk()
    talk.ready()
    talk.say(trade(0.1, 1), at=0.2)
    talk.listener.lose(Reconnected(START + SECOND // 5, START + SECOND, "disconnected"))
    gap, other = talk.ready(at=2.0)
    assert isinstance(gap, FeedGap)
    assert isinstance(other, FeedGap)
    assert (gap.ts_from, other.ts_from) == (START, START + SECOND // 5)


@pytest.mark.parametrize(
    "part",
    [
        {"p": "10"},
        {"t": "now"},
        {"s": -1},
        {"t": "2030-01-01T00:00:00Z"},  # would close every bar for years
        {"T": "?"},
    ],
)
def test_a_message_that_cannot_be_read_is_a_gap_of_its_symbol(part: dict[str, Any]) -> None:
    talk = Talk()
    talk.ready()
    talk.say(trade(1.1, 1), at=1.2)
    assert talk.say(trade(1.3, 2) | part, at=1.4) == [
        FeedGap("AAPL", START + SECOND, START + round(1.4 * SECOND), "sequence")
    ]
    talk.say(trade(1.5, 3), trade(2.5, 4), at=2.6)
    assert [bar.ts_open for bar in bars(talk.say(quote(30.0), at=30.0))] == [START + 2 * SECOND]


@pytest.mark.parametrize("text", ["", "{", "{}", "null", "\x00"])
def test_a_frame_that_cannot_be_read_is_a_gap_of_all(text: str) -> None:
    talk = Talk()
    assert talk.listener.hear(text, START) == []  # before anything was promised
    talk.ready()
    gaps = talk.listener.hear(text, START + 5)
    assert [(g.instrument, g.reason) for g in gaps if isinstance(g, FeedGap)] == [
        ("AAPL", "sequence"),
        ("MSFT", "sequence"),
    ]


def test_odd_parts_do_no_harm() -> None:
    talk = Talk()
    talk.ready()
    assert talk.say(7, None, {"T": "t"}, {"T": "t", "S": "TSLA"}, {"T": ["t"], "S": "TSLA"}) == []
    assert talk.counts == {"malformed messages": 3, "symbols not subscribed to": 2}


@pytest.mark.parametrize(
    ("code", "fix"),
    [(401, "TRADEWRIGHT_ALPACA_KEY"), (402, "TRADEWRIGHT_ALPACA_KEY"), (405, "fewer"), (409, "feed='iex'"), (999, "")],
)
def test_a_refusal_that_does_not_pass_is_an_error_at_once(code: int, fix: str) -> None:
    with pytest.raises(SourceError, match=f"{code} no") as error:
        Talk().say({"T": "error", "code": code, "msg": f"no, {SECRET} is wrong"})
    assert fix in str(error.value)
    assert SECRET not in str(error.value)


@pytest.mark.parametrize("code", [404, 406, 407, 500])
def test_a_refusal_that_may_pass_is_an_error_the_fifth_time(code: int) -> None:
    talk = Talk()
    part = {"T": "error", "code": code, "msg": "connection limit exceeded"}
    for _ in range(4):
        assert talk.say(part) == []
    talk.ready()  # it passed: counting begins anew
    for _ in range(4):
        assert talk.say(part) == []
    with pytest.raises(SourceError, match=str(code)):
        talk.say(part)


def test_a_subscription_that_lacks_something_is_an_error() -> None:
    with pytest.raises(SourceError, match="does not send the quotes of MSFT"):
        Talk().say(ACK | {"quotes": ["AAPL"]})


@pytest.mark.parametrize(
    "subscription",
    [
        Subscription("AAPL", Kind.BARS, "7m"),
        Subscription("AAPL", Kind.BARS, "1d"),
        Subscription("AAPL", Kind.BARS),
        Subscription("AAPL", Kind.TRADES, "1s"),
    ],
)
def test_what_the_stream_has_not_is_refused(subscription: Subscription) -> None:
    with pytest.raises(UsageError):
        Talk([subscription])


def test_a_quote_with_one_side_is_counted() -> None:
    talk = Talk()
    talk.ready()
    assert talk.say(quote(0.1, ap=0)) == []
    assert talk.counts == {"quotes with one side only": 1}


def test_minute_bars_alone_may_be_quiet_for_longer() -> None:
    assert Talk().listener.silence_s == PARAMS.silence_s
    assert Talk([Subscription("AAPL", Kind.BARS, "1m")]).listener.silence_s == PARAMS.bar_silence_s


def minute(number: int, price: float = 10.0) -> dict[str, Any]:
    prices = {"o": price, "h": price + 1.0, "l": price - 1.0, "c": price + 0.5}
    return {"T": "b", "S": "AAPL", **prices, "v": 9, "n": 2, "vw": 1.2, "t": stamp(60 * number)}


def five() -> Talk:
    talk = Talk([Subscription("AAPL", Kind.BARS, "5m")])
    talk.say({"T": "subscription", "bars": ["AAPL"]})
    return talk


def test_longer_bars_are_made_of_the_minutes_that_alpaca_streams() -> None:
    talk = Talk([Subscription("AAPL", Kind.BARS, "5m"), Subscription("AAPL", Kind.BARS, "1m")])
    talk.say({"T": "success", "msg": "authenticated"})
    assert json.loads(talk.listener.replies()[0])["bars"] == ["AAPL"]
    talk.say({"T": "subscription", "bars": ["AAPL"]})
    said = [talk.say(minute(k, 10.0 + k), at=60.0 * (k + 1)) for k in (0, 1, 3, 4)]  # nobody traded in the third
    assert [len(events) for events in said] == [1, 1, 1, 2]
    expected = Bar("AAPL", START, START + 300 * SECOND, 10.0, 15.0, 9.0, 14.5, 36.0)
    assert repr(said[-1][1]) == repr(expected)  # NaN is not equal to another NaN


def test_a_longer_bar_whose_last_minutes_are_quiet_ends_with_time_or_with_the_next() -> None:
    talk = five()
    assert talk.say(minute(0), minute(1), at=120.5) == []
    assert talk.listener.closed_bars(START + 314 * SECOND) == []
    (bar,) = talk.listener.closed_bars(START + 316 * SECOND)
    assert isinstance(bar, Bar)
    assert (bar.ts_open, bar.ts_event, bar.volume) == (START, START + 300 * SECOND, 18.0)
    assert talk.say(minute(5), at=361.0) == []
    (bar,) = talk.say(minute(11), at=720.5)
    assert isinstance(bar, Bar)
    assert bar.ts_event == START + 600 * SECOND


def test_a_longer_bar_that_was_not_heard_from_its_first_minute_is_left_out() -> None:
    talk = five()
    assert talk.say(*(minute(k) for k in range(2, 5)), at=301.0) == []
    assert len(talk.say(*(minute(k) for k in range(5, 10)), at=601.0)) == 1
    talk.say(minute(10), minute(11), at=721.0)
    talk.listener.lose(Reconnected(START + 730 * SECOND, START + 740 * SECOND, "disconnected"))
    (gap,) = talk.say({"T": "subscription", "bars": ["AAPL"]}, at=745.0)
    assert isinstance(gap, FeedGap)
    assert gap.ts_from == START + 600 * SECOND, "from where the bar began that nobody makes"
    assert talk.say(*(minute(k) for k in range(12, 15)), at=901.0) == []
    assert len(talk.say(*(minute(k) for k in range(15, 20)), at=1201.0)) == 1


def test_a_recording_far_behind_our_clock_makes_the_same_bars() -> None:
    talk = five()
    behind = 10.0**8
    assert talk.say(*(minute(k) for k in range(4)), at=behind) == []
    assert talk.listener.closed_bars(START + round((behind + 60) * SECOND)) == []
    assert len(talk.say(minute(4), at=behind + 1)) == 1


def test_bars_that_do_not_divide_the_hour_are_refused() -> None:
    with pytest.raises(UsageError, match="live bars of 4h are not made"):
        Talk([Subscription("AAPL", Kind.BARS, "4h")])
