"""Properties of made bars: live equals batch to the bit, nothing is lost or invented, nothing unfinished is seen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewright.core.types.bar import Bar, Bars
from tradewright.core.types.trade import Trade
from tradewright.data.bars.alignment import align
from tradewright.data.bars.builder import BarBuilder
from tradewright.data.bars.grid import SessionSpans, TimeGrid, day_sessions, session_grid, utc_grid
from tradewright.data.bars.information import (
    InformationBarBuilder,
    InformationBarParams,
    InformationKind,
    information_bars,
)
from tradewright.data.bars.resample import resample
from tradewright.data.bars.rows import BAR_COLUMNS, bars_of
from tradewright.data.kinds import Kind, canonical, schema
from tradewright.data.presets import CALENDARS

SECOND = 10**9
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
NEW_YORK = ZoneInfo("America/New_York")
# the week of each change of New York's clock, an ordinary one, and the turn of a year
STARTS = [
    int(datetime(*day, tzinfo=UTC).timestamp()) * SECOND
    for day in ((2024, 3, 8), (2024, 11, 1), (2024, 6, 12), (2023, 12, 30))
]
SIZES = [SECOND, 7 * SECOND, MINUTE, 5 * MINUTE, HOUR, 4 * HOUR, DAY, 7 * DAY]


def regular_sessions(first: int, last: int) -> SessionSpans:
    """9:30 to 16:00 New York on weekdays, every third of them closing at 13:00; weekends closed."""
    opens, closes = [], []
    for start in CALENDARS["us_equity"].day_starts(first, last).tolist():
        day = datetime.fromtimestamp(start // SECOND, tz=NEW_YORK)
        if day.weekday() < 5:
            end = 13 if day.day % 3 == 0 else 16
            opens.append(int(day.replace(hour=9, minute=30).timestamp()) * SECOND)
            closes.append(int(day.replace(hour=end).timestamp()) * SECOND)
    return SessionSpans(np.array(opens, np.int64), np.array(closes, np.int64))


def brute_bucket(grid: TimeGrid, ts: int) -> tuple[int, int] | None:
    """The bucket of a time, by search and not by division."""
    if len(grid.opens) == 0:
        start = grid.origin_ns + math.floor((ts - grid.origin_ns) / grid.size_ns) * grid.size_ns
        while start > ts:
            start -= grid.size_ns
        while start + grid.size_ns <= ts:
            start += grid.size_ns
        return start, start + grid.size_ns
    for begin, close in zip(grid.opens.tolist(), grid.closes.tolist(), strict=True):
        if begin <= ts < close:
            start = begin
            while start + grid.size_ns <= ts:
                start += grid.size_ns
            return start, min(start + grid.size_ns, close)
    return None


def brute_bars(frame: pl.DataFrame, grid: TimeGrid, until: int) -> list[tuple[float, ...]]:
    """Bars with plain loops: the meaning of `resample`, without its speed."""
    buckets: dict[tuple[int, int], list[dict[str, float]]] = {}
    for row in frame.iter_rows(named=True):
        bucket = brute_bucket(grid, row["ts_open"])
        if bucket is not None:
            buckets.setdefault(bucket, []).append(row)
    bars: list[tuple[float, ...]] = []
    for (start, end), rows in buckets.items():
        if end > until:
            continue
        volume = trades = bought = 0.0
        for row in rows:
            volume, trades, bought = volume + row["volume"], trades + row["trades"], bought + row["buy_volume"]
        if any(row["trades"] == 0 and row["volume"] > 0 for row in rows):
            trades = 0.0
        seen = max(end, *(int(row["ts_seen"]) for row in rows))
        high, low = max(row["high"] for row in rows), min(row["low"] for row in rows)
        prices = rows[0]["open"], high, low, rows[-1]["close"]
        bars.append((start, end, seen, *prices, volume, trades, bought))
    return bars


def as_bars(trades: pl.DataFrame) -> pl.DataFrame:
    """Trades as bars of one price, as the brute force reads them."""
    side = pl.col("aggressor")
    bought = pl.when(side > 0).then("size").when(side < 0).then(0.0).otherwise(math.nan)
    price = [pl.col("price").alias(n) for n in ("open", "high", "low", "close")]
    times = ["ts_open", "ts_event", "ts_seen"]
    return trades.select(*times, *price, volume="size", trades=1.0, buy_volume=bought)


@dataclass(frozen=True)
class Drawn:
    kind: Kind
    frame: pl.DataFrame
    grid: TimeGrid


@st.composite
def drawn(draw: st.DrawFn) -> Drawn:
    """Random trades or small bars with gaps, and a grid that they fit."""
    kind = draw(st.sampled_from([Kind.TRADES, Kind.BARS]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n = draw(st.integers(1, 150))
    start = draw(st.sampled_from(STARTS))
    small = draw(st.sampled_from([SECOND, MINUTE, 30 * MINUTE]))
    size = draw(st.sampled_from([s for s in SIZES if s % small == 0 and (kind is Kind.TRADES or s > small)]))
    steps = rng.integers(1, draw(st.sampled_from([2, 20, 400])), n)
    opens = start + small * np.cumsum(steps)
    price = np.round(100 + np.cumsum(rng.normal(0, 0.3, n)), 2)
    volume = np.where(rng.random(n) < 0.1, 0.0, np.round(rng.lognormal(0, 2, n), 3))
    if kind is Kind.TRADES:
        precision = draw(st.sampled_from([1, 1_000_000, SECOND]))
        moments = np.sort(opens - rng.integers(0, small, n)) // precision * precision
        seen = moments + rng.integers(0, SECOND, n)
        side = rng.choice([-1.0, 1.0] if draw(st.booleans()) else [-1.0, 0.0, 1.0], n)
        columns = {"ts_open": moments, "ts_event": moments, "ts_seen": seen}
        frame = pl.DataFrame(columns | {"price": price, "size": volume, "aggressor": side}, schema=schema(kind))
    else:
        columns = {"ts_open": opens, "ts_event": opens + small, "ts_seen": opens + small + rng.integers(0, SECOND, n)}
        values = {"open": price, "high": price + 0.5, "low": price - 0.25, "close": price + 0.1, "volume": volume}
        values |= {"trades": np.where(volume > 0, rng.integers(0, 9, n), 0.0), "buy_volume": volume / 3}
        frame = canonical(pl.DataFrame(columns | values), kind)
    first, last = int(frame["ts_open"][0]), int(frame["ts_event"][-1])
    sessions = {
        "utc": None,
        "day": day_sessions(CALENDARS["fx"], first, last),
        "regular": regular_sessions(first - 7 * DAY, last + 7 * DAY),
    }[draw(st.sampled_from(["utc", "day", "regular"]))]
    return Drawn(kind, frame, utc_grid(size) if sessions is None else session_grid(size, sessions))


def events(kind: Kind, frame: pl.DataFrame) -> list[Trade | Bar]:
    rows = frame.iter_rows(named=True)
    if kind is Kind.TRADES:
        return [Trade("X", r["ts_event"], r["ts_seen"], r["price"], r["size"], int(r["aggressor"])) for r in rows]
    names = ("ts_open", "ts_event", "open", "high", "low", "close", "volume")
    return [Bar("X", *(r[n] for n in names)) for r in rows]


def bits(bars: list[Bar]) -> list[tuple[object, ...]]:
    return [
        (b.ts_open, b.ts_event, *(float(v).hex() for v in (b.open, b.high, b.low, b.close, b.volume))) for b in bars
    ]


def frame_bits(frame: pl.DataFrame) -> list[tuple[object, ...]]:
    return bits([Bar("X", *row) for row in frame.select(BAR_COLUMNS[:2] + BAR_COLUMNS[3:8]).iter_rows()])


@given(drawn())
@settings(max_examples=150, deadline=None)
def test_time_bars_are_what_plain_loops_make(case: Drawn) -> None:
    done = resample([case.frame], [case.grid], case.kind)[0]
    rows = as_bars(case.frame) if case.kind is Kind.TRADES else case.frame
    expected = pl.DataFrame(
        brute_bars(rows, case.grid, int(case.frame["ts_event"][-1])), schema=done.frame.schema, orient="row"
    )
    assert done.frame.equals(expected, null_equal=True)
    inside = [ts for ts in case.frame["ts_open"].to_list() if brute_bucket(case.grid, ts)]
    assert done.outside == len(case.frame) - len(inside)


@given(drawn())
@settings(max_examples=150, deadline=None)
def test_live_bars_are_the_batch_bars_to_the_bit(case: Drawn) -> None:
    batch = resample([case.frame], [case.grid], case.kind)[0]
    builder = BarBuilder("X", case.grid)
    made: list[Bar | None] = []
    for event in events(case.kind, case.frame):
        made.append(builder.update(event))
        made.append(builder.advance(event.ts_event))
    assert bits([b for b in made if b is not None]) == frame_bits(batch.frame)
    assert (builder.outside, builder.late) == (batch.outside, 0)


@given(drawn(), st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_blocks_do_not_matter(case: Drawn, rows: int) -> None:
    whole = resample([case.frame], [case.grid], case.kind)[0]
    cut = resample(case.frame.iter_slices(rows), [case.grid, case.grid], case.kind)
    assert all(c.frame.equals(whole.frame) for c in cut)


@given(drawn(), st.integers(0, 150))
@settings(max_examples=80, deadline=None)
def test_a_bar_depends_on_nothing_after_its_end(case: Drawn, keep: int) -> None:
    whole = resample([case.frame], [case.grid], case.kind)[0].frame
    part = resample([case.frame.head(keep)], [case.grid], case.kind)[0].frame
    assert part.equals(whole.head(len(part)))
    if keep:
        seen = int(case.frame["ts_event"][min(keep, len(case.frame)) - 1])
        assert not len(part) or part["ts_event"][-1] <= seen


@given(drawn())
@settings(max_examples=80, deadline=None)
def test_nothing_is_lost_or_invented(case: Drawn) -> None:
    done = resample([case.frame], [case.grid], case.kind, keeps_partial=True)[0]
    size = "size" if case.kind is Kind.TRADES else "volume"
    inside = case.frame.filter(
        pl.Series([brute_bucket(case.grid, ts) is not None for ts in case.frame["ts_open"].to_list()], dtype=pl.Boolean)
    )
    assert done.frame["volume"].sum() == pytest.approx(inside[size].sum(), rel=1e-12)
    if case.kind is Kind.TRADES:
        assert done.frame["trades"].sum() == len(inside)
    assert (done.frame["ts_open"].diff().drop_nulls() > 0).all()
    assert (done.frame["ts_open"] < done.frame["ts_event"]).all() or done.is_last_partial
    assert done.frame.select((pl.col("low") <= pl.min_horizontal("open", "close")).all()).item()


@given(drawn(), drawn())
@settings(max_examples=80, deadline=None)
def test_an_unfinished_higher_bar_is_never_seen(one: Drawn, other: Drawn) -> None:
    lower, higher = (bars_of("X", resample([c.frame], [c.grid], c.kind)[0].frame) for c in (one, other))
    at = align(lower, higher)
    for k, index in enumerate(at.tolist()):
        complete = [j for j, ts in enumerate(higher.ts_event.tolist()) if ts <= lower.ts_event[k]]
        assert index == (complete[-1] if complete else -1)


@given(drawn(), st.integers(1, 30))
@settings(max_examples=60, deadline=None)
def test_alignment_does_not_change_when_more_becomes_known(case: Drawn, n: int) -> None:
    frame = resample([case.frame], [case.grid], case.kind)[0].frame
    bars = bars_of("X", frame)
    lower = Bars("X", bars.ts_open, bars.ts_event + 1, bars.fields)
    known = frame.filter(pl.col("ts_event") <= (lower.ts_event[min(n, len(lower)) - 1] if len(lower) else 0))
    np.testing.assert_array_equal(align(lower, bars)[:n], align(lower, bars_of("X", known))[:n])


@st.composite
def trade_frames(draw: st.DrawFn) -> pl.DataFrame:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n = draw(st.integers(0, 300))
    ts = STARTS[0] + np.cumsum(rng.integers(0, 3, n)) * 1_000_000
    price = np.round(100 + np.cumsum(rng.choice([-0.01, 0.0, 0.01], n)), 2)
    side = rng.choice([[0.0], [-1.0, 1.0], [-1.0, 0.0, 1.0]][draw(st.integers(0, 2))], n)
    size = np.round(rng.lognormal(0, 1, n), 3)
    columns = {"ts_open": ts, "ts_event": ts, "ts_seen": ts + 5, "price": price, "size": size, "aggressor": side}
    return pl.DataFrame(columns, schema=schema(Kind.TRADES))


@st.composite
def cuts(draw: st.DrawFn) -> InformationBarParams:
    kind = draw(st.sampled_from(list(InformationKind)))
    size = draw(st.sampled_from([1, 5, 20])) * (100.0 if kind is InformationKind.DOLLAR else 1.0)
    most = draw(st.sampled_from([0, 40]))
    return InformationBarParams(
        kind, size, span_bars=3, span_trades=30, min_trades=draw(st.integers(1, 3)), max_trades=most
    )


def brute_information(frame: pl.DataFrame, params: InformationBarParams) -> list[int]:
    """The number of trades of each bar, with plain loops that follow the book's formulas."""
    unit, _, imbalance = params.kind.value.partition("_")
    lengths: list[int] = []
    bar: list[tuple[float, float]] = []
    previous, sign, expected_t, expected_i = None, 0.0, None, 0.0
    for price, size, side in frame.select("price", "size", "aggressor").iter_rows():
        if side:
            sign = side
        elif previous is not None and price != previous:
            sign = math.copysign(1.0, price - previous)
        previous = price
        amount = {"tick": 1.0, "volume": size, "dollar": price * size}[unit]
        if not bar and expected_t is not None:
            threshold = expected_t * abs(expected_i)
        bar.append((amount, sign * amount))
        total = theta = 0.0
        for a, b in bar:
            total, theta = total + a, theta + b
        if expected_t is not None:
            expected_i += 2 / (params.span_trades + 1) * (sign * amount - expected_i)
        if not imbalance:
            is_over = total >= params.size * (1 - 1e-12)
        elif expected_t is None:
            is_over = len(bar) >= params.size
        else:
            is_over = (len(bar) >= params.min_trades and abs(theta) >= threshold) or len(bar) == params.max_trades
        if not is_over:
            continue
        lengths.append(len(bar))
        if expected_t is None:
            expected_t, expected_i = float(len(bar)), theta / len(bar)
        else:
            expected_t += 2 / (params.span_bars + 1) * (len(bar) - expected_t)
        bar = []
    return lengths


