"""Compare two training configurations."""

from __future__ import annotations

from tradewright.core.types.errors import ConfigError
from tradewright.research.comparison import Comparison, ComparisonParams, Side, compare
from tradewright.research.executor import Executor
from tradewright.research.experiments import ExperimentStore, family_of
from tradewright.research.holdout import HoldoutGuard
from tradewright.services.places import Origins
from tradewright.services.training import Progress
from tradewright.services.training_data import check_parameters, plan_of, read_dataset
from tradewright.services.training_settings import TrainingSettings

Told = tuple[TrainingSettings, Origins]


def run_comparison(
    first: Told, second: Told, asked: tuple[float, int], executor: Executor, progress: Progress
) -> Comparison:
    """Compare what two configurations train, outside the holdout of either.

    Parameters
    ----------
    first, second : (TrainingSettings, Origins)
        A and B.
    asked : (float, int)
        Improvement asked about, and folds.
    executor : Executor
        Runs the folds.
    progress : callable
        Told what is done, in words.

    Raises
    ------
    ConfigError
        If their holdouts differ: one would be judged on rows that the other must not see.
    """
    if first[0].holdout != second[0].holdout:
        what = f"the holdouts are {first[0].holdout:g} and {second[0].holdout:g} of the rows"
        raise ConfigError(what, where="holdout", fix="Give both the same.")
    sides = []
    for settings, origins in (first, second):
        check_parameters(settings, origins)
        data = read_dataset(settings, origins)
        family = family_of(data.bars_digests, data.labels.target)
        store = ExperimentStore(settings.experiments, _no_time)
        part = HoldoutGuard(data, settings.holdout, family, store).part
        sides.append(Side(settings.name, part.data, plan_of(settings, family, {}).seeded()))
    share, folds = asked
    embargo = max(first[0].validation.embargo_bars, second[0].validation.embargo_bars)
    params = ComparisonParams(folds=folds, embargo_bars=embargo, asked=share, seed=first[0].seed)
    return compare(sides[0], sides[1], params, executor, progress)


def _no_time() -> int:
    """Nothing is written: a comparison of accuracies is no trial of a strategy."""
    return 0
