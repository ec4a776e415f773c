"""Commission, currencies, borrow, funding and forced liquidation; all amounts worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.tables.script import PLAIN, Outcome, Series, Setting, check, with_fees

from tradewright.core.types.instrument import FeeModel, Instrument
from tradewright.core.types.ledger import LedgerKind
from tradewright.strategies.signals import limit, market

FLAT = "100 101 99 100"
EURUSD = Instrument("EURUSD", tick_size="0.0001", lot_size="1")
USDEUR = Instrument("USDEUR", tick_size="0.0001", lot_size="1")
DAX = Instrument("DAX", currency="EUR", fees=FeeModel(taker_bps=10))


def booked(outcome: Outcome, kind: LedgerKind) -> list[float]:
    """Amounts of one kind in the ledger, account currency."""
    ledger = outcome.result.ledger
    return [int(cash) / 1e6 for cash in ledger["cash_micro"][ledger["kind"] == kind]]


def test_basis_points_of_the_value() -> None:
    # 10 at 102 at 5 bps: 1020 x 0.0005 = 0.51; cash 100000 - 1020 - 0.51.
    outcome = check(
        f"{FLAT} | 102 103 101 102",
        {0: lambda s: market(s, 10)},
        fills="1 buy 10 @ 102 strategy",
        setting=Setting(with_fees(taker_bps=5)),
    )
    assert booked(outcome, LedgerKind.COMMISSION) == [-0.51]
    assert booked(outcome, LedgerKind.TRADE) == [-1020.0]
    assert outcome.cash == 98979.49
    assert outcome.result.final_equity == 99999.49


def test_maker_and_taker() -> None:
    # The resting limit pays 1 bp of 980 = 0.098; the market order 4 bps of 1000 = 0.40.
    outcome = check(
        f"{FLAT} | 100 101 97 100 | {FLAT}",
        {0: lambda s: limit(s, 10, 98), 1: lambda s: market(s, -10)},
        fills="""
            1 buy  10 @ 98  strategy
            2 sell 10 @ 100 strategy
        """,
        setting=Setting(with_fees(maker_bps=1, taker_bps=4)),
    )
    assert booked(outcome, LedgerKind.COMMISSION) == [-0.098, -0.4]
    assert outcome.result.fills["is_maker"].tolist() == [1, 0]


def test_a_limit_that_takes_the_open_is_a_taker() -> None:
    # Sent beyond the market it pays the taker's 4 bps of 1000 = 0.40.
    outcome = check(
        f"{FLAT} | {FLAT}",
        {0: lambda s: limit(s, 10, 105)},
        fills="1 buy 10 @ 100 strategy",
        setting=Setting(with_fees(maker_bps=1, taker_bps=4)),
    )
    assert booked(outcome, LedgerKind.COMMISSION) == [-0.4]


def test_per_share() -> None:
    # Half a cent a share on 300 shares: 1.50.
    outcome = check(
        f"{FLAT} | {FLAT}",
        {0: lambda s: market(s, 300)},
        fills="1 buy 300 @ 100 strategy",
        setting=Setting(with_fees(per_unit=0.005)),
    )
    assert booked(outcome, LedgerKind.COMMISSION) == [-1.5]


def test_minimum_is_charged_once_an_order() -> None:
    # 0.01 a share, at least 1.00 an order. 60 + 60 + 30 shares: 1.00 with the first fill (0.60 earned), then 0.20 more
    # when 1.20 are earned, then 0.30: 1.50 in all, as one fill of 150 would have cost.
    outcome = check(
        f"{FLAT} | 100 101 99 100 600 | 100 101 99 100 600 | 100 101 99 100 600",
        {0: lambda s: market(s, 150)},
        fills="""
            1 buy 60 @ 100 strategy
            2 buy 60 @ 100 strategy
            3 buy 30 @ 100 strategy
        """,
        setting=Setting(replace(with_fees(per_unit=0.01, minimum=1.0), participation=0.1)),
    )
    assert booked(outcome, LedgerKind.COMMISSION) == [-1.0, -0.2, -0.3]


def test_multiplier_and_lots() -> None:
    # A future of 50 a point, lots of one contract: 2 at 100 cost 2 x 50 x 100 = 10000; 1 bp = 1.00.
    outcome = check(
        f"{FLAT} | {FLAT} | 101 101 101 101",
        {0: lambda s: market(s, 2)},
        fills="1 buy 2 @ 100 strategy",
        setting=Setting(replace(with_fees(taker_bps=1), multiplier="50")),
    )
    assert booked(outcome, LedgerKind.TRADE) == [-10000.0]
    assert booked(outcome, LedgerKind.COMMISSION) == [-1.0]
    assert outcome.result.final_equity == 100_099.0


def fx_setting(pair: Instrument) -> Setting:
    """One euro instrument beside the pair that converts it."""
    return Setting(pair, others=(Series(DAX, "50 51 49 50 | 60 61 59 60 | 66 66 66 66"),), cash=10_000)


def test_another_currency_is_converted_at_the_rate_known() -> None:
    # Bought at 60 EUR when EURUSD closed at 1.20: 10 x 60 x 1.2 = 720 USD, commission 0.6 EUR = 0.72 USD.
    # Marked at 66 EUR x 1.25 = 825 USD.
    rates = "1.10 1.10 1.10 1.10 | 1.20 1.20 1.20 1.20 | 1.25 1.25 1.25 1.25"
    outcome = check(
        rates,
        {("DAX", 0): lambda s: market(s, 10)},
        fills="DAX 1 buy 10 @ 60 strategy",
        setting=fx_setting(EURUSD),
    )
    assert outcome.result.fills["fx"].tolist() == [1.2]
    assert booked(outcome, LedgerKind.TRADE) == [-720.0]
    assert booked(outcome, LedgerKind.COMMISSION) == [-0.72]
    assert outcome.result.final_equity == pytest.approx(10_000 - 720.72 + 825, abs=1e-6)


def test_an_inverse_pair_converts_too() -> None:
    # USDEUR 0.80 is 1.25 USD a euro: 10 x 60 x 1.25 = 750; marked at 0.75: 66 x 10 / 0.75 = 880.
    rates = "0.90 0.90 0.90 0.90 | 0.80 0.80 0.80 0.80 | 0.75 0.75 0.75 0.75"
    outcome = check(
        rates,
        {("DAX", 0): lambda s: market(s, 10)},
        fills="DAX 1 buy 10 @ 60 strategy",
        setting=fx_setting(USDEUR),
    )
    assert booked(outcome, LedgerKind.TRADE) == [-750.0]
    assert booked(outcome, LedgerKind.COMMISSION) == [-0.75]
    assert outcome.result.final_equity == pytest.approx(10_000 - 750.75 + 880, abs=1e-6)


def test_borrow_is_charged_when_a_day_begins() -> None:
    # Two bars a day. 100 short at 100 from noon on, marked at 110 at midnight: 11000 x 365 bps / 365 = 1.10;
    # held over the next midnight at 120: 1.20; bought back at noon, the third midnight costs nothing.
    outcome = check(
        "100 100 100 100 | 100 110 100 110 | 110 110 110 110 | 110 120 110 120 | 120 120 120 120 | 120 120 120 120"
        "| 120 120 120 120",
        {0: lambda s: market(s, -100), 4: lambda s: market(s, 100)},
        fills="""
            1 sell 100 @ 100 strategy
            5 buy  100 @ 120 strategy
        """,
        setting=Setting(with_fees(borrow_bps_year=365), minutes=720),
    )
    assert booked(outcome, LedgerKind.BORROW) == [-1.1, -1.2]


def test_a_long_position_borrows_nothing() -> None:
    # Only shorts pay.
    outcome = check(
        "100 100 100 100 | 100 110 100 110 | 110 110 110 110",
        {0: lambda s: market(s, 100)},
        fills="1 buy 100 @ 100 strategy",
        setting=Setting(with_fees(borrow_bps_year=365), minutes=1440),
    )
    assert booked(outcome, LedgerKind.BORROW) == []


@pytest.mark.parametrize(("size", "paid"), [(10, -0.1), (-10, 0.1)], ids=["a long pays", "a short receives"])
def test_funding(size: float, paid: float) -> None:
    # Rate 0.0001 on 10 x 100 = 0.10; longs pay a positive rate, shorts receive it.
    outcome = check(
        script={0: lambda s: market(s, size)},
        fills=f"1 {'buy' if size > 0 else 'sell'} 10 @ 100 strategy",
        setting=Setting(feed="0 trade 100 5 0\n1 trade 100 5 0\n2 funding 0.0001\n3 trade 100 5 0"),
    )
    assert booked(outcome, LedgerKind.FUNDING) == [paid]
    assert outcome.result.final_equity == 100_000 + paid


LEVERED = Setting(replace(PLAIN, margin_initial=0.1, margin_maintenance=0.05), cash=1_000.0)


def test_forced_liquidation_of_a_long() -> None:
    # 90 at 100 with 1000 of equity. At a low of 93 equity is 1000 - 630 = 370 < 5 % of 8370 = 418.50:
    # sold at the next open.
    outcome = check(
        f"{FLAT} | 100 100 99 99 | 99 99 93 95 | 94 95 93 94",
        {0: lambda s: market(s, 90)},
        fills="""
            1 buy  90 @ 100 strategy
            3 sell 90 @ 94  liquidation
        """,
        setting=LEVERED,
    )
    assert outcome.result.counters["liquidations"] == 1
    assert outcome.result.final_equity == 460.0


def test_no_liquidation_while_the_margin_holds() -> None:
    # At a low of 93.6 equity is 1000 - 576 = 424 and 5 % of 8424 is 421.20: just enough.
    check(
        f"{FLAT} | 100 100 99 99 | 99 99 93.6 95 | 94 95 94 94",
        {0: lambda s: market(s, 90)},
        fills="1 buy 90 @ 100 strategy",
        setting=LEVERED,
    )


def test_forced_liquidation_of_a_short_cancels_its_orders() -> None:
    # Short 90 from 100; at a high of 106 equity is 1000 - 540 = 460 < 5 % of 9540 = 477: bought back at the next open.
    check(
        f"{FLAT} | 100 101 100 101 | 101 106 101 104 | 105 106 104 105",
        {0: lambda s: market(s, -90), 1: lambda s: limit(s, 5, 90)},
        fills="""
            1 sell 90 @ 100 strategy
            3 buy  90 @ 105 liquidation
        """,
        orders="""
            market sell 90/90 FILLED
            limit  buy   0/5  CANCELED CANCELED_BY_LIQUIDATION
            market buy  90/90 FILLED
        """,
        setting=LEVERED,
    )


def test_liquidation_looks_at_all_instruments() -> None:
    # 40 of X and 50 of Y at 100, equity 1000. X falls to 86: 1000 - 560 = 440, needed 5 % of 3440 + 5000 = 422: enough.
    # At 85: 400 < 5 % of 3400 + 5000 = 420: both go at their next opens.
    other = replace(LEVERED.instrument, symbol="Y")
    flat = " | ".join(["100 100 100 100"] * 4)
    check(
        "100 100 100 100 | 100 100 86 100 | 100 100 85 100 | 100 100 100 100",
        {0: lambda s: market(s, 40), ("Y", 0): lambda s: market(s, 50)},
        fills="""
            X 1 buy  40 @ 100 strategy
            Y 1 buy  50 @ 100 strategy
            X 3 sell 40 @ 100 liquidation
            Y 3 sell 50 @ 100 liquidation
        """,
        setting=replace(LEVERED, others=(Series(other, flat),)),
    )
