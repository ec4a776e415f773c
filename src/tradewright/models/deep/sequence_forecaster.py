"""What the deep forecasters share: learning one network or several, asking them, and their files."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from tradewright.core.types.errors import ModelError
from tradewright.core.types.rows import FeatureRows
from tradewright.models.deep.parameters import SequenceParams
from tradewright.models.deep.samples import GrowthScale, Samples
from tradewright.models.deep.sequences import Scaling, Sequences
from tradewright.models.deep.serving import ServedNetwork
from tradewright.models.forecaster import EXPECTED, Forecaster, ForecasterParams, Lesson
from tradewright.models.outcomes import Outcomes, check_columns, unreadable, untrained

if TYPE_CHECKING:
    from torch import nn

_FACTS = "deep.json"
_CLASSES = 3


class NetworkFacts(BaseModel):
    """What one network needs besides its weights, and how its training went.

    Parameters
    ----------
    scaling : Scaling
        Of the features.
    growth : GrowthScale
        Of the labels, and the instruments in the order the network numbers them.
    class_strengths : tuple of float or None
        Mean strength of the training labels that went up, down and nowhere, None where there were none: such a class
        has the probability 0. The expected return of a network that answers directions only comes from them.
    losses : tuple
        Log loss of training and validation, one pair for each epoch.
    best_epoch : int
        Epoch whose weights these are; 0 where there were no validation rows: the last one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    scaling: Scaling
    growth: GrowthScale
    class_strengths: tuple[float | None, float | None, float | None]
    losses: tuple[tuple[float, float | None], ...]
    best_epoch: int


