"""Naive forecasters: what a model has to beat before anyone listens to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from tradewright.core.types.errors import ModelError
from tradewright.core.types.rows import FeatureRows
from tradewright.models.forecaster import Forecaster, ForecasterParams, Lesson
from tradewright.models.outcomes import Outcomes, unreadable, untrained

_FILE = "last_sign.json"


class BaseRate(Forecaster):
    """Says of every row what share of the training rows went up, down and nowhere."""

    kind = "base_rate"
    params_type: ClassVar[type[ForecasterParams]] = ForecasterParams

    def __init__(self, params: ForecasterParams) -> None:
        super().__init__(params)
        self._outcomes: Outcomes | None = None

    def learn(
        self,
        train: Lesson,
        validation: Lesson | None = None,  # noqa: ARG002 - shares need no second opinion
        progress: Callable[[str], None] | None = None,  # noqa: ARG002 - done before it could be told
    ) -> None:
        """Count the outcomes."""
        self._outcomes = Outcomes.of(train)

    def predict(self, rows: FeatureRows) -> NDArray[np.float64]:
        """Return the base rates for every row, f8[n, 4]."""
        if self._outcomes is None:
            raise untrained(self.kind)
        self._outcomes.check_columns(rows)
        return self._outcomes.forecasts([np.full(len(rows), rate) for rate in self._outcomes.rates])

    def save(self, folder: Path) -> tuple[str, ...]:
        """Write the files of the model."""
        if self._outcomes is None:
            raise untrained(self.kind)
        return (self._outcomes.write(folder),)

    @classmethod
    def load(cls, folder: Path, params: ForecasterParams) -> Self:
        """Read the files of the model."""
        model = cls(params)
        model._outcomes = Outcomes.read(folder)
        return model


class LastSignParams(ForecasterParams):
    """``feature``: the column with the newest return; empty: the first whose name has ``return`` in it."""

    feature: str = ""


class _Shares(BaseModel):
    """Share of each outcome after a fall, no change and a rise, [3][outcomes]."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    feature: str
    after: tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]


class LastSign(Forecaster):
    """Looks at the sign of the newest return alone, and says what followed that sign in training.

    Markets that run on and markets that turn back are both learned: it is the best that the last sign can do. Shares
    are shrunk towards the base rate as by ten more rows; a row without a return gets the base rate.
    """

    kind = "last_sign"
    params_type: ClassVar[type[ForecasterParams]] = LastSignParams
    params: LastSignParams

    def __init__(self, params: LastSignParams) -> None:
        super().__init__(params)
        self._outcomes: Outcomes | None = None
        self._shares: _Shares | None = None

    def learn(
        self,
        train: Lesson,
        validation: Lesson | None = None,  # noqa: ARG002 - shares need no second opinion
        progress: Callable[[str], None] | None = None,  # noqa: ARG002 - done before it could be told
    ) -> None:
        """Count the outcomes after each sign."""
        outcomes = Outcomes.of(train)
        feature = self._feature(train.rows.names)
        signs = np.sign(train.rows.values[:, train.rows.names.index(feature)])
        place = outcomes.places(train.targets.direction)
        after = []
        for sign in (-1.0, 0.0, 1.0):
            seen = np.bincount(place, train.targets.weight * (signs == sign), minlength=len(outcomes.rates))
            counts = seen + 10.0 * np.array(outcomes.rates)
            after.append(tuple((counts / counts.sum()).tolist()))
        self._outcomes, self._shares = outcomes, _Shares(feature=feature, after=(after[0], after[1], after[2]))

    def predict(self, rows: FeatureRows) -> NDArray[np.float64]:
        """Return what followed the sign of each row, f8[n, 4]."""
        if self._outcomes is None or self._shares is None:
            raise untrained(self.kind)
        self._outcomes.check_columns(rows)
        newest = rows.values[:, rows.names.index(self._shares.feature)]
        which = np.where(np.isnan(newest), 3, np.sign(np.nan_to_num(newest)) + 1).astype(np.int64)
        table = np.array([*self._shares.after, self._outcomes.rates])
        return self._outcomes.forecasts([table[which, k] for k in range(table.shape[1])])

    def save(self, folder: Path) -> tuple[str, ...]:
        """Write the files of the model."""
        if self._outcomes is None or self._shares is None:
            raise untrained(self.kind)
        (folder / _FILE).write_text(self._shares.model_dump_json(indent=1), encoding="utf-8")
        return (_FILE, self._outcomes.write(folder))

    @classmethod
    def load(cls, folder: Path, params: ForecasterParams) -> Self:
        """Read the files of the model."""
        model = cls(LastSignParams.model_validate(params.model_dump()))
        model._outcomes = Outcomes.read(folder)
        try:
            model._shares = _Shares.model_validate_json((folder / _FILE).read_bytes())
        except (OSError, ValidationError) as error:
            raise unreadable(folder / _FILE, error) from error
        wide = {len(share) for share in model._shares.after} == {len(model._outcomes.rates)}
        if not wide or model._shares.feature not in model._outcomes.names:
            raise unreadable(folder / _FILE, ValueError("its shares do not fit the features"))
        return model

    def _feature(self, names: tuple[str, ...]) -> str:
        wanted = self.params.feature
        found = [n for n in names if n == wanted or (not wanted and "return" in n)]
        if not found:
            what = f"there is no feature {wanted!r}" if wanted else "no feature has 'return' in its name"
            fix = f"Name the column of the newest return as `feature`; there are {', '.join(names[:12])}."
            raise ModelError(what, where="last_sign", fix=fix)
        return found[0]
