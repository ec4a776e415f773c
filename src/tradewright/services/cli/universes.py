"""`tradewright data universe` and `symbols`: who belonged when, and what a security was called when."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from tradewright.core.types.errors import UsageError
from tradewright.services.cli.console import print_json, print_table
from tradewright.services.cli.options import add_command
from tradewright.services.cli.reading import STORE, Json, Store, moment


@dataclass(frozen=True, slots=True)
class UniverseOptions:
    """A file of memberships."""

    file: Annotated[Path, typer.Argument(help="CSV or Parquet: symbol, from, source, and to where a membership ended.")]
    store: Store = STORE
    json: Json = False


@dataclass(frozen=True, slots=True)
class SymbolsOptions:
    """A file of names, or a question about the names that are there."""

    file: Annotated[
        Path | None,
        typer.Argument(
            help="CSV or Parquet to bring in: id, symbol, from, and to where a name ended.", show_default=False
        ),
    ] = None
    lean: Annotated[str, typer.Option("--lean", metavar="ID", help="The file is LEAN's map file of this security.")] = (
        ""
    )
    of: Annotated[str, typer.Option(help="Show one security, by its id or by any symbol it ever had.")] = ""
    at: Annotated[str, typer.Option(help="Show names that held at this moment.")] = ""
    store: Store = STORE
    json: Json = False


def register(group: typer.Typer) -> None:
    """Add the commands to `tradewright data`."""
    add_command(group, "universe", UniverseOptions, universe)
    add_command(group, "symbols", SymbolsOptions, symbols)


def universe(options: UniverseOptions) -> None:
    """Bring a dated universe in under its file's name, which a run's `universe` gives; replaces an older one."""
    from tradewright.data.universe import read_universe, universe_path

    table = read_universe(options.file)
    table.write(universe_path(options.store, table.name))
    told = {"universe": table.name, "memberships": len(table.memberships), "symbols": len(table.ever())}
    if options.json:
        print_json(told)
    else:
        print(f"{table.name}: {told['memberships']:,} memberships of {told['symbols']:,} symbols")


def symbols(options: SymbolsOptions) -> None:
    """Say what securities were called when; a file is brought in first, and replaces what was known of its own."""
    from tradewright.data.lean_tables import read_map_file
    from tradewright.data.symbols import read_symbols, stored_symbols, symbols_path
    from tradewright.data.times import moment_ns

    path = symbols_path(options.store)
    table = stored_symbols(path)
    if options.file is not None:
        new = read_map_file(options.file, options.lean) if options.lean else read_symbols(options.file)
        table = table.with_names_of(new)
        table.write(path)
    at = moment_ns(options.at) if options.at else None
    ids = {s.permanent_id for s in table.spans if options.of in ("", s.permanent_id, s.symbol)}
    if not ids:
        what = f"no security was ever called '{options.of}'" if table.spans else "the store knows no symbols"
        raise UsageError(what, where=str(path), fix="Bring names in: tradewright data symbols FILE")
    told = [s for s in table.spans if s.permanent_id in ids and (at is None or s.holds_at(at))]
    if options.json:
        print_json([{"id": s.permanent_id, "symbol": s.symbol, "begin_ns": s.begin, "end_ns": s.end} for s in told])
    else:
        rows = [(s.permanent_id, s.symbol, moment(s.begin), "" if s.end is None else moment(s.end)) for s in told]
        print_table(("Id", "Symbol", "From (UTC)", "Until (UTC)"), rows)
