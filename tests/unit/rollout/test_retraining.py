from __future__ import annotations

import math

import numpy as np
import pytest

from tradewright.analytics.drift import feature_drift
from tradewright.rollout.retraining import DayAccuracy, Every, Monitored, RetrainPolicy, Trigger, decide

DAY_NS = 86_400 * 10**9
FLOOR = RetrainPolicy(accuracy_floor=0.52)


def days(*accuracies: float, forecasts: int = 50) -> tuple[DayAccuracy, ...]:
    return tuple(DayAccuracy(20_000 + i, a, forecasts) for i, a in enumerate(accuracies))


def triggers(seen: Monitored, policy: RetrainPolicy) -> list[Trigger]:
    return [reason.trigger for reason in decide(seen, policy).reasons]


def seen(**what: object) -> Monitored:
    return Monitored(now_ns=100 * DAY_NS, trained_ns=99 * DAY_NS, **what)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("accuracies", "is_due"),
    [
        ((0.6, 0.5, 0.5, 0.5), True),
        ((0.5, 0.5, 0.6, 0.5), False),
        ((0.5, 0.5), False),
        ((0.5, 0.5, 0.5, 0.53), False),  # a bad time that is over
        ((0.52, 0.52, 0.52), False),  # the floor itself is allowed
        ((), False),
    ],
)
def test_accuracy_below_the_floor_three_days_in_a_row(accuracies: tuple[float, ...], *, is_due: bool) -> None:
    assert decide(seen(days=days(*accuracies)), FLOOR).is_due is is_due


def test_a_day_with_few_forecasts_neither_counts_nor_breaks_the_row() -> None:
    bad = days(0.5, 0.5)
    thin = (DayAccuracy(20_002, 1.0, 3),)
    last = (DayAccuracy(20_003, 0.5, 50),)
    assert decide(seen(days=bad + thin + last), FLOOR).is_due
    assert not decide(seen(days=bad + thin), FLOOR).is_due


def test_a_day_without_a_number_triggers_nothing() -> None:
    assert not decide(seen(days=days(math.nan, math.nan, math.nan)), FLOOR).is_due


def test_calibration() -> None:
    assert triggers(seen(calibration_error=0.11), RetrainPolicy()) == [Trigger.CALIBRATION]
    assert triggers(seen(calibration_error=0.1), RetrainPolicy()) == []


def test_schedule() -> None:
    day_old = seen()
    assert triggers(day_old, RetrainPolicy(every=Every.DAILY)) == [Trigger.SCHEDULE]
    assert triggers(day_old, RetrainPolicy(every=Every.WEEKLY)) == []
    assert triggers(day_old, RetrainPolicy()) == []


def test_somebody_who_asks_is_reason_enough() -> None:
    (reason,) = decide(seen(asked="new fees"), RetrainPolicy()).reasons
    assert (reason.trigger, reason.said) == (Trigger.MANUAL, "new fees")


def test_drift_of_features_needs_more_than_a_few_of_them() -> None:
    rng = np.random.default_rng(1)
    names = [f"f{i}" for i in range(10)]
    training, recent = rng.normal(size=(2000, 10)), rng.normal(size=(1000, 10))
    assert triggers(seen(drift=feature_drift(names, training, recent)), RetrainPolicy()) == []
    recent[:, 0] += 1.0
    one = feature_drift(names, training, recent)
    assert triggers(seen(drift=one), RetrainPolicy(drifted_share=0.1)) == []
    recent[:, 1] *= 3.0
    two = decide(seen(drift=feature_drift(names, training, recent)), RetrainPolicy(drifted_share=0.1))
    assert [r.trigger for r in two.reasons] == [Trigger.DRIFT]
    assert "2 of 10 features drift" in two.reasons[0].said


def test_what_nobody_measured_is_said_and_triggers_nothing() -> None:
    decision = decide(seen(), FLOOR)
    assert not decision.is_due
    assert decision.blind == ("daily accuracy", "calibration error", "feature drift")
