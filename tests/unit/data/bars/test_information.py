"""Tick, volume, dollar and imbalance bars: worked by hand from the book's formulas."""

from __future__ import annotations

import polars as pl
import pytest

from tradewright.core.types.errors import DataError, UsageError
from tradewright.core.types.trade import Trade
from tradewright.data.bars.information import (
    InformationBarBuilder,
    InformationBarParams,
    InformationKind,
    information_bars,
)
from tradewright.data.kinds import Kind, schema


def trades(*rows: tuple[float, float, int]) -> pl.DataFrame:
    """Trades one ns apart: price, size, side."""
    ts = list(range(len(rows)))
    columns = {"ts_open": ts, "ts_event": ts, "ts_seen": ts}
    values = {n: [float(r[k]) for r in rows] for k, n in enumerate(("price", "size", "aggressor"))}
    return pl.DataFrame(columns | values, schema=schema(Kind.TRADES))


def lengths(frame: pl.DataFrame, kind: InformationKind, size: float, **more: float) -> list[int]:
    made = information_bars([frame], InformationBarParams(kind, size, **more))  # type: ignore[arg-type]
    return [int(n) for n in made["trades"].to_list()]


PLAIN = trades((10, 3, 1), (11, 3, -1), (9, 3, 1), (10, 1, 1), (10, 12, 1), (10, 2, 1))


@pytest.mark.parametrize(
    ("kind", "size", "expected"),
    [
        (InformationKind.TICK, 2, [2, 2, 2]),
        (InformationKind.TICK, 4, [4]),
        # the third trade brings 9, the fifth 13: nothing of that is carried over
        (InformationKind.VOLUME, 8, [3, 2]),
        # the second trade brings 30 + 33, the fifth 27 + 10 + 120
        (InformationKind.DOLLAR, 60, [2, 3]),
    ],
)
def test_bars_end_when_the_size_is_reached(kind: InformationKind, size: float, expected: list[int]) -> None:
    assert lengths(PLAIN, kind, size) == expected


def test_a_bar_by_hand() -> None:
    made = information_bars([PLAIN], InformationBarParams(InformationKind.VOLUME, 8))
    assert made.rows() == [(0, 2, 2, 10, 11, 9, 9, 9, 3, 6), (3, 4, 4, 10, 10, 10, 10, 13, 2, 13)]


def test_ten_trades_of_a_tenth_are_one() -> None:
    assert lengths(trades(*[(1, 0.1, 1)] * 10), InformationKind.VOLUME, 1.0) == [10]


def test_tick_imbalance_by_hand() -> None:
    """Spans of 3 and 1: weights 1/2 (bar length) and 1 (signed amount, so that E_i is the last sign).

    The first bar has 2 trades, + and +: E_T = 2, E_i = 1, threshold 2. Then + (1), + (2) ends the second bar of 2
    trades: E_T = 2, E_i = 1, threshold 2. Then + - + + + reaches 3 - 1 ... sums 1 0 1 2: 4 trades end the third:
    E_T = 3, E_i = 1, threshold 3. Then - - - (sum -3) ends the fourth: its size counts and not its sign.
    """
    signs = [1, 1, 1, 1, 1, -1, 1, 1, -1, -1, -1]
    frame = trades(*((10, 1, s) for s in signs))
    assert lengths(frame, InformationKind.TICK_IMBALANCE, 2, span_bars=3, span_trades=1) == [2, 2, 4, 3]


def test_the_tick_rule_decides_where_the_side_is_unknown() -> None:
    """Prices 10 11 11 12 rise: signs 0 + + +, an unchanged price repeats the sign before it.

    First bar of 2: sums to 1, E_i = 1/2, E_T = 2, threshold 1, which the third trade reaches alone, and the fourth.
    """
    frame = trades((10, 1, 0), (11, 1, 0), (11, 1, 0), (12, 1, 0))
    assert lengths(frame, InformationKind.TICK_IMBALANCE, 2, span_trades=1_000_000) == [2, 1, 1]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        # first bar: signed 5 and -1, mean 2, E_T 2, threshold 4: 3, then 3 + 2 = 5 ends the second
        (InformationKind.VOLUME_IMBALANCE, [2, 2]),
        # prices 1 2 1 10: signed 5 and -2, mean 1.5, threshold 3: 3 ends the second at once
        (InformationKind.DOLLAR_IMBALANCE, [2, 1, 1]),
    ],
)
def test_amounts_count_where_they_should(kind: InformationKind, expected: list[int]) -> None:
    frame = trades((1, 5, 1), (2, 1, -1), (1, 3, 1), (10, 2, 1))
    assert lengths(frame, kind, 2, span_trades=1e12) == expected


def test_bounds_hold() -> None:
    quiet = trades(*((10, 1, 1 if k % 2 else -1) for k in range(40)))
    assert set(lengths(quiet, InformationKind.TICK_IMBALANCE, 4, min_trades=3)) == {4, 3}
    loud = trades(*((10, 1, 1) for _ in range(4)), *((10, 1, 1 if k % 2 else -1) for k in range(36)))
    assert max(lengths(loud, InformationKind.TICK_IMBALANCE, 4, max_trades=7)) == 7


@pytest.mark.parametrize(
    ("name", "value"), [("size", 0.0), ("size", float("nan")), ("span_bars", 0.5), ("min_trades", 0), ("max_trades", 1)]
)
def test_impossible_numbers_are_refused(name: str, value: float) -> None:
    given = {"size": 5.0, "min_trades": 3} | {name: value}
    with pytest.raises(UsageError) as caught:
        InformationBarParams(InformationKind.TICK_IMBALANCE, **given)  # type: ignore[arg-type]
    assert caught.value.where == name


def test_trades_out_of_order_are_refused_in_batch_and_counted_live() -> None:
    frame = trades((1, 1, 1), (1, 1, 1))
    with pytest.raises(DataError, match="earlier than the one before"):
        information_bars([frame, frame], InformationBarParams(InformationKind.TICK, 3))
    builder = InformationBarBuilder("X", InformationBarParams(InformationKind.TICK, 2))
    made = [builder.update(Trade("X", ts, ts, 1.0, 1.0, 1)) for ts in (5, 3, 5)]
    assert [bar is None for bar in made] == [True, True, False]
    assert builder.late == 1
