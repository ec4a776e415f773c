"""Checks of imported rows: findings with a place, a severity and what to do about each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradewright.core.types.calendar import Calendar
from tradewright.core.types.errors import DataError
from tradewright.data.anomalies import Spot, frozen_runs, gaps, overlaps, spikes, zero_volume_runs
from tradewright.data.kinds import LAYOUTS, Kind

ERROR, WARNING = "error", "warning"

#: Rule -> (severity, suggested repair).
RULES: dict[str, tuple[str, str]] = {
    "not_a_number": (ERROR, "Fill in the number, or remove the row."),
    "not_positive": (ERROR, "Correct the price, or remove the row; prices must be above zero."),
    "negative_amount": (ERROR, "Correct it, or remove the row; allowed is zero or more."),
    "high_below_low": (ERROR, "Correct the row; high must be at least low."),
    "outside_range": (ERROR, "Correct the row; open and close must lie between low and high."),
    "crossed_quote": (ERROR, "Correct the row; ask must be at least bid."),
    "unsorted": (ERROR, "Put the rows in time order, or let --sort do it."),
    "duplicate_time": (ERROR, "Remove all but one, or let --drop-duplicates keep the last."),
    "gap": (WARNING, "Fetch the missing bars, or accept the gap."),
    "overlap": (WARNING, "Check --interval, or remove the bars that start inside another."),
    "zero_volume": (WARNING, "Check the source; without volume, fills by share of volume do not work."),
    "frozen_price": (WARNING, "Check the source for a stuck feed."),
    "spike": (WARNING, "Compare with another source; remove or correct a bad print."),
}

_SCHEMA: dict[str, pl.DataType] = {
    "rule": pl.String(),
    "severity": pl.String(),
    "row": pl.Int64(),
    "ts": pl.Int64(),
    "field": pl.String(),
    "detail": pl.String(),
    "repair": pl.String(),
}


@dataclass(frozen=True, slots=True)
class Subject:
    """What is checked: a canonical frame in file order, its bar length, its trading days, its name.

    ``rows`` are the numbers a person would give the rows, i8[n].
    """

    name: str
    kind: Kind
    frame: pl.DataFrame
    rows: NDArray[np.int64]
    interval: int
    calendar: Calendar


@dataclass(frozen=True, slots=True)
class Findings:
    """One row a finding: rule, severity, row, ts (ns UTC), field, detail, repair; in order of rows."""

    name: str
    frame: pl.DataFrame

    @property
    def errors(self) -> pl.DataFrame:
        """Findings that stop an import."""
        return self.frame.filter(pl.col("severity") == ERROR)

    @property
    def warnings(self) -> pl.DataFrame:
        """Findings to know about."""
        return self.frame.filter(pl.col("severity") == WARNING)

    def counts(self) -> dict[str, int]:
        """Return the number of findings of each rule that found something, by name."""
        table = self.frame.group_by("rule").len().sort("rule")
        return dict(zip(table["rule"].to_list(), table["len"].to_list(), strict=True))

    def raise_errors(self) -> None:
        """Raise the first error as a DataError that also tells how many more there are."""
        errors = self.errors
        if len(errors) == 0:
            return
        first = errors.row(0, named=True)
        what = f"{first['detail']} [{first['rule']}]"
        if len(errors) > 1:
            what += f", and {len(errors) - 1} more error{'s' if len(errors) > 2 else ''}"
        place = f"{self.name}, row {first['row']}" + (f", field {first['field']}" if first["field"] else "")
        raise DataError(what, where=place, fix=first["repair"])


def check(subject: Subject) -> Findings:
    """Run every rule over the rows; order rules look at the rows as they stand in the file."""
    parts = [_order(subject), *_values(subject)]
    if subject.kind is Kind.BARS:
        parts += _bar_shape(subject)
        if all(len(p) == 0 for p in parts):
            parts += _habits(subject)  # a damaged row would make the rest look strange
    elif subject.kind is Kind.QUOTES:
        crossed = np.flatnonzero(subject.frame["ask"].to_numpy() < subject.frame["bid"].to_numpy())
        parts.append(_found(subject, "crossed_quote", crossed, "ask", _pair("ask", "bid", "is below")))
    frame = pl.concat(parts) if parts else pl.DataFrame(schema=_SCHEMA)
    return Findings(subject.name, frame.sort("row", "severity", maintain_order=True))


def _found(
    subject: Subject, rule: str, index: NDArray[np.int64], field: str, detail: pl.Expr | list[str]
) -> pl.DataFrame:
    """Build one rule's findings at the given rows; ``detail`` is an expression on the frame, or texts."""
    if len(index) == 0:
        return pl.DataFrame(schema=_SCHEMA)
    severity, repair = RULES[rule]
    at = subject.frame[index]
    return pl.DataFrame(
        {
            "rule": pl.repeat(rule, len(index), eager=True),
            "severity": pl.repeat(severity, len(index), eager=True),
            "row": subject.rows[index],
            "ts": at["ts_open"],
            "field": pl.repeat(field, len(index), eager=True),
            "detail": at.select(detail).to_series() if isinstance(detail, pl.Expr) else detail,
            "repair": pl.repeat(repair, len(index), eager=True),
        },
        schema=_SCHEMA,
    )


