"""Several features together, with their memory of each instrument: one compiled call for all of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.events import EventKind
from tradewright.core.types.feature import Feature, Floats
from tradewright.features.batch import Jobs, check_fields, jobs_of, new_params, new_state, refuse_kind
from tradewright.features.loops_nb import KIND_ALL, KINDS, driver, loop_of


class FeatureSet:
    """Named features that are updated together; each instrument has its own memory.

    Events go in once and in order, one at a time (`update`) or as blocks (`extend`), in any mixture: the
    values are the same to the bit. Features may read different kinds of events; one that does not read an event keeps
    the value it had.

    Parameters
    ----------
    features : mapping of str to Feature
        The features under the names by which the user reads them; the order is the order of the values.
    """

    def __init__(self, features: Mapping[str, Feature]) -> None:
        self._features = dict(features)
        self._params = [new_params(feature) for feature in self._features.values()]
        self._reads = {feature.reads for feature in self._features.values() if feature.reads is not None}
        self._is_mixed = len(self._reads) > 1
        self._codes = {int(kind): 0 if self._reads <= {kind} else int(kind) for kind in EventKind}
        self._memories: dict[int, Jobs] = {}
        self._drive = driver()
        self._size = len(self._features)
        for feature in self._features.values():
            loop_of(feature)  # compiles now, not at the first event

    def __len__(self) -> int:
        """Return the number of features."""
        return self._size

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

    def refuse_other_than(self, kind: EventKind) -> None:
        """Refuse a stream in which some feature would find nothing to read.

        Raises
        ------
        ConfigError
            If a feature reads another kind of event than the only one there is.
        """
        for feature in self._features.values():
            refuse_kind(feature, kind)

    def update(self, fields: Floats, i: int, instrument: int = 0, kind: int | None = None) -> Floats:
        """Take in one event.

        Parameters
        ----------
        fields : ndarray of float64, shape (N_FIELDS, n), C-contiguous
            Event fields.
        i : int
            Which of them is the event.
        instrument : int
            Whose event it is.
        kind : EventKind, optional
            What it is. Not needed where all features read the same kind of event and this is one.

        Returns
        -------
        ndarray of float64, shape (k,)
            Values after the event; a new array each time.

        Raises
        ------
        ValueError
            If ``fields`` has another layout, ``i`` lies outside it, or the kind is needed and was not given.
        """
        return self.follow(fields, i, instrument, kind).copy()

    def follow(self, fields: Floats, i: int, instrument: int, kind: int | None) -> Floats:
        """Do as `update`, and return the values where the instrument's next event overwrites them."""
        memory = self._memories.get(instrument) or self._memory(instrument)
        memory.head[KIND_ALL] = self._code(kind)
        try:
            is_refused = self._drive(memory.at, fields, i, i + 1, memory.to)
        except TypeError:
            check_fields(fields, i, i + 1)
            raise
        if is_refused:
            check_fields(fields, i, i + 1)
        return memory.newest

    def extend(
        self,
        fields: Floats,
        start: int,
        stop: int,
        instrument: int = 0,
        kind: int | NDArray[np.int64] | None = None,
        out: Floats | None = None,
    ) -> list[Floats]:
        """Take in the events ``start`` to ``stop - 1``, all of one instrument.

        ``kind`` is one for all events, or i8[n] beside ``fields``; see `update`. The values are written into ``out``,
        f8[k, stop - start] C-contiguous, if it is given.

        Returns
        -------
        list of k ndarrays of float64, shape (stop - start,)
            Values of each feature after each event, in the order of `names`.

        Raises
        ------
        ValueError
            If ``fields`` is not C-contiguous float64 of shape (N_FIELDS, n), the range lies outside it, ``out`` has
            another layout, or the kind is needed and was not given.
        """
        check_fields(fields, start, stop)
        memory = self._memories.get(instrument) or self._memory(instrument)
        shape = (self._size, stop - start)
        if out is None:
            out = np.empty(shape)
        elif out.shape != shape or out.dtype != np.float64 or not out.flags.c_contiguous:
            msg = f"out must be C-contiguous float64{shape}, got {out.dtype}{out.shape}"
            raise ValueError(msg)
        if isinstance(kind, np.ndarray):
            kinds = np.ascontiguousarray(kind, np.int64)
            if kinds.shape != (fields.shape[1],):
                msg = f"{kinds.shape} kinds do not fit {fields.shape[1]} events"
                raise ValueError(msg)
            memory.head[KINDS] = kinds.ctypes.data
        else:
            memory.head[KIND_ALL] = self._code(kind)
        self._drive(memory.at, fields, start, stop, out.ctypes.data)
        memory.head[KINDS] = memory.head[KIND_ALL] = 0
        return list(out)

    def reset(self) -> None:
        """Forget everything seen."""
        self._memories.clear()

    def _code(self, kind: int | None) -> int:
        """Return the kind as the driver wants it: 0 where every feature reads it."""
        if kind is None:
            if self._is_mixed:
                names = " and ".join(sorted(k.name.lower() for k in self._reads))
                msg = f"these features read {names} events: say of which kind an event is"
                raise ValueError(msg)
            return 0
        return self._codes.get(kind, int(kind))

    def _memory(self, instrument: int) -> Jobs:
        """Return the instrument's memory, fresh at its first event."""
        features = tuple(self._features.values())
        memory = jobs_of(features, [new_state(feature) for feature in features], self._params)
        self._memories[instrument] = memory
        return memory
