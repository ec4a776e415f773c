"""`tradewright costs measure | show | compare | rollback`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradewright.services.cli.console import print_json, print_table
from tradewright.services.cli.guard import guarded
from tradewright.services.cli.options import add_command
from tradewright.services.cli.reading import STORE, Json, Store

if TYPE_CHECKING:
    from tradewright.execution.costs.distribution import Distribution
    from tradewright.execution.costs.model import CostModel

COSTS = Path(".tradewright/costs")
Folder = Annotated[Path, typer.Option("--costs", help="Folder of the measured execution model.")]
Page = Annotated[Path | None, typer.Option("--page", help="Write the pictures here, as one HTML file.")]
_COLUMNS = ("Pool", "Session", "Quantity", "Mean", "p50", "95 % of p50", "p90", "Samples")


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureOptions:
    """What to measure from."""

    symbol: Annotated[list[str] | None, typer.Option(help="Instrument; give it again for more. All if none.")] = None
    run: Annotated[list[Path] | None, typer.Option(help="A run folder whose fills count.")] = None
    fills: Annotated[list[Path] | None, typer.Option(help="A CSV or Parquet file of own fills.")] = None
    session: Annotated[list[str] | None, typer.Option(help="An account; the fills in its journal count.")] = None
    min_fills: Annotated[int, typer.Option(min=1, help="Fewer orders of a session that took are refused.")] = 30
    days: Annotated[int, typer.Option(min=0, help="Only the last days of the store; 0 = all.")] = 0
    classes: Annotated[
        list[str] | None, typer.Option("--class", metavar="SYMBOL=CLASS", help="fx, crypto, equity, futures or other.")
    ] = None
    store: Store = STORE
    costs: Folder = COSTS
    json: Json = False


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Measure what trading costs, and look at it.", no_args_is_help=True)
    app.add_typer(group, name="costs")
    add_command(group, "measure", MeasureOptions, measure)
    group.command("show")(guarded(show))
    group.command("compare")(guarded(compare))
    group.command("rollback")(guarded(rollback))


def measure(options: MeasureOptions) -> None:
    """Measure spreads, slippage, fees, latency and fill ratios, and put the new version to use.

    Made to run every night: where nothing can be measured, the version before stays in use.
    """
    import time

    from tradewright.execution.costs.files import write_version
    from tradewright.services.costs.classes import classes_given
    from tradewright.services.costs.measure import Sources, measure

    sources = Sources(
        options.store,
        tuple(options.symbol or ()),
        tuple(options.run or ()),
        tuple(options.fills or ()),
        options.days,
        classes_given(options.classes or ()),
        tuple(options.session or ()),
        options.min_fills,
    )
    model = measure(sources, options.costs, time.time_ns(), lambda text: print(f"measuring {text}", file=sys.stderr))
    path = write_version(options.costs, model)
    if options.json:
        print_json({"version": model.version, "digest": model.digest(), "file": str(path), **_document(model)})
        return
    _print(model)
    print(f"In use: {model.version} ({path})")


def show(
    version: Annotated[str, typer.Argument(help="A version; the one in use if none is named.")] = "",
    assumed: Annotated[bool, typer.Option("--assumed", help="The table shipped with the program.")] = False,
    page: Page = None,
    costs: Folder = COSTS,
    json: Json = False,
) -> None:
    """Show a version of the model, or the shipped table."""
    from tradewright.execution.costs.files import read_version, versions
    from tradewright.execution.costs.model import default_model

    model = default_model() if assumed else read_version(costs, version)
    _draw(page, model)
    if json:
        print_json({"version": model.version, "digest": model.digest(), **_document(model)})
        return
    _print(model)
    if not assumed:
        print("Versions: " + ", ".join(versions(costs)))


def compare(
    before: Annotated[str, typer.Argument(help="A version.")],
    after: Annotated[str, typer.Argument(help="Another; the one in use if none is named.")] = "",
    page: Page = None,
    costs: Folder = COSTS,
    json: Json = False,
) -> None:
    """Show what changed from one version to another."""
    from tradewright.execution.costs.files import read_version

    old, new = (read_version(costs, name) for name in (before, after))
    _draw(page, new, old)
    rows = _changes(old, new)
    if json:
        print_json({"before": old.version, "after": new.version, "changes": rows})
        return
    print(f"{old.version} to {new.version}")
    table = [
        (r["pool"], r["session"], r["quantity"], *(_shown(r[k]) for k in ("p50_before", "p50", "p90_before", "p90")))
        for r in rows
    ]
    print_table(("Pool", "Session", "Quantity", "p50 before", "p50", "p90 before", "p90"), table, "   rrrr")


def rollback(
    version: Annotated[str, typer.Argument(help="The version to use again; the one before if none is named.")] = "",
    costs: Folder = COSTS,
    json: Json = False,
) -> None:
    """Use an earlier version again; no file is removed."""
    from tradewright.execution.costs.files import rollback

    model = rollback(costs, version)
    if json:
        print_json({"version": model.version, "digest": model.digest()})
    else:
        print(f"In use: {model.version}, measured {model.as_of}")


def _draw(page: Path | None, model: CostModel, before: CostModel | None = None) -> None:
    if page is not None:
        from tradewright.services.costs.page import write_page

        write_page(page, model, before)
        print(f"Page: {page}", file=sys.stderr)


def _cells(model: CostModel) -> list[tuple[str, str, str, Any]]:
    """Return pool, session, quantity and distribution, instruments first."""
    return [
        (name, session, quantity, found)
        for name, pool in model.named_pools.items()
        for session, cells in pool.cells.items()
        for quantity, found in cells.items()
    ]


def _document(model: CostModel) -> dict[str, Any]:
    return model.model_dump(mode="json", exclude={"version", "format"})


def _print(model: CostModel) -> None:
    told = "ASSUMED COSTS: nobody measured these" if model.assumed else f"measured {model.as_of}"
    if model.simulated:
        told += "; own fills came from the SIMULATED venue and prove nothing about a real one"
    print(f"{model.version}, {told}")
    rows = [
        (name, session, quantity, f"{d.mean:.3f}", f"{d.p50:.3f}", _interval(d), f"{d.p90:.3f}", f"{d.n:,}")
        for name, session, quantity, d in _cells(model)
    ]
    print_table(_COLUMNS, rows, "   rrrrr")
    for source in model.sources:
        print(f"From {source}")


def _interval(found: Distribution) -> str:
    bounds = found.interval(0.5)
    return "-" if bounds is None else f"{bounds[0]:.3f} to {bounds[1]:.3f}"


def _changes(old: CostModel, new: CostModel) -> list[dict[str, Any]]:
    before, after = ({cell[:3]: cell[3] for cell in _cells(model)} for model in (old, new))
    rows = []
    for place in sorted(before.keys() | after.keys()):
        was, now = before.get(place), after.get(place)
        if was == now:
            continue
        numbers = {"p50_before": was and was.p50, "p50": now and now.p50}
        numbers |= {"p90_before": was and was.p90, "p90": now and now.p90}
        rows.append({"pool": place[0], "session": place[1], "quantity": place[2], **numbers})
    return rows


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
