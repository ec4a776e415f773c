"""Market orders on bars."""

from __future__ import annotations

from dataclasses import replace

from tests.tables.script import PLAIN, Setting, check, with_fees

from tradewright.strategies.signals import immediate, limit, market, target

RISING = """
    100  101   99  100
    102  104  101  103
    105  106  104  105
"""


def test_fills_at_the_next_open() -> None:
    # A market order decided at a bar's close fills at the next bar's open, never in the bar that it was decided on.
    check(
        RISING,
        {0: lambda s: market(s, 10)},
        fills="1 buy 10 @ 102 strategy",
        orders="market buy 10/10 FILLED",
    )


def test_sell_fills_at_the_next_open() -> None:
    # The same, selling short.
    check(RISING, {1: lambda s: market(s, -7)}, fills="2 sell 7 @ 105 strategy")


def test_pays_half_the_spread_and_slippage() -> None:
    # 4 bps of half-spread and 1 bp of slippage, both against us: 102 x 1.0005 = 102.051 and 105 x 0.9995 = 104.9475.
    check(
        RISING,
        {0: lambda s: market(s, 10), 1: lambda s: market(s, -10)},
        fills="""
            1 buy  10 @ 102.051   strategy
            2 sell 10 @ 104.9475  strategy
        """,
        setting=Setting(with_fees(half_spread_bps=4, slippage_bps=1)),
    )


def test_decided_on_the_last_bar_stays_open() -> None:
    # There is no open after the last bar: the order is sent and never filled.
    check(RISING, {2: lambda s: market(s, 10)}, orders="market buy 0/10 SUBMITTED")


def test_partial_fills_by_share_of_volume() -> None:
    # A tenth of each bar's volume may be ours: 10, 20, and the 15 that are left; each at its bar's open.
    check(
        """
            100 101  99 100  500
            101 102 100 101  100
            102 103 101 102  200
            103 104 102 103  300
        """,
        {0: lambda s: market(s, 45)},
        fills="""
            1 buy 10 @ 101 strategy
            2 buy 20 @ 102 strategy
            3 buy 15 @ 103 strategy
        """,
        orders="market buy 45/45 FILLED",
        setting=Setting(replace(PLAIN, participation=0.1)),
    )


def test_share_of_volume_is_counted_in_whole_lots() -> None:
    # 0.29 of 100 is 29, also where the product of the doubles is 28.999999999999996.
    check(
        "100 101 99 100 100 | 100 101 99 100 100",
        {0: lambda s: market(s, 45)},
        fills="1 buy 29 @ 100 strategy",
        orders="market buy 29/45 PARTIALLY_FILLED",
        setting=Setting(replace(PLAIN, participation=0.29)),
    )


def test_orders_share_one_volume_in_order_of_arrival() -> None:
    # Two orders, ten units of room: the first takes eight, two are left for the second, whatever its side.
    check(
        "100 101 99 100 100 | 101 102 100 101 100",
        {0: lambda s: (market(s, 8), market(s, -5))},
        fills="""
            1 buy  8 @ 101 strategy
            1 sell 2 @ 101 strategy
        """,
        orders="""
            market buy  8/8 FILLED
            market sell 2/5 PARTIALLY_FILLED
        """,
        setting=Setting(replace(PLAIN, participation=0.1)),
    )


def test_immediate_or_cancel() -> None:
    # What the first bar's volume does not fill is cancelled.
    check(
        "100 101 99 100 100 | 101 102 100 101 100 | 101 102 100 101 100",
        {0: lambda s: immediate(s, market(s, 45))},
        fills="1 buy 10 @ 101 strategy",
        orders="market buy 10/45 CANCELED UNFILLED_REMAINDER",
        setting=Setting(replace(PLAIN, participation=0.1)),
    )


def test_immediate_limit_looks_at_the_open_only() -> None:
    # An immediate limit order does not wait for the bar to come down to it.
    check(
        "100 101 99 100 | 100 101 95 96",
        {0: lambda s: immediate(s, limit(s, 10, 98))},
        orders="limit buy 0/10 CANCELED UNFILLED_REMAINDER",
    )


def test_target_counts_what_is_held_and_what_is_on_its_way() -> None:
    # Target 10 twice buys once; target 4 then sells 6; target 0 closes.
    check(
        "100 100 100 100 | 100 100 100 100 | 100 100 100 100 | 100 100 100 100",
        {
            0: lambda s: (target(s, 10, 1), target(s, 10, 1)),
            1: lambda s: target(s, 4, 1),
            2: lambda s: target(s, 0, 1),
        },
        fills="""
            1 buy  10 @ 100 strategy
            2 sell  6 @ 100 strategy
            3 sell  4 @ 100 strategy
        """,
    )