@given(trade_frames(), cuts())
@settings(max_examples=150, deadline=None)
def test_information_bars_follow_the_formulas(frame: pl.DataFrame, params: InformationBarParams) -> None:
    made = information_bars([frame], params)
    lengths = brute_information(frame, params)
    assert made["trades"].to_list() == lengths
    at = 0
    for row, n in zip(made.iter_rows(named=True), lengths, strict=True):
        part = frame[at : at + n]
        at += n
        assert (row["ts_open"], row["ts_event"]) == (part["ts_event"][0], part["ts_event"][-1])
        assert row["ts_seen"] == part["ts_seen"].max()
        prices = part["price"][0], part["price"].max(), part["price"].min(), part["price"][-1]
        assert (row["open"], row["high"], row["low"], row["close"]) == prices
        assert row["volume"] == pytest.approx(part["size"].sum(), rel=1e-12)
        bought = part.filter(pl.col("aggressor") > 0)["size"].sum()
        unknown = (part["aggressor"] == 0).any()
        assert math.isnan(row["buy_volume"]) if unknown else row["buy_volume"] == pytest.approx(bought)


@given(trade_frames(), cuts(), st.integers(1, 60))
@settings(max_examples=80, deadline=None)
def test_live_information_bars_are_the_batch_bars_to_the_bit(
    frame: pl.DataFrame, params: InformationBarParams, rows: int
) -> None:
    builder = InformationBarBuilder("X", params)
    made = [builder.update(event) for event in events(Kind.TRADES, frame) if isinstance(event, Trade)]
    batch = information_bars(frame.iter_slices(rows) if len(frame) else [frame], params)
    assert bits([b for b in made if b is not None]) == frame_bits(batch)
    assert batch.equals(information_bars([frame], params))
