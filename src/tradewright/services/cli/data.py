"""`tradewright data`: import, list, show, check."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tradewright.core.types.errors import ConfigError, UsageError
from tradewright.services.cli.console import print_fields, print_json, print_table
from tradewright.services.cli.guard import guarded
from tradewright.services.cli.options import add_command

if TYPE_CHECKING:
    from tradewright.data.catalogue import Dataset
    from tradewright.data.importer import ImportOptions
    from tradewright.data.instruments import InstrumentParams
    from tradewright.data.quality import Findings
    from tradewright.data.store import BarStore, Written

Store = Annotated[Path, typer.Option("--store", help="Folder of the market-data store.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
STORE = Path(".tradewright/store")


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """How a file of market data is to be read; everything else is recognised."""

    file: Annotated[Path, typer.Argument(help="CSV (plain, .gz, .zip) or Parquet.")]
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


@dataclass(frozen=True, slots=True)
class ImportingOptions(ReadingOptions):
    """What an import is told besides: the instrument's definition."""

    fees: Annotated[str, typer.Option(help="Name of a cost model; `free` costs nothing.")] = "free"
    tick_size: Annotated[str, typer.Option(help="Smallest price step; else guessed.", show_default=False)] = ""
    lot_size: Annotated[str, typer.Option(help="Smallest size step.")] = "1"
    currency: Annotated[str, typer.Option(help="Currency of the prices.")] = "USD"
    margin: Annotated[float, typer.Option(help="Share of a position that equity must cover: 0.05 is leverage 20.")] = (
        1.0
    )
    replace: Annotated[bool, typer.Option("--replace", help="Put new rows in place of others.")] = False


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Bring market data in and look at it.", no_args_is_help=True)
    app.add_typer(group, name="data")
    add_command(group, "import", ImportingOptions, import_)
    group.command("sample")(guarded(sample))
    group.command("list")(guarded(list_))
    group.command("show")(guarded(show))
    add_command(group, "check", ReadingOptions, check)


def import_(options: ImportingOptions) -> None:
    """Check a file and bring it into the store, all of it or nothing."""
    from tradewright.data.importer import import_file
    from tradewright.data.store import BarStore

    if not options.symbol:
        raise UsageError("is missing", where="--symbol", fix="Name the instrument, for example --symbol EURUSD.")
    params = _instrument(options)
    imported = import_file(options.file, params.instrument().calendar, _reading(options))
    written = BarStore(options.store).write(imported, params, replace=options.replace)
    if options.json:
        changes = {"added": written.added, "removed": written.removed}
        findings = imported.findings.counts()
        print_json(_document(written.dataset) | changes | {"findings": findings, "notes": list(imported.notes)})
        return
    _say_written(written)
    for note in imported.notes:
        print(f"  note: {note}")
    _print_findings(imported.findings)


def _instrument(options: ImportingOptions) -> InstrumentParams:
    """Return the instrument's definition."""
    from pydantic import ValidationError

    from tradewright.data.instruments import InstrumentParams
    from tradewright.services.explain import explained

    try:
        return InstrumentParams.model_validate(
            {
                "symbol": options.symbol,
                "tick_size": options.tick_size,
                "lot_size": options.lot_size,
                "currency": options.currency,
                "margin_initial": options.margin,
                "margin_maintenance": options.margin / 2,
                "fees": options.fees,
                "calendar": options.calendar,
            }
        )
    except ValidationError as error:
        raise explained(error, InstrumentParams, lambda place: f"--{str(place[0]).replace('_', '-')}") from error


def _reading(options: ReadingOptions) -> ImportOptions:
    """Return how the file is to be read."""
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
    )


def _say_written(written: Written) -> None:
    entry = written.dataset
    if not written.is_changed:
        print(f"{entry.symbol} {entry.timeframe}: everything was there already ({entry.rows:,} rows)")
        return
    replaced = f", {written.removed:,} replaced" if written.removed else ""
    print(f"{entry.symbol} {entry.timeframe}: {written.added:,} rows added{replaced}, {entry.rows:,} in all")


def sample(store: Store = STORE) -> None:
    """Bring in the sample of real bars that comes with the package."""
    from tradewright.data.sample import sample_store

    entries = sample_store(store).list()
    print(f"The store {store} holds {len(entries)} data sets; `tradewright data list` shows them.")


def list_(store: Store = STORE, json: Json = False) -> None:
    """List what the store holds."""
    from tradewright.data.store import BarStore

    entries = BarStore(store).list()
    if json:
        print_json([_document(e) for e in entries])
    elif not entries:
        print(f"The store {store} is empty. `tradewright data import` brings a file in.")
    else:
        rows = [
            (
                e.symbol,
                e.timeframe,
                e.kind.value,
                f"{e.rows:,}",
                moment(e.first_open),
                moment(e.last_event),
                e.instrument.fees.name,
            )
            for e in entries
        ]
        print_table(("Symbol", "Timeframe", "Kind", "Rows", "From (UTC)", "To (UTC)", "Costs"), rows, "   r")


