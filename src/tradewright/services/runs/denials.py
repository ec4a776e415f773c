"""What the guard refused in a run, from its folder."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from tradewright.core.types.errors import StoreError, UsageError
from tradewright.core.types.order import Reason
from tradewright.risk.controls import control_of
from tradewright.services.report.view import DenialRow
from tradewright.services.runs.folder import DECISIONS
from tradewright.services.runs.read import StoredRun


@dataclass(frozen=True, slots=True)
class Denials:
    """How many decisions there were, and what was refused, the most frequent reason first."""

    asked: int
    refused: int
    rows: tuple[DenialRow, ...]

    def document(self) -> dict[str, Any]:
        """Return the same for machines."""
        return asdict(self)


def denials_of(run: StoredRun) -> Denials:
    """Count the denials of a run.

    Raises
    ------
    UsageError
        Where no limit was set, so that nothing was written down.
    StoreError
        Where the log cannot be read.
    """
    found = denials_in(run.folder)
    if found is None:
        fix = "Set one in the section `limits`; `tradewright controls` shows all."
        raise UsageError("the run had no limits, so the guard kept no log", where=str(run.folder), fix=fix)
    return found


def denials_in(folder: Path) -> Denials | None:
    """Count the denials in a run's folder; None where the guard kept no log.

    Raises
    ------
    StoreError
        Where the log cannot be read.
    """
    path = folder / DECISIONS
    if not path.exists():
        return None
    try:
        frame = pl.read_parquet(path, columns=["time", "reason"])
    except (OSError, pl.exceptions.PolarsError) as error:
        raise StoreError(f"damaged: {error}", where=str(path), fix="Run the backtest again.") from error
    refused = frame.filter(pl.col("reason") != 0)
    moment = pl.col("time").dt.strftime("%Y-%m-%d %H:%M:%S")
    counted = (
        refused.group_by("reason")
        .agg(pl.len().alias("n"), moment.min().alias("first"), moment.max().alias("last"))
        .sort(["n", "reason"], descending=[True, False])
    )
    rows = [_row(reason, count, first, last) for reason, count, first, last in counted.iter_rows()]
    return Denials(len(frame), len(refused), tuple(rows))


def _row(code: int, count: int, first: str, last: str) -> DenialRow:
    reason = Reason(code)
    control = control_of(reason)
    return DenialRow(reason.name, "" if control is None else f"{control.id} {control.name}", count, first, last)
