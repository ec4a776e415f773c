"""Rules about single rows and their order: what is broken for certain."""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from tradewright.data.kinds import LAYOUTS, Kind, Layout, known_columns
from tradewright.data.quality.findings import Spot, Subject
from tradewright.data.quality.series import Floats
from tradewright.data.slices import slices


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


def is_sound(subject: Subject) -> bool:
    """Tell by extremes whether no row is broken; where one is, the other rules look at every cell and say which."""
    frame, layout = subject.frame, LAYOUTS[subject.kind]
    if any(frame[name].null_count() for name in layout.rows):
        return False
    cells = {name: frame[name].to_numpy() for name in known_columns(frame, subject.kind) if name in layout.rows}
    parts = ({name: column[rows] for name, column in cells.items()} for rows in slices(len(frame)))
    return all(_are_allowed(part, layout) and _agree(part, subject.kind) for part in parts)


def _are_allowed(cells: dict[str, Floats], layout: Layout) -> bool:
    """Tell whether all are numbers that are not below their floor; no comparison holds for a NaN."""
    for name, column in cells.items():
        known = column[~np.isnan(column)] if _may_be_nan(layout, name) else column
        if len(known) and not (known.min() >= _floor(layout, name) and known.max() < np.inf):
            return False
    return True


def _agree(cells: dict[str, Floats], kind: Kind) -> bool:
    """Tell whether no two prices of a row contradict each other."""
    if kind is Kind.BARS:
        low, high = cells["low"], cells["high"]
        return all(bool(((low <= cells[name]) & (cells[name] <= high)).all()) for name in ("open", "close"))
    return kind is not Kind.QUOTES or bool((cells["bid"] <= cells["ask"]).all())


def values(subject: Subject) -> list[Spot]:
    """Find cells that are missing, not finite, or below what is allowed."""
    layout = LAYOUTS[subject.kind]
    looks: list[tuple[str, str, pl.Expr, pl.Expr]] = []
    for name in layout.rows:
        cell = pl.col(name)
        is_bad = cell.is_null() | ~cell.is_finite()
        if _may_be_nan(layout, name):
            is_bad &= ~cell.is_nan()  # here NaN says that it is unknown
        text = pl.format("{} is not a finite number", cell.cast(pl.String).fill_null("an empty cell"))
        looks.append(("not_a_number", name, is_bad, text))
        if name in layout.prices:
            looks.append(("not_positive", name, cell <= 0, pl.format("price {} is not positive", cell)))
        elif name in layout.amounts:
            looks.append(("negative_amount", name, cell < 0, pl.format("{} is negative", cell)))
    return _seen(subject, looks)


def _may_be_nan(layout: Layout, name: str) -> bool:
    return math.isnan(layout.defaults.get(name, 0.0))


def _floor(layout: Layout, name: str) -> float:
    """Return the least that is allowed of an amount, and a number above 0 for prices."""
    if name in layout.prices:
        return float(np.nextafter(0.0, 1.0))
    return 0.0 if name in layout.amounts else float(np.finfo(np.float64).min)


def _seen(subject: Subject, looks: list[tuple[str, str, pl.Expr, pl.Expr]]) -> list[Spot]:
    """Return a spot for each (rule, field, condition, detail); polars evaluates the conditions side by side."""
    flags = subject.frame.select(condition.alias(str(n)) for n, (_, _, condition, _) in enumerate(looks))
    places = [flag.arg_true().cast(pl.Int64).to_numpy() for flag in flags]
    return [Spot(rule, name, at, detail) for at, (rule, name, _, detail) in zip(places, looks, strict=True)]


def shape(subject: Subject) -> list[Spot]:
    """Find rows whose prices contradict each other; those of trades cannot."""
    if subject.kind is Kind.BARS:
        return _bar_shape(subject)
    return _quote_shape(subject) if subject.kind is Kind.QUOTES else []


def _bar_shape(subject: Subject) -> list[Spot]:
    """Find bars whose four prices contradict each other."""
    o, h, low, c = (subject.frame[n].to_numpy() for n in ("open", "high", "low", "close"))
    crossed = h < low
    spots = [Spot("high_below_low", "high", np.flatnonzero(crossed), _pair("high", "low", "is below"))]
    for name, cells in (("open", o), ("close", c)):
        outside = np.flatnonzero(((cells > h) | (cells < low)) & ~crossed)
        detail = pl.format(f"{name} {{}} is outside low {{}} to high {{}}", pl.col(name), pl.col("low"), pl.col("high"))
        spots.append(Spot("outside_range", name, outside, detail))
    return spots


def _quote_shape(subject: Subject) -> list[Spot]:
    """Find quotes whose ask is below their bid."""
    crossed = np.flatnonzero(subject.frame["ask"].to_numpy() < subject.frame["bid"].to_numpy())
    return [Spot("crossed_quote", "ask", crossed, _pair("ask", "bid", "is below"))]


def _pair(one: str, other: str, relation: str) -> pl.Expr:
    return pl.format(f"{one} {{}} {relation} {other} {{}}", pl.col(one), pl.col(other))
