"""What `tradewright features check` asks the leak detectors: about everything registered, and about stored bars."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.errors import UsageError
from tradewright.core.types.events import EventKind
from tradewright.features.contract import contract_bars, contract_events
from tradewright.features.labels import fixed_horizon
from tradewright.features.leaks import (
    LeakCase,
    LeakParams,
    LeakReport,
    Pipeline,
    ShuffleParams,
    Split,
    Training,
    TruncationParams,
    leak_report,
    pipeline_of,
    purged,
    ridge_trainer,
)
from tradewright.features.leaks.pipeline import columns_of
from tradewright.features.registry import REGISTRY

if TYPE_CHECKING:
    from tradewright.core.types.bar import Bars
    from tradewright.core.types.feature import Feature, Floats
    from tradewright.engine.feature_build import SeenBars
    from tradewright.features.labels import Labels

_FOLDS = 4
_TRIALS = 20
#: Fewer bars than this say nothing about chance.
FEWEST = 200


@dataclass(frozen=True, slots=True)
class CheckParams:
    """``runs`` of the truncation test of a closed box, ``horizon`` of the labels in bars (0: no training), ``seed``."""

    runs: int = 200
    horizon: int = 10
    seed: int = 0

    def leaks(self) -> LeakParams:
        """Return the detectors' own parameters."""
        truncation = TruncationParams(runs=self.runs, seed=self.seed)
        return LeakParams(truncation, ShuffleParams(seed=self.seed), seed=self.seed)


def check_registered(params: CheckParams, progress: Callable[[int], None] = lambda _one: None) -> Iterator[LeakReport]:
    """Judge every registered feature with its default parameters on made-up markets, one report a kind of event."""
    by_kind: dict[EventKind, dict[str, Feature]] = {}
    for name in sorted(REGISTRY):
        feature = REGISTRY[name]()
        by_kind.setdefault(feature.reads or EventKind.BAR, {})[name] = feature
    for kind, features in by_kind.items():
        n = 500 + 3 * max(f.warmup for f in features.values())
        market = contract_bars(n, params.seed) if kind is EventKind.BAR else contract_events(kind, n, params.seed)
        known = dict.fromkeys(features, np.maximum.accumulate(market.ts_event))
        case = LeakCase(f"registered features of {kind.name.lower()}s", pipeline_of(features), market, known)
        yield leak_report(case, params.leaks())
        progress(1)


def check_stored(
    name: str,
    seen: SeenBars,
    pipeline: Pipeline,
    params: CheckParams,
    known: Mapping[str, NDArray[np.int64]] | None = None,
) -> LeakReport:
    """Judge a pipeline on stored bars, together with a plain training on what it computes.

    Parameters
    ----------
    name : str
        What people call it.
    seen : SeenBars
        The bars. A row is used at its ``ts_known``: the moment its table of features would be stamped with.
    pipeline : Pipeline
        A set of features, or a user's function.
    params : CheckParams
        How hard to look.
    known : mapping, optional
        When the values of each column were known, i8[n] ns UTC, as the pipeline says. If it says nothing, a value is
        made of all bars up to its own, and a bar is known neither before it was seen nor before it ended.

    Raises
    ------
    UsageError
        If there are too few bars.
    RunError
        If the pipeline fails.
    """
    bars = seen.bars
    least = max(FEWEST, 4 * params.horizon)
    if len(bars) < least:
        raise UsageError(f"{len(bars)} bars are too few to find leaks in", where=name, fix=f"Give {least} or more.")
    columns = columns_of(pipeline, bars)
    training = _training(bars, columns, params) if params.horizon else None
    complete = np.maximum.accumulate(np.maximum(seen.ts_seen, bars.ts_event))
    stamps = dict.fromkeys(columns, complete) | dict(known or {})
    case = LeakCase(name, pipeline, bars, stamps, seen.ts_known, training)
    return leak_report(case, params.leaks())


def _training(bars: Bars, columns: Mapping[str, Floats], params: CheckParams) -> Training | None:
    """Return ridge regression on the features with purged splits in time; None where the labels are of one class."""
    labels = fixed_horizon(bars, params.horizon)
    if len(np.unique(labels.value)) < 2:
        return None
    table = np.column_stack(list(columns.values()))[labels.start]
    trainer = ridge_trainer(table, _FOLDS, params.horizon)
    return Training(labels, trainer, tuple(_splits(labels)), 0, _TRIALS)


def _splits(labels: Labels) -> Iterator[Split]:
    rows = np.arange(len(labels), dtype=np.int64)
    for number, test in enumerate(np.array_split(rows, _FOLDS), 1):
        split = Split(np.setdiff1d(rows, test), test, f"fold {number}")
        yield purged(labels.ts_start, labels.ts_end, split)
