"""How often the gate is wrong: markets about which the truth is known, each through the whole pipeline.

In a market without any edge whatever is promoted is an error; where an edge was planted a refusal is one; where a
feature knows its future nothing may pass. What judges is handed in: this module makes evidence and knows no gate.
"""

from __future__ import annotations

import hashlib
import math
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from statistics import NormalDist

import numpy as np

from tradewright.analytics.wilson import wilson_interval
from tradewright.core.types.errors import ModelError
from tradewright.core.types.forecast import Forecasts
from tradewright.features.set_identity import set_identity
from tradewright.research.dataset import Dataset, build_dataset, market_of_pipeline
from tradewright.research.evaluation import EvaluationPlan, evaluate
from tradewright.research.executor import Executor, Serial
from tradewright.research.experiments import ExperimentStore, family_of
from tradewright.research.holdout import HoldoutGuard
from tradewright.research.labelling import LabelParams
from tradewright.research.leak_evidence import LeakChecks
from tradewright.research.money import MoneyParams, Stage, net_returns, trade, trader_of
from tradewright.research.synthetic_markets import (
    LEAKS,
    SyntheticMarket,
    SyntheticParams,
    honest_pipeline,
    leaking_pipeline,
    study_features,
    synthetic_market,
)
from tradewright.research.training import TrainingPlan, sharpe_of, train
from tradewright.research.tuning import SearchRange, TuningParams, before_first_test, tune
from tradewright.research.validation import ModelChoice, ValidationParams

#: Why a model is refused, in words; empty: it is promoted.
Judge = Callable[[Path], tuple[str, ...]]

NO_EDGE, EDGE, LEAK = "no edge", "planted edge", "planted leak"
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class StudyParams:
    """What is studied.

    Parameters
    ----------
    markets, edges, leaks : int
        How many without an edge, with a planted one, and with a feature that knows its future.
    trials : int
        Configurations tried in each.
    bars : int
        Length of each market, days.
    edge : float
        Size of the planted edge (`SyntheticParams.edge`).
    seed : int
        Of the first market; each has a seed of its own.
    """

    markets: int = 200
    edges: int = 50
    leaks: int = 20
    trials: int = 20
    bars: int = 5_000
    edge: float = 0.21
    seed: int = 0


@dataclass(frozen=True, slots=True)
class StudyRow:
    """One market: what is true of it, what the gate said, and the net annual Sharpe ratios found and possible.

    ``ideal`` is that of trading the true drift through the same strategy and costs.
    """

    kind: str
    name: str
    seed: int
    refusals: tuple[str, ...]
    found: float | None
    ideal: float | None

    @property
    def is_promoted(self) -> bool:
        """Whether nothing was refused."""
        return not self.refusals


@dataclass(frozen=True, slots=True)
class StudyShare:
    """How many of a kind were promoted, with the Wilson interval of their share, 95 %."""

    kind: str
    n: int
    promoted: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """Promoted / all; NaN where there were none."""
        return self.promoted / self.n if self.n else math.nan


@dataclass(frozen=True, slots=True)
class _Case:
    kind: str
    name: str
    seed: int
    params: StudyParams
    judge: Judge
    folder: Path


