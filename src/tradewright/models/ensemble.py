"""Several models with one voice: a weighted mean of their forecasts that outlives the loss of a member."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tradewright.core.types.errors import ConfigError, ModelError
from tradewright.core.types.rows import FeatureRows
from tradewright.models.calibration import Calibration
from tradewright.models.forecaster import EXPECTED, Forecaster, ForecasterParams, Lesson
from tradewright.models.model import FittedModel
from tradewright.models.outcomes import check_columns, unreadable, untrained
from tradewright.models.registry import forecaster_class, make_forecaster

_FILE = "ensemble.json"


class MemberParams(BaseModel):
    """One member: a ``kind`` with its ``params`` to train, or the ``folder`` of an artefact that is used as it is.

    An artefact must not have learned from rows that the ensemble is judged on; nothing here can know.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: str = ""
    params: dict[str, Any] = Field(default_factory=dict)
    folder: str = ""
    weight: Annotated[float, Field(gt=0.0)] = 1.0

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.folder or self.kind


class EnsembleParams(ForecasterParams):
    """``members`` in order; each one's seed is its own where it is given, else that of the ensemble."""

    members: tuple[MemberParams, ...] = (MemberParams(kind="logistic"), MemberParams(kind="xgboost"))


class _Saved(BaseModel):
    """What a file of an ensemble says of one member; ``reason`` why it is missing."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str
    weight: Annotated[float, Field(gt=0.0)]
    kind: str = ""
    params: dict[str, Any] = Field(default_factory=dict)
    calibration: Calibration | None = None
    reason: str = ""


class _SavedEnsemble(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    names: tuple[str, ...]
    members: tuple[_Saved, ...]


@dataclass(slots=True)
class _Member:
    name: str
    weight: float
    forecaster: Forecaster | None = None
    calibration: Calibration | None = None
    reason: str = ""

    def predict(self, rows: FeatureRows) -> NDArray[np.float64] | None:
        """Return f8[n, 4]; None, and why in ``reason``, where the member cannot answer."""
        if self.forecaster is None:
            return None
        try:
            values = self.forecaster.predict(rows)
        except ModelError as error:
            self.reason = str(error)
            return None
        self.reason = ""
        return values if self.calibration is None else self.calibration.apply(values)


class Ensemble(Forecaster):
    """The weighted mean of its members' forecasts.

    A member that cannot be had, or fails, or has NaN for a row, is left out, and the weights of the others are scaled
    up. `missing` says who is left out and why. Only when nobody answers is there an error; a row about which nobody can
    say anything is NaN. Files of a saved ensemble are another matter: a damaged one is refused as that of any model.
    """

    kind = "ensemble"
    params_type: ClassVar[type[ForecasterParams]] = EnsembleParams
    #: Of its members the deep ones may differ in the last bits; without them it is exact.
    tolerance = 1e-5
    params: EnsembleParams

    def __init__(self, params: EnsembleParams) -> None:
        super().__init__(params)
        self._names: tuple[str, ...] = ()
        self._members: list[_Member] = []

    @classmethod
    def of(cls, members: Sequence[tuple[FittedModel, float]]) -> Self:
        """Return the ensemble of fitted models and their weights, all of the same columns.

        Raises
        ------
        ModelError
            If there is none, a weight is not positive, or their columns differ.
        """
        if not members or any(not 0.0 < weight < np.inf for _, weight in members):
            raise ModelError("an ensemble needs members with positive weights", where="ensemble")
        told = tuple(
            MemberParams(kind=m.forecaster.kind, params=m.forecaster.params.model_dump(mode="json"), weight=w)
            for m, w in members
        )
        made = cls(EnsembleParams(members=told))
        made._names = members[0][0].names
        for model, weight in members:
            check_columns(made._names, model.names)
            name = model.version or model.forecaster.kind
            made._members.append(_Member(name, weight, model.forecaster, model.calibration))
        return made

    @property
    def lookback(self) -> int:
        """Return the longest of its members."""
        return max((m.forecaster.lookback for m in self._members if m.forecaster), default=1)

    @property
    def missing(self) -> tuple[str, ...]:
        """Who did not answer last time, and why; empty while all do."""
        return tuple(f"{m.name}: {m.reason}" for m in self._members if m.reason)

    def learn(
        self, train: Lesson, validation: Lesson | None = None, progress: Callable[[str], None] | None = None
    ) -> None:
        """Let every member learn, or load it; go on without those that cannot."""
        say = progress or (lambda _line: None)
        self._names = train.rows.names
        self._members = [self._learned(params, train, validation, progress) for params in self.params.members]
        for line in self.missing:
            say(f"ensemble: goes on without {line}")
        if not any(m.forecaster for m in self._members):
            raise self._silent()

    def predict(self, rows: FeatureRows) -> NDArray[np.float64]:
        """Return the weighted mean of the members that answer, f8[n, 4]."""
        if not self._members:
            raise untrained(self.kind)
        check_columns(self._names, rows.names)
        total, weights = np.zeros((len(rows), 4)), np.zeros(len(rows))
        answers = 0
        for member in self._members:
            values = member.predict(rows)
            if values is None:
                continue
            answers += 1
            speaks = ~np.isnan(values[:, EXPECTED])
            total += np.where(speaks[:, None], values * member.weight, 0.0)
            weights += np.where(speaks, member.weight, 0.0)
        if not answers:
            raise self._silent()
        weights[weights == 0.0] = np.nan
        return total / weights[:, None]

    def save(self, folder: Path) -> tuple[str, ...]:
        """Write each member to a folder of its own."""
        if not self._members:
            raise untrained(self.kind)
        files, saved = [_FILE], []
        for k, member in enumerate(self._members):
            told = _Saved(name=member.name, weight=member.weight, reason=member.reason or "")
            if member.forecaster is not None:
                inside = folder / _folder(k)
                inside.mkdir()
                files += [f"{inside.name}/{name}" for name in member.forecaster.save(inside)]
                told = _Saved(
                    name=member.name,
                    weight=member.weight,
                    kind=member.forecaster.kind,
                    params=member.forecaster.params.model_dump(mode="json"),
                    calibration=member.calibration,
                )
            saved.append(told)
        text = _SavedEnsemble(names=self._names, members=tuple(saved)).model_dump_json(indent=1)
        (folder / _FILE).write_text(text, encoding="utf-8")
        return tuple(files)

    @classmethod
    def load(cls, folder: Path, params: ForecasterParams) -> Self:
        """Read the members; go on without those that cannot be read."""
        made = cls(EnsembleParams.model_validate(params.model_dump()))
        try:
            saved = _SavedEnsemble.model_validate_json((folder / _FILE).read_bytes())
        except (OSError, ValidationError) as error:
            raise unreadable(folder / _FILE, error) from error
        made._names = saved.names
        for k, told in enumerate(saved.members):
            member = _Member(told.name, told.weight, calibration=told.calibration, reason=told.reason)
            if told.kind:
                try:
                    inside = forecaster_class(told.kind)
                    member.forecaster = inside.load(folder / _folder(k), inside.params_type.model_validate(told.params))
                except (ImportError, ConfigError) as error:  # its library, or its kind, is not in this installation
                    member.reason = str(error)
                except ValidationError as error:
                    raise unreadable(folder / _FILE, error) from error
            made._members.append(member)
        if not any(m.forecaster for m in made._members):
            raise made._silent()
        return made

    def _learned(
        self, told: MemberParams, train: Lesson, validation: Lesson | None, progress: Callable[[str], None] | None
    ) -> _Member:
        member = _Member(told.name, told.weight)
        try:
            if told.folder:
                # Only an ensemble of artefacts needs to know how one is read.
                from tradewright.models.artefact import load_model  # noqa: PLC0415

                model = load_model(Path(told.folder))
                check_columns(train.rows.names, model.names)
                same = (train.rows.feature_set_hash, train.targets.horizon_ns)
                if (model.feature_set_hash, model.horizon_ns) != same:
                    raise ModelError("it was trained on other features, or for another horizon", where=told.folder)
                member.forecaster, member.calibration = model.forecaster, model.calibration
            else:
                forecaster = make_forecaster(told.kind, {"seed": self.params.seed, **told.params})
                forecaster.learn(train, validation, progress)
                member.forecaster = forecaster
        except (ImportError, ModelError) as error:
            member.reason = str(error)
        return member

    def _silent(self) -> ModelError:
        reasons = "; ".join(self.missing)
        return ModelError(f"no member of the ensemble answers: {reasons}", fix="Mend one of them, or train it again.")


def _folder(k: int) -> str:
    return f"member-{k}"
