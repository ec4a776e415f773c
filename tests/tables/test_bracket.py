"""Brackets: an entry with a stop-loss and a target that cancel each other. All but one also hold mirrored in 100."""

from __future__ import annotations

from dataclasses import replace

from numpy import nan
from tests.tables.script import PLAIN, Key, Setting, Wish, check, check_both_sides, with_fees

from tradewright.execution.sim_venue import SimVenueParams
from tradewright.strategies.signals import Signals, bracket, bracket_at, limit, market, stop, target

NEXT_BAR = Setting(venue=SimVenueParams(protect_from="next_bar"))


def enter(s: Signals) -> int:
    """Ten at the market, stop-loss 97, target 104."""
    return bracket_at(s, market(s, 10), 97.0, 104.0)


def test_target() -> None:
    # The target fills at its price and cancels the stop.
    check_both_sides(
        "100 101 99 100 | 100 101 99 100 | 101 105 100 104",
        {0: enter},
        fills="""
            1 buy  10 @ 100 strategy
            2 sell 10 @ 104 take_profit
        """,
        orders="""
            market buy  10/10 FILLED
            stop   sell  0/10 CANCELED CANCELED_BY_OCO
            limit  sell 10/10 FILLED
        """,
    )


def test_stop() -> None:
    # The stop fills at its price and cancels the target.
    check_both_sides(
        "100 101 99 100 | 100 101 99 100 | 99 100 96 97",
        {0: enter},
        fills="""
            1 buy  10 @ 100 strategy
            2 sell 10 @ 97  stop_loss
        """,
        orders="""
            market buy  10/10 FILLED
            stop   sell 10/10 FILLED
            limit  sell  0/10 CANCELED CANCELED_BY_OCO
        """,
    )


def test_both_in_one_bar_is_the_stop() -> None:
    # A bar does not say which came first: the loss is assumed.
    check_both_sides(
        "100 101 99 100 | 100 101 99 100 | 100 105 96 104",
        {0: enter},
        fills="""
            1 buy  10 @ 100 strategy
            2 sell 10 @ 97  stop_loss
        """,
        orders="""
            market buy  10/10 FILLED
            stop   sell 10/10 FILLED
            limit  sell  0/10 CANCELED CANCELED_BY_OCO
        """,
    )


def test_gap_over_the_target_is_the_target() -> None:
    # The open comes first for certain: beyond the target it gives the target's own price, though the low is below 97.
    check_both_sides(
        "100 101 99 100 | 100 101 99 100 | 106 107 96 97",
        {0: enter},
        fills="""
            1 buy  10 @ 100 strategy
            2 sell 10 @ 104 take_profit
        """,
        orders="""
            market buy  10/10 FILLED
            stop   sell  0/10 CANCELED CANCELED_BY_OCO
            limit  sell 10/10 FILLED
        """,
    )


def test_gap_over_the_target_gives_the_open_where_the_venue_says_so() -> None:
    # limit_gap=open: 106.
    check_both_sides(
        "100 101 99 100 | 100 101 99 100 | 106 107 105 106",
        {0: enter},
        fills="""
            1 buy  10 @ 100 strategy
            2 sell 10 @ 106 take_profit
        """,
        orders="""
            market buy  10/10 FILLED
            stop   sell  0/10 CANCELED CANCELED_BY_OCO
            limit  sell 10/10 FILLED
        """,
        setting=Setting(venue=SimVenueParams(limit_gap="open")),
    )


def test_gap_over_the_stop_is_the_open() -> None:
    # Opening at 95 the stop at 97 gets 95, though the bar later reaches the target.
    check_both_sides(
        "100 101 99 100 | 100 101 99 100 | 95 105 94 104",
        {0: enter},
        fills="""
            1 buy  10 @ 100 strategy
            2 sell 10 @ 95  stop_loss
        """,
        orders="""
            market buy  10/10 FILLED
            stop   sell 10/10 FILLED
            limit  sell  0/10 CANCELED CANCELED_BY_OCO
        """,
    )


def test_entry_at_the_open_and_stop_in_the_same_bar() -> None:
    # Everything inside the bar comes after its open: the stop counts at once.
    check_both_sides(
        "100 101 99 100 | 100 101 96 100",
        {0: enter},
        fills="""
            1 buy  10 @ 100 strategy
            1 sell 10 @ 97  stop_loss
        """,
        orders="""
            market buy  10/10 FILLED
            stop   sell 10/10 FILLED
            limit  sell  0/10 CANCELED CANCELED_BY_OCO
        """,
    )


