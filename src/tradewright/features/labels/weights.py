"""Weights for labels that overlap (Lopez de Prado, Advances in Financial Machine Learning, 2018, chapter 4).

A label that begins at the close of bar ``start`` and ends with bar ``end`` is made of the returns of the bars
``start + 1`` to ``end``. Two labels overlap where they share a return.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.feature import Floats


def concurrency(start: NDArray[np.int64], end: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Return how many labels use the return of each bar, i8[n].

    Raises
    ------
    ValueError
        If a label ends before it begins, at its own beginning, or beyond the bars.
    """
    if start.shape != end.shape or (end <= start).any() or (start < 0).any() or (end >= n).any():
        msg = f"each label must begin before it ends, within {n} bars"
        raise ValueError(msg)
    change = np.zeros(n + 1, np.int64)
    np.add.at(change, start + 1, 1)
    np.add.at(change, end + 1, -1)
    counts: NDArray[np.int64] = np.cumsum(change)[:n]
    return counts


def average_uniqueness(start: NDArray[np.int64], end: NDArray[np.int64], n: int) -> Floats:
    """Return for each label the mean of 1 / concurrency over its returns: 1 alone, 1/2 where it is shared with one.

    Raises
    ------
    ValueError
        As `concurrency`.
    """
    share = 1.0 / np.maximum(concurrency(start, end, n), 1)
    until = np.concatenate([[0.0], np.cumsum(share)])
    mean: Floats = (until[end + 1] - until[start + 1]) / (end - start)
    return mean


def return_weights(start: NDArray[np.int64], end: NDArray[np.int64], close: Floats) -> Floats:
    """Return weights by attributed return: abs(sum of log return / concurrency) over each label, with a mean of 1.

    All are 1 where no price moved.

    Raises
    ------
    ValueError
        As `concurrency`.
    """
    shared = np.diff(np.log(close), prepend=np.log(close[:1])) / np.maximum(concurrency(start, end, len(close)), 1)
    until = np.concatenate([[0.0], np.cumsum(shared)])
    weights: Floats = np.abs(until[end + 1] - until[start + 1])
    total = float(weights.sum())
    return weights * (len(weights) / total) if total > 0.0 else np.ones(len(weights))
