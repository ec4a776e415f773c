"""What a forecaster of three outcomes remembers beside its library's model: columns, outcomes seen, their growth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from tradewright.core.types.errors import ModelError
from tradewright.core.types.rows import FeatureRows
from tradewright.models.forecaster import EXPECTED, P_DOWN, P_FLAT, P_UP, Lesson

#: Of each direction: its column in a forecast.
COLUMN = {1: P_UP, -1: P_DOWN, 0: P_FLAT}
#: Fewer rows than this teach nothing that could be told from chance.
MIN_ROWS = 50

_FILE = "outcomes.json"


class Outcomes(BaseModel):
    """Columns learned from and outcomes seen in training.

    ``directions`` are those of -1, 0, 1 that occurred, ascending; ``growth`` the weighted mean growth after each;
    ``rates`` their weighted shares.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    names: tuple[str, ...]
    directions: tuple[int, ...]
    growth: tuple[float, ...]
    rates: tuple[float, ...]

    @classmethod
    def of(cls, lesson: Lesson) -> Self:
        """Look at the training rows.

        Raises
        ------
        ModelError
            If nothing can be learned from them: too few rows, labels or weights that are no numbers, one outcome only,
            a feature without any value or with an infinite one.
        """
        _check(lesson)
        rows, targets = lesson.rows, lesson.targets
        seen = np.unique(targets.direction)
        weight = [targets.weight[targets.direction == d] for d in seen]
        growth = [targets.growth[targets.direction == d] for d in seen]
        total = float(np.sum(targets.weight))
        return cls(
            names=rows.names,
            directions=tuple(int(d) for d in seen),
            growth=tuple(float(np.sum(g * w) / np.sum(w)) for g, w in zip(growth, weight, strict=True)),
            rates=tuple(float(np.sum(w)) / total for w in weight),
        )

    def places(self, direction: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return of each direction its place in ``directions``, i8[n]; -1 for one that training never saw."""
        place = np.full(3, -1, np.int64)
        for k, d in enumerate(self.directions):
            place[d + 1] = k
        return place[direction + 1]

    def known(self, lesson: Lesson) -> Lesson:
        """Return the rows whose outcome training saw."""
        seen = np.flatnonzero(self.places(lesson.targets.direction) >= 0)
        if len(seen) == len(lesson.rows):
            return lesson
        return Lesson(lesson.rows.take(seen), lesson.targets.take(seen))

    def forecasts(self, shares: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        """Return f8[n, 4] in the order of `ForecastRow` from the share f8[n] of each direction; any positive scale.

        The expected return is the sum over the outcomes of probability times mean growth in training.
        """
        # Sums stand written out, one outcome after the other: the bits of a row then depend on no other row.
        # A row alone is told in numbers, which takes a tenth of the time of arrays with one number in each.
        count = len(shares[0])
        parts: Sequence[Any] = shares if count != 1 else [share[0] for share in shares]
        columns: list[Any] = [np.zeros(count) if count != 1 else 0.0] * 4
        total = sum(parts[1:], start=parts[0])
        for d, growth, part in zip(self.directions, self.growth, parts, strict=True):
            columns[COLUMN[d]] = share = part / total
            columns[EXPECTED] = columns[EXPECTED] + share * growth
        return np.ascontiguousarray(np.array(columns).reshape(4, count).T)

    def check_columns(self, rows: FeatureRows) -> None:
        """Refuse rows with other columns than those learned from.

        Raises
        ------
        ModelError
            Naming the first difference.
        """
        check_columns(self.names, rows.names)

    def write(self, folder: Path) -> str:
        """Write to a folder; return the file's name."""
        (folder / _FILE).write_text(self.model_dump_json(indent=1), encoding="utf-8")
        return _FILE

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read what `write` wrote.

        Raises
        ------
        ModelError
            If the file is missing or damaged.
        """
        try:
            found = cls.model_validate_json((folder / _FILE).read_bytes())
        except (OSError, ValidationError) as error:
            raise unreadable(folder / _FILE, error) from error
        whole = len(found.directions) == len(found.growth) == len(found.rates) > 1
        if not whole or not set(found.directions) <= set(COLUMN):
            raise unreadable(folder / _FILE, ValueError("its outcomes do not fit together"))
        return found


def check_columns(names: tuple[str, ...], given: tuple[str, ...]) -> None:
    """Refuse other columns, or another order of them, than a model learned from.

    Raises
    ------
    ModelError
        Naming the first difference.
    """
    if given == names:
        return
    missing, surplus = [n for n in names if n not in given], [n for n in given if n not in names]
    if missing or surplus:
        what = f"the model needs the feature {missing[0]!r}" if missing else f"it never saw the feature {surplus[0]!r}"
    else:
        k = next(k for k, (a, b) in enumerate(zip(names, given, strict=False)) if a != b)
        what = f"feature {k + 1} is {given[k]!r} where the model has {names[k]!r}"
    fix = f"Build the features the model was trained on, in this order: {_some(names)}."
    raise ModelError(what, where="features", fix=fix)


def shares_of(raw: NDArray[np.floating]) -> list[NDArray[np.float64]]:
    """Return the share of each outcome from a library's answer; of two outcomes it gives the second's only, [n]."""
    if raw.ndim == 1:
        second = raw.astype(np.float64)
        return [1.0 - second, second]
    return [raw[:, k].astype(np.float64) for k in range(raw.shape[1])]


def unreadable(path: Path, error: Exception) -> ModelError:
    """Return the error for a file of a model that cannot be read."""
    reason = str(error).strip().split("\n", 1)[0]
    fix = "The artefact is damaged: train the model again, or roll back to another version."
    return ModelError(f"{path.name} cannot be read: {reason}", where=str(path.parent), fix=fix)


def untrained(kind: str) -> ModelError:
    """Return the error for a prediction before there is a model."""
    return ModelError(f"the {kind} model has learned nothing yet", fix="Train it, or load a trained one.")


def _check(lesson: Lesson) -> None:
    rows, targets = lesson.rows, lesson.targets
    if len(rows) != len(targets):
        msg = f"{len(rows)} rows of features, {len(targets)} of targets"
        raise ValueError(msg)
    if len(rows) < MIN_ROWS:
        fix = f"Give at least {MIN_ROWS}: a longer history, fewer folds, or a shorter embargo."
        raise ModelError(f"{len(rows)} training rows are too few", where="training rows", fix=fix)
    is_known = np.isfinite(targets.growth) & np.isfinite(targets.weight) & (targets.weight >= 0.0)
    if not is_known.all():
        k = int(np.argmin(is_known))
        what = f"row {k} has the growth {targets.growth[k]} and the weight {targets.weight[k]}"
        raise ModelError(what, where="training rows", fix="Leave out rows whose label is not known.")
    seen = np.unique(targets.direction[targets.weight > 0.0])
    if len(seen) < 2:
        words = {-1: "down", 0: "flat", 1: "up"}
        what = f"every training row that counts has the same outcome: {words[int(seen[0])]}" if len(seen) else ""
        fix = "Train on a longer history, or narrow the band that counts as flat (lower the label's threshold)."
        raise ModelError(what or "every training row has the weight 0", where="training rows", fix=fix)
    _check_features(rows)


def _check_features(rows: FeatureRows) -> None:
    values = rows.values
    if np.isfinite(values).all():
        return
    is_nan, is_inf = np.isnan(values), np.isinf(values)
    dead = [name for k, name in enumerate(rows.names) if is_nan[:, k].all()]
    if dead:
        fix = "Leave it out, or give data that has what it reads; a long warm-up needs a longer history."
        raise ModelError(f"the feature {dead[0]!r} has no value in any row", where="training rows", fix=fix)
    wild = [name for k, name in enumerate(rows.names) if is_inf[:, k].any()]
    if wild:
        fix = "A feature must be a number or NaN: mend it, or leave it out."
        raise ModelError(f"the feature {wild[0]!r} is infinite in some row", where="training rows", fix=fix)


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
