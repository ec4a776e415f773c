"""Rules about single rows and their order: what is broken for certain."""

from __future__ import annotations

import numpy as np
import polars as pl

from tradewright.data.kinds import LAYOUTS, Kind, Layout
from tradewright.data.quality.findings import Spot, Subject


def order(subject: Subject) -> list[Spot]:
    """Find rows earlier than a row before them and, for bars, rows with a time already taken."""
    ts = subject.frame["ts_open"].to_numpy()
    if (ts[1:] > ts[:-1]).all():
        return []  # the rule; one look is enough
    before = np.maximum.accumulate(ts)[:-1] if len(ts) else ts
    later = np.flatnonzero(ts[1:] < before) + 1
    when = pl.from_epoch("ts_open", time_unit="ns").dt.strftime("%Y-%m-%d %H:%M:%S")
    unsorted = Spot("unsorted", "time", later, pl.format("{} UTC comes after a later time", when))
    if subject.kind is not Kind.BARS:
        return [unsorted]  # several trades may share a time
    if len(later) == 0:
        double = np.flatnonzero(ts[1:] == ts[:-1]) + 1
    else:
        double = np.flatnonzero((~subject.frame["ts_open"].is_first_distinct()).to_numpy())
    return [unsorted, Spot("duplicate_time", "time", double, pl.format("{} UTC is there twice", when))]


def values(subject: Subject) -> list[Spot]:
    """Find cells that are missing, not finite, or below what is allowed."""
    layout = LAYOUTS[subject.kind]
    cells = subject.frame.select(*layout.rows)
    low, total = cells.min().row(0, named=True), cells.sum().row(0, named=True)
    if len(cells) == 0:
        return []
    looks: list[tuple[str, str, pl.Expr, pl.Expr]] = []
    for name in layout.rows:
        # A sum is finite only where every cell is. Where it is, and no cell too low, all is well.
        if cells[name].null_count() == 0 and np.isfinite(total[name]) and low[name] >= _floor(layout, name):
            continue
        cell = pl.col(name)
        is_bad = cell.is_null() | ~cell.is_finite()
        if np.isnan(layout.defaults.get(name, 0.0)):
            is_bad &= ~cell.is_nan()  # here NaN says that it is unknown
        text = pl.format("{} is not a finite number", cell.cast(pl.String).fill_null("an empty cell"))
        looks.append(("not_a_number", name, is_bad, text))
        if name in layout.prices:
            looks.append(("not_positive", name, cell <= 0, pl.format("price {} is not positive", cell)))
        elif name in layout.amounts:
            looks.append(("negative_amount", name, cell < 0, pl.format("{} is negative", cell)))
    return _seen(subject, looks)


def _floor(layout: Layout, name: str) -> float:
    """Return the least that is allowed of an amount, and a number above 0 for prices."""
    if name in layout.prices:
        return float(np.nextafter(0.0, 1.0))
    return 0.0 if name in layout.amounts else -np.inf


def _seen(subject: Subject, looks: list[tuple[str, str, pl.Expr, pl.Expr]]) -> list[Spot]:
    """Return a spot for each (rule, field, condition, detail); polars evaluates the conditions side by side."""
    flags = subject.frame.select(condition.alias(str(n)) for n, (_, _, condition, _) in enumerate(looks))
    places = [flag.arg_true().cast(pl.Int64).to_numpy() for flag in flags]
    return [Spot(rule, name, at, detail) for at, (rule, name, _, detail) in zip(places, looks, strict=True)]


def bar_shape(subject: Subject) -> list[Spot]:
    """Find bars whose four prices contradict each other."""
    inside = [pl.col(name).is_between("low", "high") for name in ("open", "close")]
    if subject.frame.select(pl.all_horizontal(inside).all(ignore_nulls=False)).item():
        return []
    o, h, low, c = (subject.frame[n].to_numpy() for n in ("open", "high", "low", "close"))
    crossed = h < low
    spots = [Spot("high_below_low", "high", np.flatnonzero(crossed), _pair("high", "low", "is below"))]
    for name, cells in (("open", o), ("close", c)):
        outside = np.flatnonzero(((cells > h) | (cells < low)) & ~crossed)
        detail = pl.format(f"{name} {{}} is outside low {{}} to high {{}}", pl.col(name), pl.col("low"), pl.col("high"))
        spots.append(Spot("outside_range", name, outside, detail))
    return spots


def quote_shape(subject: Subject) -> list[Spot]:
    """Find quotes whose ask is below their bid."""
    crossed = np.flatnonzero(subject.frame["ask"].to_numpy() < subject.frame["bid"].to_numpy())
    return [Spot("crossed_quote", "ask", crossed, _pair("ask", "bid", "is below"))]


def _pair(one: str, other: str, relation: str) -> pl.Expr:
    return pl.format(f"{one} {{}} {relation} {other} {{}}", pl.col(one), pl.col(other))
