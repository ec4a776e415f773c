"""Bars of a terminal that is asked: each once, when it is over, and what is missing is said."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing, suppress
from typing import Any

import pytest
from tests.venues.local_account import LocalAccount
from tests.venues.mt5_server import Mt5Server
from tests.venues.mt5_shown import MINUTE, ShownTerminal, bar
from tests.venues.mt5_ways import WAYS, way_to

from tradewright.adapters.mt5.live import Mt5Live
from tradewright.adapters.mt5.server_zone import last_change_ms
from tradewright.adapters.mt5.terminal import Terminal
from tradewright.core.types.bar import Bar
from tradewright.core.types.errors import SourceError, UsageError
from tradewright.core.types.feed import FeedGap
from tradewright.core.types.quote import Quote
from tradewright.data.kinds import Kind
from tradewright.data.ports import Subscription
from tradewright.execution.venue import VenueAuthError, VenueTimeoutError, VenueUnavailableError

ONE = Subscription("EURUSD", Kind.BARS, "1m")
AWAY = VenueUnavailableError("the terminal is gone")
T = 1_784_000_040_000  # a full minute of July 2026
Step = Callable[[], object]
Heard = list[Bar | Quote | FeedGap]


class OverError(Exception):
    """The test has seen enough."""


def heard(
    shown: ShownTerminal, steps: Sequence[Step], subscriptions: Sequence[Subscription] = (ONE,)
) -> tuple[Heard, list[float]]:
    """Return what a feed says, and how long it paused; between two looks the next step is taken."""
    left, pauses, told = list(steps), list[float](), Heard()

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if not left:
            raise OverError
        left.pop(0)()

    async def work() -> None:
        live = Mt5Live(shown.terminal, now_ns=lambda: shown.quoted_ms * 10**6, theirs=lambda s: f"{s}.m", sleep=sleep)
        async with aclosing(live.stream(subscriptions)) as stream:
            with suppress(OverError):
                async for noun in stream:
                    told.append(noun)

    asyncio.run(work())
    return told, pauses


def bars(told: Heard) -> list[int]:
    """Return how many minutes after T bars begin."""
    return [(noun.ts_open // 10**6 - T) // MINUTE for noun in told if isinstance(noun, Bar)]


def minutes(shown: ShownTerminal, *begins: int, quoted_s: float) -> Step:
    """Let bars begin, so many minutes after T, and the newest quote be so many seconds after it."""

    def step() -> None:
        known = {(row.time_ms, row.end_ms): row for row in shown.rows}
        known |= {(T + n * MINUTE, T + (n + 1) * MINUTE): bar(T + n * MINUTE, 1.0 + n / 100) for n in begins}
        shown.rows = [known[at] for at in sorted(known)]
        shown.quoted_ms = T + round(quoted_s * 1_000)

    return step


def test_a_bar_is_told_once_when_a_later_one_has_begun_and_what_was_over_before_is_not() -> None:
    shown = ShownTerminal(bar(T - MINUTE), bar(T), quoted_ms=T + 30_000)
    told, pauses = heard(
        shown,
        [
            minutes(shown, 0, quoted_s=59),
            minutes(shown, 0, quoted_s=60.2),  # its end has passed, by less than quotes may be late
            minutes(shown, 1, quoted_s=60.3),
            minutes(shown, 1, quoted_s=70),
            minutes(shown, 2, quoted_s=121),
        ],
    )
    assert bars(told) == [0, 1]
    assert len(told) == 2
    first = told[0]
    assert isinstance(first, Bar)
    assert (first.instrument, first.ts_event - first.ts_open, first.volume) == ("EURUSD", MINUTE * 10**6, 7.0)
    assert pauses == [1.0] * 6
    assert len(shown.asked) == 4, "bars are asked for only when one may be over"


def test_a_bar_that_nothing_follows_is_over_by_the_newest_quote_of_another_symbol() -> None:
    shown = ShownTerminal(bar(T), quoted_ms=T + 30_000)
    told, _ = heard(shown, [minutes(shown, quoted_s=60.9), minutes(shown, quoted_s=61.0), minutes(shown, quoted_s=90)])
    assert bars(told) == [0]


def test_a_minute_without_quotes_has_no_bar_and_is_no_gap() -> None:
    shown = ShownTerminal(bar(T), quoted_ms=T + 30_000)
    told, _ = heard(shown, [minutes(shown, 3, quoted_s=180.5), minutes(shown, 4, quoted_s=240.5)])
    assert bars(told) == [0, 3]
    assert len(told) == 2


def test_a_look_that_fails_is_no_gap_and_a_terminal_that_stays_away_is_one_gap_and_is_asked_on() -> None:
    shown = ShownTerminal(bar(T), quoted_ms=T + 30_000)
    steps: list[Step] = [lambda: setattr(shown, "error", AWAY), lambda: setattr(shown, "error", None)]
    told, _ = heard(shown, [*steps, minutes(shown, 1, quoted_s=60.5)])
    assert (bars(told), len(told)) == ([0], 1)

    shown = ShownTerminal(bar(T), quoted_ms=T + 30_000)
    away = [lambda: setattr(shown, "error", VenueTimeoutError("no answer")), *[lambda: None] * 11]
    back = minutes(shown, 1, 2, 3, 4, quoted_s=245)
    told, pauses = heard(shown, [*away, lambda: setattr(shown, "error", None), back, minutes(shown, 5, quoted_s=305)])
    gap, healed, *rest = told
    assert isinstance(gap, FeedGap)
    assert (gap.instrument, gap.reason) == ("EURUSD", "disconnected: no answer")
    assert healed == FeedGap("EURUSD", (T + 30_000) * 10**6, (T + 3 * MINUTE) * 10**6, "sequence")
    assert bars(rest) == [3, 4], "what is before the newest is history"
    assert pauses[:6] == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0]
    assert max(pauses) == 30.0
    assert pauses[-2:] == [1.0, 1.0]


def test_several_bars_at_once_are_a_gap_and_the_newest() -> None:
    shown = ShownTerminal(bar(T), quoted_ms=T + 30_000)
    told, _ = heard(shown, [minutes(shown, 1, 2, quoted_s=130), minutes(shown, 3, quoted_s=185)])
    assert told[0] == FeedGap("EURUSD", (T + 30_000) * 10**6, (T + MINUTE) * 10**6, "sequence")
    assert bars(told) == [1, 2]


def test_rows_that_come_twice_or_in_disorder_are_told_once_in_order() -> None:
    shown = ShownTerminal(bar(T), quoted_ms=T + 30_000)

    def disorder() -> None:
        minutes(shown, 1, quoted_s=65)()
        shown.rows = [shown.rows[1], shown.rows[0], shown.rows[0]]

    told, _ = heard(shown, [disorder, disorder, minutes(shown, 2, quoted_s=125)])
    assert bars(told) == [0, 1]
    assert len(told) == 2


@pytest.mark.parametrize("wrong", [{"low": 3.0}, {"open": -1.0}, {"close": float("nan")}])
def test_a_bar_that_cannot_be_right_is_a_gap(wrong: dict[str, Any]) -> None:
    shown = ShownTerminal(bar(T), quoted_ms=T + 30_000)

    def broken() -> None:
        shown.rows = [bar(T, **wrong), bar(T + MINUTE)]
        shown.quoted_ms = T + 65_000

    told, _ = heard(shown, [broken, minutes(shown, 2, quoted_s=125)])
    assert told[0] == FeedGap("EURUSD", (T + 30_000) * 10**6, (T + MINUTE) * 10**6, "sequence")
    assert bars(told[1:]) == [1]


def test_bars_of_before_the_clocks_were_moved_are_not_used_without_a_zone() -> None:
    moved = last_change_ms(T)
    shown = ShownTerminal(bar(moved - MINUTE), quoted_ms=moved - 20_000, knows_zone=False)

    def later() -> None:
        shown.rows += [bar(moved), bar(moved + MINUTE)]
        shown.quoted_ms = moved + MINUTE + 5_000

    told, _ = heard(shown, [later])
    assert [noun.ts_open // 10**6 for noun in told if isinstance(noun, Bar)] == [moved]


def test_several_timeframes_of_one_symbol() -> None:
    shown = ShownTerminal(bar(T), bar(T, length_ms=60 * MINUTE), quoted_ms=T + 30_000)
    hour = Subscription("EURUSD", Kind.BARS, "1h")
    steps = [minutes(shown, 1, quoted_s=61), minutes(shown, 59, quoted_s=3_599), minutes(shown, 60, quoted_s=3_601)]
    told, _ = heard(shown, steps, [ONE, hour, ONE])
    found = [(noun.ts_event - noun.ts_open) // 10**6 // MINUTE for noun in told if isinstance(noun, Bar)]
    assert found == [1, 1, 1, 60]


@pytest.mark.parametrize(
    ("subscription", "said"),
    [
        (Subscription("EURUSD", Kind.BARS, "7m"), "no bars of 7m"),
        (Subscription("EURUSD", Kind.BARS, "1w"), "no bars of 1w"),
        (Subscription("EURUSD", Kind.QUOTES, "1m"), "quotes of 1m are not read"),
        (Subscription("EURUSD", Kind.TRADES), "trades of tick are not read"),
    ],
)
def test_what_a_terminal_does_not_have_is_a_mistake_of_the_user(subscription: Subscription, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        heard(ShownTerminal(), [], [subscription])
    with pytest.raises(UsageError, match="nothing to listen to"):
        heard(ShownTerminal(), [], [])


def test_what_is_refused_at_the_beginning_ends_the_feed_and_later_it_goes_on() -> None:
    refused = VenueAuthError("not logged in", fix="Log it in.")
    shown = ShownTerminal(quoted_ms=T)
    shown.error = refused
    with pytest.raises(SourceError, match="not logged in"):
        heard(shown, [])
    with pytest.raises(SourceError, match=r"no symbol GBPUSD\.m"):
        heard(ShownTerminal(quoted_ms=T), [], [Subscription("GBPUSD", Kind.BARS, "1m")])
    shown.error = None
    told, _ = heard(shown, [lambda: setattr(shown, "error", refused), *[lambda: None] * 4])
    assert [noun.reason for noun in told if isinstance(noun, FeedGap)] == ["disconnected: not logged in"]


def test_a_terminal_that_is_not_there_yet_is_waited_for() -> None:
    shown = ShownTerminal(bar(T), quoted_ms=T + 30_000)
    shown.error = AWAY
    told, _ = heard(shown, [lambda: None, lambda: setattr(shown, "error", None), minutes(shown, 1, quoted_s=61)])
    assert bars(told) == [0]


def test_of_quotes_the_newest_is_told_where_it_is_another_and_after_the_bar_that_it_completes() -> None:
    shown = ShownTerminal(bar(T), quoted_ms=T + 30_000)

    def wrong() -> None:
        shown.quoted_ms, shown.ask = T + 71_000, 0.5  # below the bid

    steps = [minutes(shown, quoted_s=30), minutes(shown, 1, quoted_s=60.5), minutes(shown, quoted_s=70), wrong]
    told, _ = heard(shown, steps, [ONE, Subscription("EURUSD", Kind.QUOTES)])
    assert [type(noun) for noun in told] == [Bar, Quote, Quote]
    assert told[1] == Quote("EURUSD", (T + 60_500) * 10**6, (T + 60_500) * 10**6, 1.0, 1.1, 0.0, 0.0)
    alone, _ = heard(ShownTerminal(quoted_ms=T), [], [Subscription("EURUSD", Kind.QUOTES)])
    assert alone == [], "what stood when listening began may be old"


def test_a_symbol_that_has_no_quote_yet_is_waited_for() -> None:
    shown = ShownTerminal(quoted_ms=-3 * 3_600_000)  # 0 by the server's clock
    told, _ = heard(shown, [minutes(shown, 0, quoted_s=30), minutes(shown, 1, quoted_s=61)])
    assert (bars(told), len(told)) == ([0], 1)
    assert min(start for start, _ in shown.asked) == 0


@pytest.mark.parametrize("way", WAYS)
def test_over_each_way_every_minute_of_the_market_is_told_once(way: str) -> None:
    server = Mt5Server(LocalAccount("EURUSD"))

    async def work(terminal: Terminal) -> None:
        async def sleep(_: float) -> None:
            server.local.advance()

        told = Heard()
        live = Mt5Live(terminal, now_ns=lambda: server.local.now_ns, sleep=sleep)
        async with aclosing(live.stream([ONE])) as stream:
            async for noun in stream:
                told.append(noun)
                if len(told) == 6:
                    break
        await terminal.close()
        wanted = {row[0] * 10**9: row for row in server.bars(60)}
        assert [noun.ts_event for noun in told if isinstance(noun, Bar)] == [  # no gap
            told[0].ts_event + n * MINUTE * 10**6 for n in range(6) if isinstance(told[0], Bar)
        ]
        for noun in told:
            assert isinstance(noun, Bar)
            assert (noun.open, noun.high, noun.low, noun.close) == wanted[noun.ts_open][1:5]

    with way_to(way, server) as terminal:
        asyncio.run(work(terminal))
