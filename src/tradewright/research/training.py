"""From a plan to an artefact: out-of-sample forecasts fold by fold, then the model itself, fitted on all rows allowed.

What is finished is kept: each fold under a key of everything that decides it, so that a training that was killed, or an
evaluation later on, goes on from there. The holdout is not here: this module is given rows that end before it.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tradewright.analytics.ratios import sharpe_ratio
from tradewright.core.types.errors import StoreError
from tradewright.core.types.forecast import Forecasts
from tradewright.models.artefact import ModelManifest, Origin, save_model
from tradewright.models.splits import Fold
from tradewright.research.dataset import Dataset
from tradewright.research.executor import Executor
from tradewright.research.experiments import ExperimentStore, Trial, hash_of
from tradewright.research.holdout import TrainingPart
from tradewright.research.money import MoneyParams, NetReturns, Stage, net_returns, trade, trader_of
from tradewright.research.validation import (
    Floats,
    FoldForecasts,
    ModelChoice,
    Numbers,
    ValidationParams,
    fit,
    folds_of,
    forecast_fold,
    table_of,
)

_FIELDS = ("rows", "values", "base_rate", "last_sign")


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """What is trained and how it is judged.

    Parameters
    ----------
    choice : ModelChoice
        The model.
    validation : ValidationParams
        How out-of-sample forecasts are made.
    money : MoneyParams
        How they are judged.
    family : str
        Under which trials are counted.
    config : mapping
        Everything the user said, for the artefact's origin.
    features : mapping of str to str
        The expressions that compute the columns, by name.
    code : str
        Hash of the program.
    seed : int
        Of everything random; the model's own parameter unless it was given one.
    keep : Path
        Folder of finished folds.
    """

    choice: ModelChoice
    validation: ValidationParams
    money: MoneyParams
    family: str
    config: dict[str, Any] = field(default_factory=dict)
    features: Mapping[str, str] = field(default_factory=dict)
    code: str = ""
    seed: int = 0
    keep: Path = Path(".tradewright/training")

    def seeded(self) -> ModelChoice:
        """Return the choice with the seed in its parameters."""
        return self.choice.model_copy(update={"params": {"seed": self.seed, **self.choice.params}})

    @property
    def told(self) -> dict[str, Any]:
        """What identifies this configuration as a trial."""
        return {
            "model": self.seeded().model_dump(mode="json"),
            "validation": self.validation.model_dump(mode="json"),
            "money": self.money.model_dump(mode="json"),
        }


@dataclass(frozen=True, slots=True)
class Trained:
    """An artefact, the out-of-sample forecasts behind it, and their net returns at the plain costs."""

    folder: Path
    manifest: ModelManifest
    folds: tuple[FoldForecasts, ...]
    returns: NetReturns


@dataclass(frozen=True, slots=True)
class _FoldJob:
    choice: ModelChoice
    data: Dataset
    fold: Fold
    checkpoints: Path


def train(
    part: TrainingPart,
    plan: TrainingPlan,
    folder: Path,
    store: ExperimentStore,
    executor: Executor,
    progress: Callable[[str], None] = lambda _line: None,
) -> Trained:
    """Validate, count the trial, fit on all rows of the part, and save the artefact.

    Raises
    ------
    ModelError
        If the rows cannot teach this model.
    StoreError
        If something cannot be written.
    """
    folds = out_of_sample(part, plan, executor, progress)
    returns = returns_of(part.data, folds, plan.money)
    count_trial(part, plan, returns, store)
    data = part.data
    progress(f"final fit on {len(data):,} rows")
    key = hash_of({"data": data.digest, "model": plan.seeded().model_dump(mode="json"), "code": plan.code})
    unfinished = plan.keep / f"{key}-final"
    model = fit(plan.seeded(), data, np.arange(len(data)), progress, checkpoints=unfinished)
    origin = Origin(
        features=dict(plan.features),
        datasets=dict(data.bars_digests),
        code=plan.code,
        config=plan.config,
        seed=plan.seed,
        rows=len(data),
        first_ns=int(data.rows.ts_event[0]),
        last_ns=int(data.rows.ts_event[-1]),
    )
    manifest = save_model(model, folder, origin)
    shutil.rmtree(unfinished, ignore_errors=True)
    return Trained(folder, manifest, folds, returns)


def count_trial(part: TrainingPart, plan: TrainingPlan, returns: NetReturns, store: ExperimentStore) -> None:
    """Write down that this configuration was tried on these rows, and what it earned."""
    store.record(
        Trial(
            family=plan.family,
            dataset=part.data.digest,
            feature_set=part.data.rows.feature_set_hash,
            config=plan.told,
            score=sharpe_of(returns),
            stamps=returns.ts,
            returns=returns.value,
        )
    )


def out_of_sample(
    part: TrainingPart,
    plan: TrainingPlan,
    executor: Executor,
    progress: Callable[[str], None] = lambda _line: None,
) -> tuple[FoldForecasts, ...]:
    """Return the out-of-sample forecasts of every fold; those kept from before are not made again."""
    folds = folds_of(part.data, plan.validation)
    return forecast_all(part.data, folds, plan, executor, progress)


def forecast_all(
    data: Dataset,
    folds: tuple[Fold, ...],
    plan: TrainingPlan,
    executor: Executor,
    progress: Callable[[str], None] = lambda _line: None,
) -> tuple[FoldForecasts, ...]:
    """Return the forecasts of some folds, in their order, from what was kept where it was."""
    choice = plan.seeded()
    paths = [plan.keep / f"{_fold_key(data, fold, choice, plan.code)}.npz" for fold in folds]
    found = {k: kept for k, (path, fold) in enumerate(zip(paths, folds, strict=True)) if (kept := _read(path, fold))}
    missing = [k for k in range(len(folds)) if k not in found]
    if found:
        progress(f"{len(found)} of {len(folds)} folds were finished before")
    bare = data.bare()
    made = executor.map(_run_fold, [_FoldJob(choice, bare, folds[k], paths[k].with_suffix("")) for k in missing])
    for k, fold in zip(missing, made, strict=True):
        _write(paths[k], fold)
        shutil.rmtree(paths[k].with_suffix(""), ignore_errors=True)
        found[k] = fold
        progress(f"fold {k + 1} of {len(folds)}: {len(fold.rows):,} forecasts")
    return tuple(found[k] for k in range(len(folds)))


def returns_of(data: Dataset, folds: tuple[FoldForecasts, ...], money: MoneyParams, cost: float = 1.0) -> NetReturns:
    """Return the net returns of out-of-sample forecasts through the strategy."""
    rows, values = joined(folds)
    stage = stage_of(data, rows, money)
    return net_returns(trade(stage, trader_of(money.strategy, money.params), series_of(data, rows, values), cost))


def joined(folds: tuple[FoldForecasts, ...], what: str = "values") -> tuple[Numbers, Floats]:
    """Return the rows of all folds ascending, and one kind of their forecasts beside them."""
    rows = np.concatenate([f.rows for f in folds])
    values = np.concatenate([getattr(f, what) for f in folds])
    order = np.argsort(rows, kind="stable")
    return rows[order], values[order]


def series_of(data: Dataset, rows: Numbers, values: Floats) -> tuple[Forecasts, ...]:
    """Return forecasts of rows as a backtest reads them."""
    return table_of(data, rows, values).series()


def stage_of(data: Dataset, rows: Numbers, money: MoneyParams) -> Stage:
    """Return the bars between the first of the rows and the end of their last label."""
    return Stage(
        instruments=tuple(m.instrument for m in data.markets),
        bars=tuple(m.seen.bars for m in data.markets),
        first_ns=int(data.rows.ts_event[rows].min()),
        last_ns=int(data.targets.ts_end[rows].max()),
        initial_cash=money.initial_cash,
    )


def sharpe_of(returns: NetReturns) -> float | None:
    """Return the annual Sharpe ratio of net returns; None where they do not vary."""
    ratio = sharpe_ratio(returns.value, returns.periods_per_year)
    return ratio if np.isfinite(ratio) else None


def _run_fold(job: _FoldJob) -> FoldForecasts:
    return forecast_fold(job.choice, job.data, job.fold, job.checkpoints)


def _fold_key(data: Dataset, fold: Fold, choice: ModelChoice, code: str) -> str:
    rows = {
        name: hashlib.blake2b(getattr(fold, name).tobytes(), digest_size=16).hexdigest()
        for name in ("train", "validation", "test")
    }
    return hash_of({"data": data.digest, "model": choice.model_dump(mode="json"), "code": code, **rows})


def _write(path: Path, fold: FoldForecasts) -> None:
    """Keep a finished fold; the file appears whole or never."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".writing-", dir=path.parent) as place:
            draft = Path(place) / path.name
            np.savez(draft, rows=fold.rows, values=fold.values, base_rate=fold.base_rate, last_sign=fold.last_sign)
            draft.replace(path)
    except OSError as error:
        what = f"a finished fold cannot be kept: {error.strerror or error}"
        raise StoreError(what, where=str(path.parent), fix="Make room, or check its rights.") from error


def _read(path: Path, fold: Fold) -> FoldForecasts | None:
    """Return a fold that was kept; None where there is none, or it is not whole."""
    try:
        with path.open("rb") as stream, np.load(stream) as kept:
            rows, *values = (kept[name] for name in _FIELDS)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        return None
    if not np.array_equal(rows, fold.test) or any(v.shape != (len(rows), 4) for v in values):
        return None
    return FoldForecasts(fold.number, rows, *values)
