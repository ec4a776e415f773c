"""Numbers of the kernel that no table reaches: the price grid, whole lots, and how a fill moves a position."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from numba import njit

from tradewright.core.kernel import book_nb, ledger_nb
from tradewright.core.kernel.records import instrument_records
from tradewright.core.types.instrument import Instrument
from tradewright.engine.memory import AccountStart, SessionMemory, Shape
from tradewright.risk.limits import Limits


@njit(nogil=True, error_model="numpy")
def on_grid(price: float, num: int, den: int) -> float:
    return book_nb.on_grid_nb(price, num, den)


@njit(nogil=True, error_model="numpy")
def whole(lots: float) -> int:
    return book_nb.whole_nb(lots)


@pytest.mark.parametrize("tick", ["0.01", "0.05", "0.25", "0.1", "1", "5", "0.00000001", "0.00005", "0.03125"])
def test_prices_are_the_doubles_nearest_to_the_decimals(tick: str) -> None:
    # float("100.35") is that double; a product such as 10035 x 0.01 often is not
    num, den = Fraction(tick).as_integer_ratio()
    rng = np.random.default_rng(5)
    for ticks in rng.integers(1, 10_000_000, 2_000).tolist():
        wanted = float(Decimal(tick) * ticks)
        assert on_grid(wanted, num, den) == wanted
        # anything less than half a tick away comes back to it
        assert on_grid(wanted + 0.4 * float(tick), num, den) == wanted
        assert on_grid(wanted - 0.4 * float(tick), num, den) == wanted


@pytest.mark.parametrize(("price", "on"), [(100.125, 100.0), (100.375, 100.5), (100.13, 100.25)])
def test_half_a_tick_goes_to_the_even_one(price: float, on: float) -> None:
    assert on_grid(price, 1, 4) == on


def test_what_is_no_price_stays_none() -> None:
    assert math.isnan(on_grid(math.nan, 1, 100))
    assert on_grid(math.inf, 1, 100) == math.inf


@pytest.mark.parametrize(
    ("lots", "count"),
    [
        (0.0, 0),
        (0.999, 0),
        (1.0, 1),
        (2.9999999999999996, 3),  # 0.3 / 0.1
        (28.999999999999996, 29),  # 0.29 x 100
        (2.999999, 2),
        (-2.5, -2),
        (-0.9, 0),
        (-2.9999999999999996, -3),
        (1e15, 10**15),
        (1e12 + 0.9, 10**12),
    ],
)
def test_lots_round_towards_zero(lots: float, count: int) -> None:
    assert whole(lots) == count


def account() -> SessionMemory:
    instruments = instrument_records([Instrument("X")], "USD")
    start = AccountStart(1000.0, Limits(), np.array([np.nan]), np.array([0, 2**62], np.int64))
    return SessionMemory(Shape(1, 0, 8), start, instruments)


def moved(memory: SessionMemory, lots: int, price: float) -> int:
    """Book signed lots; return what was realised in millionths."""
    return int(ledger_nb.move_position_nb(memory.address, 0, lots, price, round(-lots * price * 1_000_000)))


def test_adding_averages_the_entry() -> None:
    memory = account()
    position = memory.arrays["positions"][0]
    assert moved(memory, 10, 100.0) == 0
    assert moved(memory, 30, 104.0) == 0
    # (10 x 100 + 30 x 104) / 40 = 103
    assert (position["lots"], position["entry_price"], position["cost_micro"]) == (40, 103.0, 4_120_000_000)
    assert memory.record["open_positions"][0] == 1


def test_reducing_realises_the_share_that_goes() -> None:
    memory = account()
    position = memory.arrays["positions"][0]
    moved(memory, 10, 100.0)
    assert moved(memory, -4, 105.0) == 20_000_000
    assert (position["lots"], position["entry_price"], position["cost_micro"]) == (6, 100.0, 600_000_000)
    assert moved(memory, -6, 90.0) == -60_000_000
    assert (position["lots"], position["cost_micro"]) == (0, 0)
    assert math.isnan(position["entry_price"])
    assert memory.record["open_positions"][0] == 0


def test_turning_closes_and_opens() -> None:
    memory = account()
    position = memory.arrays["positions"][0]
    moved(memory, 10, 100.0)
    # ten of the twenty-five close with 30 gained; fifteen are short at 103
    assert moved(memory, -25, 103.0) == 30_000_000
    assert (position["lots"], position["entry_price"], position["cost_micro"]) == (-15, 103.0, -1_545_000_000)
    assert memory.record["open_positions"][0] == 1
    # back the other way: bought at 101, 2 x 15 gained, five long
    assert moved(memory, 20, 101.0) == 30_000_000
    assert (position["lots"], position["entry_price"], position["cost_micro"]) == (5, 101.0, 505_000_000)


def test_nothing_is_lost_where_the_share_is_not_whole() -> None:
    # a cost of 1 millionth over 3 lots: whatever each part takes, the parts add up
    memory = account()
    position = memory.arrays["positions"][0]
    ledger_nb.move_position_nb(memory.address, 0, 3, 1.0, -10)
    realized = sum(int(ledger_nb.move_position_nb(memory.address, 0, -1, 1.0, 3)) for _ in range(3))
    assert realized == 9 - 10
    assert (position["lots"], position["cost_micro"]) == (0, 0)
