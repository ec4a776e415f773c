"""Several features together, with their memory of each instrument."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tradewright.core.types.feature import Feature, Floats
from tradewright.features.batch import Loop, check_fields, loop_of, new_params, new_state


@dataclass(frozen=True, slots=True)
class _Bound:
    """One feature for one instrument: its loop, its memory, and the place of its value in the row."""

    loop: Loop
    state: Floats
    params: Floats
    cell: Floats


@dataclass(frozen=True, slots=True)
class _Memory:
    """All features for one instrument; each cell is a view of one place in ``row``."""

    row: Floats
    bound: tuple[_Bound, ...]


class FeatureSet:
    """Named features that are updated together; each instrument has its own memory.

    Events go in once and in order, one at a time (`update`) or as blocks (`extend`), in any mixture: the
    values are the same to the bit.

    Parameters
    ----------
    features : mapping of str to Feature
        The features under the names by which the user reads them; the order is the order of the values.
    """

    def __init__(self, features: Mapping[str, Feature]) -> None:
        self._features = dict(features)
        self._loops = [loop_of(feature) for feature in self._features.values()]
        self._params = [new_params(feature) for feature in self._features.values()]
        self._memories: dict[int, _Memory] = {}

    def __len__(self) -> int:
        """Return the number of features."""
        return len(self._features)

    @property
    def names(self) -> tuple[str, ...]:
        """Names in the order of the values."""
        return tuple(self._features)

    @property
    def features(self) -> Mapping[str, Feature]:
        """The features by name."""
        return dict(self._features)

    @property
    def warmup(self) -> int:
        """Events of an instrument after which no feature of it is NaN for want of history."""
        return max((feature.warmup for feature in self._features.values()), default=0)

    def update(self, fields: Floats, i: int, instrument: int = 0) -> Floats:
        """Take in one event.

        Parameters
        ----------
        fields : ndarray of float64, shape (6, n), C-contiguous
            Event fields.
        i : int
            Which of them is the event.
        instrument : int
            Whose event it is.

        Returns
        -------
        ndarray of float64, shape (k,)
            Values after the event; a new array each time.

        Raises
        ------
        ValueError
            If ``fields`` has another layout or ``i`` lies outside it.
        """
        stop = i + 1
        check_fields(fields, i, stop)
        memory = self._memory(instrument)
        for b in memory.bound:
            b.loop(b.state, b.params, fields, i, stop, b.cell)
        return memory.row.copy()

    def extend(self, fields: Floats, start: int, stop: int, instrument: int = 0) -> list[Floats]:
        """Take in the events ``start`` to ``stop - 1``, all of one instrument.

        Returns
        -------
        list of k ndarrays of float64, shape (stop - start,)
            Values of each feature after each event, in the order of `names`.

        Raises
        ------
        ValueError
            If ``fields`` is not C-contiguous float64 of shape (6, n), or the range lies outside it.
        """
        check_fields(fields, start, stop)
        columns = [np.empty(stop - start) for _ in self._features]
        for b, column in zip(self._memory(instrument).bound, columns, strict=True):
            b.loop(b.state, b.params, fields, start, stop, column)
        return columns

    def reset(self) -> None:
        """Forget everything seen."""
        self._memories.clear()

    def _memory(self, instrument: int) -> _Memory:
        """Return the instrument's memory, fresh at its first event."""
        memory = self._memories.get(instrument)
        if memory is None:
            row = np.full(len(self._features), np.nan)
            states = map(new_state, self._features.values())
            parts = zip(self._loops, states, self._params, strict=True)
            bound = (_Bound(*part, row[k : k + 1]) for k, part in enumerate(parts))
            memory = self._memories[instrument] = _Memory(row, tuple(bound))
        return memory
