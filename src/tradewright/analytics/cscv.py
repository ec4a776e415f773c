"""The probability of backtest overfitting, by combinatorially symmetric cross-validation.

The history is cut into an even number of blocks. For every choice of half of them, the configuration that was best on
the chosen half is looked up among all on the other half. Overfitted is a choice whose best is then no better than the
median. Of pure noise the probability is near one half, with a wide spread; near one means that the choice reverses.

Source: Bailey, Borwein, Lopez de Prado and Zhu, "The Probability of Backtest Overfitting", Journal of Computational
Finance (2016).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.errors import UsageError

Floats = NDArray[np.float64]
Metric = Literal["mean", "sharpe"]

_CHUNK_VALUES = 1 << 21
_STILL = 1e-15


@dataclass(frozen=True, slots=True)
class Overfitting:
    """What the splits said.

    ``probability``: share of splits whose logit is not above zero. ``logits`` f8[splits]: log odds of the relative rank
    out of sample of the best in sample, in the order of `itertools.combinations`. ``loss_probability``: share of splits
    in which that best one lost out of sample.
    """

    probability: float
    logits: Floats
    loss_probability: float


def split_count(blocks: int) -> int:
    """Return the number of ways to choose half of the blocks.

    Raises
    ------
    UsageError
        If the number of blocks is odd or below 2.
    """
    if blocks < 2 or blocks % 2:
        raise UsageError(f"{blocks} blocks cannot be halved", where="blocks", fix="Give an even number, 2 or more")
    return math.comb(blocks, blocks // 2)


def backtest_overfitting(returns: Floats, blocks: int = 16, metric: Metric = "sharpe") -> Overfitting:
    """Judge the choice of the best of several configurations.

    Ties: the best in sample is the first of equals; out of sample equals share the mean of their ranks. A
    configuration that never traded has the Sharpe ratio 0.

    Parameters
    ----------
    returns : f8[t, n]
        Net returns, one row a period and one column a configuration.
    blocks : int
        Even; the first ones are a row longer where it does not divide the rows.
    metric : {"sharpe", "mean"}
        The Sharpe ratio has ddof=1.

    Raises
    ------
    UsageError
        If there are under two configurations, fewer than two rows a block (one for the mean), or an odd number of
        blocks.
    """
    splits = split_count(blocks)
    t, n = returns.shape
    if n < 2 or t < blocks * (1 if metric == "mean" else 2):
        what = f"{t} periods of {n} configurations cannot be cut into {blocks} blocks"
        raise UsageError(what, where="returns", fix="Give two or more configurations and fewer blocks")
    sums = _block_sums(returns, blocks, metric)
    chosen = np.zeros((splits, blocks), bool)
    for row, half in enumerate(combinations(range(blocks), blocks // 2)):
        chosen[row, half] = True
    per_chunk = max(1, _CHUNK_VALUES // n)
    parts = [_judge(chosen[at : at + per_chunk], sums, metric) for at in range(0, splits, per_chunk)]
    ranks, values = (np.concatenate(part) for part in zip(*parts, strict=True))
    share = ranks / (n + 1.0)
    logits = np.log(share / (1.0 - share))
    return Overfitting(float(np.mean(logits <= 0.0)), logits, float(np.mean(values < 0.0)))


@dataclass(frozen=True, slots=True)
class _Sums:
    """Of each block and configuration, [blocks, n]: rows, sum and sum of squares about the column's mean ``centre``."""

    rows: Floats
    total: Floats
    squares: Floats
    centre: Floats


def _block_sums(returns: Floats, blocks: int, metric: Metric) -> _Sums:
    # Squares lose digits away from the mean; plain sums do not, and exact ones keep ties ties.
    centre = returns.mean(axis=0) if metric == "sharpe" else np.zeros(returns.shape[1])
    parts = np.array_split(returns - centre, blocks)
    rows = np.array([[float(len(part))] for part in parts])
    total = np.array([part.sum(axis=0) for part in parts])
    squares = np.array([np.einsum("ij,ij->j", part, part) for part in parts])
    return _Sums(rows, total, squares, centre)


def _judge(chosen: NDArray[np.bool_], sums: _Sums, metric: Metric) -> tuple[Floats, Floats]:
    """Return of each split the rank and the metric out of sample of the best in sample."""
    inside, outside = (_metric(mask.astype(np.float64), sums, metric) for mask in (chosen, ~chosen))
    best = inside.argmax(axis=1)
    mine = np.take_along_axis(outside, best[:, None], axis=1)
    ranks = (outside < mine).sum(axis=1) + ((outside == mine).sum(axis=1) + 1.0) / 2.0
    return ranks, mine[:, 0]


def _metric(mask: Floats, sums: _Sums, metric: Metric) -> Floats:
    rows = mask @ sums.rows
    mean = (mask @ sums.total) / rows
    if metric == "mean":
        return mean + sums.centre
    variance = np.maximum((mask @ sums.squares) - rows * mean**2, 0.0) / (rows - 1.0)
    spread = np.sqrt(variance)
    level = mean + sums.centre
    moves = spread > np.maximum(1e-9 * np.abs(level), _STILL)
    found: Floats = np.divide(level, spread, out=np.zeros_like(level), where=moves)
    return found
