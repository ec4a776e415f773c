"""Bars that a command made, into a file or onto the screen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradewright.core.types.errors import StoreError, UsageError
from tradewright.services.cli.console import print_json, print_table
from tradewright.services.cli.reading import moment

if TYPE_CHECKING:
    import polars as pl

    from tradewright.core.types.bar import Bars


def bars_frame(made: Bars) -> pl.DataFrame:
    """Return bars as a table of times and values."""
    import polars as pl

    values = {name: getattr(made, name) for name in ("open", "high", "low", "close", "volume")}
    return pl.DataFrame({"ts_open": made.ts_open, "ts_event": made.ts_event, **values})


def check_out(out: Path | None) -> None:
    """Refuse a file of another type, before any work; raises UsageError."""
    if out is not None and out.suffix.lower() not in (".parquet", ".csv"):
        raise UsageError(
            f"files ending in '{out.suffix}' cannot be written", where="--out", fix="Use .parquet or .csv."
        )


def hand_over(made: pl.DataFrame, out: Path | None, about: dict[str, Any], *, is_json: bool) -> None:
    """Write the file, or else show the newest rows; the file appears whole or never."""
    if out is not None:
        draft = out.with_name(f".{out.name}.writing")
        try:
            made.write_parquet(draft) if out.suffix.lower() == ".parquet" else made.write_csv(draft)
            draft.replace(out)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise StoreError(f"cannot be written: {error}", where=str(out), fix="Choose another folder.") from error
    if is_json:
        print_json(about | {"rows": len(made), "file": str(out) if out else None})
        return
    print(", ".join(f"{name} {value}" for name, value in (about | {"rows": len(made)}).items()))
    if out is not None:
        print(f"written to {out}")
        return
    columns = ("ts_open", "ts_event", "open", "high", "low", "close", "volume")
    rows = [
        (moment(row[0]), moment(row[1]), *(f"{value:g}" for value in row[2:]))
        for row in made.select(columns).tail(10).iter_rows()
    ]
    print_table(("From (UTC)", "To (UTC)", "Open", "High", "Low", "Close", "Volume"), rows, "  rrrrr")
