"""What a detector says: findings, verdicts, and a report of several."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tradewright.core.types.errors import RunError


class Detector(StrEnum):
    """The detectors by name."""

    TRUNCATION = "truncation"
    SHUFFLE = "future_shuffle"
    DELAY = "delay"
    TIMESTAMP = "timestamp"
    RANDOM_LABEL = "random_label"
    LABEL_OVERLAP = "label_overlap"
    SURVIVORSHIP = "survivorship"


class LeakError(RunError):
    """Something knows its future, or a check that was asked for could not be made."""


@dataclass(frozen=True, slots=True)
class LeakFinding:
    """One thing that knows too much.

    Parameters
    ----------
    detector : Detector
        Who found it.
    feature : str
        Name of the feature, split or list.
    bar : int
        The first event, row or moment of those looked at where it shows, from 0; -1 where it has no place.
    ts_event : int
        When that was, ns UTC; 0 where it has no place.
    detail : str
        What was seen, with numbers.
    """

    detector: Detector
    feature: str
    bar: int
    ts_event: int
    detail: str

    @property
    def text(self) -> str:
        """One line for people."""
        place = f" at bar {self.bar}" if self.bar >= 0 else ""
        return f"{self.feature}{place}: {self.detail} [{self.detector.value}]"


@dataclass(frozen=True, slots=True)
class LeakVerdict:
    """What one detector concludes.

    Parameters
    ----------
    detector : Detector
        Which.
    findings : tuple of LeakFinding
        At most one for each feature; empty: nothing was found.
    trials : int
        Runs, bars, rows or permutations tried.
    proves : str
        What it means that nothing more was found, with its limits.
    """

    detector: Detector
    findings: tuple[LeakFinding, ...]
    trials: int
    proves: str

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


@dataclass(frozen=True, slots=True)
class LeakReport:
    """Verdicts about one subject; ``not_run`` are detectors that lacked what they need, and what that is."""

    subject: str
    verdicts: tuple[LeakVerdict, ...]
    not_run: tuple[tuple[Detector, str], ...] = ()

    @property
    def findings(self) -> tuple[LeakFinding, ...]:
        """Every finding, in the order of the verdicts."""
        return tuple(f for verdict in self.verdicts for f in verdict.findings)

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    @property
    def caught_by(self) -> tuple[Detector, ...]:
        """The detectors that found something."""
        return tuple(v.detector for v in self.verdicts if v.findings)

    def raise_leaks(self) -> None:
        """Raise what was found as one error.

        Raises
        ------
        LeakError
            If anything was found; names the first feature and bar, and counts the others.
        """
        found = self.findings
        if found:
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            fix = "Compute each value from what was known by then; `tradewright features check` shows all findings."
            raise LeakError(f"a leak: {found[0].text}{more}", where=self.subject, fix=fix)
