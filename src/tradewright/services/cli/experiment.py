"""`tradewright experiment`: what was tried, how often the holdout was looked at, and whether B beats A."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradewright.core.types.errors import UsageError
from tradewright.services.cli.console import Meter, print_json, print_table
from tradewright.services.cli.guard import guarded
from tradewright.services.cli.options import add_command
from tradewright.services.cli.reading import Json, moment
from tradewright.services.cli.train import teller
from tradewright.services.cli.training_config import Assignments, Config, Ray, Workers

if TYPE_CHECKING:
    from tradewright.research.ablation import Ablation
    from tradewright.research.experiments import ExperimentStore, Trial

Experiments = Annotated[Path, typer.Option("--experiments", help="The file that counts trials.")]
EXPERIMENTS = Path(".tradewright/experiments.sqlite")


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareOptions:
    """Which two, and how much better the second must be."""

    first: Annotated[Path, typer.Argument(help="The configuration of A.")]
    second: Annotated[Path, typer.Argument(help="The configuration of B.")]
    at_least: Annotated[float, typer.Option(help="Improvement of the accuracy asked about: 0.02 is 2 points.")] = 0.02
    folds: Annotated[int, typer.Option(help="Purged folds.", min=2)] = 5
    workers: Workers = 1
    ray: Ray = ""
    json: Json = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AblateOptions:
    """Which changes of the strategy, on whose forecasts."""

    config: Config
    changes: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="KEY=VALUE", help="A change; repeatable. Else the boosters of confidence."),
    ] = None
    assignments: Assignments = None
    workers: Workers = 1
    ray: Ray = ""
    json: Json = False


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="What was tried, and whether one beats another.", no_args_is_help=True)
    app.add_typer(group, name="experiment")
    group.command("list")(guarded(list_))
    group.command("show")(guarded(show))
    add_command(group, "compare", CompareOptions, compare)
    add_command(group, "ablate", AblateOptions, ablate)


def list_(experiments: Experiments = EXPERIMENTS, json: Json = False) -> None:
    """List every family, one data set with one target, with the trials counted and the looks at its holdout."""
    store = _store(experiments)
    rows = [
        {"family": family, "trials": store.trials_of(family), "holdout_uses": store.holdout_uses(family)}
        for family in store.families()
    ]
    if json:
        print_json({"families": rows})
        return
    if not rows:
        print("Nothing was tried yet. `tradewright train CONFIG.yaml` does.")
        return
    lines = [(str(r["family"]), f"{r['trials']:,}", f"{r['holdout_uses']:,}") for r in rows]
    print_table(("Family", "Trials", "Looks at the holdout"), lines, " rr")


def show(
    family: Annotated[str, typer.Argument(help="The first digits of a family (`experiment list`).")],
    experiments: Experiments = EXPERIMENTS,
    json: Json = False,
) -> None:
    """Show every trial of a family: what was tried and what it scored."""
    store = _store(experiments)
    found = [known for known in store.families() if known.startswith(family)]
    if len(found) != 1:
        what = f"{len(found)} families begin with '{family}'"
        raise UsageError(what, where=str(experiments), fix="`tradewright experiment list` shows them.")
    trials = store.trials(found[0])
    if json:
        print_json(
            {"family": found[0], "holdout_uses": store.holdout_uses(found[0]), "trials": [_document(t) for t in trials]}
        )
        return
    rows = [
        (
            str(t.number),
            moment(t.at_ns),
            t.state,
            "-" if t.score is None else f"{t.score:.4g}",
            t.dataset[:8],
            _words(t),
        )
        for t in trials
    ]
    print_table(("Trial", "When (UTC)", "State", "Score", "Rows", "What"), rows, "r  r")
    print(f"{len(trials):,} trials; the holdout was looked at {store.holdout_uses(found[0]):,} times.")


def compare(options: CompareOptions) -> None:
    """Ask whether B is right more often than A by at least so much: yes, no, or not decided.

    Both are judged on the same rows by the same purged folds; the interval of the difference is a block bootstrap's.
    """
    from tradewright.services.cli.training_config import executor, training_settings
    from tradewright.services.comparison import run_comparison

    sides = [training_settings(file, None) for file in (options.first, options.second)]
    with Meter("compare", 2 * options.folds) as meter, executor(options.workers, options.ray) as pool:
        done = run_comparison(sides[0], sides[1], (options.at_least, options.folds), pool, teller(meter))
    if options.json:
        print_json(asdict(done) | {"answer": done.answer.value})
        return
    rows = [(done.first, f"{done.accuracy_first:.2%}"), (done.second, f"{done.accuracy_second:.2%}")]
    print_table(("Configuration", f"Right, of {done.rows:,} rows"), rows, " r")
    print(f"Difference {done.difference:+.2%} [{done.low:+.2%}, {done.high:+.2%}], 95 % by block bootstrap.")
    print(f"Better by at least {done.asked:.2%}? {done.answer.value}.")


def ablate(options: AblateOptions) -> None:
    """Ask what each change of the strategy earns: the same out-of-sample forecasts, traded with it and without it.

    The intervals of the differences hold for all changes at once, 95 %. Each change counts as a trial.
    """
    from tradewright.services.ablation import run_ablation
    from tradewright.services.cli.training_config import executor, training_settings

    settings, layers = training_settings(options.config, options.assignments)
    with Meter(f"ablate {settings.name}", 100) as meter, executor(options.workers, options.ray) as pool:
        done = run_ablation(settings, layers, options.changes or (), pool, teller(meter))
    if options.json:
        print_json({"sharpe": done.sharpe, "periods": done.periods, "changes": [_ablation(row) for row in done.rows]})
        return
    lines = [("none", _ratio(done.sharpe), "", "")]
    for row in done.rows:
        words = ", ".join(f"{name}={value}" for name, value in row.change.items())
        found = row.difference
        said = "-" if math.isnan(found.estimate) else f"{found.estimate:+.2f} [{found.lower:+.2f}, {found.upper:+.2f}]"
        lines.append((words, _ratio(row.sharpe), said, row.answer.value))
    print_table(("Change", "Net Sharpe, annual", "Difference, 95 % for all", "Does it earn?"), lines, " rr")
    print(f"{done.periods:,} periods of net returns, out of sample; the holdout was not looked at.")


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _ablation(row: Ablation) -> dict[str, Any]:
    found = row.difference
    numbers = {"difference": found.estimate, "low": found.lower, "high": found.upper}
    known = {name: value if math.isfinite(value) else None for name, value in numbers.items()}
    return {"change": dict(row.change), "sharpe": row.sharpe, **known, "answer": row.answer.value}


def _store(path: Path) -> ExperimentStore:
    import time

    from tradewright.research.experiments import ExperimentStore

    if not path.is_file():
        fix = "`tradewright train CONFIG.yaml` makes it; --experiments names another."
        raise UsageError("there is no experiment store", where=str(path), fix=fix)
    return ExperimentStore(path, time.time_ns)


def _document(trial: Trial) -> dict[str, Any]:
    return {
        "number": trial.number,
        "state": trial.state,
        "score": trial.score,
        "dataset": trial.dataset,
        "feature_set": trial.feature_set,
        "config": dict(trial.config),
        "periods": None if trial.returns is None else len(trial.returns),
        "at": moment(trial.at_ns),
    }


def _words(trial: Trial) -> str:
    model = trial.config.get("model", {})
    params = ", ".join(
        f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in model.get("params", {}).items()
    )
    return f"{model.get('kind', '?')}({params})"
