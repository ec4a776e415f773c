"""Stop, stop-limit and trailing stop orders on bars. Tables without costs also hold mirrored in 100."""

from __future__ import annotations

from dataclasses import replace

from tests.tables.script import PLAIN, Setting, check, check_both_sides, with_fees

from tradewright.strategies.signals import limit, market, stop, stop_limit, trailing_stop


def test_inside_the_bar() -> None:
    # A buy stop fills at its price once the bar has risen to it.
    check_both_sides(
        "100 101 99 100 | 100 103 99 102",
        {0: lambda s: stop(s, 10, 102)},
        fills="1 buy 10 @ 102 strategy",
        orders="stop buy 10/10 FILLED",
    )


def test_a_touch_triggers() -> None:
    # A stop is triggered by a touch: that is against us.
    check_both_sides(
        "100 101 99 100 | 100 102 99 101",
        {0: lambda s: stop(s, 10, 102)},
        fills="1 buy 10 @ 102 strategy",
        orders="stop buy 10/10 FILLED",
    )


def test_not_reached() -> None:
    # One cent short of it nothing happens.
    check_both_sides(
        "100 101 99 100 | 100 101.99 99 101",
        {0: lambda s: stop(s, 10, 102)},
        orders="stop buy 0/10 ACCEPTED",
    )


def test_gap_fills_at_the_open() -> None:
    # The open jumps over the stop: the fill is the open, worse than the stop.
    check_both_sides(
        "100 101 99 100 | 104 105 103 104",
        {0: lambda s: stop(s, 10, 102)},
        fills="1 buy 10 @ 104 strategy",
        orders="stop buy 10/10 FILLED",
    )


def test_pays_half_the_spread_and_slippage() -> None:
    # Inside: 102 x 1.0005 = 102.051. Gap down for the sell stop at 99: open 98 x 0.9995 = 97.951.
    check(
        "100 101 99 100 | 100 103 99 102 | 98 99 97 98",
        {0: lambda s: stop(s, 10, 102), 1: lambda s: stop(s, -10, 99)},
        fills="""
            1 buy  10 @ 102.051 strategy
            2 sell 10 @ 97.951  strategy
        """,
        setting=Setting(with_fees(half_spread_bps=4, slippage_bps=1)),
    )


def test_rest_of_a_triggered_stop_fills_at_the_next_open() -> None:
    # Triggered inside bar 1 with room for 4 of 10; it is a market order from then on, also when the price comes back.
    check(
        "100 101 99 100 500 | 100 103 99 102 40 | 99 100 98 99 500",
        {0: lambda s: stop(s, 10, 102)},
        fills="""
            1 buy 4 @ 102 strategy
            2 buy 6 @ 99  strategy
        """,
        orders="stop buy 10/10 FILLED",
        setting=Setting(replace(PLAIN, participation=0.1)),
    )


def test_stops_fill_before_limits() -> None:
    # Both are inside the bar and the volume is enough for one: the stop, which is the worse price, has it.
    check(
        "100 101 99 100 500 | 100 103 97 102 100",
        {0: lambda s: (limit(s, 10, 98), stop(s, 10, 102))},
        fills="1 buy 10 @ 102 strategy",
        setting=Setting(replace(PLAIN, participation=0.1)),
    )


def test_stop_limit_inside_the_bar() -> None:
    # Triggered at 102 and executable up to 103: it fills at the stop.
    check_both_sides(
        "100 101 99 100 | 100 104 99 103",
        {0: lambda s: stop_limit(s, 10, 102, 103)},
        fills="1 buy 10 @ 102 strategy",
        orders="stop_limit buy 10/10 FILLED",
    )


def test_stop_limit_gap_within_the_limit_fills_at_the_open() -> None:
    # The open jumps over the stop but not over the limit.
    check_both_sides(
        "100 101 99 100 | 102.5 104 102 103",
        {0: lambda s: stop_limit(s, 10, 102, 103)},
        fills="1 buy 10 @ 102.5 strategy",
        orders="stop_limit buy 10/10 FILLED",
    )


def test_stop_limit_gap_beyond_the_limit_rests_and_fills_later() -> None:
    # The open jumps over both: it rests at its limit and fills when a later bar trades back through it.
    check_both_sides(
        "100 101 99 100 | 105 106 104 105 | 104 105 102 103",
        {0: lambda s: stop_limit(s, 10, 102, 103)},
        fills="2 buy 10 @ 103 strategy",
        orders="stop_limit buy 10/10 FILLED",
    )


