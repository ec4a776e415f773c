"""What figures are computed from beside the tables: facts that the program counted, and how to compute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tradewright.analytics.drift import DriftParams
from tradewright.analytics.joint_bootstrap import Resampling
from tradewright.analytics.tiers import TIERS, Tier


class LeakFacts(Protocol):
    """What one leak detector said: how often it tried, and what it found."""

    @property
    def trials(self) -> int:
        """Return the comparisons made; 0 where there was nothing to compare."""

    @property
    def findings(self) -> tuple[str, ...]:
        """Return the leaks in words."""


class Facts(Protocol):
    """The manifest of stored evidence, as far as figures need it."""

    @property
    def trials(self) -> int:
        """Return the configurations tried before this one was chosen, itself included."""

    @property
    def holdout_uses(self) -> int:
        """Return how often the holdout had been looked at, this time included."""

    @property
    def periods_per_year(self) -> float:
        """Return the periods a year of the return tables."""

    @property
    def leaks(self) -> Sequence[LeakFacts]:
        """Return what the leak detectors said; empty where none ran."""


@dataclass(frozen=True, slots=True)
class FigureParams:
    """How figures are computed.

    ``resampling`` of all intervals; ``tiers`` of confidence; a tier with fewer than ``tier_floor`` effective forecasts
    is not judged; ``blocks`` of the overfitting test, fewer where the history is short; ``track_confidence`` of the
    minimum track record; ``drift``: when a feature counts as drifting, its ``independent`` aside, which the table says.
    """

    resampling: Resampling = field(default_factory=Resampling)
    tiers: tuple[Tier, ...] = TIERS
    tier_floor: float = 30.0
    blocks: int = 16
    track_confidence: float = 0.95
    drift: DriftParams = field(default_factory=DriftParams)