def test_entry_at_the_open_and_target_in_the_same_bar() -> None:
    # So does the target, where the stop was not reached.
    check_both_sides(
        "100 101 99 100 | 100 105 99 100",
        {0: enter},
        fills="""
            1 buy  10 @ 100 strategy
            1 sell 10 @ 104 take_profit
        """,
        orders="""
            market buy  10/10 FILLED
            stop   sell  0/10 CANCELED CANCELED_BY_OCO
            limit  sell 10/10 FILLED
        """,
    )


def test_entry_inside_the_bar_counts_a_possible_stop() -> None:
    # Bought at 98 on the way down: the low of 96 may have come after, so the stop at 97 fills.
    check_both_sides(
        "100 101 99 100 | 100 105 96 104.5",
        {0: lambda s: bracket_at(s, limit(s, 10, 98), 97.0, 104.0)},
        fills="""
            1 buy  10 @ 98 strategy
            1 sell 10 @ 97 stop_loss
        """,
        orders="""
            limit buy  10/10 FILLED
            stop  sell 10/10 FILLED
            limit sell  0/10 CANCELED CANCELED_BY_OCO
        """,
    )


def test_entry_inside_the_bar_does_not_count_a_possible_target() -> None:
    # The high of 105 may have come before the entry at 98, and the close is not beyond the target: it stays.
    check_both_sides(
        "100 101 99 100 | 100 105 97.5 103",
        {0: lambda s: bracket_at(s, limit(s, 10, 98), 97.0, 104.0)},
        fills="1 buy 10 @ 98 strategy",
        orders="""
            limit buy  10/10 FILLED
            stop  sell  0/10 ACCEPTED
            limit sell  0/10 ACCEPTED
        """,
    )


def test_entry_inside_the_bar_with_the_close_beyond_the_target() -> None:
    # The close is certain to come after the entry: beyond the target it has filled it.
    check_both_sides(
        "100 101 99 100 | 100 105 97.5 104.5",
        {0: lambda s: bracket_at(s, limit(s, 10, 98), 97.0, 104.0)},
        fills="""
            1 buy  10 @ 98  strategy
            1 sell 10 @ 104 take_profit
        """,
        orders="""
            limit buy  10/10 FILLED
            stop  sell  0/10 CANCELED CANCELED_BY_OCO
            limit sell 10/10 FILLED
        """,
    )


def test_stop_entry_inside_the_bar_counts_a_possible_stop() -> None:
    # Bought at 102 on the way up; the low of 96 may have come after.
    check_both_sides(
        "100 101 99 100 | 100 103 96 102",
        {0: lambda s: bracket_at(s, stop(s, 10, 102), 97.0, 108.0)},
        fills="""
            1 buy  10 @ 102 strategy
            1 sell 10 @ 97  stop_loss
        """,
        orders="""
            stop  buy  10/10 FILLED
            stop  sell 10/10 FILLED
            limit sell  0/10 CANCELED CANCELED_BY_OCO
        """,
    )


def test_a_stop_born_on_the_wrong_side_fills_where_the_market_was() -> None:
    # The open of 96 is below the stop of 97 already: out at 96, not at a price of 97 that the bar never ...
    check_both_sides(
        "100 101 99 100 | 96 96.5 95 96",
        {0: enter},
        fills="""
            1 buy  10 @ 96 strategy
            1 sell 10 @ 96 stop_loss
        """,
        orders="""
            market buy  10/10 FILLED
            stop   sell 10/10 FILLED
            limit  sell  0/10 CANCELED CANCELED_BY_OCO
        """,
    )
    # ... saw. The same for an entry at 98 inside the bar whose stop is at 99.
    check_both_sides(
        "100 101 99 100 | 100 101 97 98.5",
        {0: lambda s: bracket_at(s, limit(s, 10, 98), 99.0, 104.0)},
        fills="""
            1 buy  10 @ 98 strategy
            1 sell 10 @ 98 stop_loss
        """,
        orders="""
            limit buy  10/10 FILLED
            stop  sell 10/10 FILLED
            limit sell  0/10 CANCELED CANCELED_BY_OCO
        """,
    )


def test_protection_from_the_next_bar() -> None:
    # protect_from=next_bar: the entry's own bar does not count, the next one does.
    check_both_sides(
        "100 101 99 100 | 100 105 96 100 | 100 101 96.5 100",
        {0: enter},
        fills="""
            1 buy  10 @ 100 strategy
            2 sell 10 @ 97  stop_loss
        """,
        orders="""
            market buy  10/10 FILLED
            stop   sell 10/10 FILLED
            limit  sell  0/10 CANCELED CANCELED_BY_OCO
        """,
        setting=NEXT_BAR,
    )