class DeepFacts(BaseModel):
    """The file that says which networks there are; ``symbols`` None where one network serves all instruments."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    format: Literal[1]
    kind: str
    symbols: tuple[str, ...] | None
    networks: tuple[NetworkFacts, ...]


@dataclass(frozen=True, slots=True)
class Member:
    """One trained network with its facts."""

    facts: NetworkFacts
    network: ServedNetwork


class SequenceForecaster(Forecaster):
    """A forecaster that reads the last ``length`` rows of an instrument.

    Rows without a whole window get NaN, and so do instruments without a network where each has its own. Learning needs
    torch; loading and predicting do not.
    """

    #: ONNX Runtime may multiply matrices of one row and of many in different orders.
    tolerance: ClassVar[float] = 1e-5
    params_type: ClassVar[type[SequenceParams]]
    params: SequenceParams
    #: Columns of the network's answer: three logits, and the strength where there is one.
    outputs: ClassVar[int] = _CLASSES

    def __init__(self, params: SequenceParams) -> None:
        super().__init__(params)
        self._symbols: tuple[str, ...] | None = None
        self._members: tuple[Member, ...] = ()

    @abstractmethod
    def build(self, width: int, instruments: int) -> nn.Module:
        """Return a new network for windows of ``width`` columns and so many known instruments."""

    @property
    def has_one_per_instrument(self) -> bool:
        """Tell whether each instrument gets a network of its own."""
        return False

    @property
    def strength_weight(self) -> float:
        """Return the weight of the strength's loss beside the direction's."""
        return 0.0

    @property
    def lookback(self) -> int:
        """Return the length of a window."""
        return self.params.length

    @property
    def histories(self) -> tuple[tuple[tuple[float, float | None], ...], ...]:
        """Return the log losses of training and validation by epoch, for each network."""
        return tuple(member.facts.losses for member in self._members)

    def learn(
        self, train: Lesson, validation: Lesson | None = None, progress: Callable[[str], None] | None = None
    ) -> None:
        """Train; where ``checkpoints`` is set, go on from the checkpoint that is there."""
        tell = progress or (lambda _: None)
        if not self.has_one_per_instrument:
            self._members = (self._member(train, validation, tell, self.checkpoints),)
            return
        symbols, members = [], []
        for i in np.unique(train.rows.instrument):
            symbol = train.rows.symbols[i]
            folder = self.checkpoints / f"instrument-{i}" if self.checkpoints is not None else None
            try:
                own = _of_instrument(train, symbol)
                judge = _of_instrument(validation, symbol) if validation is not None else None
                members.append(self._member(own, judge, lambda line, s=symbol: tell(f"{s}: {line}"), folder))  # type: ignore[misc]
            except ModelError as error:
                raise ModelError(
                    error.what, where=f"{symbol}: {error.where}" if error.where else symbol, fix=error.fix
                ) from error
            symbols.append(symbol)
        if not members:
            Outcomes.of(train)
        self._symbols, self._members = tuple(symbols), tuple(members)

    def predict(self, rows: FeatureRows) -> NDArray[np.float64]:
        """Return f8[n, 4]."""
        if not self._members:
            raise untrained(self.kind)
        check_columns(self._members[0].facts.scaling.names, rows.names)
        values = np.full((len(rows), 4), np.nan)
        if self._symbols is None:
            self._forecast(self._members[0], rows, values, None)
            return values
        for symbol, member in zip(self._symbols, self._members, strict=True):
            if symbol in rows.symbols:
                mine = np.flatnonzero(rows.instrument == rows.symbols.index(symbol))
                self._forecast(member, rows.take(mine), values, mine)
        return values

    def save(self, folder: Path) -> tuple[str, ...]:
        """Write the facts as JSON, and each network as ONNX and as safetensors."""
        if not self._members:
            raise untrained(self.kind)
        networks = tuple(member.facts for member in self._members)
        facts = DeepFacts(format=1, kind=self.kind, symbols=self._symbols, networks=networks)
        files = {_FACTS: facts.model_dump_json(indent=1).encode() + b"\n"}
        for i, member in enumerate(self._members):
            graph, weights = _files_of(i)
            files |= {graph: member.network.graph, weights: member.network.weights}
        for name, content in files.items():
            (folder / name).write_bytes(content)
        return tuple(files)

    @classmethod
    def load(cls, folder: Path, params: ForecasterParams) -> Self:
        """Read back what `save` wrote, and check that the networks fit the parameters."""
        model = cls(cls.params_type.model_validate(params.model_dump()))
        try:
            facts = DeepFacts.model_validate_json((folder / _FACTS).read_bytes())
            if facts.kind != cls.kind or len(facts.networks) != len(facts.symbols or ("all",)):
                raise unreadable(folder / _FACTS, ValueError(f"it is not that of one {cls.kind}"))
            members = []
            for i, one in enumerate(facts.networks):
                graph, weights = _files_of(i)
                network = ServedNetwork((folder / graph).read_bytes(), (folder / weights).read_bytes())
                network.verify(folder / graph, model.params.length, one.scaling.width, model.outputs)
                members.append(Member(one, network))
        except (OSError, ValidationError) as error:
            raise unreadable(folder / _FACTS, error) from error
        model._symbols, model._members = facts.symbols, tuple(members)
        return model

    def _member(
        self, train: Lesson, validation: Lesson | None, tell: Callable[[str], None], folder: Path | None
    ) -> Member:
        """Train one network and make it ready to be served."""
        params = self.params
        Outcomes.of(train)  # refuses what no kind of model can learn from
        scaling = Scaling.fit(train.rows, missing_flags=params.missing_flags)
        growth = GrowthScale.fit(train)
        samples = Samples.of(train, scaling, growth, params.length)
        samples.verify("training")
        samples.verify_classes("training")
        judge = Samples.of(validation, scaling, growth, params.length) if validation is not None else None
        if judge is not None:
            judge.verify("validation")

        from tradewright.models.deep.checkpoint import Checkpoint  # noqa: PLC0415 -- torch: seconds to import
        from tradewright.models.deep.export import export  # noqa: PLC0415
        from tradewright.models.deep.training import Task  # noqa: PLC0415
        from tradewright.models.deep.training import train as train_network  # noqa: PLC0415

        task = Task(
            build=lambda: self.build(scaling.width, len(growth.symbols)),
            params=params,
            strength_weight=self.strength_weight,
            key=self._digest(train, validation) if folder is not None else "",
            checkpoint=Checkpoint(folder) if folder is not None else None,
            progress=tell,
        )
        network, position = train_network(task, samples, judge)
        facts = NetworkFacts(
            scaling=scaling,
            growth=growth,
            class_strengths=samples.class_strengths(),
            losses=tuple(position.losses),
            best_epoch=position.best_epoch,
        )
        return Member(facts, export(network, params.length, scaling.width))

    def _digest(self, train: Lesson, validation: Lesson | None) -> str:
        """Return the digest of everything the weights depend on."""
        digest = hashlib.sha256(f"{self.kind} {self.params.model_dump_json()}".encode())
        for lesson in (train, validation):
            if lesson is None:
                digest.update(b"none")
                continue
            rows, targets = lesson.rows, lesson.targets
            digest.update(repr((rows.names, rows.symbols, rows.values.shape)).encode())
            arrays = (rows.values, rows.instrument, targets.direction, targets.growth, targets.weight)
            for array in arrays:
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def _forecast(
        self, member: Member, rows: FeatureRows, values: NDArray[np.float64], places: NDArray[np.int64] | None
    ) -> None:
        """Write the forecasts of ``rows`` to their ``places`` in ``values``."""
        facts = member.facts
        sequences = Sequences.cut(rows, facts.scaling, self.params.length)
        if not len(sequences):
            return
        instrument = rows.instrument[sequences.rows]
        answer = member.network.answer(sequences, facts.growth.numbers(rows.symbols)[instrument]).astype(np.float64)
        logits = answer[:, :_CLASSES]
        known = [strength is not None for strength in facts.class_strengths]
        shares = np.exp(logits - logits.max(axis=1, keepdims=True)) * known
        shares /= shares.sum(axis=1, keepdims=True)
        strength = (
            answer[:, EXPECTED]
            if self.outputs > _CLASSES
            else shares @ np.array([s or 0.0 for s in facts.class_strengths])
        )
        mine = sequences.rows if places is None else places[sequences.rows]
        values[mine, :_CLASSES] = shares
        values[mine, EXPECTED] = strength * facts.growth.of(rows.symbols)[instrument]


def _files_of(i: int) -> tuple[str, str]:
    return f"network-{i}.onnx", f"network-{i}.safetensors"


def _of_instrument(lesson: Lesson, symbol: str) -> Lesson:
    """Return the rows of one instrument."""
    if symbol not in lesson.rows.symbols:
        mine = np.empty(0, np.int64)
    else:
        mine = np.flatnonzero(lesson.rows.instrument == lesson.rows.symbols.index(symbol))
    return Lesson(lesson.rows.take(mine), lesson.targets.take(mine))
