"""Whether a model is to be trained again: a judgement over numbers that monitoring hands over, and nothing else.

Training again proves nothing: the new version passes the same gate as any other before it is used, and its number goes
up by a patch (`Bump.RETRAIN`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from tradewright.analytics.drift import FeatureDrift

_DAY_NS = 86_400 * 10**9


class Trigger(StrEnum):
    """What made it necessary."""

    MANUAL = "manual"
    SCHEDULE = "schedule"
    ACCURACY = "accuracy"
    CALIBRATION = "calibration"
    DRIFT = "drift"


class Every(StrEnum):
    """How often a model is trained again in any case."""

    NEVER = "never"
    DAILY = "daily"
    WEEKLY = "weekly"


_LENGTHS = {Every.DAILY: _DAY_NS, Every.WEEKLY: 7 * _DAY_NS}


class RetrainPolicy(BaseModel):
    """When a model is trained again.

    Parameters
    ----------
    every : Every
        Its schedule.
    accuracy_floor : float, optional
        Accuracy below it on ``accuracy_days`` judged days in a row.
    accuracy_days : int
        How many.
    day_needs : int
        Forecasts that a day needs to be judged; a day with fewer neither counts nor breaks the row.
    calibration_bound : float, optional
        Largest expected calibration error.
    drifted_share : float, optional
        Share of features that drift, by `analytics.drift.feature_drift`, above which the model is trained again.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    every: Every = Every.NEVER
    accuracy_floor: Annotated[float, Field(gt=0, lt=1)] | None = None
    accuracy_days: Annotated[int, Field(ge=1)] = 3
    day_needs: Annotated[int, Field(ge=1)] = 20
    calibration_bound: Annotated[float, Field(gt=0, lt=1)] | None = 0.1
    drifted_share: Annotated[float, Field(ge=0, lt=1)] | None = 0.1


@dataclass(frozen=True, slots=True)
class DayAccuracy:
    """How often the forecasts of one day were right. ``day`` counts days since 1970, UTC."""

    day: int
    accuracy: float
    forecasts: int


@dataclass(frozen=True, slots=True)
class Monitored:
    """What is known of a model in use; what nobody measured is empty or NaN and triggers nothing.

    ``days`` ascending; ``drift`` of every feature; ``trained_ns`` when the version was made; ``asked``: why somebody
    wants a training now.
    """

    now_ns: int
    trained_ns: int
    days: Sequence[DayAccuracy] = ()
    calibration_error: float = math.nan
    drift: Sequence[FeatureDrift] = ()
    asked: str = ""


@dataclass(frozen=True, slots=True)
class Reason:
    """One trigger and the numbers behind it, in words."""

    trigger: Trigger
    said: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to train again, and every reason for it; ``blind`` names what nobody measured."""

    reasons: tuple[Reason, ...]
    blind: tuple[str, ...] = ()

    @property
    def is_due(self) -> bool:
        """Whether to train again."""
        return bool(self.reasons)


def decide(seen: Monitored, policy: RetrainPolicy) -> Decision:
    """Judge whether a model is to be trained again."""
    found = [
        (Trigger.MANUAL, seen.asked),
        (Trigger.SCHEDULE, _schedule(seen, policy)),
        (Trigger.ACCURACY, _accuracy(seen, policy)),
        (Trigger.CALIBRATION, _calibration(seen, policy)),
        (Trigger.DRIFT, _drift(seen, policy)),
    ]
    wanted = {
        "daily accuracy": policy.accuracy_floor is not None and not seen.days,
        "calibration error": policy.calibration_bound is not None and math.isnan(seen.calibration_error),
        "feature drift": policy.drifted_share is not None and not seen.drift,
    }
    blind = tuple(name for name, is_blind in wanted.items() if is_blind)
    return Decision(tuple(Reason(trigger, said) for trigger, said in found if said), blind)


def _schedule(seen: Monitored, policy: RetrainPolicy) -> str:
    age = seen.now_ns - seen.trained_ns
    if policy.every is Every.NEVER or age < _LENGTHS[policy.every]:
        return ""
    return f"{policy.every.value}; the last training was {age / _DAY_NS:.1f} days ago"


def _accuracy(seen: Monitored, policy: RetrainPolicy) -> str:
    """Look at the newest judged days only: a bad week that is over is over."""
    floor = policy.accuracy_floor
    judged = [d for d in seen.days if d.forecasts >= policy.day_needs and not math.isnan(d.accuracy)]
    if floor is None or not judged:
        return ""
    is_low, newest = next((low, list(days)) for low, days in groupby(reversed(judged), lambda d: d.accuracy < floor))
    if not is_low or len(newest) < policy.accuracy_days:
        return ""
    numbers = ", ".join(f"{d.accuracy:.3f}" for d in reversed(newest[: policy.accuracy_days]))
    return f"below {floor:g} on {len(newest)} days in a row (newest: {numbers})"


def _calibration(seen: Monitored, policy: RetrainPolicy) -> str:
    bound = policy.calibration_bound
    if bound is None or not seen.calibration_error > bound:
        return ""
    return f"expected calibration error {seen.calibration_error:.3f}, at most {bound:g} is allowed"


def _drift(seen: Monitored, policy: RetrainPolicy) -> str:
    """Count the features that drift; the test of each already pays for testing many."""
    share = policy.drifted_share
    drifting = sorted((f for f in seen.drift if f.is_drifting), key=lambda f: (-f.psi, f.name))
    if share is None or not drifting or len(drifting) / len(seen.drift) <= share:
        return ""
    worst = ", ".join(f"{f.name} (PSI {f.psi:.2f})" for f in drifting[:3])
    return f"{len(drifting)} of {len(seen.drift)} features drift, at most {share:.0%} may; the worst: {worst}"
