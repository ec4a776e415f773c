"""Bars of seconds: known answers, and the same bars from history and from a stream."""

from __future__ import annotations

import math
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewright.adapters.alpaca.second_bars import Print, SecondBar, SecondBarBuilder, fold, second_bars

SECOND = 10**9
CODES = ["", "@", "@|I", "@|F", "@|4", "@|M", "@|T", "@|B", "?"]
VOLUME_ONLY = {"@|I", "@|4", "?"}

prints = st.lists(
    st.builds(
        Print,
        ts=st.integers(0, 20 * SECOND),
        price=st.integers(1, 400).map(lambda n: n / 4),
        size=st.floats(0.001, 1000, allow_nan=False),
        aggressor=st.sampled_from([-1, 0, 1]),
        conditions=st.sampled_from(CODES),
        tape=st.just("C"),
    ),
    max_size=60,
)


def frame(trades: list[Print]) -> pl.DataFrame:
    names = ["price", "size", "aggressor", "conditions", "tape"]
    columns = {name: [getattr(t, name) for t in trades] for name in names}
    schema: dict[str, Any] = dict(zip(names, [pl.Float64, pl.Float64, pl.Int64, pl.String, pl.String], strict=True))
    return pl.DataFrame({"ts_event": [t.ts for t in trades]} | columns, schema={"ts_event": pl.Int64} | schema)


def rows(bars: pl.DataFrame) -> list[SecondBar]:
    return [SecondBar(*row) for row in bars.iter_rows()]


def same(a: list[SecondBar], b: list[SecondBar]) -> bool:
    """Whether bars are equal to the bit; an unknown buy volume equals another."""
    return [bar._replace(buy_volume=-1.0) if math.isnan(bar.buy_volume) else bar for bar in a] == [
        bar._replace(buy_volume=-1.0) if math.isnan(bar.buy_volume) else bar for bar in b
    ]


