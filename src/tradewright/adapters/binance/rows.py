"""Rows as Binance sends them, archives and REST alike, to canonical frames; what is refused is kept with its reason.

Layouts: https://github.com/binance/binance-public-data (README). Archives of spot have no header line, those of
futures have; times are milliseconds, in spot archives from 2025-01-01 on microseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from tradewright.data.kinds import Kind, canonical
from tradewright.data.ports import Piece, Wanted
from tradewright.data.timeframe import interval_ns

KLINE_COLUMNS = (
    "open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume", "trades", "buy_volume",
    "buy_quote_volume", "ignore",
)  # fmt: skip
TRADE_COLUMNS = ("id", "price", "size", "first_id", "last_id", "time", "is_buyer_maker")
#: Archives of spot have one more: whether the trade was the best price match, always true.
_MOST_TRADE_COLUMNS = len(TRADE_COLUMNS) + 1

_HEADERS = {"opentime", "aggtradeid"}  # first column of a header line
# A number below is milliseconds until the year 5138, then microseconds until the same.
_FIRST_MICROSECOND, _FIRST_TOO_BIG = 10**14, 10**17


@dataclass(frozen=True, slots=True)
class Cleaned:
    """Rows that passed, rows that did not, and what people should know.

    Parameters
    ----------
    frame : polars.DataFrame
        Canonical rows of the piece.
    quarantined : polars.DataFrame
        ``reason`` and ``row`` (text, as received) of the refused.
    notes : tuple of str
        What was left out, removed or sorted.
    keys : polars.Series
        i8, opening times (bars) or ids (trades) of all sound rows, those beyond the piece included.
    refused_keys : polars.Series
        i8, the same of refused rows, where it can be read.
    span : tuple of int, optional
        Times in ns of the earliest and the latest sound row, those beyond the piece included.
    """

    frame: pl.DataFrame
    quarantined: pl.DataFrame
    notes: tuple[str, ...]
    keys: pl.Series
    refused_keys: pl.Series
    span: tuple[int, int] | None


def clean(
    wanted: Wanted, piece: Piece, lines: Sequence[str] | pl.Series, *, settled_ns: int, overshoots: bool = False
) -> Cleaned:
    """Check, sort and convert rows.

    Parameters
    ----------
    wanted, piece : Wanted, Piece
        What the rows must be.
    lines : sequence or series of str
        Rows as comma-separated text, a header line or none.
    settled_ns : int
        Rows that end later may still change and are left out, with a note.
    overshoots : bool
        Whether the request may rightly return rows outside the piece; then they are left out with a note, else refused.
    """
    is_bars = wanted.kind is Kind.BARS
    if is_bars:
        frame = _bars(_split(lines, KLINE_COLUMNS, len(KLINE_COLUMNS)), interval_ns(wanted.timeframe))
    else:
        frame = _trades(_split(lines, TRADE_COLUMNS, _MOST_TRADE_COLUMNS))
    key = "ts_open" if is_bars else "id"
    is_inside = (pl.col("ts_open") >= piece.start) & (pl.col("ts_open") < piece.end)
    sound = pl.col("reason").is_null()
    if not overshoots:
        outside = pl.when(sound & ~is_inside).then(pl.lit("outside the piece")).otherwise(pl.col("reason"))
        frame = frame.with_columns(reason=outside)
    notes = []
    good = frame.filter(sound)
    inside = good.filter(is_inside)
    if len(inside) < len(good):
        notes.append(f"{len(good) - len(inside)} rows beyond what was asked for left out")
    if not is_bars:
        real = inside.filter(~pl.col("is_placeholder"))
        if len(real) < len(inside):
            notes.append(f"{len(inside) - len(real)} placeholders of trades that the venue has withdrawn left out")
        inside = real
    settled = inside.filter(pl.col("ts_event") <= settled_ns)
    if len(settled) < len(inside):
        notes.append(f"{len(inside) - len(settled)} rows that are not final yet left out")
    if not settled[key].is_sorted():
        settled = settled.sort(key, maintain_order=True)
        notes.append("rows came out of order and were sorted")
    unique, contrary, repeated = _deduplicated(settled, key)
    if repeated:
        notes.append(f"{repeated} repeated rows removed")
    refused = frame.filter(~sound)
    seen = pl.col("ts_event").alias("ts_seen")
    times = good["ts_open"]
    return Cleaned(
        frame=canonical(unique.sort("ts_event", maintain_order=True).with_columns(seen), wanted.kind),
        quarantined=pl.concat([refused, contrary]).select("reason", "row"),
        notes=tuple(notes),
        keys=good[key],
        refused_keys=refused[key].drop_nulls(),
        span=(int(times.min()), int(times.max())) if len(times) else None,  # type: ignore[arg-type]
    )


def _split(lines: Sequence[str] | pl.Series, names: Sequence[str], most: int) -> pl.DataFrame:
    """Return a text column for each name, the row as received, and the reason if it has another number of columns."""
    rows = pl.DataFrame({"row": pl.Series(lines, dtype=pl.String)}).with_columns(
        pl.col("row").str.strip_chars_end("\r")
    )
    if len(rows) and rows["row"][0].partition(",")[0].replace("_", "").lower() in _HEADERS:
        rows = rows.slice(1)
    count = pl.col("row").str.count_matches(",", literal=True) + 1
    has_shape = count.is_between(len(names), most)
    reason = pl.when(~has_shape).then(pl.format("{} columns instead of {}", count, pl.lit(len(names))))
    fields = (
        pl.when(has_shape)
        .then(pl.col("row"))
        .str.split_exact(",", most - 1)
        .struct.rename_fields([*names, *(f"_{i}" for i in range(most - len(names)))])
    )
    return rows.with_columns(reason=reason, fields=fields).unnest("fields")


def _bars(rows: pl.DataFrame, interval: int) -> pl.DataFrame:
    """Return bars with times in ns and the first reason, if any, for refusing each."""
    prices, amounts = ("open", "high", "low", "close"), ("volume", "trades", "buy_volume")
    frame = rows.select(
        "row",
        "reason",
        _nanoseconds("open_time").alias("ts_open"),
        _nanoseconds("close_time").alias("closes"),
        *(_number(name) for name in (*prices, *amounts)),
    ).with_columns(ts_event=pl.col("ts_open") + interval)
    highest, lowest = pl.max_horizontal("open", "low", "close"), pl.min_horizontal("open", "high", "close")
    # the venue closes a bar early where trading stopped, never late
    is_whole = (pl.col("closes") >= pl.col("ts_open")) & (pl.col("closes") < pl.col("ts_event"))
    return frame.with_columns(
        reason=_first_reason(
            ("the time is not a number of milliseconds or microseconds", _absent("ts_open", "closes")),
            ("a field is not a number", _absent(*prices, *amounts)),
            ("a price is not above zero", pl.min_horizontal(prices) <= 0),
            ("an amount is below zero", pl.min_horizontal(amounts) < 0),
            ("high and low do not enclose open and close", (pl.col("high") < highest) | (pl.col("low") > lowest)),
            ("not the beginning of a bar of this length", pl.col("ts_open") % interval != 0),
            ("not a bar of this length", ~is_whole),
        )
    ).drop("closes")


def _trades(rows: pl.DataFrame) -> pl.DataFrame:
    """Return trades with times in ns and the first reason, if any, for refusing each.

    A trade that the venue withdrew keeps its id as a placeholder: price and size 0, first and last id -1.
    """
    maker = pl.col("is_buyer_maker").str.to_lowercase()
    is_placeholder = (pl.col("price") == 0) & (pl.col("size") == 0) & (pl.col("first_id") == -1)
    frame = rows.select(
        "row",
        "reason",
        pl.col("id").cast(pl.Int64, strict=False),
        pl.col("first_id").cast(pl.Int64, strict=False),
        _nanoseconds("time").alias("ts_open"),
        _number("price"),
        _number("size"),
        aggressor=pl.when(maker == "true").then(-1.0).when(maker == "false").then(1.0),
    ).with_columns(ts_event="ts_open", is_placeholder=is_placeholder.fill_null(value=False))
    is_real = ~pl.col("is_placeholder")
    return frame.with_columns(
        reason=_first_reason(
            ("the id is not a number", _absent("id") | (pl.col("id") < 0)),
            ("the time is not a number of milliseconds or microseconds", is_real & _absent("ts_open")),
            ("a field is not a number", _absent("price", "size", "aggressor")),
            ("a price is not above zero", is_real & (pl.col("price") <= 0)),
            ("an amount is not above zero", is_real & (pl.col("size") <= 0)),
        )
    ).drop("first_id")


def _first_reason(*rules: tuple[str, pl.Expr]) -> pl.Expr:
    """Return the reason already there, or that of the first rule that is broken."""
    broken = [pl.when(is_broken).then(pl.lit(reason)) for reason, is_broken in rules]
    return pl.coalesce(pl.col("reason"), *broken)


def _absent(*names: str) -> pl.Expr:
    return pl.any_horizontal(pl.col(name).is_null() for name in names)


def _number(name: str) -> pl.Expr:
    """Return a finite number, or null."""
    value = pl.col(name).cast(pl.Float64, strict=False)
    return pl.when(value.is_finite()).then(value).alias(name)


def _nanoseconds(name: str) -> pl.Expr:
    """Return a time in ns: milliseconds and microseconds are told apart by their size; null where it is neither."""
    value = pl.col(name).cast(pl.Int64, strict=False)
    return (
        pl.when(value.is_between(0, _FIRST_MICROSECOND, closed="left"))
        .then(value * 1_000_000)
        .when(value.is_between(_FIRST_MICROSECOND, _FIRST_TOO_BIG, closed="left"))
        .then(value * 1_000)
    )


def _deduplicated(frame: pl.DataFrame, key: str) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """Return the first row of each key, the later ones that differ from it, and the number of those that do not."""
    if not frame[key].is_duplicated().any():
        return frame, frame.clear(), 0
    content = [name for name in frame.columns if name not in {"row", "reason"}]
    firsts = frame.unique(key, keep="first", maintain_order=True)
    is_later = ~pl.int_range(pl.len()).over(key).eq(0)
    later = frame.filter(is_later)
    contrary = later.join(firsts.select(content), on=content, how="anti", nulls_equal=True, maintain_order="left")
    contrary = contrary.with_columns(reason=pl.lit("repeats a row with other content"))
    return firsts, contrary, len(later) - len(contrary)
