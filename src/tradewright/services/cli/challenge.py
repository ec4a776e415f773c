"""`tradewright challenge`."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradewright.core.types.errors import UsageError
from tradewright.services.cli.console import Meter, print_json, print_table
from tradewright.services.cli.options import add_command
from tradewright.services.cli.reading import Json
from tradewright.services.cli.rules import RulesFrom, rule_book
from tradewright.services.cli.runs import RUNS, Runs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tradewright.research.challenge.study import ChallengeParams
    from tradewright.risk.prop.schema import RuleSet
    from tradewright.services.challenge.simulate import Simulation

_DEFAULT_ACCOUNT = Decimal(100_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChallengeOptions:
    """What `challenge` is given on the command line."""

    rules: Annotated[str, typer.Option(help="A product or a rule set; `tradewright rules list` shows them.")]
    buffer: Annotated[
        str,
        typer.Option(help="A rule set of your own that stops and reduces before the firm's does.", show_default=False),
    ] = ""
    news: Annotated[
        Path | None,
        typer.Option(help="Times of the firm's news events, one to a line, ISO in UTC.", show_default=False),
    ] = None
    run: Annotated[str, typer.Option(help="A run folder, a part of its name, or `latest`.")] = "latest"
    paths: Annotated[int, typer.Option(help="Paths of each scenario.")] = 10_000
    days: Annotated[int, typer.Option(help="Most days of a phase; undecided then counts as not passed.")] = 250
    account: Annotated[str, typer.Option(help="Size of the account.", show_default="the rules', else 100000")] = ""
    size: Annotated[float, typer.Option(help="Positions as multiples of the run's.")] = 1.0
    block: Annotated[float, typer.Option(help="Mean days of a block.", show_default="chosen from the run")] = 0.0
    close_at_target: Annotated[
        bool, typer.Option("--close-at-target", help="Close everything once equity is at the target.")
    ] = False
    worlds: Annotated[int, typer.Option(help="Samples of days drawn anew, for the model's uncertainty.")] = 40
    fee: Annotated[str, typer.Option(help="What a try costs, in account currency.", show_default=False)] = ""
    payout: Annotated[str, typer.Option(help="What passing is worth, refunds included.", show_default=False)] = ""
    policy: Annotated[
        str, typer.Option(help="A gate, such as `challenge`; exit code 1 where it refuses.", show_default=False)
    ] = ""
    seed: Annotated[int, typer.Option(help="Of everything drawn.")] = 0
    out: Annotated[
        Path | None, typer.Option(help="The page.", show_default="challenge-RULES.html in the run's folder")
    ] = None
    runs: Runs = RUNS
    rules_from: RulesFrom = None
    json: Json = False


def register(app: typer.Typer) -> None:
    """Add the command."""
    add_command(app, "challenge", ChallengeOptions, challenge)


def challenge(options: ChallengeOptions) -> None:
    """Simulate a prop firm's challenge with the days of a run: how likely it is passed, and what that rests on.

    Days are drawn in blocks; inside each bar the worst order of prices is assumed. Beside it stand the same trades
    without their edge, with twice the costs, and with other samples of days.
    """
    from tradewright.research.challenge.study import SCENARIOS
    from tradewright.rollout.policy import read_policy
    from tradewright.services.challenge.page import write_page
    from tradewright.services.challenge.simulate import Question, simulate
    from tradewright.services.runs.read import find_run

    book = rule_book(options.rules_from)
    phases = book.find(options.rules)
    own = book.find(options.buffer) if options.buffer else ()
    if len(own) > 1:
        raise UsageError(f"'{options.buffer}' is {len(own)} rule sets", where="--buffer", fix=f"Name one: {own[0].id}.")
    params = _params(options, phases)
    policy = read_policy(options.policy) if options.policy else None
    run = find_run(options.run, options.runs)
    question = Question(options.rules, phases, policy, datetime.now(UTC).date(), own, _news(options.news))
    with Meter("challenge", len(SCENARIOS) + params.worlds) as meter:
        found = simulate(run, question, params, meter.advance)
    page = options.out or run.folder / f"challenge-{options.rules}.html"
    write_page(found, page)
    if options.json:
        print_json(as_document(found) | {"page": str(page)})
    else:
        show(found)
        print(f"Page: {page}")
    if found.is_refused:
        raise typer.Exit(1)


def _params(options: ChallengeOptions, phases: tuple[RuleSet, ...]) -> ChallengeParams:
    from tradewright.research.challenge.study import ChallengeParams

    account = _money("account", options.account) or phases[0].initial or _DEFAULT_ACCOUNT
    return ChallengeParams(
        initial=account,
        size=options.size,
        paths=options.paths,
        days=options.days,
        block=options.block,
        seed=options.seed,
        worlds=options.worlds,
        fee=_money("fee", options.fee),
        payout=_money("payout", options.payout),
        closes_at_target=options.close_at_target,
        workers=os.cpu_count() or 1,
    )


def _news(file: Path | None) -> NDArray[np.int64] | None:
    """Read when news came, i8[n] ns UTC."""
    if file is None:
        return None
    import numpy as np

    from tradewright.services.exchange.moments import ns_of

    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
        return np.array(sorted(ns_of(line) for line in lines if line and not line.startswith("#")), np.int64)
    except (OSError, ValueError) as error:
        fix = "One time to a line, like 2024-01-05T13:30:00Z."
        raise UsageError(f"cannot be read: {error}", where=f"--news {file}", fix=fix) from error


def _money(name: str, text: str) -> Decimal | None:
    if not text:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount <= 0:
        raise UsageError(f"'{text}' is not an amount of money above 0", where=f"--{name}", fix="Write it like 100000.")
    return amount


def as_document(found: Simulation) -> dict[str, Any]:
    """Return a simulation as JSON values; None for what is not defined."""
    result = found.result
    params = {k: str(v) if isinstance(v, Decimal) else v for k, v in asdict(result.params).items() if k != "workers"}
    return {
        "rules": found.name,
        "phases": [r.id for r in result.rules],
        "buffer": [r.id for r in result.own],
        "run": found.run.folder.name,
        "trials": asdict(found.trials) | {"count": found.trials.count},
        "notices": list(found.notices),
        "params": params,
        "block_days": result.block,
        "sample_days": result.sample_days,
        "daily_mean": result.daily_mean,
        "daily_error": result.daily_error,
        "scenarios": [asdict(s) | {"probability": s.probability} for s in result.scenarios],
        "worlds": None if result.worlds is None else asdict(result.worlds),
        "violations": result.violations,
        "expected": None if result.expected is None else asdict(result.expected),
        "figures": [asdict(f) for f in found.figures],
        "policy": found.policy.name if found.policy else None,
        "passed": not found.is_refused if found.policy else None,
        "outcomes": [o.model_dump() for o in found.outcomes],
    }


def show(found: Simulation) -> None:
    """Print a simulation for people."""
    result = found.result
    for notice in found.notices:
        print(f"Note: {notice}")
    rows = [
        (
            s.name,
            f"{s.probability:.1%}",
            f"{s.low:.1%} to {s.high:.1%}",
            f"{s.days_to_pass[1]:.0f}" if s.days_to_pass else "-",
            *(f"{sum(getattr(p, end) for p in s.phases) / s.paths:.1%}" for end in ("daily_loss", "max_loss")),
            f"{sum(p.time_limit + p.undecided for p in s.phases) / s.paths:.1%}",
        )
        for s in result.scenarios
    ]
    columns = (found.name, "Passed", "95 % (paths)", "Days", "Daily limit", "Max loss", "Undecided, late")
    print_table(columns, rows, " rrrrrr")
    print(f"{result.params.paths:,} paths of {result.sample_days} days, in blocks of {result.block:.1f}")
    print(f"Configurations tried: {found.trials.told}")
    if result.own:
        stopped, cut = (f"{n / result.headline.paths:.1%}" for n in (result.headline.stopped, result.headline.cut))
        print(f"{result.own[0].id} stopped trading on {stopped} of the paths, positions were cut on {cut}")
    if result.worlds is not None:
        w = result.worlds
        print(f"Had the run seen other days: {w.low:.1%} to {w.high:.1%} (95 % of {w.n} samples)")
    print(f"Rules broken on the run's own days: {result.violations}")
    if result.expected is not None:
        v = result.expected
        print(f"Worth of a try after the fee: {v.value:,.2f} ({v.low:,.2f} to {v.high:,.2f}) {found.currency}")
    elif result.params.fee is not None:
        print(f"A try is worth its fee from a payout of {result.break_even:,.2f} {found.currency}")
    for outcome in found.outcomes:
        print(f"{'met    ' if outcome.is_met else 'NOT MET'} {outcome.rule}: {outcome.found}")
