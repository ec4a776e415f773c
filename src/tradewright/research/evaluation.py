"""The evidence about a model: its forecasts beside what became of them, and in money beside what it must beat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tradewright.core.types.errors import ModelError
from tradewright.core.types.forecast import Forecasts
from tradewright.data.evidence_store import TABLES, Evidence, EvidenceManifest, write_evidence
from tradewright.models.artefact import load_model, verify_model
from tradewright.models.explain import permutation_importance
from tradewright.models.forecaster import EXPECTED, P_DOWN, P_FLAT, P_UP
from tradewright.models.model import FittedModel
from tradewright.models.splits import Fold
from tradewright.research.dataset import Dataset
from tradewright.research.executor import Executor
from tradewright.research.experiments import ExperimentStore, Trial
from tradewright.research.holdout import HoldoutGuard
from tradewright.research.leak_evidence import LeakChecks, leak_lines
from tradewright.research.money import NetReturns, Trader, late_slippage_bps, net_returns, trade, trader_of
from tradewright.research.training import (
    TrainingPlan,
    count_trial,
    forecast_all,
    joined,
    out_of_sample,
    returns_of,
    series_of,
    stage_of,
)
from tradewright.research.validation import (
    Floats,
    FoldForecasts,
    Numbers,
    folds_of,
    forecast_rows,
    lesson_of,
    naive_forecasts,
    paths_of,
)

VALIDATION, HOLDOUT, TRAINING = "validation", "holdout", "training"
#: Rows of each scope whose features are kept, at most: enough to see a drift of a tenth, and small.
_DRIFT_ROWS = 2_000
#: Rows that importance is measured on at most; their share where no rows were kept for calibration.
_IMPORTANCE_ROWS = 2_000
_IMPORTANCE_SHARE = 0.1
_FEWEST_IN_HOLDOUT = 30


@dataclass(frozen=True, slots=True)
class EvaluationPlan:
    """How a trained model is judged: as it was trained, and how hard to look for leaks; ``now_ns`` is for people."""

    training: TrainingPlan
    leaks: LeakChecks
    uses_holdout: bool = True
    now_ns: int | None = None


@dataclass(frozen=True, slots=True)
class _Scope:
    """Out-of-sample forecasts of one scope: rows of a data set, ascending, with what each forecaster said."""

    name: str
    data: Dataset
    rows: Numbers
    fold: Numbers
    said: dict[str, Floats]


def evaluate(
    folder: Path,
    guard: HoldoutGuard,
    plan: EvaluationPlan,
    store: ExperimentStore,
    executor: Executor,
    progress: Callable[[str], None] = lambda _line: None,
) -> Evidence:
    """Judge the artefact in a folder and write its evidence beside it, in ``evidence/``.

    Parameters
    ----------
    folder : Path
        An artefact (`models.artefact`), trained on ``guard.part`` with ``plan.training``.
    guard : HoldoutGuard
        Gives the holdout against a record.
    plan : EvaluationPlan
        How to judge.
    store : ExperimentStore
        Knows the trials.
    executor : Executor
        Runs the folds that were not kept.
    progress : callable, optional
        Told what is done, in words.

    Raises
    ------
    ModelError
        If the artefact is damaged, or was trained on other data or another set of features.
    """
    manifest, model, data = verify_model(folder), load_model(folder), guard.part.data
    _refuse_other(manifest.origin.datasets, manifest.feature_set_hash, data)
    training = plan.training
    folds = out_of_sample(guard.part, training, executor, progress)
    plain = returns_of(data, folds, training.money)
    count_trial(guard.part, training, plain, store)
    scopes = [_validation(data, folds)]
    returns = [_money(scopes[0], training, plain.is_daily, progress)]
    uses = store.holdout_uses(training.family)
    features = feature_frame(TRAINING, data, training.seed)
    if plan.uses_holdout and guard.has_holdout:
        held, uses = guard.look(f"evaluate {manifest.digest[:12]}")
        if len(held) >= _FEWEST_IN_HOLDOUT:
            scopes.append(_holdout(model, data, held))
            returns.append(_money(scopes[1], training, plain.is_daily, progress))
            features = pl.concat([features, feature_frame(HOLDOUT, held, training.seed)])
    progress("looking for leaks")
    lines = leak_lines(data, folds_of(data, training.validation), plan.leaks)
    tables = {
        "forecasts": pl.concat([_forecast_frame(scope) for scope in scopes]),
        "returns": pl.concat(returns),
        "trials": trials_frame(store.trials(training.family)),
        "paths": _paths_frame(data, training, plain.is_daily, executor, progress),
        "features": features,
    }
    told = EvidenceManifest(
        model_digest=manifest.digest,
        feature_set_hash=manifest.feature_set_hash,
        datasets=dict(data.bars_digests),
        code=training.code,
        config=training.config,
        seed=training.seed,
        horizon_ns=data.targets.horizon_ns,
        periods_per_year=plain.periods_per_year,
        trials=max(store.trials_of(training.family), 1),
        holdout_uses=uses,
        leaks=lines,
        importance=_importance(model, data, training),
        created_ns=plan.now_ns,
    )
    return write_evidence(folder / "evidence", told, tables)


def trials_frame(trials: Sequence[Trial]) -> pl.DataFrame:
    """Return the returns of the trials that were scored over the same periods: of several such groups the largest.

    Only over the same periods can one ask how the best of them fares elsewhere. Of equal groups the newest counts.
    """
    scored = [t for t in trials if t.stamps is not None and t.returns is not None]
    keys = {t.number: b"" if t.stamps is None else t.stamps.tobytes() for t in scored}
    sizes = Counter(keys.values())
    chosen = max(scored, key=lambda t: (sizes[keys[t.number]], t.number), default=None)
    frames = [
        pl.DataFrame({"trial": np.full(len(t.stamps), t.number), "ts": t.stamps, "value": t.returns})
        for t in scored
        if chosen is not None and t.stamps is not None and keys[t.number] == keys[chosen.number]
    ]
    return pl.concat(frames) if frames else pl.DataFrame(schema=TABLES["trials"])


def feature_frame(scope: str, data: Dataset, seed: int) -> pl.DataFrame:
    """Return the features of rows that are drawn evenly from all of a data set, as the evidence keeps them."""
    n = len(data)
    size = min(n, _DRIFT_ROWS)
    drawn = np.sort(np.random.default_rng(seed).choice(n, size, replace=False))
    # Rows as far apart as those that are drawn share less than neighbours do.
    independent = min(float(data.context.uniqueness.mean()) * n / size, 1.0)
    columns = {
        "scope": [scope] * (size * len(data.rows.names)),
        "feature": [name for name in data.rows.names for _ in range(size)],
        "value": data.rows.values[drawn].T.ravel(),
        "weight": np.full(size * len(data.rows.names), independent),
    }
    return pl.DataFrame(columns, schema=TABLES["features"])


def _refuse_other(datasets: dict[str, str], features: str, data: Dataset) -> None:
    fix = "Evaluate with the configuration and the data it was trained with, or train again."
    if features != data.rows.feature_set_hash:
        raise ModelError("it was trained on another set of features", where="features", fix=fix)
    if datasets != dict(data.bars_digests):
        raise ModelError("it was trained on other bars", where="data", fix=fix)


def _validation(data: Dataset, folds: tuple[FoldForecasts, ...]) -> _Scope:
    rows, values = joined(folds)
    number = np.concatenate([np.full(len(f.rows), f.number, np.int64) for f in folds])
    order = np.argsort(np.concatenate([f.rows for f in folds]), kind="stable")
    said = {"model": values, **{name: joined(folds, name)[1] for name in ("base_rate", "last_sign")}}
    return _Scope(VALIDATION, data, rows, number[order], said)


def _holdout(model: FittedModel, known: Dataset, held: Dataset) -> _Scope:
    every = np.arange(len(held))
    said = {"model": forecast_rows(model, held.rows, every).values}
    said |= naive_forecasts(known, np.arange(len(known)), held, every)
    return _Scope(HOLDOUT, held, every, np.full(len(held), -1, np.int64), said)


def _forecast_frame(scope: _Scope) -> pl.DataFrame:
    rows, targets = scope.data.rows.take(scope.rows), scope.data.targets.take(scope.rows)
    context, said, base = scope.data.context.take(scope.rows), scope.said["model"], scope.said["base_rate"]
    columns: dict[str, Any] = {
        "scope": [scope.name] * len(rows),
        "fold": scope.fold,
        "symbol": [rows.symbols[i] for i in rows.instrument.tolist()],
        "ts_event": rows.ts_event,
        "ts_seen": rows.ts_seen,
        "ts_end": targets.ts_end,
        "p_up": said[:, P_UP],
        "p_down": said[:, P_DOWN],
        "p_flat": said[:, P_FLAT],
        "expected_return": said[:, EXPECTED],
        "base_up": base[:, P_UP],
        "base_down": base[:, P_DOWN],
        "base_flat": base[:, P_FLAT],
        "last_sign": context.last_sign,
        "direction": targets.direction,
        "growth": targets.growth,
        "weight": context.uniqueness,
        "session": context.session.tolist(),
        "regime": context.regime.tolist(),
    }
    return pl.DataFrame(columns, schema=TABLES["forecasts"])


def _money(scope: _Scope, plan: TrainingPlan, is_daily: bool, progress: Callable[[str], None]) -> pl.DataFrame:
    """Return net returns of the model and the naive ones at every cost, and with late decisions."""
    progress(f"trading the forecasts of the {scope.name}")
    money = plan.money
    stage = stage_of(scope.data, scope.rows, money)
    trader = trader_of(money.strategy, money.params)
    series: dict[str, tuple[Trader, tuple[Forecasts, ...]]] = {
        name: (trader, series_of(scope.data, scope.rows, values)) for name, values in scope.said.items()
    }
    series["buy_and_hold"] = (trader_of("buy_and_hold", {}), ())
    slippage = late_slippage_bps(stage, money)
    cases = [(cost, False, 0.0) for cost in sorted(set(money.costs) | {1.0})] + [(1.0, True, slippage)]
    frames = []
    for name, (chosen, forecasts) in series.items():
        for cost, is_late, extra in cases:
            net = net_returns(trade(stage, chosen, forecasts, cost, extra), is_daily)
            frames.append(_return_frame(scope.name, name, cost, is_late, net))
    return pl.concat(frames)


def _return_frame(scope: str, series: str, cost: float, is_late: bool, net: NetReturns) -> pl.DataFrame:
    n = len(net.ts)
    columns = {
        "scope": [scope] * n,
        "series": [series] * n,
        "cost": np.full(n, cost),
        "is_late": np.full(n, is_late),
        "ts": net.ts,
        "value": net.value,
    }
    return pl.DataFrame(columns, schema=TABLES["returns"])


def _paths_frame(
    data: Dataset, plan: TrainingPlan, is_daily: bool, executor: Executor, progress: Callable[[str], None]
) -> pl.DataFrame:
    """Return the net returns of every path of combinatorial purged cross-validation.

    Each split forecasts several stretches; path ``p`` takes for every stretch the ``p``-th split that forecast it
    (Lopez de Prado, Advances in Financial Machine Learning, 2018, chapter 12).
    """
    splits = paths_of(data, plan.validation)
    if not splits:
        return pl.DataFrame(schema=TABLES["paths"])
    said = forecast_all(data, splits, plan, executor, progress)
    frames = []
    trader = trader_of(plan.money.strategy, plan.money.params)
    for path, (rows, values) in enumerate(_paths(data, splits, said)):
        stage = stage_of(data, rows, plan.money)
        net = net_returns(trade(stage, trader, series_of(data, rows, values)), is_daily)
        frames.append(pl.DataFrame({"path": np.full(len(net.ts), path), "ts": net.ts, "value": net.value}))
    return pl.concat(frames)


def _paths(data: Dataset, splits: Sequence[Fold], said: Sequence[FoldForecasts]) -> list[tuple[Numbers, Floats]]:
    """Put the forecasts of splits together to paths through all rows, each row once a path."""
    used = np.zeros(len(data), np.int64)
    rows, path, values = [], [], []
    for split, forecasts in zip(splits, said, strict=True):
        rows.append(forecasts.rows)
        path.append(used[forecasts.rows])
        values.append(forecasts.values)
        used[split.test] += 1
    every, of, what = np.concatenate(rows), np.concatenate(path), np.concatenate(values)
    found = []
    for number in range(int(used.min())):
        mine = np.flatnonzero(of == number)
        mine = mine[np.argsort(every[mine], kind="stable")]
        found.append((every[mine], what[mine]))
    return found


def _importance(model: FittedModel, data: Dataset, plan: TrainingPlan) -> dict[str, float]:
    """Return what dealing each feature to other rows costs, in nats, on the newest: those it did not learn from."""
    share = plan.choice.calibration_share if plan.choice.calibration != "none" else _IMPORTANCE_SHARE
    rows = np.arange(len(data))[-max(min(int(share * len(data)), _IMPORTANCE_ROWS), 1) :]
    found = permutation_importance(lambda asked: model.predict(asked).values, lesson_of(data, rows), seed=plan.seed)
    return {one.name: one.value for one in found}