def by_hand(trades: list[Print], interval: int) -> list[SecondBar]:
    """Return the bars by another way: expressions over groups instead of a loop over trades."""
    sets_price = ~pl.col("conditions").is_in([*VOLUME_ONLY, "@|M"])
    adds_volume = pl.col("conditions") != "@|M"
    grouped = (
        frame(trades)
        .sort("ts_event", maintain_order=True)
        .with_columns(ts_open=pl.col("ts_event") // interval * interval)
        .group_by("ts_open", maintain_order=True)
        .agg(
            open=pl.col("price").filter(sets_price).first(),
            high=pl.col("price").filter(sets_price).max(),
            low=pl.col("price").filter(sets_price).min(),
            close=pl.col("price").filter(sets_price).last(),
            sizes=pl.col("size").filter(adds_volume),
            sides=pl.col("aggressor").filter(adds_volume),
        )
        .filter(pl.col("open").is_not_null())
    )
    found = []
    for ts_open, first, high, low, last, sizes, sides in grouped.iter_rows():
        buys = math.nan if 0 in sides else sum(size for size, side in zip(sizes, sides, strict=True) if side > 0)
        bar = SecondBar(ts_open, ts_open + interval, first, high, low, last, sum(sizes), len(sizes), float(buys))
        found.append(bar)
    return found


def test_a_bar_by_hand() -> None:
    trades = [
        Print(10 * SECOND, 100.0, 200, 0, "@", "C"),
        Print(10 * SECOND + 1, 90.0, 5, 0, "@|I", "C"),  # an odd lot: volume only, not the low
        Print(10 * SECOND + 2, 101.5, 100, 0, "@|F", "C"),
        Print(10 * SECOND + 3, 120.0, 1000, 0, "@|M", "C"),  # the official close: nothing
        Print(11 * SECOND - 1, 99.0, 100, 0, "@", "C"),
        Print(11 * SECOND, 98.0, 300, 0, "@", "C"),  # the right end belongs to the next bar
        Print(12 * SECOND, 97.0, 1, 0, "@|I", "C"),  # alone: no bar
    ]
    first, second = rows(second_bars(frame(trades), SECOND))
    assert first[:8] == (10 * SECOND, 11 * SECOND, 100.0, 101.5, 99.0, 99.0, 405.0, 4)
    assert second[:8] == (11 * SECOND, 12 * SECOND, 98.0, 98.0, 98.0, 98.0, 300.0, 1)
    assert math.isnan(first.buy_volume)


def test_takers_are_summed_where_every_side_is_known() -> None:
    trades = [Print(1, 10.0, 2.0, 1), Print(2, 11.0, 3.0, -1), Print(3, 10.5, 4.0, 1)]
    (bar,) = rows(second_bars(frame(trades), SECOND))
    assert (bar.volume, bar.buy_volume, bar.trades) == (9.0, 6.0, 3)
    unknown = fold([*trades, Print(4, 10.0, 1.0, 0)], 0, SECOND)
    assert unknown is not None
    assert math.isnan(unknown.buy_volume)


def test_no_trades_no_bars() -> None:
    bars = second_bars(frame([]), SECOND)
    assert len(bars) == 0
    assert bars.schema["ts_open"] == pl.Int64


@given(prints, st.sampled_from([1, 2, 5]))
@settings(max_examples=80, deadline=None)
def test_bars_are_those_of_another_computation(trades: list[Print], seconds: int) -> None:
    interval = seconds * SECOND
    in_turn = sorted(trades, key=lambda t: t.ts)
    assert same(rows(second_bars(frame(in_turn), interval)), by_hand(in_turn, interval))


@given(prints, st.data())
@settings(max_examples=80, deadline=None)
def test_a_stream_out_of_order_gives_the_bars_of_history(trades: list[Print], data: st.DataObject) -> None:
    hold = 2 * SECOND
    delays = data.draw(st.lists(st.integers(0, hold), min_size=len(trades), max_size=len(trades)))
    # arrival: each trade is late by at most what the builder waits; equal times keep their order
    late = dict(zip(sorted({t.ts for t in trades}), delays, strict=False))
    arriving = sorted(trades, key=lambda t: t.ts + late[t.ts])
    builder = SecondBarBuilder(SECOND)
    streamed: list[SecondBar] = []
    for trade in arriving:
        streamed += builder.close_until(trade.ts + late[trade.ts] - hold)
        assert builder.push(trade)
    streamed += builder.close_until(100 * SECOND)
    assert same(streamed, rows(second_bars(frame(sorted(trades, key=lambda t: t.ts)), SECOND)))


def test_a_trade_of_a_closed_bar_is_refused() -> None:
    builder = SecondBarBuilder(SECOND)
    assert builder.push(Print(SECOND // 2, 10.0, 1.0, 0))
    assert len(builder.close_until(SECOND)) == 1
    assert not builder.push(Print(SECOND // 2, 11.0, 1.0, 0))
    assert builder.close_until(SECOND) == []


def test_a_bar_that_was_not_seen_from_its_beginning_is_not_made() -> None:
    builder = SecondBarBuilder(SECOND)
    builder.push(Print(SECOND, 10.0, 1.0, 0))
    builder.begin_at(SECOND + 1)
    assert not builder.push(Print(2 * SECOND - 1, 10.0, 1.0, 0))
    assert builder.push(Print(2 * SECOND, 12.0, 1.0, 0))
    assert [bar.ts_open for bar in builder.close_until(9 * SECOND)] == [2 * SECOND]


def test_a_cancelled_trade_leaves_a_bar_that_is_open() -> None:
    builder = SecondBarBuilder(SECOND)
    builder.push(Print(1, 10.0, 1.0, 0, trade_id="V:C:1"))
    builder.push(Print(2, 99.0, 1.0, 0, trade_id="V:C:2"))
    assert builder.remove("V:C:2") is not None
    assert builder.remove("V:C:2") is None
    (bar,) = builder.close_until(SECOND)
    assert (bar.high, bar.volume, bar.trades) == (10.0, 1.0, 1)


@pytest.mark.parametrize("size", [0.0])
def test_a_bar_without_volume_is_not_made(size: float) -> None:
    assert fold([Print(1, 10.0, size, 0)], 0, SECOND) is None
