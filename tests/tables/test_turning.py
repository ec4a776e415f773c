"""What leaves or turns a position while its exits work: both may come true in one bar, never twice."""

from __future__ import annotations

from dataclasses import replace

import pytest
from numpy import nan
from tests.tables.script import PLAIN, Setting, Wish, check, check_both_sides

from tradewright.strategies.signals import UNITS, Signals, bracket_at, limit, market, reduce_only, stop, target

FLAT = "100 101 99 100"
LONG_ONLY = Setting(replace(PLAIN, is_shortable=False))
THIN = Setting(replace(PLAIN, participation=0.1))


def enter(s: Signals) -> int:
    """Ten at the market with a stop-loss at 97 and no target."""
    return bracket_at(s, market(s, 10), 97.0, nan)


def enter_with_target(s: Signals) -> int:
    """Ten at the market, stop-loss 97, target 106."""
    return bracket_at(s, market(s, 10), 97.0, 106.0)


TURNS: dict[str, Wish] = {
    "target": lambda s: target(s, -10, UNITS),
    "market": lambda s: market(s, -20),
}


@pytest.mark.parametrize("wish", TURNS.values(), ids=TURNS)
def test_an_order_that_turns_goes_alone(wish: Wish) -> None:
    # Ten long, ten short wanted, and the open of 95 jumps over the stop at 97. The stop was cancelled before the
    # market order went out: twenty sold, ten short; with the stop they would be thirty, twenty short.
    check_both_sides(
        f"{FLAT} | {FLAT} | 95 96 94 95",
        {0: enter, 1: wish},
        fills="""
            1 buy  10 @ 100 strategy
            2 sell 20 @ 95  strategy
        """,
        orders="""
            market buy  10/10 FILLED
            stop   sell  0/10 CANCELED CANCELED_BY_STRATEGY
            market sell 20/20 FILLED
        """,
    )


@pytest.mark.parametrize("wish", TURNS.values(), ids=TURNS)
def test_an_order_that_turns_cancels_target_and_stop(wish: Wish) -> None:
    # The open of 108 jumps over the target at 106 instead: twenty sold at the open, no more.
    outcome = check(
        f"{FLAT} | {FLAT} | 108 109 107 108",
        {0: enter_with_target, 1: wish},
        fills="""
            1 buy  10 @ 100 strategy
            2 sell 20 @ 108 strategy
        """,
        orders="""
            market buy  10/10 FILLED
            stop   sell  0/10 CANCELED CANCELED_BY_STRATEGY
            limit  sell  0/10 CANCELED CANCELED_BY_STRATEGY
            market sell 20/20 FILLED
        """,
    )
    assert outcome.result.open_lots.tolist() == [-10]


def test_exits_of_the_turned_position_are_new() -> None:
    # The new short has its own stop at 103, which closes the ten that are short; the old stop at 97 sells nothing.
    check_both_sides(
        f"{FLAT} | {FLAT} | 100 101 96 98 | 99 104 98 103",
        {0: enter, 1: lambda s: bracket_at(s, target(s, -10, UNITS), 103.0, nan)},
        fills="""
            1 buy  10 @ 100 strategy
            2 sell 20 @ 100 strategy
            3 buy  10 @ 103 stop_loss
        """,
        orders="""
            market buy  10/10 FILLED
            stop   sell  0/10 CANCELED CANCELED_BY_STRATEGY
            market sell 20/20 FILLED
            stop   buy  10/10 FILLED
        """,
    )


def test_a_denied_turn_leaves_the_exits() -> None:
    # What may not be sold short is not sold, and the stop still protects what is held.
    check(
        f"{FLAT} | {FLAT} | 95 96 94 95",
        {0: enter, 1: lambda s: market(s, -20)},
        fills="""
            1 buy  10 @ 100 strategy
            2 sell 10 @ 95  stop_loss
        """,
        orders="""
            market buy  10/10 FILLED
            stop   sell 10/10 FILLED
            market sell  0/20 DENIED NOT_SHORTABLE
        """,
        setting=LONG_ONLY,
    )


