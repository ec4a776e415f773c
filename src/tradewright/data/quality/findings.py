"""What a check says: findings with a place, a severity and what to do about each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradewright.core.types.calendar import Calendar
from tradewright.core.types.errors import DataError
from tradewright.data.kinds import Kind

ERROR, WARNING = "error", "warning"

#: Rule -> (severity, suggested repair). An error stops an import; a warning is something a person should look at.
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
    "missing_session": (WARNING, "Fetch the missing sessions, or accept the gap."),
    "outside_session": (WARNING, "Remove the bars, or name the right calendar; nobody could trade there."),
    "overlap": (WARNING, "Check --interval, or remove the bars that start inside another."),
    "off_grid": (WARNING, "Check the source and --label; bars should start at whole intervals."),
    "zero_volume": (WARNING, "Check the source; without volume, fills by share of volume do not work."),
    "volume_unit": (WARNING, "Multiply one side, so that all volumes are in one unit."),
    "absurd_volume": (WARNING, "Compare with another source; correct the volume."),
    "frozen_price": (WARNING, "Check the source for a stuck feed."),
    "spike": (WARNING, "Compare with another source; remove or correct a bad print."),
    "split": (WARNING, "Record the split as a corporate action, so that prices are adjusted on reading."),
    "time_zone": (WARNING, "Import again with the right --timezone."),
    "daylight_saving": (WARNING, "Import again with the --timezone of the source; its clock changes."),
    "stale": (WARNING, "Bring the data up to date."),
    "price_disagreement": (WARNING, "Find out which source is right; look at adjustments and bad prints."),
    "source_lag": (WARNING, "One source stamps bars by their start, the other by their end: check --label."),
    "volume_disagreement": (WARNING, "Bring the volumes to one unit (shares, lots, thousands)."),
}

SCHEMA: dict[str, pl.DataType] = {
    "rule": pl.String(),
    "severity": pl.String(),
    "row": pl.Int64(),
    "ts": pl.Int64(),
    "ts_end": pl.Int64(),
    "field": pl.String(),
    "detail": pl.String(),
    "repair": pl.String(),
}


@dataclass(frozen=True, slots=True)
class Subject:
    """What is checked: a canonical frame in file order, its bar length, its trading days, its name.

    ``rows`` are the numbers a person would give the rows, i8[n], or that of the first where they count up from there.
    """

    name: str
    kind: Kind
    frame: pl.DataFrame
    rows: NDArray[np.int64] | int
    interval: int
    calendar: Calendar


@dataclass(frozen=True, slots=True)
class Spot:
    """Findings of one rule about one field.

    Parameters
    ----------
    rule, field : str
        Which rule (a key of ``RULES``), and what it looked at.
    index : i8[k]
        Positions in the frame.
    details : list of str or polars.Expr
        One text each, or an expression on the frame that makes them.
    ends : i8[k] or None
        Where what was found ends, ns UTC; None: it is one row.
    """

    rule: str
    field: str
    index: NDArray[np.int64]
    details: list[str] | pl.Expr
    ends: NDArray[np.int64] | None = None


@dataclass(frozen=True, slots=True)
class Findings:
    """One row a finding: rule, severity, row, ts and ts_end (ns UTC), field, detail, repair; in order of rows."""

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


def found(subject: Subject, spot: Spot) -> pl.DataFrame:
    """Return a spot as rows of ``SCHEMA``."""
    count = len(spot.index)
    if count == 0:
        return pl.DataFrame(schema=SCHEMA)
    severity, repair = RULES[spot.rule]
    at = subject.frame[spot.index]
    details = at.select(spot.details).to_series() if isinstance(spot.details, pl.Expr) else spot.details
    return pl.DataFrame(
        {
            "rule": pl.repeat(spot.rule, count, eager=True),
            "severity": pl.repeat(severity, count, eager=True),
            "row": spot.index + subject.rows if isinstance(subject.rows, int) else subject.rows[spot.index],
            "ts": at["ts_open"],
            "ts_end": at["ts_event"] if spot.ends is None else spot.ends,
            "field": pl.repeat(spot.field, count, eager=True),
            "detail": details,
            "repair": pl.repeat(repair, count, eager=True),
        },
        schema=SCHEMA,
    )


def gathered(subject: Subject, spots: list[Spot]) -> Findings:
    """Return all spots as findings in order of rows."""
    parts = [found(subject, s) for s in spots if len(s.index)]
    frame = pl.concat(parts) if parts else pl.DataFrame(schema=SCHEMA)
    return Findings(subject.name, frame.sort("row", "severity", maintain_order=True))


def plural(count: int, noun: str) -> str:
    """Return ``1 bar``, ``2 bars``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def moment(ns: int | np.int64) -> str:
    """Return ns UTC as text to the second."""
    return str(np.datetime64(int(ns), "ns").astype("datetime64[s]")).replace("T", " ")
