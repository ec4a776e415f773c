"""What a model card says, as plain values; how it looks is the template's business."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import nan

from tradewright.services.report.view import Figure, Metric

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class CardHeading:
    """Which model, and how it stands. ``word`` is the verdict word; ``good`` says whether a gate was passed."""

    name: str
    version: str
    tags: tuple[str, ...]
    facts: Pairs
    word: str
    word_reasons: tuple[str, ...]
    unproven: str = ""


@dataclass(frozen=True, slots=True)
class GateRow:
    """One rule of the gate and what the evidence said of it."""

    rule: str
    found: str
    reason: str
    is_met: bool


@dataclass(frozen=True, slots=True)
class GateCard:
    """The newest verdict: which policy, when, whether it is genuine (``trouble`` if it is not)."""

    policy: str
    when: str
    passed: bool
    rows: tuple[GateRow, ...]
    warnings: tuple[str, ...] = ()
    file: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class PartRow:
    """Accuracy of a part of the forecasts, and its edge over the better baseline, with their intervals."""

    part: str
    rows: int
    accuracy: Metric
    edge: Metric


@dataclass(frozen=True, slots=True)
class FoldRow:
    """One fold or the holdout: when, how many forecasts, how often right."""

    name: str
    start_ns: int
    end_ns: int
    rows: int
    accuracy: float = nan


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """What a series of returns came to in one scope: the model at a multiple of the costs, late, or a baseline."""

    name: str
    validation: Metric | None
    holdout: Metric | None


@dataclass(frozen=True, slots=True)
class FigureRow:
    """One figure of the evidence with everything about it."""

    name: str
    scope: str
    value: str
    interval: str
    n: int
    trials: int
    method: str


@dataclass(frozen=True, slots=True)
class CardView:
    """Everything the card shows. ``figures`` may lack a name; ``missing`` then says why."""

    heading: CardHeading
    headline: tuple[Metric, ...]
    gate: GateCard | None
    figures: Mapping[str, Figure]
    parts: tuple[PartRow, ...]
    folds: tuple[FoldRow, ...]
    money: tuple[SeriesRow, ...]
    table: tuple[FigureRow, ...]
    params: Pairs
    provenance: Pairs
    scheme: Pairs
    config_yaml: str = ""
    notices: tuple[str, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
