"""A distribution from a stream of samples, in memory that does not grow."""

from __future__ import annotations

import numpy as np

from tradewright.execution.costs.distribution import Distribution, distribution_of

_KEPT = 2048
_BINS = 1024


class Sketch:
    """Weighted samples; whenever `_KEPT` of them are there, neighbours in one 1,024th of the weight become one.

    Count, weight, mean, least and greatest stay exact; a quantile is off by about the weight of one merged sample:
    Dunning and Ertl, "Computing extremely accurate quantiles using t-digests" (2019), with a uniform scale. The same
    stream gives the same sketch.
    """

    def __init__(self) -> None:
        self.n = 0
        self._values: list[float] = []
        self._weights: list[float] = []
        self._known: Distribution | None = None

    def add(self, value: float, weight: float = 1.0) -> None:
        """Take one finite sample; weights are above zero."""
        self.n += 1
        self._known = None
        self._values.append(value)
        self._weights.append(weight)
        if len(self._values) >= _KEPT:
            self._merge()

    def _merge(self) -> None:
        values, weights = np.array(self._values), np.array(self._weights)
        order = np.argsort(values, kind="stable")
        values, weights = values[order], weights[order]
        inner, heavy = values[1:-1], weights[1:-1]  # the ends stay as they are
        middle = np.cumsum(heavy) - 0.5 * heavy
        starts = np.flatnonzero(np.diff(np.floor(middle / heavy.sum() * _BINS), prepend=-1.0))
        both = np.add.reduceat(heavy, starts)
        merged = np.add.reduceat(inner * heavy, starts) / both
        self._values = [float(values[0]), *merged.tolist(), float(values[-1])]
        self._weights = [float(weights[0]), *both.tolist(), float(weights[-1])]

    def distribution(self) -> Distribution:
        """Return what the stream was so far.

        Raises
        ------
        ValueError
            Without samples.
        """
        if self._known is None:  # a status asks each second, and little has changed
            found = distribution_of(np.array(self._values), np.array(self._weights))
            self._known = found.model_copy(update={"n": self.n})
        return self._known
