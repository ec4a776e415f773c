from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tradewright.core.types.errors import ModelError
from tradewright.models.contract import contract_lesson
from tradewright.models.forecaster import Lesson
from tradewright.models.outcomes import Outcomes

LESSON = contract_lesson()


def test_growth_and_rates_are_weighted() -> None:
    n = 60
    lesson = Lesson(LESSON.rows.take(slice(0, n)), LESSON.targets.take(slice(0, n)))
    direction = np.array([1, -1, -1] * 20)
    growth = np.array([0.03, -0.01, -0.04] * 20)
    weight = np.array([1.0, 1.5, 0.5] * 20)
    found = Outcomes.of(
        replace(lesson, targets=replace(lesson.targets, direction=direction, growth=growth, weight=weight))
    )
    assert found.directions == (-1, 1)
    assert found.rates == pytest.approx((2 / 3, 1 / 3))
    assert found.growth == pytest.approx(((-0.01 * 1.5 - 0.04 * 0.5) / 2.0, 0.03))
    values = found.forecasts([np.array([1.0, 3.0]), np.array([1.0, 1.0])])
    assert values == pytest.approx(np.array([[0.5, 0.5, 0.0, 0.00625], [0.25, 0.75, 0.0, 0.0075 - 0.013125]]))


def test_places_of_outcomes_and_of_those_never_seen() -> None:
    found = Outcomes(names=("a",), directions=(-1, 1), growth=(0.0, 0.0), rates=(0.5, 0.5))
    assert found.places(np.array([1, 0, -1, 1])).tolist() == [1, -1, 0, 1]


def test_rows_of_outcomes_never_seen_are_left_out_of_the_validation() -> None:
    found = Outcomes(names=LESSON.rows.names, directions=(-1, 1), growth=(0.0, 0.0), rates=(0.5, 0.5))
    known = found.known(LESSON)
    assert set(known.targets.direction.tolist()) == {-1, 1}
    assert len(known.rows) == len(known.targets) == np.count_nonzero(LESSON.targets.direction)


def changed(**targets: object) -> Lesson:
    return replace(LESSON, targets=replace(LESSON.targets, **targets))  # type: ignore[arg-type]


def with_value(row: slice | int, value: float) -> Lesson:
    values = LESSON.rows.values.copy()
    values[row, 1] = value
    return replace(LESSON, rows=replace(LESSON.rows, values=values))


N = len(LESSON.rows)
NAN_AT_5 = np.where(np.arange(N) == 5, np.nan, 1.0)


@pytest.mark.parametrize(
    ("lesson", "what"),
    [
        (Lesson(LESSON.rows.take(slice(0, 49)), LESSON.targets.take(slice(0, 49))), "49 training rows are too few"),
        (changed(direction=np.zeros(N, np.int64)), "same outcome: flat"),
        (changed(direction=np.where(np.arange(N) < 9, 1, -1), weight=1.0 * (np.arange(N) > 9)), "same outcome: down"),
        (changed(weight=np.zeros(N)), "weight 0"),
        (changed(weight=-np.ones(N)), "row 0 has .* the weight -1.0"),
        (changed(growth=NAN_AT_5), "row 5 has the growth nan"),
        (with_value(slice(None), np.nan), "'trend' has no value in any row"),
        (with_value(3, np.inf), "'trend' is infinite"),
    ],
)
def test_what_teaches_nothing_is_refused(lesson: Lesson, what: str) -> None:
    with pytest.raises(ModelError, match=what) as caught:
        Outcomes.of(lesson)
    assert caught.value.fix


def test_rows_and_targets_of_different_length_are_a_fault_of_the_caller() -> None:
    with pytest.raises(ValueError, match="600 rows of features, 10 of targets"):
        Outcomes.of(Lesson(LESSON.rows, LESSON.targets.take(slice(0, 10))))
