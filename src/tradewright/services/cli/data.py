"""`tradewright data`: import, list, show, check; `fetch` and `update` stand in `cli.fetch`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradewright.core.types.errors import UsageError
from tradewright.services.cli import check, fetch, resample, rolls, serve, snapshots, universes
from tradewright.services.cli.console import Meter, print_fields, print_json, print_table
from tradewright.services.cli.guard import guarded
from tradewright.services.cli.options import add_command
from tradewright.services.cli.reading import (
    STORE,
    Json,
    ReadingOptions,
    Store,
    entries_of,
    import_options,
    moment,
    print_findings,
)

if TYPE_CHECKING:
    from tradewright.data.catalogue import Dataset
    from tradewright.data.instruments import InstrumentParams
    from tradewright.data.writing import Written


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportingOptions(ReadingOptions):
    """What an import is told besides: the instrument's definition."""

    file: Annotated[Path, typer.Argument(help="CSV (plain, .gz, .zip) or Parquet.")]
    fees: Annotated[str, typer.Option(help="Name of a cost model; `free` costs nothing.")] = "free"
    tick_size: Annotated[str, typer.Option(help="Smallest price step; else guessed.", show_default=False)] = ""
    lot_size: Annotated[str, typer.Option(help="Smallest size step.")] = "1"
    currency: Annotated[str, typer.Option(help="Currency of the prices.")] = "USD"
    margin: Annotated[float, typer.Option(help="Share of a position that equity must cover: 0.05 is leverage 20.")] = (
        1.0
    )
    replace: Annotated[
        bool, typer.Option("--replace", help="Store rows that differ as a correction: a new version.")
    ] = False


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Bring market data in and look at it.", no_args_is_help=True)
    app.add_typer(group, name="data")
    add_command(group, "import", ImportingOptions, import_)
    fetch.register(group)
    resample.register(group)
    universes.register(group)
    rolls.register(group)
    snapshots.register(group)
    group.command("publish")(guarded(publish))
    group.command("sample")(guarded(sample))
    group.command("list")(guarded(list_))
    group.command("show")(guarded(show))
    check.register(group)
    serve.register(group)


def import_(options: ImportingOptions) -> None:
    """Check a file and bring it into the store, all of it or nothing."""
    from tradewright.data.importer import import_file
    from tradewright.services.stores import open_store

    if not options.symbol:
        raise UsageError("is missing", where="--symbol", fix="Name the instrument, for example --symbol EURUSD.")
    params = _instrument(options)
    imported = import_file(options.file, params.instrument().calendar, import_options(options))
    written = open_store(options.store).write(imported, params, replace=options.replace)
    if options.json:
        changes = {"added": written.added, "removed": written.removed}
        findings = imported.findings.counts()
        print_json(_document(written.dataset) | changes | {"findings": findings, "notes": list(imported.notes)})
        return
    _say_written(written)
    for note in imported.notes:
        print(f"  note: {note}")
    print_findings(imported.findings)


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


def _say_written(written: Written) -> None:
    entry = written.dataset
    if not written.is_changed:
        print(f"{entry.symbol} {entry.timeframe}: everything was there already ({entry.rows:,} rows)")
        return
    replaced = f", {written.removed:,} replaced" if written.removed else ""
    print(f"{entry.symbol} {entry.timeframe}: {written.added:,} rows added{replaced}, {entry.rows:,} in all")


def publish(
    names: Annotated[
        list[str] | None, typer.Argument(help="SYMBOL or SYMBOL@TIMEFRAME; everything if none is named.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Store rows that differ as a correction.")] = False,
    store: Store = STORE,
    json: Json = False,
) -> None:
    """Copy the newest versions from the folder into PostgreSQL (TRADEWRIGHT_POSTGRES_URL); what is there stays."""
    from tradewright.data.copying import copy_dataset
    from tradewright.services.stores import open_postgres, open_store

    source, target = open_store(store), open_postgres()
    entries = [e for name in names for e in entries_of(source, name)] if names else list(source.list())
    documents = []
    with Meter("data sets", len(entries)) as meter:
        for entry in entries:
            written = copy_dataset(source, entry, target, replace=replace)
            documents.append(_document(written.dataset) | {"added": written.added, "removed": written.removed})
            meter.advance(1)
            if not json:
                _say_written(written)
    if json:
        print_json(documents)


def sample(store: Store = STORE) -> None:
    """Bring in the sample of real bars that comes with the package."""
    from tradewright.data.sample import sample_store

    entries = sample_store(store).list()
    print(f"The store {store} holds {len(entries)} data sets; `tradewright data list` shows them.")


def list_(store: Store = STORE, json: Json = False) -> None:
    """List what the store holds."""
    from tradewright.services.stores import open_market

    market = open_market(store)
    entries = market.list()
    if json:
        print_json([_document(e) for e in entries])
    elif not entries:
        print(f"The store {market.place} is empty. `tradewright data import` brings a file in.")
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


def show(
    symbol: Annotated[str, typer.Argument(help="SYMBOL or SYMBOL@TIMEFRAME.")], store: Store = STORE, json: Json = False
) -> None:
    """Describe one instrument: its definition, where its rows come from, what the checks found."""
    from tradewright.services.stores import open_market

    found = entries_of(open_market(store), symbol)
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
