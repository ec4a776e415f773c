"""How long orders stay, and how they are taken back or changed."""

from __future__ import annotations

from tests.tables.script import HOUR, MINUTE, PLAIN, START, Series, Setting, check, check_both_sides

from tradewright.core.types.instrument import Instrument
from tradewright.strategies.signals import (
    cancel,
    cancel_all,
    good_for_day,
    good_till,
    immediate,
    limit,
    market,
    on_instrument,
    replace,
    stop,
    tagged,
)

FLAT = "100 101 99 100"
SIX_HOURS = Setting(minutes=360)  # four bars a day


def test_day_order_expires_at_the_end_of_the_day() -> None:
    # Placed at 06:00, it stands in the bars until 24:00; the first bar of the next day goes to 97 without it.
    check_both_sides(
        f"{FLAT} | {FLAT} | {FLAT} | {FLAT} | 100 101 97 98",
        {0: lambda s: good_for_day(s, limit(s, 10, 98))},
        orders="limit buy 0/10 EXPIRED EXPIRED_TIME",
        setting=SIX_HOURS,
    )


def test_day_order_fills_in_the_last_bar_of_the_day() -> None:
    # The bar from 18:00 to 24:00 still counts.
    check_both_sides(
        f"{FLAT} | {FLAT} | {FLAT} | 100 101 97 98",
        {0: lambda s: good_for_day(s, limit(s, 10, 98))},
        fills="3 buy 10 @ 98 strategy",
        orders="limit buy 10/10 FILLED",
        setting=SIX_HOURS,
    )


def test_day_order_sent_at_the_end_of_a_day_belongs_to_the_next() -> None:
    # Daily bars: sent at 24:00, which is the next day's first moment, it stands for that day and no longer.
    check_both_sides(
        f"{FLAT} | 100 101 97 98",
        {0: lambda s: good_for_day(s, limit(s, 10, 98))},
        fills="1 buy 10 @ 98 strategy",
        orders="limit buy 10/10 FILLED",
        setting=Setting(minutes=1440),
    )
    check_both_sides(
        f"{FLAT} | {FLAT} | 100 101 97 98",
        {0: lambda s: good_for_day(s, limit(s, 10, 98))},
        orders="limit buy 0/10 EXPIRED EXPIRED_TIME",
        setting=Setting(minutes=1440),
    )


def test_good_till_a_time() -> None:
    # Good till the end of bar 1: bar 2 comes too late.
    check_both_sides(
        f"{FLAT} | {FLAT} | 100 101 97 98",
        {0: lambda s: good_till(s, limit(s, 10, 98), START + 2 * MINUTE)},
        orders="limit buy 0/10 EXPIRED EXPIRED_TIME",
    )


def test_good_till_the_end_of_the_bar_that_fills_it() -> None:
    # A fill inside a bar that ends when the order does is in time.
    check_both_sides(
        f"{FLAT} | 100 101 97 98",
        {0: lambda s: good_till(s, limit(s, 10, 98), START + 2 * MINUTE)},
        fills="1 buy 10 @ 98 strategy",
        orders="limit buy 10/10 FILLED",
    )


