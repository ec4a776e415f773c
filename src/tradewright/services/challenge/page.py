"""A simulated challenge as one HTML file that loads nothing: same simulation, same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import jinja2

from tradewright.core.types.errors import StoreError
from tradewright.research.challenge.study import SCENARIOS, PhaseCount, Scenario
from tradewright.rollout.commit import write_whole
from tradewright.rollout.verdict import Outcome
from tradewright.services.challenge.pictures import phase_picture
from tradewright.services.challenge.simulate import Simulation
from tradewright.services.report.render import as_script_data, page_environment, page_sources
from tradewright.services.report.view import Figure, Metric, Unit

_HERE = Path(__file__).parent
_EXPLAIN = "Share of drawn paths that pass every phase; the range is Wilson's for the number of paths alone."


@dataclass(frozen=True, slots=True)
class ChallengeView:
    """Everything the page shows; ``missing`` says why a figure is not there."""

    name: str
    run: str
    facts: tuple[tuple[str, str], ...]
    notices: tuple[str, ...]
    headline: tuple[Metric, ...]
    scenarios: tuple[tuple[Scenario, str], ...]
    phases: tuple[PhaseCount, ...]
    policy: str
    outcomes: tuple[Outcome, ...]
    sources: tuple[tuple[str, str], ...]
    assumptions: tuple[tuple[str, str], ...]
    figures: Mapping[str, Figure]
    missing: Mapping[str, str]


def render_challenge(simulation: Simulation) -> str:
    """Return the page as one HTML document without any reference to a network.

    Raises
    ------
    RunError
        If plotly's JavaScript is not installed.
    """
    view = _view(simulation)
    payload: dict[str, object] = {"figures": dict(view.figures), "prices": [], "trades": {}, "run": view.name}
    return _template().render(view=view, data=as_script_data(payload), **page_sources())


def write_page(simulation: Simulation, path: Path) -> None:
    """Write the page, whole or not at all.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    try:
        write_whole(path, render_challenge(simulation).encode())
    except OSError as error:
        what = f"the page cannot be written: {error.strerror or error}"
        raise StoreError(what, where=str(path), fix="Give a writable place with --out.") from error


@cache
def _template() -> jinja2.Template:
    return page_environment(_HERE).get_template("challenge.html.j2")


def _view(simulation: Simulation) -> ChallengeView:
    result = simulation.result
    params = result.params
    drawn = {
        f"phase-{k}": phase_picture((rules, *result.own), curves, params, simulation.currency)
        for k, (rules, curves) in enumerate(zip(result.rules, result.curves, strict=True))
    }
    facts = (
        ("Account", f"{params.initial:,} {simulation.currency}"),
        ("Positions", "as in the run" if params.size == 1.0 else f"{params.size:g} times the run's"),
        ("Target", "taken as soon as equity is there" if params.closes_at_target else "counts where the run is flat"),
        ("Paths", f"{params.paths:,}, at most {params.days:,} days a phase"),
        ("Drawn from", f"{result.sample_days:,} days, in blocks of {result.block:.1f} on average"),
        *((("Own rules", ", ".join(r.id for r in result.own)),) if result.own else ()),
        ("Trials behind the run", simulation.trials.told),
        ("Seed", str(params.seed)),
    )
    return ChallengeView(
        name=simulation.name,
        run=simulation.run.folder.name,
        facts=facts,
        notices=simulation.notices,
        headline=tuple(_metrics(simulation)),
        scenarios=tuple((s, SCENARIOS[s.name]) for s in result.scenarios),
        phases=result.headline.phases,
        policy=simulation.policy.name if simulation.policy else "",
        outcomes=simulation.outcomes,
        sources=tuple((f"{r.id}, version {r.version}, as of {r.as_of}", ", ".join(r.source)) for r in result.rules),
        assumptions=simulation.assumptions,
        figures={name: figure for name, figure in drawn.items() if figure is not None},
        missing={name: "No path came to this phase" for name, figure in drawn.items() if figure is None},
    )


def _metrics(simulation: Simulation) -> list[Metric]:
    result = simulation.result
    head, null = result.headline, result.scenarios[-1]
    explain = f"{_EXPLAIN} Configurations tried: {simulation.trials.told}."
    metrics = [
        Metric("Passed", head.probability, Unit.PERCENT, explain, low=head.low, high=head.high),
        Metric("Without an edge", null.probability, Unit.PERCENT, SCENARIOS[null.name], low=null.low, high=null.high),
    ]
    if result.worlds is not None:
        w = result.worlds
        explain = (
            f"The same from {w.n} samples of days drawn anew: how much hangs on which days the run happened to see."
        )
        metrics.append(Metric("With other days", w.median, Unit.PERCENT, explain, low=w.low, high=w.high))
    metrics.append(
        Metric(
            "Rules broken by the run",
            result.violations,
            Unit.COUNT,
            "Its own days in their own order, anew after each end.",
        )
    )
    if result.own:
        shares = (("Stopped by own rules", head.stopped, "stop trading for a day or more"),
                  ("Cut before a reset", head.cut, "cut positions that a floor after the reset forbids"))  # fmt: skip
        metrics += [
            Metric(label, count / head.paths, Unit.PERCENT, f"Paths on which the trader's own rules {what}.")
            for label, count, what in shares
        ]
    if head.days_to_pass:
        low, middle, high = head.days_to_pass
        explain = "Median days of trading of those that pass; the range is the 10th to 90th percentile."
        metrics.append(Metric("Days to pass", middle, Unit.COUNT, explain, low=low, high=high))
    if result.expected is not None:
        value = result.expected
        explain = "Payout times pass probability, less the fee."
        metrics.append(
            Metric("Worth of a try", value.value, Unit.SIGNED_MONEY, explain, low=value.low, high=value.high)
        )
    return metrics