def moment(ns: int) -> str:
    """Return ns UTC as text to the second."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(ns // 1_000_000_000, tz=UTC).strftime("%Y-%m-%d %H:%M:%S")


def _document(entry: Dataset) -> dict[str, Any]:
    return {
        "symbol": entry.symbol,
        "timeframe": entry.timeframe,
        "kind": entry.kind.value,
        "rows": entry.rows,
        "first_open": moment(entry.first_open),
        "last_event": moment(entry.last_event),
        "fingerprint": entry.digest,
        "instrument": entry.instrument.model_dump(mode="json"),
        "sources": [s.model_dump(mode="json") for s in entry.sources],
    }


def _entries(store: BarStore, symbol: str) -> list[Dataset]:
    """Return what the store has of ``SYMBOL`` or ``SYMBOL@TIMEFRAME``."""
    name, _, timeframe = symbol.partition("@")
    found = [e for e in store.list() if e.symbol == name and timeframe in ("", e.timeframe)]
    if not found:
        store.describe(name, timeframe or "1d")  # raises, and says what there is
    return found


def show(
    symbol: Annotated[str, typer.Argument(help="SYMBOL or SYMBOL@TIMEFRAME.")], store: Store = STORE, json: Json = False
) -> None:
    """Describe one instrument: its definition, where its rows come from, what the checks found."""
    from tradewright.data.store import BarStore

    found = _entries(BarStore(store), symbol)
    if json:
        print_json([_document(e) | {"findings": e.findings, "notes": list(e.notes)} for e in found])
        return
    for number, entry in enumerate(found):
        params, days = entry.instrument, entry.instrument.calendar
        findings = ", ".join(f"{n} {rule.replace('_', ' ')}" for rule, n in entry.findings.items())
        print("\n" if number else "", end="")
        print_fields(
            {
                "Symbol": f"{entry.symbol} {entry.timeframe} ({entry.kind.value})",
                "Rows": f"{entry.rows:,} from {moment(entry.first_open)} to {moment(entry.last_event)} UTC",
                "Tick, lot": f"{params.tick_size}, {params.lot_size} (multiplier {params.multiplier})",
                "Currency": params.currency,
                "Margin": f"{params.margin_initial:g} to open, {params.margin_maintenance:g} to hold",
                "Costs": ", ".join(f"{k} {v:g}" for k, v in params.fees.model_dump().items() if k != "name" and v)
                or "none",
                "Trading days": f"{days.name} ({days.zone} from {days.day_start:%H:%M})",
                "Findings": findings or "none",
                "Notes": "; ".join(entry.notes) or "none",
                "Sources": ", ".join(s.file for s in entry.sources),
                "Fingerprint": entry.digest,
            }
        )


def check(options: ReadingOptions) -> None:
    """Check a file, or a SYMBOL of the store; exit code 1 if anything is wrong."""
    from tradewright.data.importer import import_file
    from tradewright.data.presets import CALENDARS
    from tradewright.data.store import BarStore

    damaged: list[str] = []
    if options.file.is_file() or options.file.suffix in {".csv", ".gz", ".zip", ".parquet", ".txt"}:
        if options.calendar not in CALENDARS:
            fix = f"Allowed: {', '.join(CALENDARS)}."
            raise ConfigError(f"'{options.calendar}' is not allowed", where="--calendar", fix=fix)
        found = [import_file(options.file, CALENDARS[options.calendar], _reading(options)).findings]
    else:
        store = BarStore(options.store)
        entries = _entries(store, str(options.file))
        found = [store.check(e) for e in entries]
        damaged = [f"{e.symbol}/{e.timeframe}/{f}" for e in entries for f in store.damaged(e)]
    if options.json:
        print_json({"findings": [row for f in found for row in f.frame.to_dicts()], "damaged_files": damaged})
    else:
        for findings in found:
            print(f"{findings.name}: {'sound' if not len(findings.frame) else 'looked at'}")
            _print_findings(findings)
        for file in damaged:
            print(f"damaged: {file}. Import the data again with --replace.")
    if damaged or any(len(f.errors) for f in found):
        raise typer.Exit(1)


def _print_findings(findings: Findings, most: int = 20) -> None:
    frame = findings.frame
    for row in frame.head(most).iter_rows(named=True):
        place = f"row {row['row']}" + (f", {row['field']}" if row["field"] else "")
        print(f"  {row['severity']}: {place}: {row['detail']} [{row['rule']}]. {row['repair']}")
    if len(frame) > most:
        counts = ", ".join(f"{n:,} {rule.replace('_', ' ')}" for rule, n in findings.counts().items())
        print(f"  ... {len(frame) - most:,} more; in all {counts}. --json lists them.")
