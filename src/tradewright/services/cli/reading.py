"""What the commands that read market data share: options, how a file is read, which data sets are meant."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tradewright.core.types.errors import UsageError

if TYPE_CHECKING:
    from tradewright.data.catalogue import Dataset
    from tradewright.data.importer import ImportOptions
    from tradewright.data.quality import Findings
    from tradewright.data.store import MarketStore

Store = Annotated[Path, typer.Option("--store", help="Folder of the market-data store.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
STORE = Path(".tradewright/store")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingOptions:
    """How a file of market data is to be read; everything else is recognised."""

    symbol: Annotated[str, typer.Option(help="Name of the instrument.")] = ""
    kind: Annotated[Literal["bars", "quotes", "trades"], typer.Option(help="bars, quotes or trades.")] = "bars"
    timeframe: Annotated[
        str, typer.Option("--timeframe", "--interval", help="Length of a bar, such as 5m.", show_default=False)
    ] = ""
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD=NAME", help="Where a column's name is not recognised; repeatable."),
    ] = None
    time_format: Annotated[
        str, typer.Option(help="strptime pattern, or s, ms, us, ns for numbers.", show_default=False)
    ] = ""
    timezone: Annotated[str, typer.Option(help="IANA zone of times without an offset.", show_default=False)] = ""
    label: Annotated[Literal["open", "close"], typer.Option(help="Whether a bar's time is its start or its end.")] = (
        "open"
    )
    sort: Annotated[bool, typer.Option("--sort", help="Put rows in time order.")] = False
    drop_duplicates: Annotated[bool, typer.Option("--drop-duplicates", help="Keep the last of equal times.")] = False
    calendar: Annotated[str, typer.Option(help="Trading days: 24/7, us_equity, fx, lse, xetra, tse.")] = "24/7"
    store: Store = STORE
    json: Json = False


def import_options(options: ReadingOptions, *, keeps_errors: bool = False) -> ImportOptions:
    """Return how the file is to be read.

    Raises
    ------
    UsageError
        If a column is named wrongly.
    """
    from tradewright.data.importer import ImportOptions
    from tradewright.data.kinds import Kind

    columns = {}
    for text in options.column or []:
        field, equals, name = text.partition("=")
        if not equals:
            raise UsageError(f"'{text}' names no column", where="--column", fix="Write FIELD=NAME, such as open=Open.")
        columns[field] = name
    return ImportOptions(
        kind=Kind(options.kind),
        columns=columns,
        time_format=options.time_format,
        timezone=options.timezone,
        label=options.label,
        interval=options.timeframe,
        is_sorted_here=options.sort,
        drops_duplicates=options.drop_duplicates,
        keeps_errors=keeps_errors,
    )


def entries_of(store: MarketStore, symbol: str) -> list[Dataset]:
    """Return what the store has of ``SYMBOL`` or ``SYMBOL@TIMEFRAME``.

    Raises
    ------
    UsageError
        If it has nothing of it.
    """
    name, _, timeframe = symbol.partition("@")
    found = [e for e in store.list() if e.symbol == name and timeframe in ("", e.timeframe)]
    if not found:
        store.describe(name, timeframe or "1d")  # raises, and says what there is
    return found


def moment(ns: int) -> str:
    """Return ns UTC as text to the second."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(ns // 1_000_000_000, tz=UTC).strftime("%Y-%m-%d %H:%M:%S")


def print_findings(findings: Findings, most: int = 20) -> None:
    """Print the first findings, and the counts of all where there are more."""
    frame = findings.frame
    for row in frame.head(most).iter_rows(named=True):
        place = f"row {row['row']}" + (f", {row['field']}" if row["field"] else "")
        print(f"  {row['severity']}: {place}: {row['detail']} [{row['rule']}]. {row['repair']}")
    if len(frame) > most:
        counts = ", ".join(f"{n:,} {rule.replace('_', ' ')}" for rule, n in findings.counts().items())
        print(f"  ... {len(frame) - most:,} more; in all {counts}. --json lists them.")