def test_stop_limit_gap_beyond_the_limit_fills_when_the_same_bar_comes_back() -> None:
    # The order rested from the open on, so the way back of the same bar counts.
    check_both_sides(
        "100 101 99 100 | 105 106 102 104",
        {0: lambda s: stop_limit(s, 10, 102, 103)},
        fills="1 buy 10 @ 103 strategy",
        orders="stop_limit buy 10/10 FILLED",
    )


def test_stop_limit_pays_half_the_spread_up_to_its_limit() -> None:
    # Triggered at 102 it takes the ask, 102 x 1.0004 = 102.0408; its limit at 102.02 caps that.
    check(
        "100 101 99 100 | 100 104 99 103",
        {0: lambda s: (stop_limit(s, 10, 102, 103), stop_limit(s, 10, 102, 102.02))},
        fills="""
            1 buy 10 @ 102.0408 strategy
            1 buy 10 @ 102.02   strategy
        """,
        setting=Setting(with_fees(half_spread_bps=4, slippage_bps=3)),
    )


HELD = "100 100 100 100 | 100 101 100 101 "  # bar 1: ten bought at 100, the trailing stop is placed at its close


def test_trailing_stop_is_tested_at_the_level_of_the_bar_before() -> None:
    # First level 101 - 2 = 99 from bar 2's open; bar 2 makes 105, so the level is 103 from bar 3 on, which reaches it.
    check_both_sides(
        HELD + "| 101 105 100 104 | 104 104.5 102.5 104",
        {0: lambda s: market(s, 10), 1: lambda s: trailing_stop(s, -10, 2)},
        fills="""
            1 buy  10 @ 100 strategy
            3 sell 10 @ 103 strategy
        """,
        orders="""
            market        buy  10/10 FILLED
            trailing_stop sell 10/10 FILLED
        """,
    )


def test_trailing_stop_does_not_fall_back() -> None:
    # The best price stays 105 though bar 3 is lower; bar 4 reaches 103.
    check_both_sides(
        HELD + "| 101 105 100 104 | 104 104.5 103.5 104 | 104 104 103 103.5",
        {0: lambda s: market(s, 10), 1: lambda s: trailing_stop(s, -10, 2)},
        fills="""
            1 buy  10 @ 100 strategy
            4 sell 10 @ 103 strategy
        """,
        orders="""
            market        buy  10/10 FILLED
            trailing_stop sell 10/10 FILLED
        """,
    )


def test_trailing_stop_fills_when_the_close_is_beyond_the_new_level() -> None:
    # Bar 2 rises to 106 and closes at 103: from 106 to 103 it crossed 104, which is the fill.
    check_both_sides(
        HELD + "| 101 106 100 103",
        {0: lambda s: market(s, 10), 1: lambda s: trailing_stop(s, -10, 2)},
        fills="""
            1 buy  10 @ 100 strategy
            2 sell 10 @ 104 strategy
        """,
        orders="""
            market        buy  10/10 FILLED
            trailing_stop sell 10/10 FILLED
        """,
    )


def test_trailing_stop_gap_fills_at_the_open() -> None:
    # Level 103 after bar 2; bar 3 opens at 98.
    check_both_sides(
        HELD + "| 101 105 100 104 | 98 99 97 98",
        {0: lambda s: market(s, 10), 1: lambda s: trailing_stop(s, -10, 2)},
        fills="""
            1 buy  10 @ 100 strategy
            3 sell 10 @ 98  strategy
        """,
        orders="""
            market        buy  10/10 FILLED
            trailing_stop sell 10/10 FILLED
        """,
    )


def test_trailing_stop_is_reached_on_its_first_bar() -> None:
    # Its first level comes from the open that it meets: 101 - 2 = 99, and the bar's low is 98.
    check_both_sides(
        HELD + "| 101 105 98 104",
        {0: lambda s: market(s, 10), 1: lambda s: trailing_stop(s, -10, 2)},
        fills="""
            1 buy  10 @ 100 strategy
            2 sell 10 @ 99  strategy
        """,
        orders="""
            market        buy  10/10 FILLED
            trailing_stop sell 10/10 FILLED
        """,
    )
