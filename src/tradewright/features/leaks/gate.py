"""All detectors over one case, and the gate that promotion passes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.bar import Bars
from tradewright.core.types.feature import Floats
from tradewright.features.labels.table import Labels
from tradewright.features.leaks.delay import DelayParams, check_delay
from tradewright.features.leaks.finding import Detector, LeakError, LeakReport, LeakVerdict
from tradewright.features.leaks.label_overlap import Split, check_label_overlap
from tradewright.features.leaks.pipeline import Market, Pipeline, columns_of
from tradewright.features.leaks.random_labels import Trainer, check_random_labels
from tradewright.features.leaks.shuffle import ShuffleParams, check_future_shuffle
from tradewright.features.leaks.survivorship import Members, check_survivorship
from tradewright.features.leaks.timestamps import check_timestamps
from tradewright.features.leaks.truncation import TruncationParams, check_truncation

#: What a set of features must have passed before it decides about money.
FOR_FEATURES = (Detector.TRUNCATION, Detector.SHUFFLE, Detector.TIMESTAMP)
#: What a trained model must have passed besides.
FOR_MODELS = (*FOR_FEATURES, Detector.DELAY, Detector.RANDOM_LABEL, Detector.LABEL_OVERLAP)


@dataclass(frozen=True, slots=True)
class Training:
    """A training to be judged: its labels, the whole of it as a function of labels, and its splits."""

    labels: Labels
    trainer: Trainer
    splits: tuple[Split, ...]
    embargo_ns: int = 0
    trials: int = 30


@dataclass(frozen=True, slots=True)
class UniverseUse:
    """Which instruments are used when, and which belonged; see `check_survivorship`."""

    used: Members
    belonged: Members
    moments: Sequence[int]


@dataclass(frozen=True, slots=True)
class LeakCase:
    """What there is to judge; a detector whose part is missing does not run, and the report says so.

    Parameters
    ----------
    name : str
        What people call it.
    pipeline : Pipeline, optional
        A way to compute features, with the ``market`` to compute them on.
    known : mapping, optional
        When each column's values were known, i8[n] ns UTC; see `check_timestamps`.
    ts_used : ndarray of int64, optional
        When each row is used; the market's ``ts_event`` if not given.
    training, universe : optional
        See the classes.
    """

    name: str
    pipeline: Pipeline | None = None
    market: Market | None = None
    known: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    ts_used: NDArray[np.int64] | None = None
    training: Training | None = None
    universe: UniverseUse | None = None


@dataclass(frozen=True, slots=True)
class LeakParams:
    """How hard each detector looks."""

    truncation: TruncationParams = field(default_factory=TruncationParams)
    shuffle: ShuffleParams = field(default_factory=ShuffleParams)
    delay: DelayParams = field(default_factory=DelayParams)
    seed: int = 0


def leak_report(case: LeakCase, params: LeakParams | None = None) -> LeakReport:
    """Run every detector for which the case has what it needs.

    Raises
    ------
    RunError
        If the pipeline or the training fails.
    """
    params = params or LeakParams()
    verdicts: list[LeakVerdict] = []
    missing: dict[Detector, str] = {}
    columns: dict[str, Floats] | None = None
    if case.pipeline is not None and case.market is not None:
        columns = columns_of(case.pipeline, case.market)
        verdicts.append(check_truncation(case.pipeline, case.market, params.truncation, columns))
        verdicts.append(check_future_shuffle(case.pipeline, case.market, params.shuffle, columns))
    else:
        missing |= dict.fromkeys((Detector.TRUNCATION, Detector.SHUFFLE), "a pipeline and a market")
    if columns is not None and isinstance(case.market, Bars):
        verdicts.append(check_delay(columns, case.market, params.delay))
    else:
        missing[Detector.DELAY] = "a pipeline on bars"
    used = case.ts_used if case.ts_used is not None else None if case.market is None else case.market.ts_event
    if case.known and used is not None:
        verdicts.append(check_timestamps(used, case.known))
    else:
        missing[Detector.TIMESTAMP] = "the times at which values were known"
    if case.training is not None:
        verdicts += _of_training(case.training, case.name, params.seed)
    else:
        missing |= dict.fromkeys((Detector.RANDOM_LABEL, Detector.LABEL_OVERLAP), "a training")
    if case.universe is not None:
        use = case.universe
        verdicts.append(check_survivorship(use.used, use.belonged, use.moments))
    else:
        missing[Detector.SURVIVORSHIP] = "a universe"
    return LeakReport(case.name, tuple(verdicts), tuple(missing.items()))


def leak_gate(
    case: LeakCase, params: LeakParams | None = None, *, required: Collection[Detector] = FOR_FEATURES
) -> LeakReport:
    """Let a case pass only if every required detector ran and none found anything.

    Raises
    ------
    LeakError
        Otherwise; names the first feature and bar, or the detector that could not run and what it lacks.
    RunError
        As `leak_report`.
    """
    report = leak_report(case, params)
    report.raise_leaks()
    for detector, lacks in report.not_run:
        if detector in required:
            what = f"the {detector.value.replace('_', ' ')} test is required and could not run"
            raise LeakError(what, where=case.name, fix=f"Give it {lacks}.")
    return report


def _of_training(training: Training, name: str, seed: int) -> list[LeakVerdict]:
    labels = training.labels
    found = [check_random_labels(training.trainer, labels.value, trials=training.trials, seed=seed, name=name)]
    checked = [
        check_label_overlap(labels.ts_start, labels.ts_end, split, training.embargo_ns) for split in training.splits
    ]
    if checked:
        findings = tuple(f for verdict in checked for f in verdict.findings)
        trials = sum(v.trials for v in checked)
        found.append(LeakVerdict(Detector.LABEL_OVERLAP, findings, trials, "; ".join(v.proves for v in checked)))
    return found