def test_fractions_are_of_the_fill_price() -> None:
    # Filled at 100 x 1.001 = 100.1 for 10 bps of slippage: stop 100.1 x 0.98 = 98.098, on the grid 98.10;
    # it fills 10 bps lower, 98.1 x 0.999 = 98.0019. Target 100.1 x 1.03 = 103.103, on the grid 103.10.
    check(
        "100 101 99 100 | 100 101 99 100 | 99 100 98 98 | 98 98 98 98 | 98 104 98 103 | 103 104 103 104",
        {
            0: lambda s: bracket(s, market(s, 10), 0.02, 0.03),
            3: lambda s: bracket(s, market(s, -10), 0.02, 0.03),
        },
        fills="""
            1 buy  10 @ 100.1    strategy
            2 sell 10 @ 98.0019  stop_loss
            4 sell 10 @ 97.902   strategy    # 98 x 0.999; stop 97.902 x 1.02 = 99.86004, on the grid 99.86
            4 buy  10 @ 99.95986 stop_loss   # 99.86 x 1.001
        """,
        setting=Setting(with_fees(slippage_bps=10)),
    )


def test_trailing_exit() -> None:
    # A trailing exit starts at the fill, 100 - 3; bar 2 makes 106, so from bar 3 on its level is 103.
    check_both_sides(
        "100 101 99 100 | 100 101 99 100 | 101 106 101 105 | 104 105 102 103",
        {0: lambda s: bracket_at(s, market(s, 10), trailing=3.0)},
        fills="""
            1 buy  10 @ 100 strategy
            3 sell 10 @ 103 trailing
        """,
        orders="""
            market        buy  10/10 FILLED
            trailing_stop sell 10/10 FILLED
        """,
    )


def test_trailing_exit_of_an_entry_inside_follows_the_close() -> None:
    # Bought at 96 inside bar 1, which closed at 100 after that: the level for bar 2 is 100 - 3 = 97, not 93.
    check_both_sides(
        "100 101 99 100 | 98 102 95.5 100 | 100 100 96 98",
        {0: lambda s: bracket_at(s, limit(s, 10, 96), trailing=3.0)},
        fills="""
            1 buy  10 @ 96 strategy
            2 sell 10 @ 97 trailing
        """,
        orders="""
            limit         buy  10/10 FILLED
            trailing_stop sell 10/10 FILLED
        """,
    )


def test_partial_entry_is_protected_as_far_as_it_went() -> None:
    # 4 of 10 at bar 1, 6 more at bar 2: the same exits grow, and the stop closes all ten.
    check(
        "100 101 99 100 500 | 100 101 99 100 40 | 100 101 99 100 500 | 99 100 96 97 500",
        {0: enter},
        fills="""
            1 buy   4 @ 100 strategy
            2 buy   6 @ 100 strategy
            3 sell 10 @ 97  stop_loss
        """,
        orders="""
            market buy  10/10 FILLED
            stop   sell 10/10 FILLED
            limit  sell  0/10 CANCELED CANCELED_BY_OCO
        """,
        setting=Setting(replace(PLAIN, participation=0.1)),
    )


def test_partial_target_leaves_the_rest_protected() -> None:
    # The target fills 4 of 10, then the stop closes the 6 that are left.
    check(
        "100 101 99 100 500 | 100 101 99 100 500 | 101 105 101 104 40 | 99 100 96 97 500",
        {0: enter},
        fills="""
            1 buy  10 @ 100 strategy
            2 sell  4 @ 104 take_profit
            3 sell  6 @ 97  stop_loss
        """,
        orders="""
            market buy  10/10 FILLED
            stop   sell  6/10 CANCELED CANCELED_POSITION_CLOSED
            limit  sell  4/10 CANCELED CANCELED_POSITION_CLOSED
        """,
        setting=Setting(replace(PLAIN, participation=0.1)),
    )


def test_exits_go_when_the_position_is_closed_otherwise() -> None:
    # A plain sell closes the position: nothing is left to protect.
    check_both_sides(
        "100 101 99 100 | 100 101 99 100 | 100 101 99 100",
        {0: enter, 1: lambda s: market(s, -10)},
        fills="""
            1 buy  10 @ 100 strategy
            2 sell 10 @ 100 strategy
        """,
        orders="""
            market buy  10/10 FILLED
            stop   sell  0/10 CANCELED CANCELED_POSITION_CLOSED
            limit  sell  0/10 CANCELED CANCELED_POSITION_CLOSED
            market sell 10/10 FILLED
        """,
    )


