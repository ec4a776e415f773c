"""`tradewright gate-study`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradewright.services.cli.console import Meter, print_json, print_table
from tradewright.services.cli.options import add_command
from tradewright.services.cli.reading import Json
from tradewright.services.cli.training_config import Ray, Workers

if TYPE_CHECKING:
    from tradewright.research.gate_study import StudyRow, StudyShare

#: What the gate must keep to: at most so many of the worthless, at least so many of the good, none that leaks.
_GOALS = {"no edge": "at most 1 %", "planted edge": "at least 80 %", "planted leak": "none"}


@dataclass(frozen=True, slots=True, kw_only=True)
class GateStudyOptions:
    """How many markets of each kind, and by which gate."""

    markets: Annotated[int, typer.Option(help="Markets without any edge.", min=0)] = 200
    edges: Annotated[int, typer.Option(help="Markets with a planted edge.", min=0)] = 50
    leaks: Annotated[int, typer.Option(help="Markets with a feature that knows its future.", min=0)] = 20
    trials: Annotated[int, typer.Option(help="Configurations tried in each market.", min=1)] = 20
    policy: Annotated[str, typer.Option(help="The gate: a shipped one, or a YAML file.")] = "default"
    seed: Annotated[int, typer.Option(help="Of the first market.", min=0)] = 0
    workers: Workers = 1
    ray: Ray = ""
    json: Json = False


def register(app: typer.Typer) -> None:
    """Add the command."""
    add_command(app, "gate-study", GateStudyOptions, gate_study)


def gate_study(options: GateStudyOptions) -> None:
    """Measure how often the gate is wrong, on made-up markets about which the truth is known.

    Each goes through the whole pipeline: features, tuning, training, evidence, gate.
    """
    from tradewright.research.gate_study import StudyParams, shares
    from tradewright.services.cli.training_config import executor
    from tradewright.services.gate_study import run_study

    params = StudyParams(options.markets, options.edges, options.leaks, options.trials, seed=options.seed)
    with (
        Meter("gate study", options.markets + options.edges + options.leaks) as meter,
        executor(options.workers, options.ray) as pool,
    ):
        rows = run_study(params, options.policy, pool, lambda _row: meter.advance(1))
    found = shares(rows)
    if options.json:
        print_json({"policy": options.policy, "shares": [_share(s) for s in found], "markets": [_row(r) for r in rows]})
        return
    lines = [
        (s.kind, str(s.n), str(s.promoted), f"{s.share:.1%}", f"{s.low:.1%} to {s.high:.1%}", _GOALS[s.kind])
        for s in found
        if s.n
    ]
    print_table(("Market", "n", "Promoted", "Share", "95 % (Wilson)", "Goal"), lines, " rrrr")
    for kind, median in _medians(rows).items():
        print(f"Net Sharpe ratio a year, {kind}: median {median:.2f} out of sample")
    ideal = sorted(r.ideal for r in rows if r.ideal is not None)
    if ideal:
        print(f"Whoever knew the planted drift would have had {ideal[len(ideal) // 2]:.2f} after costs (median)")


def _medians(rows: tuple[StudyRow, ...]) -> dict[str, float]:
    found = {}
    for kind in _GOALS:
        known = sorted(r.found for r in rows if r.kind == kind and r.found is not None)
        if known:
            found[kind] = known[len(known) // 2]
    return found


def _share(share: StudyShare) -> dict[str, Any]:
    numbers = {"share": share.share, "low": share.low, "high": share.high}
    known = {k: v if math.isfinite(v) else None for k, v in numbers.items()}
    return {"kind": share.kind, "n": share.n, "promoted": share.promoted, **known, "goal": _GOALS[share.kind]}


def _row(row: StudyRow) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "leak": row.name,
        "seed": row.seed,
        "promoted": row.is_promoted,
        "refusals": list(row.refusals),
        "net_sharpe": row.found,
        "ideal_sharpe": row.ideal,
    }
