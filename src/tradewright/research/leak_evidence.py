"""What the leak detectors say about a data set and about the very folds that a model was judged on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.bar import Bars
from tradewright.data.evidence_store import LeakLine
from tradewright.engine.feature_build import SeenBars
from tradewright.features.leaks import (
    LeakCase,
    LeakParams,
    ShuffleParams,
    Split,
    Training,
    TruncationParams,
    check_label_overlap,
    leak_report,
    ridge_trainer,
)
from tradewright.features.leaks.pipeline import columns_of
from tradewright.models.splits import Fold
from tradewright.research.dataset import Dataset, MarketTable
from tradewright.research.labelling import label

_FOLDS = 4


@dataclass(frozen=True, slots=True)
class LeakChecks:
    """How hard is looked: at the newest ``bars``, with ``runs`` cuts of a closed box and ``shuffles`` of the labels."""

    bars: int = 10_000
    runs: int = 100
    shuffles: int = 10
    seed: int = 0


def leak_lines(data: Dataset, folds: tuple[Fold, ...], checks: LeakChecks | None = None) -> tuple[LeakLine, ...]:
    """Return what every detector found, one line for each market and detector, and one for the folds.

    Raises
    ------
    RunError
        If a pipeline fails.
    """
    chosen = checks or LeakChecks()
    found: list[LeakLine] = []
    for market in data.markets:
        report = leak_report(_case(market, data, chosen), _params(chosen))
        found += [
            LeakLine(
                subject=market.instrument.symbol,
                detector=verdict.detector.value,
                trials=verdict.trials,
                findings=tuple(f.text for f in verdict.findings),
            )
            for verdict in report.verdicts
        ]
    return (*found, overlap_line(data, folds))


def overlap_line(data: Dataset, folds: tuple[Fold, ...]) -> LeakLine:
    """Return whether any training label of the folds shares a return with a label that is tested.

    It is checked within each instrument: labels of two instruments share no return.
    """
    findings: list[str] = []
    trials = 0
    rows, ends = data.rows, data.targets.ts_end
    for fold in folds:
        for number, symbol in enumerate(rows.symbols):
            learned, tested = (part[rows.instrument[part] == number] for part in (fold.train, fold.test))
            split = Split(learned, tested, f"{symbol}, fold {fold.number}")
            verdict = check_label_overlap(rows.ts_event, ends, split)
            findings += [f.text for f in verdict.findings]
            trials += verdict.trials
    return LeakLine(subject="folds", detector="label_overlap", trials=trials, findings=tuple(findings))


def _case(market: MarketTable, data: Dataset, checks: LeakChecks) -> LeakCase:
    seen, first = _newest(market.seen, int(data.targets.ts_end.max()), checks.bars)
    columns = columns_of(market.pipeline, seen.bars)
    complete = np.maximum.accumulate(np.maximum(seen.ts_seen, seen.bars.ts_event))
    known: Mapping[str, NDArray[np.int64]] = dict.fromkeys(columns, complete)
    known = {**known, **{name: stamps[first : first + len(seen.bars)] for name, stamps in market.known.items()}}
    made = label(seen.bars, data.labels)
    training = None
    if len(np.unique(made.value)) > 1:
        trainer = ridge_trainer(np.column_stack(list(columns.values()))[made.start], _FOLDS, data.labels.bars)
        training = Training(made, trainer, (), 0, checks.shuffles)
    return LeakCase(market.instrument.symbol, market.pipeline, seen.bars, known, _used(seen), training)


def _newest(seen: SeenBars, last_ns: int, count: int) -> tuple[SeenBars, int]:
    """Return the newest bars up to a time, which keeps the holdout out, and the number of the first of them."""
    bars = seen.bars
    stop = int(np.searchsorted(bars.ts_event, last_ns, side="right"))
    first = max(stop - count, 0)
    fields = np.ascontiguousarray(bars.fields[:, first:stop])
    cut = Bars(bars.instrument, bars.ts_open[first:stop], bars.ts_event[first:stop], fields)
    return SeenBars(cut, seen.ts_seen[first:stop], seen.ts_known[first:stop]), first


def _used(seen: SeenBars) -> NDArray[np.int64]:
    """Return when each row is used: once everything up to it is known."""
    return np.maximum(seen.ts_known, seen.bars.ts_event)


def _params(checks: LeakChecks) -> LeakParams:
    truncation = TruncationParams(runs=checks.runs, seed=checks.seed)
    return LeakParams(truncation, ShuffleParams(seed=checks.seed), seed=checks.seed)
