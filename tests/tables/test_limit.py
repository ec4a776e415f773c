"""Limit orders on bars. Every table also holds mirrored in 100, selling for buying."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.tables.script import PLAIN, Setting, check, check_both_sides, with_fees

from tradewright.execution.sim_venue import SimVenueParams
from tradewright.strategies.signals import limit, market

AT_OPEN = Setting(venue=SimVenueParams(limit_gap="open"))
TOUCH = Setting(venue=SimVenueParams(touch_fills=True))


def test_inside_the_bar() -> None:
    # A bar that trades through the limit fills it at the limit.
    check_both_sides(
        "100 101 99 100 | 100 101 97 99",
        {0: lambda s: limit(s, 10, 98)},
        fills="1 buy 10 @ 98 strategy",
        orders="limit buy 10/10 FILLED",
    )


def test_touch_is_not_a_fill() -> None:
    # The low is the limit: others were before us, nothing fills until a bar trades through.
    check_both_sides(
        "100 101 99 100 | 100 101 98 99 | 99 100 97.99 98",
        {0: lambda s: limit(s, 10, 98)},
        fills="2 buy 10 @ 98 strategy",
        orders="limit buy 10/10 FILLED",
    )


def test_touch_at_the_open_is_not_a_fill() -> None:
    # An open at the limit is a touch too.
    check_both_sides(
        "100 101 99 100 | 98 101 98 99",
        {0: lambda s: limit(s, 10, 98)},
        orders="limit buy 0/10 ACCEPTED",
    )


def test_touch_fills_where_the_venue_says_so() -> None:
    # With touch_fills the same touch is a fill.
    check_both_sides(
        "100 101 99 100 | 100 101 98 99",
        {0: lambda s: limit(s, 10, 98)},
        fills="1 buy 10 @ 98 strategy",
        orders="limit buy 10/10 FILLED",
        setting=TOUCH,
    )


def test_gap_gives_the_limit() -> None:
    # The open jumps over a resting limit: it was hit on the way, at its own price.
    check_both_sides(
        "100 101 99 100 | 95 96 94 95",
        {0: lambda s: limit(s, 10, 98)},
        fills="1 buy 10 @ 98 strategy",
        orders="limit buy 10/10 FILLED",
    )


def test_gap_gives_the_open_where_the_venue_says_so() -> None:
    # limit_gap=open: the better opening price.
    check_both_sides(
        "100 101 99 100 | 95 96 94 95",
        {0: lambda s: limit(s, 10, 98)},
        fills="1 buy 10 @ 95 strategy",
        orders="limit buy 10/10 FILLED",
        setting=AT_OPEN,
    )


def test_placed_beyond_the_market_takes_the_open() -> None:
    # A limit that the last price would already have filled does not rest: it takes the open, not its own far price.
    check_both_sides(
        "100 101 99 100 | 101 102 100 101",
        {0: lambda s: limit(s, 10, 110)},
        fills="1 buy 10 @ 101 strategy",
        orders="limit buy 10/10 FILLED",
    )


def test_placed_beyond_the_market_and_left_behind_rests() -> None:
    # The open ran away over the limit: from now on it rests, and a later gap gives it its own price.
    check_both_sides(
        "100 101 99 100 | 103 104 102.5 103 | 98 99 97 98",
        {0: lambda s: limit(s, 10, 102)},
        fills="2 buy 10 @ 102 strategy",
        orders="limit buy 10/10 FILLED",
    )


@pytest.mark.parametrize(
    ("limit_price", "paid"),
    [(110.0, "101.0404"), (101.02, "101.02")],
    ids=["open and half the spread", "never beyond the limit"],
)
def test_taking_the_open_pays_half_the_spread_up_to_the_limit(limit_price: float, paid: str) -> None:
    # 101 x 1.0004 = 101.0404; no slippage, an order with a price does not slip.
    check(
        "100 101 99 100 | 101 102 100 101",
        {0: lambda s: limit(s, 10, limit_price)},
        fills=f"1 buy 10 @ {paid} strategy",
        setting=Setting(with_fees(half_spread_bps=4, slippage_bps=3)),
    )


def test_resting_limit_pays_no_spread() -> None:
    # Whoever rests is paid the spread: the limit itself is the price.
    check(
        "100 101 99 100 | 100 101 97 99",
        {0: lambda s: limit(s, 10, 98)},
        fills="1 buy 10 @ 98 strategy",
        setting=Setting(with_fees(half_spread_bps=4, slippage_bps=3)),
    )


def test_price_is_put_on_the_grid() -> None:
    # 98.004 is 98.00 on a grid of cents.
    check(
        "100 101 99 100 | 100 101 97 99",
        {0: lambda s: limit(s, 10, 98.004)},
        fills="1 buy 10 @ 98 strategy",
        setting=Setting(PLAIN),
    )


def test_does_not_fill_in_the_bar_it_was_placed_on() -> None:
    # Bar 0 went down to 90 before the order existed.
    check_both_sides(
        "100 101 90 100 | 100 101 99 100",
        {0: lambda s: limit(s, 10, 95)},
        orders="limit buy 0/10 ACCEPTED",
    )


def test_partial_fills_over_several_bars() -> None:
    # A tenth of each bar that trades through: 4, nothing while the bar stays above, then the rest.
    check(
        "100 101 99 100 500 | 100 101 97 99 40 | 99 100 98.5 99 70 | 99 100 97 98 70",
        {0: lambda s: limit(s, 10, 98)},
        fills="""
            1 buy 4 @ 98 strategy
            3 buy 6 @ 98 strategy
        """,
        orders="limit buy 10/10 FILLED",
        setting=Setting(replace(PLAIN, participation=0.1)),
    )


def test_market_orders_come_before_limits_inside() -> None:
    # At the open the market order takes the whole volume; none is left for the limit inside the bar.
    check(
        "100 101 99 100 100 | 100 101 97 99 100",
        {0: lambda s: (limit(s, 10, 98), market(s, 10))},
        fills="1 buy 10 @ 100 strategy",
        orders="""
            limit  buy  0/10 ACCEPTED
            market buy 10/10 FILLED
        """,
        setting=Setting(replace(PLAIN, participation=0.1)),
    )