def test_expiry_inside_a_bar() -> None:
    # It ends half-way through bar 1. Whether the price came before that is not known: a limit does not fill ...
    check_both_sides(
        f"{FLAT} | 100 101 97 98",
        {0: lambda s: good_till(s, limit(s, 10, 98), START + MINUTE + MINUTE // 2)},
        orders="limit buy 0/10 EXPIRED EXPIRED_TIME",
    )
    # ... but at the open it was there for certain ...
    check_both_sides(
        f"{FLAT} | 97 101 96 98",
        {0: lambda s: good_till(s, limit(s, 10, 98), START + MINUTE + MINUTE // 2)},
        fills="1 buy 10 @ 98 strategy",
        orders="limit buy 10/10 FILLED",
    )
    # ... and a stop fills: that is the doubt resolved against us.
    check_both_sides(
        f"{FLAT} | 100 103 99 102",
        {0: lambda s: good_till(s, stop(s, 10, 102), START + MINUTE + MINUTE // 2)},
        fills="1 buy 10 @ 102 strategy",
        orders="stop buy 10/10 FILLED",
    )


def test_immediate_stop_that_is_not_reached_at_once_is_cancelled() -> None:
    # Nothing to take at the open: it does not wait.
    check_both_sides(
        f"{FLAT} | 100 103 99 102",
        {0: lambda s: immediate(s, stop(s, 10, 102))},
        orders="stop buy 0/10 CANCELED UNFILLED_REMAINDER",
    )


def test_cancel_by_tag() -> None:
    # Cancelled at the close of bar 1, it is not there when bar 2 comes down; the other order is.
    check_both_sides(
        f"{FLAT} | {FLAT} | 100 101 96 97",
        {0: lambda s: (tagged(s, limit(s, 10, 98), 1), tagged(s, limit(s, 5, 97), 2)), 1: lambda s: cancel(s, 1)},
        fills="2 buy 5 @ 97 strategy",
        orders="""
            limit buy 0/10 CANCELED CANCELED_BY_STRATEGY
            limit buy 5/5  FILLED
        """,
    )


def test_cancel_all() -> None:
    # Everything of the instrument goes.
    check_both_sides(
        f"{FLAT} | {FLAT} | 100 101 96 97",
        {0: lambda s: (limit(s, 10, 98), limit(s, 5, 97)), 1: cancel_all},
        orders="""
            limit buy 0/10 CANCELED CANCELED_BY_STRATEGY
            limit buy 0/5  CANCELED CANCELED_BY_STRATEGY
        """,
    )


def test_replace_moves_the_price() -> None:
    # From 95 to 98 at the close of bar 1; bar 2 trades through 98.
    check_both_sides(
        f"{FLAT} | {FLAT} | 100 101 97 98",
        {0: lambda s: tagged(s, limit(s, 10, 95), 1), 1: lambda s: replace(s, 1, 98)},
        fills="2 buy 10 @ 98 strategy",
        orders="limit buy 10/10 FILLED",
    )


def test_replace_makes_the_size_smaller() -> None:
    # Ten become six.
    check_both_sides(
        f"{FLAT} | {FLAT} | 100 101 97 98",
        {0: lambda s: tagged(s, limit(s, 10, 98), 1), 1: lambda s: replace(s, 1, 98, 6)},
        fills="2 buy 6 @ 98 strategy",
        orders="limit buy 6/6 FILLED",
    )


def test_replace_does_not_make_the_size_larger() -> None:
    # More is a new risk and needs a new order: refused, the old order stays.
    check_both_sides(
        f"{FLAT} | {FLAT} | 100 101 97 98",
        {0: lambda s: tagged(s, limit(s, 10, 98), 1), 1: lambda s: replace(s, 1, 98, 11)},
        fills="2 buy 10 @ 98 strategy",
        orders="""
            limit buy 10/10 FILLED
            limit buy  0/11 DENIED ABOVE_MAXIMUM_SIZE
        """,
    )


def test_a_refused_replacement_is_logged_with_nothing_filled() -> None:
    # Four of ten are bought; what is asked for are the seven that would be more than the six left.
    check(
        f"{FLAT} | 100 101 97 99 40 | {FLAT}",
        {0: lambda s: tagged(s, limit(s, 10, 98), 1), 1: lambda s: replace(s, 1, 98, 7)},
        fills="1 buy 4 @ 98 strategy",
        orders="""
            limit buy 4/10 PARTIALLY_FILLED
            limit buy 0/7  DENIED ABOVE_MAXIMUM_SIZE
        """,
        setting=Setting(Instrument("X", participation=0.1)),
    )


def test_replace_beyond_the_market_takes_the_open() -> None:
    # Moved to 110 while the market is at 100: it takes the next open, 101.
    check_both_sides(
        f"{FLAT} | {FLAT} | 101 102 100 101",
        {0: lambda s: tagged(s, limit(s, 10, 95), 1), 1: lambda s: replace(s, 1, 110)},
        fills="2 buy 10 @ 101 strategy",
        orders="limit buy 10/10 FILLED",
    )


HOURLY = Series(Instrument("H"), "100 101 99 100 | 100 105 95 101 | 102 103 101 102", minutes=60)


def test_an_order_sent_inside_a_longer_bar_waits_for_the_next_one() -> None:
    # X has bars of 15 minutes, H of an hour. At 01:15 an order for H is sent while H's bar 1 (01:00 to 02:00) runs:
    # its open and its range may lie before the order, so the order takes part from the bar that opens at 02:00.
    quarter = " | ".join(["100 101 99 100"] * 12)

    check(
        quarter,
        {4: lambda s: (on_instrument(s, market(s, 10), 1), on_instrument(s, stop(s, 5, 104), 1))},
        fills="H 2 buy 10 @ 102 strategy",
        orders="""
            market buy 10/10 FILLED
            stop   buy  0/5  ACCEPTED
        """,
        setting=Setting(PLAIN, minutes=15, others=(HOURLY,)),
    )


def test_an_order_sent_when_a_longer_bar_opens_takes_part_in_it() -> None:
    # At 01:00 sharp H's bar 1 opens: the orders sent at that moment are there.
    assert HOUR == 4 * 15 * MINUTE
    check(
        " | ".join(["100 101 99 100"] * 12),
        {("H", 0): lambda s: (market(s, 10), stop(s, 5, 104))},
        fills="""
            H 1 buy 10 @ 100 strategy
            H 1 buy  5 @ 104 strategy
        """,
        setting=Setting(PLAIN, minutes=15, others=(HOURLY,)),
    )
