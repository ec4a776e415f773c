"""Damage planted into sound bars: each kind with the rules that must find it, and where."""

# ruff: noqa: ARG001  # all kinds of damage are called alike
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

HOUR = 3600 * 10**9
PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True)
class Damage:
    """What is done, which of the rules must answer, and to what it can be done.

    ``spot`` is the share of the series at which it is planted; the finding must lie within ``reach`` rows of it, unless
    ``reach`` is 0: it is about the whole file.
    """

    name: str
    rules: frozenset[str]
    plant: Callable[[pl.DataFrame, int, int], pl.DataFrame]
    reach: int = 3
    needs_sessions: bool = False
    needs_intraday: bool = False
    needs_volume: bool = False
    needs_shares: bool = False


def _set(frame: pl.DataFrame, begin: int, end: int, /, **cells: pl.Expr) -> pl.DataFrame:
    at = pl.int_range(pl.len()).is_between(begin, end - 1)
    return frame.with_columns(
        pl.when(at).then(value).otherwise(pl.col(name)).alias(name) for name, value in cells.items()
    )


def _moved(frame: pl.DataFrame, low: int, high: int, ns: int) -> pl.DataFrame:
    cells = {name: pl.col(name) + ns for name in ("ts_open", "ts_event", "ts_seen")}
    return _set(frame, low, high, **cells)


def broken_bar(frame: pl.DataFrame, at: int, interval: int) -> pl.DataFrame:
    return _set(frame, at, at + 1, high=pl.col("low") * 0.99)


def negative_price(frame: pl.DataFrame, at: int, interval: int) -> pl.DataFrame:
    return _set(frame, at, at + 1, low=-pl.col("low"))


def duplicated(frame: pl.DataFrame, at: int, interval: int) -> pl.DataFrame:
    return pl.concat([frame[: at + 1], frame[at:]])


def swapped(frame: pl.DataFrame, at: int, interval: int) -> pl.DataFrame:
    return pl.concat([frame[:at], frame[at + 1 : at + 2], frame[at : at + 1], frame[at + 2 :]])


def lost_bars(frame: pl.DataFrame, at: int, interval: int) -> pl.DataFrame:
    day = pl.from_epoch("ts_open", time_unit="ns").dt.date()
    if interval >= 24 * HOUR:
        return pl.concat([frame[:at], frame[at + 1 :]])
    # In the middle of a session, where no closing time can explain it.
    rows = frame.with_row_index("i").filter(day == frame.select(day).to_series()[at])["i"].to_list()
    middle = rows[len(rows) // 2]
    return pl.concat([frame[:middle], frame[middle + 1 :]])


def lost_week(frame: pl.DataFrame, at: int, interval: int) -> pl.DataFrame:
    begin = int(frame["ts_open"][at]) // (24 * HOUR) * 24 * HOUR
    return frame.filter(~pl.col("ts_open").is_between(begin, begin + 9 * 24 * HOUR))


def bad_print(frame: pl.DataFrame, at: int, interval: int) -> pl.DataFrame:
    far = pl.col("close") * 2.5
    return _set(frame, at, at + 1, close=far, high=pl.max_horizontal("high", far))


def stuck_feed(frame: pl.DataFrame, at: int, interval: int) -> pl.DataFrame:
    price = pl.lit(float(frame["close"][at]))
    return _set(frame, at, at + 25, **dict.fromkeys(PRICES, price))


def no_volume(frame: pl.DataFrame, at: int, interval: int) -> pl.DataFrame:
    return _set(frame, at, at + 12, volume=pl.lit(0.0))


def volume_in_lots(frame: pl.DataFrame, at: int, interval: int) -> pl.DataFrame:
    return _set(frame, at, len(frame), volume=pl.col("volume") / 100)


def wrong_zone(frame: pl.DataFrame, at: int, interval: int) -> pl.DataFrame:
    return _moved(frame, 0, len(frame), -(24 if interval >= 24 * HOUR else 5) * HOUR)


def no_daylight_saving(frame: pl.DataFrame, at: int, interval: int) -> pl.DataFrame:
    """All bars of New York's summer an hour late: a fixed winter offset was used all year."""
    local = (
        pl.from_epoch("ts_open", time_unit="ns").dt.replace_time_zone("UTC").dt.convert_time_zone("America/New_York")
    )
    is_summer = local.dt.dst_offset() > pl.duration()
    times = ("ts_open", "ts_event", "ts_seen")
    return frame.with_columns(pl.when(is_summer).then(pl.col(n) + HOUR).otherwise(pl.col(n)).alias(n) for n in times)


def unadjusted_split(frame: pl.DataFrame, at: int, interval: int) -> pl.DataFrame:
    """From the first bar of a day on, a quarter of the price and four times the volume."""
    day = (frame["ts_open"] // (24 * HOUR)).to_numpy()
    begin = at + int(np.argmax(day[at:] != day[at]))
    cells = {n: pl.col(n) / 4 for n in PRICES} | {"volume": pl.col("volume") * 4}
    return _set(frame, begin, len(frame), **cells)


def after_hours(frame: pl.DataFrame, at: int, interval: int) -> pl.DataFrame:
    """A bar on a Saturday."""
    ts = int(frame["ts_open"][at])
    days = 1 + (5 - (ts // (24 * HOUR) + 3) % 7 - 1) % 7
    weekend = frame[at : at + 1].with_columns(pl.col(n) + days * 24 * HOUR for n in ("ts_open", "ts_event", "ts_seen"))
    return pl.concat([frame, weekend]).sort("ts_open", maintain_order=True)


def half_a_bar_late(frame: pl.DataFrame, at: int, interval: int) -> pl.DataFrame:
    return _moved(frame, at, at + 1, interval // 2)


def absurd_volume(frame: pl.DataFrame, at: int, interval: int) -> pl.DataFrame:
    return _set(frame, at, at + 1, volume=pl.lit(1e15))


def _of(*rules: str) -> frozenset[str]:
    return frozenset(rules)


DAMAGES = (
    Damage("broken bar", _of("high_below_low"), broken_bar),
    Damage("negative price", _of("not_positive"), negative_price),
    Damage("row twice", _of("duplicate_time"), duplicated),
    Damage("rows swapped", _of("unsorted"), swapped),
    Damage("lost bar", _of("gap", "missing_session"), lost_bars, 10**6),
    Damage("lost week", _of("gap", "missing_session"), lost_week, 10**6),
    Damage("bad print", _of("spike"), bad_print),
    Damage("stuck feed", _of("frozen_price"), stuck_feed),
    Damage("volume lost", _of("zero_volume"), no_volume, needs_volume=True),
    Damage("volume in lots", _of("volume_unit"), volume_in_lots, 10**6, needs_volume=True),
    Damage("absurd volume", _of("absurd_volume"), absurd_volume, needs_volume=True),
    Damage("wrong time zone", _of("time_zone"), wrong_zone, 0, needs_sessions=True),
    Damage(
        "no daylight saving", _of("daylight_saving"), no_daylight_saving, 0, needs_sessions=True, needs_intraday=True
    ),
    Damage("unadjusted split", _of("split"), unadjusted_split, 10**6, needs_shares=True),
    Damage("bar on a Saturday", _of("outside_session"), after_hours, 10**6, needs_sessions=True),
    Damage("half a bar late", _of("off_grid"), half_a_bar_late, needs_intraday=True),
)
