"""Where one trading day ends and the next begins: who pays for the night, and what a day's loss is measured from."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.tables.script import PLAIN, START, Key, Outcome, Series, Setting, Wish, check, with_fees

from tradewright.core.types.ledger import LedgerKind
from tradewright.risk.limits import Limits
from tradewright.strategies.signals import Signals, limit, market, stop

FLAT = "100 100 100 100"
DAY_NS = 86_400_000_000_000
#: Two bars a day; 365 bps a year are one basis point a night.
BORROW = Setting(with_fees(borrow_bps_year=365), minutes=720)
HALT = Setting(limits=Limits(intraday_loss=0.01), minutes=720, cash=10_000.0)


def borrowed(outcome: Outcome) -> list[tuple[int, float]]:
    """Nights paid for: the number of the day that then began, counted from the table's first, and the amount."""
    ledger = outcome.result.ledger
    paid = ledger[ledger["kind"] == LedgerKind.BORROW]
    return [((int(line["ts_event"]) - START) // DAY_NS, int(line["cash_micro"]) / 1e6) for line in paid]


def sell_at_the_open(s: Signals) -> int:
    """A hundred short at the next open."""
    return market(s, -100)


def sell_inside(s: Signals) -> int:
    """A hundred short when the price has risen to 101."""
    return limit(s, -100, 101)


@pytest.mark.parametrize(
    ("wish", "price"), [(sell_at_the_open, 100), (sell_inside, 101)], ids=["at the open", "inside the bar"]
)
def test_a_short_opened_by_a_days_first_bar_pays_nothing_for_the_night_before(wish: Wish, price: int) -> None:
    # Bars 2 and 3 are day 1. Sold in bar 2, the night before it is not the short's. It is held over the next midnight
    # at a close of 110: 100 x 110 x 1 bp = 1.10.
    outcome = check(
        f"{FLAT} | {FLAT} | 100 102 100 101 | 101 110 101 110 | 110 110 110 110",
        {1: wish},
        fills=f"2 sell 100 @ {price} strategy",
        setting=BORROW,
    )
    assert borrowed(outcome) == [(2, -1.1)]


def test_a_short_closed_by_the_next_days_first_bar_pays_for_that_night() -> None:
    # Sold in bar 1, bought back at the open of bar 2, the first of day 1: it was held at midnight, at 110.
    # The price of the closing fill, 120, does not matter; nor does the night after.
    outcome = check(
        f"{FLAT} | 100 110 100 110 | 120 120 120 120 | 120 120 120 120 | 120 120 120 120",
        {0: sell_at_the_open, 1: lambda s: market(s, 100)},
        fills="""
            1 sell 100 @ 100 strategy
            2 buy  100 @ 120 strategy
        """,
        setting=BORROW,
    )
    assert borrowed(outcome) == [(1, -1.1)]


def test_a_short_closed_inside_the_next_days_first_bar_pays_for_that_night() -> None:
    # The same with a stop that the bar reaches on its way.
    outcome = check(
        f"{FLAT} | 100 110 100 110 | 110 121 110 120 | 120 120 120 120 | 120 120 120 120",
        {0: sell_at_the_open, 1: lambda s: stop(s, 100, 120)},
        fills="""
            1 sell 100 @ 100 strategy
            2 buy  100 @ 120 strategy
        """,
        setting=BORROW,
    )
    assert borrowed(outcome) == [(1, -1.1)]


def test_on_daily_bars_a_short_pays_for_each_night_it_was_held() -> None:
    # Every bar begins a day. Sold at the open of day 1, held over midnight at 110 and at 120, bought at day 3's open.
    outcome = check(
        f"{FLAT} | 100 110 100 110 | 110 120 110 120 | 130 130 130 130 | 130 130 130 130",
        {0: sell_at_the_open, 2: lambda s: market(s, 100)},
        fills="""
            1 sell 100 @ 100 strategy
            3 buy  100 @ 130 strategy
        """,
        setting=replace(BORROW, minutes=1440),
    )
    assert borrowed(outcome) == [(2, -1.1), (3, -1.2)]


def test_a_position_turned_long_at_the_days_first_open_pays_for_the_night_it_was_short() -> None:
    # A hundred short at midnight, at 110; a hundred long from the open on, and longs pay nothing.
    outcome = check(
        f"{FLAT} | 100 110 100 110 | 110 110 110 110 | 110 110 110 110 | 110 110 110 110",
        {0: sell_at_the_open, 1: lambda s: market(s, 200)},
        fills="""
            1 sell 100 @ 100 strategy
            2 buy  200 @ 110 strategy
        """,
        setting=BORROW,
    )
    assert borrowed(outcome) == [(1, -1.1)]


def test_a_day_begins_once_whichever_instrument_is_first() -> None:
    # Both shorts are closed by the first bars of day 1, Y's an hour after X's: each pays for the one night, no more.
    other = replace(BORROW.instrument, symbol="Y")
    hours = replace(BORROW, minutes=60)
    x = " | ".join([FLAT] * 26)
    y = " | ".join(["50 50 50 50"] * 25)
    outcome = check(
        x,
        {
            0: sell_at_the_open,
            23: lambda s: market(s, 100),
            ("Y", 0): sell_at_the_open,
            ("Y", 22): lambda s: market(s, 100),
        },
        fills="""
            X 1  sell 100 @ 100 strategy
            Y 1  sell 100 @ 50  strategy
            X 24 buy  100 @ 100 strategy
            Y 23 buy  100 @ 50  strategy
        """,
        setting=replace(hours, others=(Series(other, y, minutes=60, start=120),)),
    )
    assert borrowed(outcome) == [(1, -1.0), (1, -0.5)]


def test_the_first_bars_fills_count_to_the_new_days_loss() -> None:
    # Bought in the first bar of day 1 at 100 x 1.03 and marked at 100: 50 x 3 = 150 lost, 1.5 % of the 10,000 that
    # the day began with. Had the day begun after the fill, nothing would have been lost. All goes at the next open.
    check(
        f"{FLAT} | {FLAT} | {FLAT} | {FLAT}",
        {1: lambda s: market(s, 50)},
        fills="""
            2 buy  50 @ 103 strategy
            3 sell 50 @ 97  risk
        """,
        setting=replace(HALT, instrument=with_fees(slippage_bps=300)),
    )


def test_the_first_bars_gain_does_not_raise_the_mark_of_the_day() -> None:
    # Held over midnight at 100, the rise to 104 and the sale there belong to day 1, which began at 10,000: back at
    # 102 on the other half the day is still up and nothing happens (from 10,200 on, 50 would be 0.5 %, not 1 %) ...
    held = "100 100 100 100 | 100 100 100 100 | 104 104 104 104"
    script: dict[Key, Wish] = {0: lambda s: market(s, 50), 1: lambda s: market(s, -1)}
    fills = """
        1 buy  50 @ 100 strategy
        2 sell 1  @ 104 strategy
    """
    # ... even at 101, where 49 held have lost 147 from their best: 1.4 % of the best, but a gain of 53 on the day.
    check(f"{held} | 101 101 101 101 | {FLAT}", script, fills=fills, setting=HALT)


def test_yesterdays_loss_is_not_todays() -> None:
    # 0.9 % lost on day 0 and 0.9 % of what is left on day 1: neither is 1 %.
    # 90 at 100: down to 99 costs 90 of 10,000; down to 98.01 costs 89.10 of 9,910 = 0.899 %.
    check(
        f"{FLAT} | 100 100 99 99 | 99 99 98.01 98.01 | 98.01 98.01 98.01 98.01",
        {0: lambda s: market(s, 90)},
        fills="1 buy 90 @ 100 strategy",
        setting=HALT,
    )


def test_an_order_filled_by_the_new_days_first_bar_follows_a_lifted_halt() -> None:
    # Halted on day 0 by a fall from 100 to 98, sold at bar 2's open, the first of day 1. What is wished for at the
    # close of bar 1 is still denied; at the close of bar 2 the halt is lifted.
    check(
        f"{FLAT} | 100 100 98 98 | 98 98 98 98 | 98 98 98 98",
        {0: lambda s: market(s, 90), 1: lambda s: market(s, 1), 2: lambda s: market(s, 1)},
        fills="""
            1 buy  90 @ 100 strategy
            2 sell 90 @ 98  risk
            3 buy  1  @ 98  strategy
        """,
        orders="""
            market buy  90/90 FILLED
            market sell 90/90 FILLED
            market buy   0/1  DENIED INTRADAY_LOSS
            market buy   1/1  FILLED
        """,
        setting=replace(HALT, instrument=PLAIN),
    )