def gate_study(
    params: StudyParams,
    judge: Judge,
    executor: Executor,
    progress: Callable[[StudyRow], None] = lambda _row: None,
    folder: Path | None = None,
) -> tuple[StudyRow, ...]:
    """Send every market through the pipeline and to the gate.

    Parameters
    ----------
    params : StudyParams
        Which markets.
    judge : callable
        From a folder of evidence to refusals; of the module level, if the executor's workers are processes.
    executor : Executor
        Runs the markets.
    progress : callable, optional
        Told each result.
    folder : Path, optional
        Where work is done; a temporary folder if not given. It is emptied market by market.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix="gate-study-") as place:
        cases = list(_cases(params, judge, Path(place)))
        rows = []
        for row in executor.map(_study, cases):
            progress(row)
            rows.append(row)
    return tuple(rows)


def shares(rows: Sequence[StudyRow]) -> tuple[StudyShare, ...]:
    """Return the shares promoted, by kind of market."""
    found = []
    for kind in (NO_EDGE, EDGE, LEAK):
        mine = [row for row in rows if row.kind == kind]
        promoted = sum(row.is_promoted for row in mine)
        low, high = wilson_interval(float(promoted), len(mine), 0.95) if mine else (math.nan, math.nan)
        found.append(StudyShare(kind, len(mine), promoted, low, high))
    return tuple(found)


def _cases(params: StudyParams, judge: Judge, folder: Path) -> Iterator[_Case]:
    """Lay the kinds beside each other in turn, so that a study that is stopped has seen some of each."""
    names = sorted(LEAKS)
    for i in range(max(params.markets, params.edges, params.leaks)):
        for k, (kind, most) in enumerate(((NO_EDGE, params.markets), (EDGE, params.edges), (LEAK, params.leaks))):
            if i < most:
                name = names[i % len(names)] if kind == LEAK else ""
                yield _Case(kind, name, params.seed + 3 * i + k, params, judge, folder / f"{k}-{i}")


def _study(case: _Case) -> StudyRow:
    """Make one market, tune, train, judge in money, and ask the gate."""
    size = case.params.edge if case.kind == EDGE else 0.0
    market = synthetic_market(case.seed, SyntheticParams(bars=case.params.bars, edge=size))
    money = study_money()
    found = None
    try:
        found = _evidence(case, market, money)
        refusals = case.judge(case.folder / "model" / "evidence")
    except ModelError as error:  # a model that cannot be made is not promoted
        refusals = (str(error),)
    finally:
        shutil.rmtree(case.folder, ignore_errors=True)
    ideal = ideal_sharpe(market, size, money) if size else None
    return StudyRow(case.kind, case.name, case.seed, refusals, found, ideal)


def _evidence(case: _Case, market: SyntheticMarket, money: MoneyParams) -> float | None:
    """Run the pipeline; return the net Sharpe ratio of the validation."""
    data = _dataset(case, market)
    clock = count(1)
    store = ExperimentStore(case.folder / "experiments.sqlite", lambda: next(clock))
    family = family_of(data.bars_digests, data.labels.target)
    guard = HoldoutGuard(data, 0.2, family, store)
    plan = TrainingPlan(
        choice=ModelChoice(kind="logistic", calibration="platt", stop_share=0.0),
        validation=ValidationParams(folds=4, path_folds=5, path_tests=2),
        money=money,
        family=family,
        seed=case.seed,
        keep=case.folder / "keep",
    )
    with Serial() as here:
        search = TuningParams(trials=case.params.trials, search=study_search())
        tuned = tune(before_first_test(guard.part, plan.validation), plan, search, store, here)
        plan = replace(plan, choice=tuned.choice, money=tuned.money)
        trained = train(guard.part, plan, case.folder / "model", store, here)
        checks = LeakChecks(bars=2_000, runs=30, shuffles=10, seed=case.seed)
        evaluate(trained.folder, guard, EvaluationPlan(plan, checks), store, here)
    return sharpe_of(trained.returns)


def _dataset(case: _Case, market: SyntheticMarket) -> Dataset:
    features = study_features()
    digest = set_identity(features)
    pipeline = honest_pipeline()
    if case.kind == LEAK:
        pipeline = leaking_pipeline(case.name)
        digest = hashlib.blake2b(f"{digest} {case.name}".encode(), digest_size=16).hexdigest()
    warmup = max(f.warmup for f in features.values())
    table = market_of_pipeline(market.instrument, market.bars, pipeline, digest, warmup)
    return build_dataset([table], LabelParams(bars=1))


def study_money() -> MoneyParams:
    """Return the strategy that every market is traded with: long or short by probability, no other rule."""
    params = {
        "enter_up": 0.52,
        "leave_up": 0.5,
        "enter_down": 0.52,
        "leave_down": 0.5,
        "stop_loss": 0,
        "take_profit": 0,
    }
    return MoneyParams(strategy="probability", params=params)


def study_search() -> dict[str, SearchRange]:
    """Return what is searched: how plain the model is, and how sure it must be."""
    return {
        "model.c": SearchRange(low=1e-3, high=1.0, log=True),
        "strategy.enter_up": SearchRange(low=0.5, high=0.57),
        "strategy.enter_down": SearchRange(low=0.5, high=0.57),
    }


def ideal_sharpe(market: SyntheticMarket, edge: float, money: MoneyParams) -> float | None:
    """Return the net annual Sharpe ratio of knowing the drift: the strategy, given the true probabilities."""
    up = np.array([_NORMAL.cdf(edge * float(flow)) for flow in market.flow])
    values = np.vstack([up, 1.0 - up, np.zeros(len(up)), np.zeros(len(up))])
    bars = market.bars
    stage = Stage((market.instrument,), (bars,), int(bars.ts_event[0]), int(bars.ts_event[-1]))
    forecasts = (Forecasts(bars.instrument, bars.ts_event, values),)
    return sharpe_of(net_returns(trade(stage, trader_of(money.strategy, money.params), forecasts)))