def _pair(one: str, other: str, relation: str) -> pl.Expr:
    return pl.format(f"{one} {{}} {relation} {other} {{}}", pl.col(one), pl.col(other))


def _order(subject: Subject) -> pl.DataFrame:
    """Find rows earlier than a row before them and, for bars, rows with a time already taken."""
    ts = subject.frame["ts_open"].to_numpy()
    before = np.maximum.accumulate(ts)[:-1] if len(ts) else ts
    later = np.flatnonzero(ts[1:] < before) + 1
    when = pl.from_epoch("ts_open", time_unit="ns").dt.strftime("%Y-%m-%d %H:%M:%S")
    unsorted = _found(subject, "unsorted", later, "time", pl.format("{} UTC comes after a later time", when))
    if subject.kind is not Kind.BARS:
        return unsorted  # several trades may share a time
    if len(later) == 0:
        double = np.flatnonzero(ts[1:] == ts[:-1]) + 1
    else:
        double = np.flatnonzero((~subject.frame["ts_open"].is_first_distinct()).to_numpy())
    return pl.concat(
        [
            unsorted,
            _found(subject, "duplicate_time", double, "time", pl.format("{} UTC is there twice", when)),
        ]
    )


def _values(subject: Subject) -> list[pl.DataFrame]:
    """Find cells that are missing, not finite, or below what is allowed."""
    parts = []
    layout = LAYOUTS[subject.kind]
    for name in layout.rows:
        values = subject.frame[name].to_numpy()
        finite = np.isfinite(values)
        if not finite.all():
            detail = pl.format(
                "{} is not a finite number",
                pl.col(name).cast(pl.String).fill_null("an empty cell"),
            )
            parts.append(_found(subject, "not_a_number", np.flatnonzero(~finite), name, detail))
        with np.errstate(invalid="ignore"):
            if name in layout.prices:
                low = np.flatnonzero(values <= 0)
                parts.append(
                    _found(
                        subject,
                        "not_positive",
                        low,
                        name,
                        pl.format("price {} is not positive", pl.col(name)),
                    )
                )
            elif name in layout.amounts:
                low = np.flatnonzero(values < 0)
                parts.append(_found(subject, "negative_amount", low, name, pl.format("{} is negative", pl.col(name))))
    return parts


def _bar_shape(subject: Subject) -> list[pl.DataFrame]:
    """Find bars whose four prices contradict each other."""
    o, h, low, c = (subject.frame[n].to_numpy() for n in ("open", "high", "low", "close"))
    crossed = h < low
    parts = [_found(subject, "high_below_low", np.flatnonzero(crossed), "high", _pair("high", "low", "is below"))]
    for name, values in (("open", o), ("close", c)):
        outside = np.flatnonzero(((values > h) | (values < low)) & ~crossed)
        detail = pl.format(f"{name} {{}} is outside low {{}} to high {{}}", pl.col(name), pl.col("low"), pl.col("high"))
        parts.append(_found(subject, "outside_range", outside, name, detail))
    return parts


def _habits(subject: Subject) -> list[pl.DataFrame]:
    """Find what is possible but suspicious in a series of sound bars."""
    frame, interval = subject.frame, subject.interval
    spots: list[tuple[str, str, Spot]] = [
        ("gap", "time", gaps(frame, interval, subject.calendar)),
        ("overlap", "time", overlaps(frame, interval)),
        ("zero_volume", "volume", zero_volume_runs(frame)),
        ("frozen_price", "close", frozen_runs(frame)),
        ("spike", "close", spikes(frame)),
    ]
    return [_found(subject, rule, spot.index, field, spot.details) for rule, field, spot in spots]
