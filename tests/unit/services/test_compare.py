from __future__ import annotations

from dataclasses import fields

import pytest

from tradewright.analytics.performance import Performance
from tradewright.services.report.compare import (
    LESS_IS_BETTER,
    MORE_IS_BETTER,
    Change,
    compare_metrics,
    has_regression,
)


def test_equal_runs_have_no_difference() -> None:
    metrics = {"sharpe": 1.5, "sortino": None, "trades": 10}
    assert compare_metrics(metrics, dict(metrics)) == ()


@pytest.mark.parametrize(
    ("name", "before", "after", "change"),
    [
        ("sharpe", 1.0, 0.5, Change.WORSE),
        ("sharpe", 0.5, 1.0, Change.BETTER),
        ("max_drawdown", -0.1, -0.2, Change.WORSE),
        ("costs", 10.0, 20.0, Change.WORSE),
        ("costs", 20.0, 10.0, Change.BETTER),
        ("trades", 10, 11, Change.DIFFERENT),
    ],
)
def test_direction_of_a_difference(name: str, before: float, after: float, change: Change) -> None:
    (found,) = compare_metrics({name: before}, {name: after})
    assert found.change is change
    assert has_regression((found,)) is (change is Change.WORSE)


def test_a_difference_of_exactly_the_tolerance_is_not_named() -> None:
    assert compare_metrics({"sharpe": 2.0}, {"sharpe": 1.5}, tolerance=0.25) == ()
    assert len(compare_metrics({"sharpe": 2.0}, {"sharpe": 1.499}, tolerance=0.25)) == 1


def test_a_number_that_vanished_is_a_regression_and_a_new_one_is_not() -> None:
    vanished = compare_metrics({"sharpe": 1.0}, {"sharpe": None})
    assert [d.change for d in vanished] == [Change.DIFFERENT]
    assert has_regression(vanished)
    assert not has_regression(compare_metrics({}, {"sharpe": 1.0}))


def test_differences_come_in_order_of_names() -> None:
    found = compare_metrics({"b": 1.0, "a": 1.0}, {"c": 1.0, "a": 2.0})
    assert [d.name for d in found] == ["a", "b", "c"]


def test_every_judged_number_exists() -> None:
    assert {f.name for f in fields(Performance)} >= MORE_IS_BETTER | LESS_IS_BETTER
