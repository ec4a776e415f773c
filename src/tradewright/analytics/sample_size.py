"""How many independent observations overlapping labels are worth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def uniqueness(start: Ints, end: Ints, group: Ints | None = None) -> Floats:
    """Return the average uniqueness of each label, f8[n]: the mean over its life of 1 / labels alive.

    Labels share what happened while both were alive. Their sum is the effective number of observations: as many as
    labels where none overlap, one where all are the same.

    Parameters
    ----------
    start, end : i8[n]
        Life of each label, ns UTC, the end excluded: a label may end where the next begins.
    group : i8[n], optional
        Labels of different groups (instruments) do not overlap. Instruments that move together are worth less than
        this says; resampling all of them by the same blocks of time accounts for that.

    Raises
    ------
    ValueError
        If a label ends before it begins.

    References
    ----------
    Lopez de Prado, Advances in Financial Machine Learning (2018), section 4.4.
    """
    if (end < start).any():
        msg = "a label ends before it begins"
        raise ValueError(msg)
    found = np.empty(len(start))
    groups = np.zeros(len(start), np.int64) if group is None else group
    for number in np.unique(groups):
        mine = np.flatnonzero(groups == number)
        # A label without length is alive for an instant: one ns keeps it countable.
        found[mine] = _of_one(start[mine], np.maximum(end[mine], start[mine] + 1))
    return found


def effective_sample(start: Ints, end: Ints, group: Ints | None = None) -> float:
    """Return the sum of `uniqueness`."""
    return float(uniqueness(start, end, group).sum())


def labels_alive(start: Ints, end: Ints) -> float:
    """Return the mean number of distinct start times within a label's life, at least 1: the reach of one label."""
    if len(start) == 0:
        return 1.0
    times = np.unique(start)
    within = np.searchsorted(times, end, side="left") - np.searchsorted(times, start, side="left")
    return float(np.maximum(within, 1).mean())


def _of_one(start: Ints, end: Ints) -> Floats:
    edges = np.unique(np.concatenate([start, end]))
    first, last = np.searchsorted(edges, start), np.searchsorted(edges, end)
    change = np.bincount(first, minlength=len(edges)) - np.bincount(last, minlength=len(edges))
    alive = np.cumsum(change)[:-1]
    spans = np.diff(edges).astype(np.float64)
    share = np.divide(spans, alive, out=np.zeros_like(spans), where=alive > 0)
    until = np.concatenate([[0.0], np.cumsum(share)])
    mean: Floats = (until[last] - until[first]) / (end - start)
    return mean
