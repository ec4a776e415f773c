"""Put together what a challenge simulation needs: a run folder, rules, and the gate of a policy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from tradewright.analytics.equity_path import equity_path
from tradewright.core.types.errors import StoreError
from tradewright.core.types.evidence import Figure
from tradewright.research.challenge.figures import challenge_figures
from tradewright.research.challenge.keeping import RunRecord, keep, not_kept, record_of
from tradewright.research.challenge.study import ChallengeParams, ChallengeResult, challenge
from tradewright.risk.prop.schema import RuleSet
from tradewright.rollout.gate import outcomes_of
from tradewright.rollout.policy import Policy
from tradewright.rollout.verdict import Outcome
from tradewright.services.challenge.trials import Trials, trials_of
from tradewright.services.runs.facts import assumptions
from tradewright.services.runs.read import StoredRun, stored_bars, stored_result, stored_settings

Ints = NDArray[np.int64]

_RARELY_FLAT = 0.9
_MADE_BY = "`tradewright challenge` makes it."


@dataclass(frozen=True, slots=True)
class Simulation:
    """A simulated challenge with everything its page says.

    ``notices`` must stand in every report; ``outcomes`` are those of ``policy``, None and empty where none was asked.
    """

    name: str
    run: StoredRun
    currency: str
    result: ChallengeResult
    trials: Trials
    figures: tuple[Figure, ...]
    notices: tuple[str, ...]
    assumptions: tuple[tuple[str, str], ...]
    policy: Policy | None
    outcomes: tuple[Outcome, ...]

    @property
    def is_refused(self) -> bool:
        """Whether the policy is not met."""
        return not all(o.is_met for o in self.outcomes)


@dataclass(frozen=True, slots=True)
class Question:
    """Which rules, by what name they were asked for, with the trader's ``own``, judged by which policy, on what day.

    ``news``: times of the firm's news events, i8[n] ns UTC; None where nobody gave them.
    """

    name: str
    rules: tuple[RuleSet, ...]
    policy: Policy | None
    today: date
    own: tuple[RuleSet, ...] = ()
    news: Ints | None = None


def simulate(
    run: StoredRun, question: Question, params: ChallengeParams, progress: Callable[[int], None]
) -> Simulation:
    """Simulate a challenge with the days of a run.

    Raises
    ------
    StoreError
        If the bars of the run are not in the store any more.
    DataError, ConfigError
        See `research.challenge.study.challenge`.
    """
    settings, _ = stored_settings(run)
    stored = stored_result(run, settings)
    bars, missing = stored_bars(run, settings)
    if missing:
        what = "what happened inside the bars cannot be known: " + missing[0].partition(";")[0].rstrip(".")
        raise StoreError(what, where=str(run.folder), fix="Run the backtest again.")
    path = equity_path(stored, bars)
    record = record_of(stored, path, question.news)
    paths, notices = [], []
    for rules in question.rules:
        found, told = path, list[str]()
        for each in (rules, *question.own):
            kept = keep(found, each, record)
            found, told = kept.path, [*told, *kept.told]
        paths.append(found)
        if told:
            notices.append(f"{rules.id}: simulated: {' and '.join(told)}")
    result = challenge(paths, question.rules, params, progress, question.own)
    trials = trials_of(run)
    figures = challenge_figures(result, trials.count)
    return Simulation(
        name=question.name,
        run=run,
        currency=stored.currency,
        result=result,
        trials=trials,
        figures=figures,
        notices=(
            *notices_of((*question.rules, *question.own), record, question.today),
            *notices,
            *_rarely_flat(result),
        ),
        assumptions=tuple(assumptions(settings)),
        policy=question.policy,
        outcomes=outcomes_of(question.policy, figures, _MADE_BY) if question.policy else (),
    )


def _rarely_flat(result: ChallengeResult) -> tuple[str, ...]:
    """Warn where the target can hardly be met because the run is hardly ever flat."""
    if result.params.closes_at_target or result.open_share < _RARELY_FLAT:
        return ()
    share = f"the run held a position after {result.open_share:.0%} of its bars, and a target counts only when flat"
    return (f"{share}; `--close-at-target` closes everything once equity is there",)


def notices_of(rules: tuple[RuleSet, ...], record: RunRecord, today: date) -> tuple[str, ...]:
    """Return what must be said about rule sets: their banners, and what of them is not simulated."""
    lines = [line for r in rules for line in r.banners(today)]
    for r in rules:
        left_out = not_kept(r, record)
        if left_out:
            lines.append(f"{r.id}: {' and '.join(left_out)} are not simulated; the run itself must keep to them")
    return tuple(lines)