def test_a_plain_limit_that_closes_never_opens() -> None:
    # The stop closes the position in bar 2; the sell limit at 104 goes with it, and bar 3 opens no short at 104.
    check_both_sides(
        f"{FLAT} | {FLAT} | 99 100 96 97 | 98 110 98 109",
        {0: enter_with_target, 1: lambda s: limit(s, -10, 104)},
        fills="""
            1 buy  10 @ 100 strategy
            2 sell 10 @ 97  stop_loss
        """,
        orders="""
            market buy  10/10 FILLED
            stop   sell 10/10 FILLED
            limit  sell  0/10 CANCELED CANCELED_BY_OCO
            limit  sell  0/10 CANCELED CANCELED_POSITION_CLOSED
        """,
    )


def test_two_plain_limits_that_close_never_open() -> None:
    # Each alone fits the position and so becomes reduce-only: the first closes it, the second finds nothing to close.
    check_both_sides(
        f"{FLAT} | {FLAT} | 101 110 100 109",
        {0: enter, 1: lambda s: (limit(s, -10, 104), limit(s, -10, 105))},
        fills="""
            1 buy  10 @ 100 strategy
            2 sell 10 @ 104 strategy
        """,
        orders="""
            market buy  10/10 FILLED
            stop   sell  0/10 CANCELED CANCELED_POSITION_CLOSED
            limit  sell 10/10 FILLED
            limit  sell  0/10 CANCELED CANCELED_POSITION_CLOSED
        """,
    )


def test_without_exits_a_plain_limit_stays_what_it_is() -> None:
    # Nothing but another order of the strategy can close the position first, and that was the strategy's own wish.
    outcome = check(
        f"{FLAT} | {FLAT} | {FLAT} | 101 110 100 109",
        {
            0: lambda s: market(s, 10),
            1: lambda s: (limit(s, -10, 104), market(s, -10)),
        },
        fills="""
            1 buy  10 @ 100 strategy
            2 sell 10 @ 100 strategy
            3 sell 10 @ 104 strategy
        """,
    )
    assert outcome.result.open_lots.tolist() == [-10]


CLOSES: dict[str, Wish] = {
    "all": lambda s: market(s, -10),
    "target": lambda s: target(s, 0),
    "reduce only": lambda s: reduce_only(s, market(s, -25)),
}


@pytest.mark.parametrize("wish", CLOSES.values(), ids=CLOSES)
def test_what_is_not_shortable_can_be_sold_while_exits_work(wish: Wish) -> None:
    # Ten sold against ten held is no short, whatever the exits could do first.
    check(
        f"{FLAT} | {FLAT} | {FLAT}",
        {0: enter, 1: wish},
        fills="""
            1 buy  10 @ 100 strategy
            2 sell 10 @ 100 strategy
        """,
        orders="""
            market buy  10/10 FILLED
            stop   sell  0/10 CANCELED CANCELED_POSITION_CLOSED
            market sell 10/10 FILLED
        """,
        setting=LONG_ONLY,
    )


@pytest.mark.parametrize("wish", CLOSES.values(), ids=CLOSES)
def test_what_is_not_shortable_never_becomes_short(wish: Wish) -> None:
    # The open jumps over the stop, which is older and fills first; the wish finds nothing to sell.
    check(
        f"{FLAT} | {FLAT} | 95 96 94 95",
        {0: enter, 1: wish},
        fills="""
            1 buy  10 @ 100 strategy
            2 sell 10 @ 95  stop_loss
        """,
        orders="""
            market buy  10/10 FILLED
            stop   sell 10/10 FILLED
            market sell  0/10 CANCELED CANCELED_POSITION_CLOSED
        """,
        setting=LONG_ONLY,
    )


