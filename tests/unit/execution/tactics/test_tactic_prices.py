"""Limits stand on the grid: quotes on the far side of the buffer, crossing orders on the near side of their bound."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewright.core.types.order import Side
from tradewright.execution.tactics.messages import Quote
from tradewright.execution.tactics.prices import crossing_price, passive_price

CENT = Fraction("0.01")


@pytest.mark.parametrize(
    ("side", "bps", "price"),
    [
        (Side.BUY, 0.0, 100.0),
        (Side.SELL, 0.0, 100.0),
        (Side.BUY, 1.0, 99.99),
        (Side.SELL, 1.0, 100.01),
        (Side.BUY, 1.5, 99.98),  # 99.985: down
        (Side.SELL, 1.5, 100.02),  # 100.015: up
    ],
)
def test_a_quote(side: Side, bps: float, price: float) -> None:
    assert passive_price(Quote(99.99, 100.01), side, bps, CENT) == price


@pytest.mark.parametrize(("side", "bps", "price"), [(Side.BUY, 0.0, 100.01), (Side.SELL, 5.0, 99.94)])
def test_a_crossing_order(side: Side, bps: float, price: float) -> None:
    assert crossing_price(Quote(99.99, 100.01), side, bps, CENT) == price


def test_a_mid_on_the_grid_stays_there() -> None:
    for ticks in range(1, 20_000, 7):
        mid = float(ticks * CENT)
        assert passive_price(Quote(mid, mid), Side.BUY, 0.0, CENT) == mid
        assert passive_price(Quote(mid, mid), Side.SELL, 0.0, CENT) == mid


@given(
    bid=st.floats(0.001, 1e6),
    spread=st.floats(0, 0.01),
    bps=st.floats(0, 1000),
    tick=st.sampled_from(["0.00001", "0.01", "0.25", "5"]),
    side=st.sampled_from(Side),
)
def test_on_the_grid_above_zero_and_on_the_right_side(
    bid: float, spread: float, bps: float, tick: str, side: Side
) -> None:
    quote, grid = Quote(bid, bid * (1.0 + spread)), Fraction(tick)
    noise = 2e-6 * float(grid)
    for price in (passive_price(quote, side, bps, grid), crossing_price(quote, side, bps, grid)):
        assert price > 0
        assert price == float(round(price / float(grid)) * grid)
    passive = passive_price(quote, side, bps, grid)
    if passive > float(grid):  # a price below one tick is one tick
        assert side * (passive - quote.mid) <= noise + 1e-9 * bid
    touch = quote.ask if side > 0 else quote.bid
    if crossing_price(quote, side, bps, grid) > float(grid):
        assert side * (crossing_price(quote, side, bps, grid) - touch) >= -noise - 1e-9 * bid
