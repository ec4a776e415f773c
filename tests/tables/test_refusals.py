"""Every reason for which an order is refused, at its edge: just allowed, just refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.tables.script import (
    MINUTE,
    PLAIN,
    START,
    Series,
    Setting,
    assert_orders,
    check,
    check_both_sides,
    play,
    with_fees,
)

from tradewright.core.types.instrument import FeeModel, Instrument
from tradewright.execution.sim_venue import SimVenueParams
from tradewright.risk.limits import Limits
from tradewright.strategies.signals import (
    VALUE,
    WEIGHT,
    bracket_at,
    cancel,
    good_till,
    limit,
    market,
    on_instrument,
    reduce_only,
    stop,
    stop_limit,
    tagged,
    trailing_stop,
)
from tradewright.strategies.signals import (
    replace as amend,
)

FLAT = "100 101 99 100"
Wish = Callable[[NDArray[np.void]], object]


def refused(wish: Wish, orders: str, setting: Setting | None = None, bars: str = FLAT) -> None:
    """Let one wish meet the check at the close of bar 0; nothing fills afterwards."""
    assert_orders(play(bars, {0: wish}, setting), orders)


def limited(**limits: float) -> Setting:
    """Setting with limits."""
    return Setting(limits=Limits.model_validate(limits))


def test_max_order_value() -> None:
    # 1000 allowed: ten at 100 are 1000; eleven are 1100; ten limited at 100.01 are 1000.10.
    refused(
        lambda s: (market(s, 10), market(s, 11), limit(s, 10, 100.01), limit(s, -10, 100)),
        """
            market buy  0/10 SUBMITTED
            market buy  0/11 DENIED MAX_ORDER_VALUE
            limit  buy  0/10 DENIED MAX_ORDER_VALUE
            limit  sell 0/10 SUBMITTED
        """,
        limited(max_order_value=1000),
    )


def test_max_order_value_counts_the_costs_of_taking() -> None:
    # 10 x 100 x 1.0001 = 1000.10.
    setting = replace(limited(max_order_value=1000), instrument=with_fees(slippage_bps=1))
    refused(lambda s: market(s, 10), "market buy 0/10 DENIED MAX_ORDER_VALUE", setting)


def test_max_position_counts_working_orders() -> None:
    # 1000 allowed: six working and four more are ten; five more would be eleven. The other side counts by itself.
    refused(
        lambda s: (limit(s, 6, 100), limit(s, 5, 100), limit(s, 4, 100), limit(s, -10, 100), limit(s, -1, 100)),
        """
            limit buy  0/6  SUBMITTED
            limit buy  0/5  DENIED MAX_POSITION
            limit buy  0/4  SUBMITTED
            limit sell 0/10 SUBMITTED
            limit sell 0/1  DENIED MAX_POSITION
        """,
        limited(max_position_value=1000),
    )


def test_max_leverage() -> None:
    # Equity 1000, at most 2 x: twenty at 100 are allowed, then not one more; with margin for ten times as much.
    setting = Setting(replace(PLAIN, margin_initial=0.1), cash=1000.0, limits=Limits(max_leverage=2.0))
    refused(
        lambda s: (market(s, 21), market(s, 20), market(s, 1)),
        """
            market buy 0/21 DENIED MAX_LEVERAGE
            market buy 0/20 SUBMITTED
            market buy 0/1  DENIED MAX_LEVERAGE
        """,
        setting,
    )


def test_insufficient_margin() -> None:
    # Equity 1000, half of a position's value must be covered: twenty at 100 need 1000, one more needs
    # 50 that are not there.
    setting = Setting(replace(PLAIN, margin_initial=0.5), cash=1000.0)
    refused(
        lambda s: (market(s, 21), market(s, 20), market(s, -20), market(s, 1)),
        """
            market buy  0/21 DENIED INSUFFICIENT_MARGIN
            market buy  0/20 SUBMITTED
            market sell 0/20 DENIED INSUFFICIENT_MARGIN
            market buy  0/1  DENIED INSUFFICIENT_MARGIN
        """,
        setting,
    )


def test_turning_a_position_needs_margin_for_the_new_one_only() -> None:
    # Ten held need all of 1000; selling twenty frees that and opens ten short, which needs the same.
    check(
        f"{FLAT} | 100 100 100 100 | 100 100 100 100",
        {0: lambda s: market(s, 10), 1: lambda s: (market(s, -21), market(s, -20))},
        fills="""
            1 buy  10 @ 100 strategy
            2 sell 20 @ 100 strategy
        """,
        orders="""
            market buy  10/10 FILLED
            market sell  0/21 DENIED INSUFFICIENT_MARGIN
            market sell 20/20 FILLED
        """,
        setting=Setting(cash=1000.0),
    )


def test_a_replaced_order_is_checked_at_its_new_price() -> None:
    # 10 at 90 are within 1000, at 100 too, at 101 not: the wish is denied and the order stays at 90.
    check(
        f"{FLAT} | {FLAT} | {FLAT}",
        {0: lambda s: tagged(s, limit(s, 10, 90), 1), 1: lambda s: amend(s, 1, 100)},
        fills="2 buy 10 @ 100 strategy",
        orders="limit buy 10/10 FILLED",
        setting=limited(max_order_value=1000),
    )
    check(
        f"{FLAT} | {FLAT} | {FLAT}",
        {0: lambda s: tagged(s, limit(s, 10, 90), 1), 1: lambda s: amend(s, 1, 101)},
        orders="""
            limit buy 0/10 ACCEPTED
            limit buy 0/10 DENIED MAX_ORDER_VALUE
        """,
        setting=limited(max_order_value=1000),
    )


def test_a_replaced_order_needs_its_margin() -> None:
    # Equity 1000: ten at 90 can be moved to 100, which needs all of it, but not to 101.
    for price, end in ((100, ""), (101, "| limit buy 0/10 DENIED INSUFFICIENT_MARGIN")):
        check(
            f"{FLAT} | 102 103 101 102 | 102 103 101.5 102",
            {0: lambda s: tagged(s, limit(s, 10, 90), 1), 1: lambda s, p=price: amend(s, 1, p)},  # type: ignore[misc]
            orders=f"limit buy 0/10 ACCEPTED {end}",
            setting=Setting(cash=1000.0),
        )


def test_max_open_positions() -> None:
    # One position: while X has a working entry, Y may not open; more of X is allowed.
    other = Series(replace(PLAIN, symbol="Y"), f"{FLAT} | {FLAT}")
    outcome = play(
        f"{FLAT} | {FLAT}",
        {("Y", 0): lambda s: (on_instrument(s, market(s, 1), 0), market(s, 1), on_instrument(s, market(s, 1), 0))},
        replace(limited(max_open_positions=1), others=(other,)),
    )
    assert_orders(
        outcome,
        """
            market buy 1/1 FILLED
            market buy 0/1 DENIED MAX_OPEN_POSITIONS
            market buy 1/1 FILLED
        """,
    )


def test_sizes() -> None:
    # At least 5 and at most 100 lots.
    setting = Setting(replace(PLAIN, min_lots=5, max_lots=100))
    refused(
        lambda s: (market(s, 5), market(s, 4), market(s, 100), market(s, 101), market(s, 5.99)),
        """
            market buy 0/5   SUBMITTED
            market buy 0/4   DENIED BELOW_MINIMUM_SIZE
            market buy 0/100 SUBMITTED
            market buy 0/101 DENIED ABOVE_MAXIMUM_SIZE
            market buy 0/5   SUBMITTED
        """,
        setting,
    )


def test_sizes_round_towards_zero() -> None:
    # 0.99 of a lot is none; 1099 at 100 buy ten; 0.0199 of 100000 is 1990, nineteen; 0.3 / 0.1 is three.
    refused(
        lambda s: (market(s, 0.99), market(s, 1099, VALUE), market(s, -0.0199, WEIGHT)),
        """
            market buy  0/0  DENIED BELOW_MINIMUM_SIZE
            market buy  0/10 SUBMITTED
            market sell 0/19 SUBMITTED
        """,
    )
    refused(lambda s: market(s, 0.3), "market buy 0/3 SUBMITTED", Setting(replace(PLAIN, lot_size="0.1")))


@pytest.mark.parametrize("size", [np.nan, np.inf, -np.inf, 1e16])
def test_not_finite(size: float) -> None:
    # What no whole number of lots can stand for.
    outcome = play(FLAT, {0: lambda s: market(s, size)})
    assert outcome.result.orders["reason"].tolist() == [10]


@pytest.mark.parametrize(
    "wish",
    [
        lambda s: limit(s, 1, 0.0),
        lambda s: limit(s, 1, -1.0),
        lambda s: limit(s, 1, np.nan),
        lambda s: limit(s, 1, np.inf),
        lambda s: limit(s, 1, 0.004),  # rounds to 0.00
        lambda s: stop(s, 1, np.nan),
        lambda s: stop(s, 1, 0.0),
        lambda s: stop_limit(s, 1, 101.0, np.nan),
        lambda s: stop_limit(s, 1, np.nan, 101.0),
        lambda s: trailing_stop(s, -1, 0.0),
        lambda s: trailing_stop(s, -1, np.nan),
        lambda s: bracket_at(s, market(s, 1), 0.0),
        lambda s: bracket_at(s, market(s, 1), np.nan, -1.0),
    ],
)
def test_bad_price(wish: Wish) -> None:
    # A price that the order's kind needs is missing, not positive or not finite.
    outcome = play(FLAT, {0: wish})
    assert outcome.result.orders["reason"].tolist() == [11]


@pytest.mark.parametrize(
    "wish", [lambda s: limit(s, 1, 0.01), lambda s: stop(s, 1, 0.01), lambda s: trailing_stop(s, 1, 0.01)]
)
def test_good_price(wish: Wish) -> None:
    # One tick is a price.
    outcome = play(FLAT, {0: wish})
    assert outcome.result.orders["reason"].tolist() == [0]


def test_no_price() -> None:
    # Y has not traded yet when X's first bar closes; one bar later it has.
    late = Series(replace(PLAIN, symbol="Y"), FLAT, start=1)
    outcome = play(
        " | ".join([FLAT] * 3),
        {n: lambda s: on_instrument(s, market(s, 1), 1) for n in (0, 2)},
        Setting(others=(late,)),
    )
    assert_orders(outcome, "market buy 0/0 DENIED NO_PRICE | market buy 0/1 SUBMITTED")


def test_no_fx_rate() -> None:
    # The euro instrument trades before the pair that converts it does.
    dax, pair = Instrument("DAX", currency="EUR"), Instrument("EURUSD", tick_size="0.0001")
    outcome = play(
        f"{FLAT} | {FLAT} | {FLAT}",
        {0: lambda s: market(s, 1), 2: lambda s: market(s, 1)},
        Setting(dax, others=(Series(pair, "1.1 1.1 1.1 1.1", start=1),)),
    )
    assert_orders(outcome, "market buy 0/0 DENIED NO_FX_RATE | market buy 0/1 SUBMITTED")


def test_order_table_full() -> None:
    # Four places, one of them kept for flattening: three orders; or one bracket, which needs places for its two exits.
    setting = Setting(venue=SimVenueParams(slots=4))
    refused(
        lambda s: (limit(s, 1, 90), limit(s, 1, 91), limit(s, 1, 92), limit(s, 1, 93)),
        """
            limit buy 0/1 SUBMITTED
            limit buy 0/1 SUBMITTED
            limit buy 0/1 SUBMITTED
            limit buy 0/1 DENIED ORDER_TABLE_FULL
        """,
        setting,
    )
    refused(
        lambda s: (bracket_at(s, limit(s, 1, 90), 80, 110), limit(s, 1, 93)),
        "limit buy 0/1 SUBMITTED | limit buy 0/1 DENIED ORDER_TABLE_FULL",
        setting,
    )


def test_unknown_order() -> None:
    # No working order carries the tag.
    refused(
        lambda s: (tagged(s, limit(s, 1, 90), 7), cancel(s, 7), cancel(s, 8), amend(s, 9, 91)),
        """
            limit  buy 0/1 SUBMITTED
            market buy 0/0 DENIED UNKNOWN_ORDER
            market buy 0/0 DENIED UNKNOWN_ORDER
        """,
    )


def test_nothing_to_reduce() -> None:
    # Flat, or a buy while long; a sell while long is what the mark is for.
    check(
        f"{FLAT} | {FLAT} | {FLAT}",
        {
            0: lambda s: (reduce_only(s, market(s, -1)), market(s, 10)),
            1: lambda s: (reduce_only(s, market(s, 1)), reduce_only(s, market(s, -1))),
        },
        fills="""
            1 buy  10 @ 100 strategy
            2 sell  1 @ 100 strategy
        """,
        orders="""
            market sell  0/1  DENIED NOTHING_TO_REDUCE
            market buy  10/10 FILLED
            market buy   0/1  DENIED NOTHING_TO_REDUCE
            market sell  1/1  FILLED
        """,
    )


def test_not_shortable() -> None:
    # Nothing held: no share is there to be sold. Ten held: every sell that reduces is reduce-only, so several may
    # rest together and still never sell an eleventh share.
    check(
        f"{FLAT} | {FLAT}",
        {
            0: lambda s: (market(s, 10), market(s, -1)),
            1: lambda s: (limit(s, -6, 105), limit(s, -5, 105), limit(s, -4, 105)),
        },
        fills="1 buy 10 @ 100 strategy",
        orders="""
            market buy  10/10 FILLED
            market sell  0/1  DENIED NOT_SHORTABLE
            limit  sell  0/6  SUBMITTED
            limit  sell  0/5  SUBMITTED
            limit  sell  0/4  SUBMITTED
        """,
        setting=Setting(replace(PLAIN, is_shortable=False)),
    )


def test_already_expired() -> None:
    # Now is too late, one nanosecond later is not.
    now = START + MINUTE
    refused(
        lambda s: (good_till(s, limit(s, 1, 90), now), good_till(s, limit(s, 1, 90), now + 1)),
        "limit buy 0/1 DENIED ALREADY_EXPIRED | limit buy 0/1 SUBMITTED",
    )


def test_unknown_instrument() -> None:
    # There is one instrument, number 0.
    refused(
        lambda s: (on_instrument(s, market(s, 1), 1), on_instrument(s, market(s, 1), 0)),
        "market buy 0/0 DENIED UNKNOWN_INSTRUMENT | market buy 0/1 SUBMITTED",
    )


# -------------------------------------------------------------------------------------------------- limits on losses
DAY_LIMIT = Setting(minutes=360, cash=1000.0, limits=Limits(intraday_loss=0.1))  # four bars a day; 100 may be lost


def test_intraday_loss_counts_what_is_not_yet_realised() -> None:
    # Ten at 100; a close at 90 loses exactly 100 and is allowed, 89.99 loses 100.10: closed at the next open, and
    # nothing is opened until the next day.
    check_both_sides(
        "100 100 100 100 | 100 100 90 90 | 90 90 89.99 89.99 | 91 91 91 91 | 91 91 91 91 | 91 91 91 91",
        {
            0: lambda s: market(s, 10),
            2: lambda s: market(s, 1),
            3: lambda s: market(s, 2),
            4: lambda s: market(s, 3),
        },
        fills="""
            1 buy  10 @ 100 strategy
            3 sell 10 @ 91  risk
            5 buy   3 @ 91  strategy
        """,
        orders="""
            market buy  10/10 FILLED
            market sell 10/10 FILLED
            market buy   0/1  DENIED INTRADAY_LOSS
            market buy   0/2  DENIED INTRADAY_LOSS
            market buy   3/3  FILLED
        """,
        setting=DAY_LIMIT,
    )


def test_a_broken_limit_cancels_what_is_working() -> None:
    # The resting limit and the bracket's exits go with it.
    check_both_sides(
        "100 100 100 100 | 100 100 89 89 | 91 91 80 91",
        {0: lambda s: (bracket_at(s, market(s, 10), 50.0, 150.0), tagged(s, limit(s, 1, 85), 1))},
        fills="""
            1 buy  10 @ 100 strategy
            2 sell 10 @ 91  risk
        """,
        orders="""
            market buy  10/10 FILLED
            limit  buy   0/1  CANCELED CANCELED_BY_RISK
            stop   sell  0/10 CANCELED CANCELED_BY_RISK
            limit  sell  0/10 CANCELED CANCELED_BY_RISK
            market sell 10/10 FILLED
        """,
        setting=replace(DAY_LIMIT, instrument=replace(PLAIN, margin_initial=0.5)),
    )


def test_max_drawdown_never_lifts() -> None:
    # Up to 1200, so 10 % of that may be lost: 1080 is allowed, 1079.90 is not; days later it still stands.
    check_both_sides(
        "100 100 100 100 | 100 120 100 120 | 120 120 108 108 | 108 108 107.99 107.99 | 100 100 100 100"
        + "| 100 100 100 100" * 8,
        {
            0: lambda s: market(s, 10),
            4: lambda s: market(s, 1),
            12: lambda s: market(s, 1),
        },
        fills="""
            1 buy  10 @ 100 strategy
            4 sell 10 @ 100 risk
        """,
        orders="""
            market buy  10/10 FILLED
            market sell 10/10 FILLED
            market buy   0/1  DENIED MAX_DRAWDOWN
            market buy   0/1  DENIED MAX_DRAWDOWN
        """,
        setting=Setting(minutes=360, cash=1000.0, limits=Limits(max_drawdown=0.1)),
    )


def test_reducing_is_never_refused_while_halted() -> None:
    # Volume lets the flattening sell only four of ten; the strategy's own reducing orders pass, more of it does not.
    check(
        "100 100 100 100 500 | 100 100 89 89 500 | 91 91 91 91 40 | 91 91 91 91 500",
        {
            0: lambda s: market(s, 10),
            1: lambda s: (reduce_only(s, market(s, -10)), market(s, -10), market(s, -11), market(s, 1)),
        },
        fills="""
            1 buy  10 @ 100 strategy
            2 sell  4 @ 91  risk
            3 sell  6 @ 91  risk
        """,
        orders="""
            market buy  10/10 FILLED
            market sell 10/10 FILLED
            market sell  0/10 CANCELED CANCELED_BY_RISK
            market sell  0/10 CANCELED CANCELED_BY_RISK
            market sell  0/11 DENIED INTRADAY_LOSS
            market buy   0/1  DENIED INTRADAY_LOSS
        """,
        setting=replace(DAY_LIMIT, instrument=Instrument("X", participation=0.1, fees=FeeModel())),
    )
