"""Searching parameters of model and strategy: Optuna proposes, folds inside the training part judge, the store counts.

The search is nested: it is given rows that end before the first row any outer fold tests, cuts them into folds of its
own, and never sees the rest. Trials come in batches whose proposals depend on the seed and on what was finished before,
so that the results are the same wherever the jobs run, and a search that was killed goes on with its next batch.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from tradewright.core.types.errors import ConfigError, ModelError, StoreError
from tradewright.models.calibration import log_loss
from tradewright.models.splits import Fold
from tradewright.research.dataset import FEWEST, Dataset
from tradewright.research.executor import Executor
from tradewright.research.experiments import ExperimentStore, Trial, hash_of
from tradewright.research.holdout import TrainingPart
from tradewright.research.money import MoneyParams, NetReturns
from tradewright.research.training import TrainingPlan, joined, returns_of, sharpe_of
from tradewright.research.validation import (
    FoldForecasts,
    ModelChoice,
    ValidationParams,
    folds_of,
    forecast_fold,
)

if TYPE_CHECKING:
    import optuna

MODEL, STRATEGY = "model", "strategy"


class SearchRange(BaseModel):
    """Where a parameter is searched: from ``low`` to ``high``, whole numbers where both are, or among ``choices``."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    low: int | float | None = None
    high: int | float | None = None
    log: bool = False
    choices: tuple[float | int | str | bool, ...] = ()

    @model_validator(mode="after")
    def _range_or_choices(self) -> Self:
        has_range = self.low is not None and self.high is not None
        if has_range == bool(self.choices) or (self.low is None) != (self.high is None):
            msg = "give `low` and `high`, or `choices`"
            raise ValueError(msg)
        if self.low is not None and self.high is not None and not self.low < self.high:
            msg = f"low < high is needed, got {self.low} and {self.high}"
            raise ValueError(msg)
        if self.log and self.low is not None and self.low <= 0:
            msg = "`log` needs a `low` above 0"
            raise ValueError(msg)
        return self

    def suggest(self, trial: optuna.Trial, name: str) -> Any:  # noqa: ANN401 -- whatever the range holds
        """Return a proposal."""
        if self.choices:
            return trial.suggest_categorical(name, list(self.choices))
        if isinstance(self.low, int) and isinstance(self.high, int):
            return trial.suggest_int(name, self.low, self.high, log=self.log)
        return trial.suggest_float(name, float(self.low or 0.0), float(self.high or 0.0), log=self.log)


