"""The holdout: rows that no training and no tuning sees, handed over only after the look is written down."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.errors import ModelError
from tradewright.research.dataset import FEWEST, Dataset
from tradewright.research.experiments import ExperimentStore


@dataclass(frozen=True, slots=True)
class TrainingPart:
    """The rows before the holdout: all that training, tuning and validation are given.

    A type of its own, so that a function which may not see the holdout says so by asking for this. Every label ends
    before ``ends_ns``, the first row of the holdout.
    """

    data: Dataset
    ends_ns: int


class HoldoutGuard:
    """Parts a data set in two and gives the newer one away only against a record.

    Parameters
    ----------
    data : Dataset
        All rows.
    share : float
        Newest share of the rows that is held out, by time; 0: no holdout.
    family : str
        Under which looks are counted.
    store : ExperimentStore
        Where they are written down.
    """

    def __init__(self, data: Dataset, share: float, family: str, store: ExperimentStore) -> None:
        if not 0.0 <= share < 1.0:
            raise ModelError(f"a holdout of {share:g} of the rows", where="holdout", fix="Give 0 or more, under 1.")
        self._data, self._family, self._store = data, family, store
        stamps = data.rows.ts_event
        first = len(stamps) - int(share * len(stamps))
        self._cut = int(stamps[first]) if first < len(stamps) else int(data.targets.ts_end.max()) + 1
        before = np.flatnonzero((stamps < self._cut) & (data.targets.ts_end < self._cut))
        if len(before) < FEWEST:
            what = f"{len(before)} rows are left before the holdout, at least {FEWEST} are needed"
            raise ModelError(what, where="holdout", fix="Hold out less, or give more bars.")
        self.part = TrainingPart(data.take(before), self._cut)

    @property
    def has_holdout(self) -> bool:
        """Whether anything is held out."""
        return bool((self._data.rows.ts_event >= self._cut).any())

    @property
    def rows_held_out(self) -> NDArray[np.int64]:
        """Numbers of the rows held out, without their content."""
        return np.flatnonzero(self._data.rows.ts_event >= self._cut)

    def look(self, purpose: str) -> tuple[Dataset, int]:
        """Write down that the holdout is looked at, then hand it over with the number of looks so far.

        Raises
        ------
        StoreError
            If the look cannot be written down; nothing is handed over.
        """
        held = self.rows_held_out
        uses = self._store.use_holdout(self._family, self._data.digest, purpose)
        return self._data.take(held), uses
