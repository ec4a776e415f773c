"""Run a training from settings to a registered version, and an evaluation from a version to its evidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tradewright.analytics.evidence import figures_of
from tradewright.core.types.errors import ModelError
from tradewright.core.types.evidence import Figure
from tradewright.data.evidence_store import Evidence
from tradewright.models.artefact import verify_model
from tradewright.research.evaluation import evaluate
from tradewright.research.executor import Executor, Serial
from tradewright.research.training import Trained, TrainingPlan, sharpe_of, train
from tradewright.research.tuning import Tuned, TuningParams, before_first_test, tune
from tradewright.rollout.promotion import sign_evidence
from tradewright.rollout.versions import Bump, Version
from tradewright.services.model_registry import open_registry
from tradewright.services.places import Origins
from tradewright.services.training_data import PreparedTraining, prepare_training
from tradewright.services.training_settings import TrainingSettings

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class FinishedTraining:
    """A training that has ended: the version it became, and what to say about it."""

    version: Version
    trained: Trained
    rows: int
    trials: int

    @property
    def forecasts(self) -> int:
        """Out-of-sample forecasts of all folds."""
        return sum(len(fold.rows) for fold in self.trained.folds)

    @property
    def sharpe(self) -> float | None:
        """Net annual Sharpe ratio of the out-of-sample forecasts; None where nothing was traded."""
        return sharpe_of(self.trained.returns)


@dataclass(frozen=True, slots=True)
class FinishedEvaluation:
    """Evidence with the figures computed from it."""

    version: Version
    evidence: Evidence
    figures: tuple[Figure, ...]


def run_training(
    settings: TrainingSettings, origins: Origins, executor: Executor, progress: Progress, *, is_patch: bool = False
) -> FinishedTraining:
    """Prepare, tune where it is asked for, train, and register.

    Raises
    ------
    TradewrightError
        As its parts; what was finished is kept, and nothing is registered.
    """
    progress("reading bars and features")
    prepared = prepare_training(settings, origins)
    plan = prepared.plan
    if settings.tuning is not None:
        tuned = run_tuning(prepared, executor, progress)
        plan = tuned_plan(prepared, tuned)
    place = settings.keep / "models" / settings.name
    trained = train(prepared.guard.part, plan, place, prepared.store, executor, progress)
    registry = open_registry(settings.registry)
    version = registry.add(trained.folder, settings.name, Bump.RETRAIN if is_patch else Bump.TRAIN)
    trials = prepared.store.trials_of(plan.family)
    return FinishedTraining(version, trained, len(prepared.guard.part.data), trials)


@dataclass(frozen=True, slots=True)
class _Single:
    settings: TrainingSettings
    origins: Origins
    is_patch: bool


def run_trainings(
    settings: TrainingSettings, origins: Origins, executor: Executor, progress: Progress, *, is_patch: bool = False
) -> tuple[FinishedTraining, ...]:
    """Train a model of its own for each instrument, named ``NAME-SYMBOL``; the instruments are the executor's jobs.

    Raises
    ------
    TradewrightError
        As `run_training`; models that were finished before stay registered.
    """
    jobs = []
    for spec in settings.data.symbols:
        symbol = spec.partition("@")[0]
        changes = {symbol: settings.instruments[symbol]} if symbol in settings.instruments else {}
        data = settings.data.model_copy(update={"symbols": (spec,)})
        update = {"name": f"{settings.name}-{symbol}", "data": data, "instruments": changes}
        jobs.append(_Single(settings.model_copy(update=update), origins, is_patch))
    done = []
    for finished in executor.map(_train_single, jobs):
        progress(f"{finished.version.full_name} is done")
        done.append(finished)
    return tuple(done)


def _train_single(job: _Single) -> FinishedTraining:
    with Serial() as here:
        return run_training(job.settings, job.origins, here, _silent, is_patch=job.is_patch)


def _silent(_line: str) -> None:
    """Tell nobody: a worker has no terminal."""


def run_tuning(prepared: PreparedTraining, executor: Executor, progress: Progress) -> Tuned:
    """Search on the rows before the first test fold; a search that was interrupted goes on.

    Raises
    ------
    ModelError
        If there are too few rows, or no trial could be finished.
    StoreError
        If the storage of the search cannot be reached.
    """
    settings = prepared.settings
    part = before_first_test(prepared.guard.part, settings.validation)
    params = settings.tuning or TuningParams()
    if not params.storage:
        settings.keep.mkdir(parents=True, exist_ok=True)
        params = params.model_copy(update={"storage": f"sqlite:///{settings.keep / 'tuning.sqlite'}"})
    return tune(part, prepared.plan, params, prepared.store, executor, progress)


def tuned_plan(prepared: PreparedTraining, tuned: Tuned) -> TrainingPlan:
    """Return the plan with what the search chose, which its origin then says."""
    chosen = prepared.settings.model_copy(update={"model": tuned.choice, "trade": tuned.money, "tuning": None})
    return replace(prepared.plan, choice=tuned.choice, money=tuned.money, config=chosen.identity)


def run_evaluation(
    name: str, settings: TrainingSettings, origins: Origins, executor: Executor, progress: Progress
) -> FinishedEvaluation:
    """Judge a registered version with the configuration it was trained with, and keep the evidence beside it.

    Raises
    ------
    UsageError
        If there is no such version.
    ModelError
        If the configuration is not the one it was trained with.
    """
    registry = open_registry(settings.registry)
    version = registry.find(name)
    settings = same_training(settings, verify_model(version.folder).origin.config)
    progress("reading bars and features")
    prepared = prepare_training(settings, origins)
    plan = prepared.evaluation
    evidence = evaluate(version.folder, prepared.guard, plan, prepared.store, executor, progress)
    version = sign_evidence(registry, version, evidence.manifest.digest)
    return FinishedEvaluation(version, evidence, figures_of(evidence.tables, evidence.manifest))


def same_training(settings: TrainingSettings, trained_with: dict[str, Any]) -> TrainingSettings:
    """Return the settings as the model was trained; its own choice of parameters stands where it was tuned.

    Raises
    ------
    ModelError
        If they say something else about data, features, labels, validation or holdout.
    """
    told = TrainingSettings.model_validate(_with_store(trained_with, settings))
    given, kept = settings.identity, told.identity
    free = {"name", "leaks", "tuning", "universe"} | ({"model", "trade"} if settings.tuning is not None else set())
    other = sorted(key for key in kept if key not in free and kept[key] != given[key])
    if other:
        what = f"it was trained with another {', '.join(other)} than the configuration says"
        fix = "Evaluate it with the configuration of its training, or train it again."
        raise ModelError(what, where="evaluate", fix=fix)
    places = {"experiments": settings.experiments, "registry": settings.registry, "keep": settings.keep}
    return told.model_copy(update={**places, "leaks": settings.leaks, "universe": settings.universe})


def _with_store(trained_with: dict[str, Any], settings: TrainingSettings) -> dict[str, Any]:
    data = {**trained_with.get("data", {}), "store": settings.data.store, "backend": settings.data.backend}
    return {**trained_with, "data": data}
