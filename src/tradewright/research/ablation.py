"""What does one change of a strategy earn? The same out-of-sample forecasts traded with it and without it.

Forecasts, fills and costs are the same on both sides, so what is compared is the change alone: the difference of the
net Sharpe ratios, resampled together by blocks of time. Every change that is asked about is a trial like any other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tradewright.analytics.bootstrap import Interval
from tradewright.analytics.evidence.return_figures import moments, sharpe_of_sums
from tradewright.analytics.joint_bootstrap import Resampling, sums_over_periods
from tradewright.research.comparison import Answer
from tradewright.research.executor import Executor
from tradewright.research.experiments import ExperimentStore
from tradewright.research.holdout import TrainingPart
from tradewright.research.money import NetReturns
from tradewright.research.training import TrainingPlan, count_trial, out_of_sample, returns_of, sharpe_of

_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Ablation:
    """One change and its effect.

    ``change``: parameters of the strategy; ``sharpe``: annual net Sharpe ratio with it, None where nothing was traded;
    ``difference``: that less the one without, with an interval that is wide enough for all changes asked about at once;
    ``answer``: whether it earns.
    """

    change: Mapping[str, Any]
    sharpe: float | None
    difference: Interval
    answer: Answer


@dataclass(frozen=True, slots=True)
class Ablations:
    """All changes beside the plain strategy, over ``periods`` of net returns."""

    sharpe: float | None
    periods: int
    rows: tuple[Ablation, ...]


def ablate(
    part: TrainingPart,
    plan: TrainingPlan,
    changes: Sequence[Mapping[str, Any]],
    store: ExperimentStore,
    executor: Executor,
    progress: Callable[[str], None] = lambda _line: None,
) -> Ablations:
    """Trade the out-of-sample forecasts of a plan with each change of its strategy's parameters, and without any.

    Raises
    ------
    ModelError
        If the rows cannot teach this model.
    ConfigError
        If the strategy does not have such a parameter.
    """
    folds = out_of_sample(part, plan, executor, progress)
    plain = returns_of(part.data, folds, plan.money)
    count_trial(part, plan, plain, store)
    rows = []
    for change in changes:
        money = plan.money.model_copy(update={"params": {**plan.money.params, **change}})
        changed = returns_of(part.data, folds, money)
        count_trial(part, replace(plan, money=money), changed, store)
        found = _difference(changed, plain, 1.0 - (1.0 - _CONFIDENCE) / len(changes))  # Bonferroni
        rows.append(Ablation(dict(change), sharpe_of(changed), found, _answer(found)))
        progress(", ".join(f"{name}={value}" for name, value in change.items()))
    return Ablations(sharpe_of(plain), len(plain.ts), tuple(rows))


def _difference(changed: NetReturns, plain: NetReturns, confidence: float) -> Interval:
    """Return the difference of the annual Sharpe ratios; both were traded over the same bars."""
    columns = np.concatenate([moments(changed.value), moments(plain.value)], axis=1)
    scale = math.sqrt(plain.periods_per_year)
    return sums_over_periods(columns, changed.value - plain.value).interval(
        lambda sums: (sharpe_of_sums(sums[:, :3]) - sharpe_of_sums(sums[:, 3:])) * scale,
        Resampling(2_000, confidence=confidence),
    )


def _answer(difference: Interval) -> Answer:
    if difference.lower > 0.0:
        return Answer.YES
    return Answer.NO if difference.upper <= 0.0 else Answer.NOT_DECIDED