def test_what_is_not_shortable_takes_no_limit_larger_than_the_position() -> None:
    # Eleven against ten held: denied. Ten: taken, and filled in bar 2.
    check(
        f"{FLAT} | {FLAT} | 101 105 100 104.5",
        {0: enter, 1: lambda s: (limit(s, -11, 104), limit(s, -10, 104))},
        fills="""
            1 buy  10 @ 100 strategy
            2 sell 10 @ 104 strategy
        """,
        orders="""
            market buy  10/10 FILLED
            stop   sell  0/10 CANCELED CANCELED_POSITION_CLOSED
            limit  sell  0/11 DENIED NOT_SHORTABLE
            limit  sell 10/10 FILLED
        """,
        setting=LONG_ONLY,
    )


LEAVES: dict[str, Wish] = {
    "reduce-only stop": lambda s: reduce_only(s, stop(s, -10, 97)),
    "target": lambda s: target(s, 0),
}


@pytest.mark.parametrize("wish", LEAVES.values(), ids=LEAVES)
def test_a_resting_limit_never_opens_a_short_where_none_is_allowed(wish: Wish) -> None:
    # The limit was there first and closed what was held; another order closes it in bar 3. Bar 4 opens no short.
    outcome = check(
        f"{FLAT} | {FLAT} | {FLAT} | 96 97 95 96 | 98 110 98 109",
        {0: lambda s: market(s, 10), 1: lambda s: limit(s, -10, 104), 2: wish},
        fills="""
            1 buy  10 @ 100 strategy
            3 sell 10 @ 96  strategy
        """,
        setting=LONG_ONLY,
    )
    assert outcome.result.open_lots.tolist() == [0]


def test_a_target_of_nothing_leaves_a_resting_order() -> None:
    # Nothing is held and a limit far below may never fill: there is nothing to close, and the limit is not touched.
    check_both_sides(
        f"{FLAT} | {FLAT} | {FLAT}",
        {0: lambda s: limit(s, 10, 80), 1: lambda s: target(s, 0)},
        orders="limit buy 0/10 ACCEPTED",
    )


def test_a_target_of_nothing_closes_and_leaves_a_resting_order() -> None:
    # Ten held are sold, not twenty: the limit below does not count as bought.
    check_both_sides(
        f"{FLAT} | {FLAT} | {FLAT}",
        {0: lambda s: (market(s, 10), limit(s, 10, 80)), 1: lambda s: target(s, 0)},
        fills="""
            1 buy  10 @ 100 strategy
            2 sell 10 @ 100 strategy
        """,
        orders="""
            market buy  10/10 FILLED
            limit  buy   0/10 ACCEPTED
            market sell 10/10 FILLED
        """,
    )


def test_a_target_of_nothing_ends_a_partly_filled_entry() -> None:
    # Four of ten bought: the other six are cancelled, the four are sold.
    check_both_sides(
        "100 101 99 100 500 | 100 101 99 100 40 | 100 101 99 100 500 | 100 101 99 100 500",
        {0: lambda s: market(s, 10), 1: lambda s: target(s, 0)},
        fills="""
            1 buy  4 @ 100 strategy
            2 sell 4 @ 100 strategy
        """,
        orders="""
            market buy  4/10 CANCELED CANCELED_BY_STRATEGY
            market sell 4/4  FILLED
        """,
        setting=THIN,
    )


def test_a_target_of_nothing_ends_a_partly_filled_entry_with_exits() -> None:
    # The same with a stop at 97, over which the open of 95 jumps: it sells the four, and nothing is sold twice.
    check_both_sides(
        "100 101 99 100 500 | 100 101 99 100 40 | 95 96 94 95 500 | 95 96 94 95 500",
        {0: enter, 1: lambda s: target(s, 0)},
        fills="""
            1 buy  4 @ 100 strategy
            2 sell 4 @ 95  stop_loss
        """,
        orders="""
            market buy  4/10 CANCELED CANCELED_BY_STRATEGY
            stop   sell 4/4  FILLED
            market sell 0/4  CANCELED CANCELED_POSITION_CLOSED
        """,
        setting=THIN,
    )
