"""Does B beat A? Two feature sets or two models on the same rows, by the same purged folds, with an interval.

Both are asked about every row by models that have not seen it. What counts is the difference row by row: whatever is
easy or hard about a row is so for both. Rows overlap in time, so the interval is that of a block bootstrap.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from tradewright.analytics.bootstrap import automatic_block_length, block_bootstrap
from tradewright.core.types.errors import ModelError
from tradewright.models.splits import Fold, PurgedKFold
from tradewright.research.dataset import Dataset
from tradewright.research.executor import Executor
from tradewright.research.validation import Floats, ModelChoice, Numbers, forecast_fold

_COLUMN_OF = {1: 0, -1: 1, 0: 2}


class Answer(StrEnum):
    """Whether the improvement is at least what was asked for: all of the interval says so, none of it, or some."""

    YES = "yes"
    NO = "no"
    NOT_DECIDED = "not decided"


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: its rows and its model."""

    name: str
    data: Dataset
    choice: ModelChoice


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came out.

    Parameters
    ----------
    first, second : str
        Names of the two.
    rows : int
        Rows both were asked about.
    accuracy_first, accuracy_second : float
        Share of rows whose likeliest outcome came.
    difference, low, high : float
        Second less first, with its interval.
    asked : float
        The improvement asked for.
    answer : Answer
        Whether it is at least that.
    block : float
        Mean length of the bootstrap's blocks, rows.
    """

    first: str
    second: str
    rows: int
    accuracy_first: float
    accuracy_second: float
    difference: float
    low: float
    high: float
    asked: float
    answer: Answer
    block: float


@dataclass(frozen=True, slots=True)
class ComparisonParams:
    """``folds`` purged with an embargo of ``embargo_bars``; ``asked`` improvement; ``resamples`` at ``confidence``."""

    folds: int = 5
    embargo_bars: int = 0
    asked: float = 0.02
    resamples: int = 2_000
    confidence: float = 0.95
    seed: int = 0


@dataclass(frozen=True, slots=True)
class _Job:
    side: Side
    fold: Fold


def compare(
    first: Side,
    second: Side,
    params: ComparisonParams,
    executor: Executor,
    progress: Callable[[str], None] = lambda _line: None,
) -> Comparison:
    """Compare on the rows that both have.

    Raises
    ------
    ModelError
        If they foresee different things, or share too few rows.
    """
    first, second = _same_rows(first, second)
    data = first.data
    embargo = params.embargo_bars * data.interval_ns
    folds = tuple(PurgedKFold(params.folds, embargo).split(data.rows.ts_event, data.targets.ts_end))
    hits = []
    for side in (replace(first, data=data.bare()), replace(second, data=second.data.bare())):
        right = np.full(len(data), np.nan)
        for fold, found in zip(folds, executor.map(_run, [_Job(side, fold) for fold in folds]), strict=True):
            right[fold.test] = found
            progress(f"{side.name}: fold {fold.number + 1} of {len(folds)}")
        hits.append(right)
    known = ~np.isnan(hits[0]) & ~np.isnan(hits[1])
    return _compared(first.name, second.name, (hits[0][known], hits[1][known]), _overlap(data), params)


def _run(job: _Job) -> Floats:
    """Return 1 where the likeliest outcome came, 0 where not, NaN where nothing was said; f8[n] of the test rows."""
    said = forecast_fold(job.side.choice, job.side.data, job.fold)
    direction = job.side.data.targets.direction[said.rows]
    came = np.select([direction == d for d in _COLUMN_OF], list(_COLUMN_OF.values()))
    known = ~np.isnan(said.values[:, 0])
    right = np.full(len(came), np.nan)
    right[known] = said.values[known, :3].argmax(axis=1) == came[known]
    return right


def _compared(
    first: str, second: str, hits: tuple[Floats, Floats], overlap: float, params: ComparisonParams
) -> Comparison:
    gain = hits[1] - hits[0]
    block = float(np.clip(max(automatic_block_length(gain), overlap), 1.0, len(gain)))
    found = block_bootstrap(
        gain, lambda drawn: {"gain": drawn.mean(axis=0)}, block, params.resamples, params.seed, params.confidence
    )["gain"]
    answer = Answer.NOT_DECIDED
    if found.lower >= params.asked:
        answer = Answer.YES
    elif found.upper < params.asked:
        answer = Answer.NO
    return Comparison(
        first=first,
        second=second,
        rows=len(gain),
        accuracy_first=float(hits[0].mean()),
        accuracy_second=float(hits[1].mean()),
        difference=found.estimate,
        low=found.lower,
        high=found.upper,
        asked=params.asked,
        answer=answer,
        block=block,
    )


def _overlap(data: Dataset) -> float:
    """Return how many rows a label lasts, on average: rows nearer than that share returns."""
    ends = np.searchsorted(data.rows.ts_event, data.targets.ts_end, side="left")
    return float(np.mean(ends - np.arange(len(data))))


def _same_rows(first: Side, second: Side) -> tuple[Side, Side]:
    """Keep the rows that both have; a feature set with a longer warm-up begins later."""
    if first.data.labels != second.data.labels or first.data.rows.symbols != second.data.rows.symbols:
        fix = "Compare configurations with the same data.symbols and labels."
        raise ModelError("they foresee different things", where=f"{first.name}, {second.name}", fix=fix)
    keys = _keys(first.data), _keys(second.data)
    shared, mine, theirs = np.intersect1d(keys[0], keys[1], assume_unique=True, return_indices=True)
    if len(shared) == 0:
        raise ModelError("they share no row", where=f"{first.name}, {second.name}", fix="Give both the same bars.")
    sides = (
        Side(side.name, side.data.take(np.sort(rows).astype(np.int64)), side.choice)
        for side, rows in ((first, mine), (second, theirs))
    )
    one, other = sides
    return one, other


def _keys(data: Dataset) -> NDArray[np.int64]:
    """Return a number for each row that no other has: its time and its instrument."""
    # Times of bars are whole microseconds at least: a thousand instruments fit between two of them.
    keys: Numbers = data.rows.ts_event + data.rows.instrument
    return keys
