"""From training settings to rows, guard and plan: stores opened, features built, parameters checked."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from tradewright.core.types.errors import ConfigError
from tradewright.data.feature_store import FeatureStore
from tradewright.data.source import StoreSource
from tradewright.data.universe import SURVIVORSHIP, Survivorship, survivorship
from tradewright.engine.feature_build import FeatureRequest
from tradewright.models.registry import forecaster_class
from tradewright.research.dataset import Dataset, MarketTable, build_dataset, stored_market
from tradewright.research.evaluation import EvaluationPlan
from tradewright.research.experiments import ExperimentStore, family_of
from tradewright.research.holdout import HoldoutGuard
from tradewright.research.leak_evidence import LeakChecks
from tradewright.research.money import MoneyParams
from tradewright.research.training import TrainingPlan
from tradewright.research.validation import ModelChoice
from tradewright.services.explain import did_you_mean, explained
from tradewright.services.feature_sets import NamedFeatures, read_set
from tradewright.services.places import Origins
from tradewright.services.runs.gate import pass_gate
from tradewright.services.runs.origins import code_hash
from tradewright.services.runs.prepare import named_universe, source_of
from tradewright.services.training_settings import TrainingSettings
from tradewright.strategies.registry import built_in

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, slots=True)
class PreparedTraining:
    """Everything a training, a search or an evaluation needs; ``survivorship``: how the instruments were chosen."""

    settings: TrainingSettings
    store: ExperimentStore
    guard: HoldoutGuard
    plan: TrainingPlan
    survivorship: Survivorship

    @property
    def evaluation(self) -> EvaluationPlan:
        """How the result is judged; the evidence also keeps what can be said of survivorship."""
        plan = replace(self.plan, config=self.plan.config | {SURVIVORSHIP: self.survivorship.value})
        leaks = self.settings.leaks
        checks = LeakChecks(leaks.bars, leaks.runs, leaks.shuffles, self.settings.seed)
        return EvaluationPlan(plan, checks, self.settings.holdout > 0, time.time_ns())


def prepare_training(
    settings: TrainingSettings, origins: Origins, progress: Callable[[int], None] = lambda _rows: None
) -> PreparedTraining:
    """Check everything that can be checked before a training, and load its data.

    Raises
    ------
    UsageError
        For a model, strategy, feature, parameter or instrument that does not exist or is out of bounds.
    RunError
        For data that did not pass the checks, or too little of it.
    """
    check_parameters(settings, origins)
    universe = named_universe(settings.data.store, settings.universe, origins)
    data = read_dataset(settings, origins, progress)
    store = ExperimentStore(settings.experiments, time.time_ns)
    family = family_of(data.bars_digests, data.labels.target)
    guard = HoldoutGuard(data, settings.holdout, family, store)
    symbols = [market.instrument.symbol for market in data.markets]
    first = min(int(market.seen.bars.ts_open[0]) for market in data.markets)
    badge = survivorship(universe, symbols, first)
    plan = plan_of(settings, family, chosen_features(settings, origins).written)
    return PreparedTraining(settings, store, guard, plan, badge)


def plan_of(settings: TrainingSettings, family: str, features: Mapping[str, str]) -> TrainingPlan:
    """Return the plan of a training on features that are written so."""
    return TrainingPlan(
        choice=settings.model,
        validation=settings.validation,
        money=settings.trade,
        family=family,
        config=settings.identity,
        features=features,
        code=code_hash(),
        seed=settings.seed,
        keep=settings.keep,
    )


def read_dataset(
    settings: TrainingSettings, origins: Origins, progress: Callable[[int], None] = lambda _rows: None
) -> Dataset:
    """Return the rows with features and labels.

    Raises
    ------
    UsageError, RunError
        As `prepare_training`.
    """
    features = chosen_features(settings, origins).features
    kept = FeatureStore(settings.data.store, time.time_ns)
    reference = _reference(settings, origins)
    markets: list[MarketTable] = []
    for spec in settings.data.symbols:
        params, source, entry = source_of(settings.data, settings.instruments, spec, origins)
        if params.calendar != entry.instrument.calendar:
            what = "features know the calendar that the bars were stored with; a training cannot change it"
            fix = "Import the bars again with another --calendar."
            raise ConfigError(what, where=f"instruments.{source.symbol}.calendar", fix=fix)
        span = (source.start, source.end)
        pass_gate(source.store, entry, params.instrument().calendar, settings.data.gate, span)
        made = stored_market(FeatureRequest(source, features, reference), kept, progress)
        markets.append(replace(made, instrument=params.instrument()))
    return build_dataset(markets, settings.labels)


def check_parameters(settings: TrainingSettings, origins: Origins) -> None:
    """Refuse parameters that the model or the strategy does not have, named where they were given.

    Raises
    ------
    ConfigError
        For the first that is wrong.
    """
    check_model(settings.model, origins)
    check_trade(settings.trade, origins)


def check_model(choice: ModelChoice, origins: Origins) -> None:
    """Refuse a kind of model that does not exist, or parameters it does not have."""
    try:
        kind = forecaster_class(choice.kind)
    except ConfigError as error:
        where = ", ".join(filter(None, (origins.origin(("model", "kind")), "model.kind")))
        raise ConfigError(error.what, where=where, fix=error.fix) from error
    _checked(kind.params_type, choice.params, origins, ("model", "params"))


def check_trade(trade: MoneyParams, origins: Origins) -> None:
    """Refuse a strategy that does not exist, or parameters it does not have."""
    strategy = built_in(trade.strategy)
    _checked(strategy.params, trade.params, origins, ("trade", "params"))


def _checked(model: Any, values: dict[str, Any], origins: Origins, place: tuple[str, ...]) -> None:  # noqa: ANN401
    try:
        model.model_validate(values)
    except ValidationError as error:
        raise explained(error, model, origins.origin, place) from error


def chosen_features(settings: TrainingSettings, origins: Origins) -> NamedFeatures:
    """Return the set without those that are left out.

    Raises
    ------
    ConfigError
        If there is no such set, or one that is left out is not in it.
    """
    chosen = read_set(settings.features.set)
    for name in settings.features.without:
        if name not in chosen.features:
            where = ", ".join(filter(None, (origins.origin(("features", "without")), "features.without")))
            what = f"the set {settings.features.set} has no feature '{name}'"
            raise ConfigError(what, where=where, fix=did_you_mean(name, list(chosen.features)))
    left = [name for name in chosen.features if name not in settings.features.without]
    return NamedFeatures(
        chosen.name, {name: chosen.features[name] for name in left}, {name: chosen.written[name] for name in left}
    )


def _reference(settings: TrainingSettings, origins: Origins) -> StoreSource | None:
    if not settings.data.reference:
        return None
    _, source, _ = source_of(settings.data, {}, settings.data.reference, origins)
    return source
