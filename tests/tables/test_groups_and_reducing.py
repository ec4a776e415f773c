"""Orders that depend on each other and on the position. Every table also holds mirrored in 100."""

from __future__ import annotations

from dataclasses import replace

from tests.tables.script import PLAIN, Setting, check, check_both_sides

from tradewright.strategies.signals import in_group, limit, market, reduce_only, stop

FLAT = "100 101 99 100"


def test_one_of_a_group_cancels_the_others() -> None:
    # Two entries of one group: the stop above fills and takes the limit below with it.
    check_both_sides(
        f"{FLAT} | 100 103 99 102 | 102 103 96 97",
        {0: lambda s: (in_group(s, stop(s, 10, 102), 1), in_group(s, limit(s, 10, 98), 1))},
        fills="1 buy 10 @ 102 strategy",
        orders="""
            stop  buy 10/10 FILLED
            limit buy  0/10 CANCELED CANCELED_BY_OCO
        """,
    )


def test_a_partial_fill_cancels_the_others_of_an_entry_group() -> None:
    # Four of ten bought: the other entry goes at once, else the position could become larger than meant.
    check(
        "100 101 99 100 500 | 100 103 97 102 40",
        {0: lambda s: (in_group(s, stop(s, 10, 102), 1), in_group(s, limit(s, 10, 98), 1))},
        fills="1 buy 4 @ 102 strategy",
        orders="""
            stop  buy 4/10 PARTIALLY_FILLED
            limit buy 0/10 CANCELED CANCELED_BY_OCO
        """,
        setting=Setting(replace(PLAIN, participation=0.1)),
    )


def test_groups_do_not_touch_each_other() -> None:
    # The fill of group 1 leaves group 2 alone.
    check_both_sides(
        f"{FLAT} | 100 103 99 102",
        {0: lambda s: (in_group(s, stop(s, 10, 102), 1), in_group(s, limit(s, 10, 98), 2))},
        fills="1 buy 10 @ 102 strategy",
        orders="""
            stop  buy 10/10 FILLED
            limit buy  0/10 ACCEPTED
        """,
    )


def test_reduce_only_never_turns_the_position() -> None:
    # Cut to the ten that are held when it is sent.
    check_both_sides(
        f"{FLAT} | {FLAT} | {FLAT}",
        {0: lambda s: market(s, 10), 1: lambda s: reduce_only(s, market(s, -25))},
        fills="""
            1 buy  10 @ 100 strategy
            2 sell 10 @ 100 strategy
        """,
        orders="""
            market buy  10/10 FILLED
            market sell 10/10 FILLED
        """,
    )


def test_reduce_only_is_cut_to_what_is_left_when_it_fills() -> None:
    # Six are sold before it comes to its price: it closes the other four and is done with.
    check_both_sides(
        f"{FLAT} | {FLAT} | {FLAT} | 101 104 100 103",
        {
            0: lambda s: market(s, 10),
            1: lambda s: (reduce_only(s, limit(s, -10, 102)), market(s, -6)),
        },
        fills="""
            1 buy  10 @ 100 strategy
            2 sell  6 @ 100 strategy
            3 sell  4 @ 102 strategy
        """,
        orders="""
            market buy  10/10 FILLED
            limit  sell  4/10 CANCELED CANCELED_POSITION_CLOSED
            market sell  6/6  FILLED
        """,
    )


def test_reduce_only_goes_when_the_position_is_closed() -> None:
    # It does not wait for the next position.
    check_both_sides(
        f"{FLAT} | {FLAT} | {FLAT} | 101 104 100 103",
        {
            0: lambda s: market(s, 10),
            1: lambda s: (reduce_only(s, limit(s, -10, 102)), market(s, -10)),
            2: lambda s: market(s, 10),
        },
        fills="""
            1 buy  10 @ 100 strategy
            2 sell 10 @ 100 strategy
            3 buy  10 @ 101 strategy
        """,
        orders="""
            market buy  10/10 FILLED
            limit  sell  0/10 CANCELED CANCELED_POSITION_CLOSED
            market sell 10/10 FILLED
            market buy  10/10 FILLED
        """,
    )


def test_an_order_without_the_mark_turns_the_position() -> None:
    # Twenty-five sold against ten held leave fifteen short.
    outcome = check(
        f"{FLAT} | {FLAT} | {FLAT}",
        {0: lambda s: market(s, 10), 1: lambda s: market(s, -25)},
        fills="""
            1 buy  10 @ 100 strategy
            2 sell 25 @ 100 strategy
        """,
    )
    assert outcome.result.open_lots.tolist() == [-15]