class TuningParams(BaseModel):
    """How parameters are searched.

    ``search``: ranges by ``model.NAME`` or ``strategy.NAME``; without any, the usual ones of the kind. ``objective``:
    annual Sharpe ratio after costs, or log loss. ``folds``: walk-forward stretches inside the training part.
    ``batch``: trials proposed at once. ``prunes``: give up a trial that is below the median after a fold. ``storage``:
    an Optuna storage (``sqlite:///FILE`` or ``postgresql://...``), from which a search goes on; empty: none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    trials: int = Field(default=20, ge=1, le=100_000)
    folds: int = Field(default=3, ge=2, le=20)
    objective: Literal["sharpe", "log_loss"] = "sharpe"
    search: dict[str, SearchRange] = Field(default_factory=dict)
    batch: int = Field(default=4, ge=1, le=1_000)
    prunes: bool = True
    storage: str = ""

    @model_validator(mode="after")
    def _known_parts(self) -> Self:
        for name in self.search:
            part, _, field = name.partition(".")
            if part not in (MODEL, STRATEGY) or not field:
                msg = f"'{name}' is neither model.NAME nor strategy.NAME"
                raise ValueError(msg)
        return self


#: Where parameters are searched by kind of model, if nobody says.
USUAL: Final[Mapping[str, Mapping[str, SearchRange]]] = MappingProxyType(
    {
        "logistic": {"model.c": SearchRange(low=1e-3, high=10.0, log=True)},
        "xgboost": {
            "model.max_depth": SearchRange(low=2, high=6),
            "model.learning_rate": SearchRange(low=0.01, high=0.3, log=True),
            "model.min_child_weight": SearchRange(low=5.0, high=200.0, log=True),
            "model.reg_lambda": SearchRange(low=0.1, high=30.0, log=True),
        },
        "lightgbm": {
            "model.learning_rate": SearchRange(low=0.01, high=0.3, log=True),
        },
    }
)


@dataclass(frozen=True, slots=True)
class Tuned:
    """What the search chose, what it was worth by the objective, and how many trials the study holds."""

    choice: ModelChoice
    money: MoneyParams
    value: float
    trials: int


@dataclass(frozen=True, slots=True)
class _Job:
    choice: ModelChoice
    data: Dataset
    fold: Fold


@dataclass(slots=True)
class _Running:
    """A trial that is on its way: its proposal, forecasts so far, and why it ended early."""

    trial: optuna.Trial
    choice: ModelChoice
    money: MoneyParams
    done: list[FoldForecasts]
    ended: str = ""
    value: float = float("nan")
    returns: NetReturns | None = None


def before_first_test(part: TrainingPart, validation: ValidationParams) -> TrainingPart:
    """Return the rows whose labels end before any outer fold tests: all that a search may see.

    Raises
    ------
    ModelError
        If there are too few: some methods test from the first row on.
    """
    data = part.data
    first = min(int(data.rows.ts_event[fold.test[0]]) for fold in folds_of(data, validation))
    rows = np.flatnonzero(data.targets.ts_end <= first)
    if len(rows) < FEWEST:
        what = f"{len(rows)} rows lie before the first test fold, at least {FEWEST} are needed to tune on"
        fix = "Use `method: walk_forward` with a longer first part, or give more bars."
        raise ModelError(what, where="validation", fix=fix)
    return TrainingPart(data.take(rows), first)


def tune(
    part: TrainingPart,
    plan: TrainingPlan,
    params: TuningParams,
    store: ExperimentStore,
    executor: Executor,
    progress: Callable[[str], None] = lambda _line: None,
) -> Tuned:
    """Search; every trial is written down in the experiment store.

    Parameters
    ----------
    part : TrainingPart
        What `before_first_test` returned: the search sees nothing else.
    plan : TrainingPlan
        The model and strategy whose parameters are searched; what is not searched stays.
    params : TuningParams
        How.
    store : ExperimentStore
        Counts the trials.
    executor : Executor
        Runs the folds.
    progress : callable, optional
        Told what is done, in words.

    Raises
    ------
    ModelError
        If no trial could be finished.
    StoreError
        If the storage of the search cannot be reached.
    """
    import optuna  # noqa: PLC0415 -- heavy

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    search = params.search or dict(USUAL.get(plan.choice.kind, {}))
    if not search:
        fix = "Name ranges, for example search: {model.depth: {low: 2, high: 6}}."
        raise ConfigError(f"nothing says what to search of {plan.choice.kind}", where="tuning.search", fix=fix)
    study = _study(part, plan, params, search)
    folds = folds_of(part.data, ValidationParams(folds=params.folds, path_folds=0))
    reasons: list[str] = []
    while (finished := _finished(study)) < params.trials:
        study.sampler = optuna.samplers.TPESampler(seed=plan.seed * 1_000_003 + finished, n_startup_trials=8)
        batch = [_proposed(study, plan, search) for _ in range(min(params.batch, params.trials - finished))]
        for fold in folds:
            _one_fold(batch, part.data, fold, params, executor)
        for running in batch:
            store.record(_record(running, part, plan, params))
            _tell(study, running)
            reasons += [running.ended] if running.ended.startswith("failed") else []
        progress(f"{_finished(study)} of {params.trials} trials, best {_best(study)}")
    complete = [t for t in study.trials if t.state == optuna.trial.TrialState.COMPLETE]
    if not complete:
        what = f"none of {_finished(study)} trials could be finished; the first {(reasons or ['failed before'])[0]}"
        raise ModelError(what, where="tuning", fix="Give more rows, fewer folds, or other ranges.")
    best = study.best_trial
    choice, money = _applied(plan, best.params)
    return Tuned(choice, money, float(best.value or 0.0), _finished(study))


def _study(
    part: TrainingPart, plan: TrainingPlan, params: TuningParams, search: Mapping[str, SearchRange]
) -> optuna.Study:
    import optuna  # noqa: PLC0415 -- heavy

    told = params.model_dump(mode="json", exclude={"trials", "storage"}) | {
        "search": {name: one.model_dump(mode="json") for name, one in sorted(search.items())}
    }
    name = hash_of({"data": part.data.digest, "plan": plan.told, "tuning": told, "seed": plan.seed, "code": plan.code})
    pruner = optuna.pruners.MedianPruner(n_startup_trials=5) if params.prunes else optuna.pruners.NopPruner()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the storage's library about its own age
            study = optuna.create_study(
                storage=params.storage or None,
                study_name=name,
                pruner=pruner,
                direction="maximize",
                load_if_exists=True,
            )
    except Exception as error:  # its errors are those of any database driver
        reason = str(error).split("\n", 1)[0]
        what = f"the storage of the search cannot be used: {reason}"
        fix = "Check its address and that the server runs; sqlite:///FILE needs no server."
        raise StoreError(what, where="tuning.storage", fix=fix) from error
    for trial in study.trials:  # of a process that was killed
        if trial.state == optuna.trial.TrialState.RUNNING:
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
            study.set_user_attr(f"lost_{trial.number}", value=True)
    return study


def _finished(study: optuna.Study) -> int:
    """Return the trials that count: all but those lost with a killed process, which are tried again."""
    lost = {int(name.removeprefix("lost_")) for name in study.user_attrs if name.startswith("lost_")}
    return sum(t.state.is_finished() and t.number not in lost for t in study.trials)


def _best(study: optuna.Study) -> str:
    try:
        return f"{study.best_value:.4g}"
    except ValueError:
        return "none yet"


def _proposed(study: optuna.Study, plan: TrainingPlan, search: Mapping[str, SearchRange]) -> _Running:
    trial = study.ask()
    choice, money = _applied(plan, {name: one.suggest(trial, name) for name, one in sorted(search.items())})
    return _Running(trial, choice, money, [])


def _applied(plan: TrainingPlan, values: Mapping[str, Any]) -> tuple[ModelChoice, MoneyParams]:
    """Put proposals in the places of model and strategy."""
    parts: dict[str, dict[str, Any]] = {MODEL: {}, STRATEGY: {}}
    for name, value in values.items():
        part, _, field = name.partition(".")
        parts[part][field] = value
    choice = plan.seeded()
    choice = choice.model_copy(update={"params": choice.params | parts[MODEL]})
    money = plan.money.model_copy(update={"params": plan.money.params | parts[STRATEGY]})
    return choice, money


def _one_fold(batch: Sequence[_Running], data: Dataset, fold: Fold, params: TuningParams, executor: Executor) -> None:
    """Run one fold of every trial of the batch that goes on, then give up those below the median."""
    going = [r for r in batch if not r.ended]
    bare = data.bare()
    results = executor.map(_run, [_Job(r.choice, bare, fold) for r in going])
    for running, result in zip(going, list(results), strict=True):
        if isinstance(result, str):
            running.ended = f"failed: {result}"
            continue
        running.done.append(result)
        try:
            _score(running, data, params)
        except ConfigError as error:
            running.ended = f"failed: {error}"
            continue
        running.trial.report(running.value, len(running.done))
        if params.prunes and len(running.done) < params.folds and running.trial.should_prune():
            running.ended = "pruned"


def _run(job: _Job) -> FoldForecasts | str:
    """Return the forecasts, or in words why there are none."""
    try:
        return forecast_fold(job.choice, job.data, job.fold)
    except (ModelError, ConfigError) as error:
        return f"{error.where}: {error.what}" if error.where else error.what


def _score(running: _Running, data: Dataset, params: TuningParams) -> None:
    """Judge what there is of a trial; a strategy that never trades is worth 0."""
    done = tuple(running.done)
    running.returns = returns_of(data, done, running.money)
    if params.objective == "sharpe":
        running.value = sharpe_of(running.returns) or 0.0
        return
    rows, values = joined(done)
    known = ~np.isnan(values[:, 0])
    running.value = -log_loss(values[known], data.targets.take(rows[known]))


def _record(running: _Running, part: TrainingPart, plan: TrainingPlan, params: TuningParams) -> Trial:
    state = running.ended.partition(":")[0] or "complete"
    told = replace(plan, choice=running.choice, money=running.money).told | {
        "validation": {"tuning_folds": params.folds}
    }
    is_whole = state == "complete" and running.returns is not None
    return Trial(
        family=plan.family,
        dataset=part.data.digest,
        feature_set=part.data.rows.feature_set_hash,
        config=told,
        score=running.value if is_whole else None,
        stamps=running.returns.ts if is_whole and running.returns else None,
        returns=running.returns.value if is_whole and running.returns else None,
        state=state,
    )


def _tell(study: optuna.Study, running: _Running) -> None:
    import optuna  # noqa: PLC0415 -- heavy

    if not running.ended:
        study.tell(running.trial, running.value)
    elif running.ended == "pruned":
        study.tell(running.trial, state=optuna.trial.TrialState.PRUNED)
    else:
        study.tell(running.trial, state=optuna.trial.TrialState.FAIL)
