"""`tradewright data universe`: who belonged when, so that a report can say how its instruments were chosen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from tradewright.services.cli.console import print_json
from tradewright.services.cli.options import add_command
from tradewright.services.cli.reading import STORE, Json, Store


@dataclass(frozen=True, slots=True)
class UniverseOptions:
    """A file of memberships."""

    file: Annotated[Path, typer.Argument(help="CSV or Parquet: symbol, from, source, and to where a membership ended.")]
    store: Store = STORE
    json: Json = False


def register(group: typer.Typer) -> None:
    """Add the command to `tradewright data`."""
    add_command(group, "universe", UniverseOptions, universe)


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