def test_a_target_that_closes_does_not_turn_the_position_when_the_stop_comes_first() -> None:
    # The strategy wants out at the next open; the open jumps over the stop, which is older and closes the position.
    check_both_sides(
        "100 101 99 100 | 100 101 99 100 | 95 96 94 95",
        {0: enter, 1: lambda s: target(s, 0)},
        fills="""
            1 buy  10 @ 100 strategy
            2 sell 10 @ 95  stop_loss
        """,
        orders="""
            market buy  10/10 FILLED
            stop   sell 10/10 FILLED
            limit  sell  0/10 CANCELED CANCELED_BY_OCO
            market sell  0/10 CANCELED CANCELED_POSITION_CLOSED
        """,
    )


def test_a_target_taken_at_the_market_pays_for_it() -> None:
    # target=market: 104 less 10 bps of slippage, 104 x 0.999 = 103.896, as a taker.
    outcome = check(
        "100 101 99 100 | 100 101 99 100 | 101 105 101 104",
        {0: lambda s: bracket_at(s, limit(s, 10, 99.5), 97.0, 104.0)},
        fills="""
            1 buy  10 @ 99.5    strategy
            2 sell 10 @ 103.896 take_profit
        """,
        setting=Setting(with_fees(slippage_bps=10), venue=SimVenueParams(target="market")),
    )
    assert outcome.result.fills["is_maker"].tolist() == [1, 0]


def test_a_touch_of_a_target_taken_at_the_market_is_enough() -> None:
    # target=market: the high meets 104 and goes no further. Touched, the target is a market order: 104 less 10 bps of
    # slippage = 103.896, with the taker's 4 bps of 1038.96 = 0.415584; the entry paid the maker's 1 bp of 995 = 0.0995.
    script: dict[Key, Wish] = {0: lambda s: bracket_at(s, limit(s, 10, 99.5), 97.0, 104.0)}
    costs = with_fees(slippage_bps=10, maker_bps=1, taker_bps=4)
    outcome = check(
        "100 101 99 100 | 100 101 99 100 | 101 104 101 103",
        script,
        fills="""
            1 buy  10 @ 99.5    strategy
            2 sell 10 @ 103.896 take_profit
        """,
        setting=Setting(costs, venue=SimVenueParams(target="market", touch_fills=False)),
    )
    assert outcome.result.fills["is_maker"].tolist() == [1, 0]
    assert outcome.result.fills["fee_micro"].tolist() == [99_500, 415_584]
    # Resting as a limit, it must be traded through.
    check(
        "100 101 99 100 | 100 101 99 100 | 101 104 101 103",
        script,
        fills="1 buy 10 @ 99.5 strategy",
        setting=Setting(costs, venue=SimVenueParams(target="limit", touch_fills=False)),
    )


def test_turning_a_position_protects_what_it_opens() -> None:
    # Twenty sold against ten held: the old exits go, the new ones are for the ten that are short.
    check_both_sides(
        "100 101 99 100 | 100 101 99 100 | 100 101 99 100 | 101 104 100 103",
        {0: enter, 1: lambda s: bracket_at(s, market(s, -20), 103.0, nan)},
        fills="""
            1 buy  10 @ 100 strategy
            2 sell 20 @ 100 strategy
            3 buy  10 @ 103 stop_loss
        """,
        orders="""
            market buy  10/10 FILLED
            stop   sell  0/10 CANCELED CANCELED_BY_STRATEGY
            limit  sell  0/10 CANCELED CANCELED_BY_STRATEGY
            market sell 20/20 FILLED
            stop   buy  10/10 FILLED
        """,
    )


def test_an_order_that_only_reduces_gets_no_exits() -> None:
    # Four of ten sold with a bracket: nothing was opened, so nothing new is protected.
    check_both_sides(
        "100 101 99 100 | 100 101 99 100 | 100 101 99 100",
        {0: lambda s: market(s, 10), 1: lambda s: bracket_at(s, market(s, -4), 103.0, nan)},
        fills="""
            1 buy  10 @ 100 strategy
            2 sell  4 @ 100 strategy
        """,
        orders="""
            market buy  10/10 FILLED
            market sell  4/4  FILLED
        """,
    )
