from __future__ import annotations

import math

import pytest
from tests.unit.research.conftest import Bench

from tradewright.core.types.errors import ConfigError
from tradewright.research.ablation import Ablations, ablate
from tradewright.research.comparison import Answer
from tradewright.research.executor import Serial


def asked(bench: Bench, *changes: dict[str, float]) -> Ablations:
    return ablate(bench.guard.part, bench.plan, changes, bench.store, Serial())


def test_a_change_that_changes_nothing_earns_nothing(bench: Bench) -> None:
    (row,) = asked(bench, {"enter_up": 0.51}).rows
    assert (row.difference.estimate, row.difference.lower, row.difference.upper) == (0.0, 0.0, 0.0)
    assert row.answer is Answer.NO


def test_a_change_that_throws_the_edge_away_does_not_earn(bench: Bench) -> None:
    done = asked(bench, {"enter_up": 0.0, "leave_up": 0.0, "enter_down": 1.0})
    (worse,) = done.rows
    assert done.sharpe is not None
    assert worse.sharpe is not None
    assert worse.difference.estimate == pytest.approx(worse.sharpe - done.sharpe)
    assert worse.difference.upper < 0.0
    assert worse.answer is Answer.NO


def test_each_change_is_a_trial_and_the_plain_one_too(bench: Bench) -> None:
    asked(bench, {"enter_up": 0.52}, {"enter_up": 0.53})
    trials = bench.store.trials(bench.plan.family)
    assert [t.config["money"]["params"]["enter_up"] for t in trials] == [0.51, 0.52, 0.53]
    asked(bench, {"enter_up": 0.52})
    assert len(bench.store.trials(bench.plan.family)) == 3


def test_more_questions_make_wider_intervals(bench: Bench) -> None:
    (alone,) = asked(bench, {"enter_up": 0.53}).rows
    first, *_ = asked(bench, *[{"enter_up": 0.53 + k / 100} for k in range(5)]).rows
    assert first.difference.estimate == alone.difference.estimate
    assert first.difference.lower < alone.difference.lower
    assert first.difference.upper > alone.difference.upper


def test_a_strategy_that_never_trades_is_not_decided(bench: Bench) -> None:
    (row,) = asked(bench, {"enter_up": 1.0, "enter_down": 1.0}).rows
    assert row.sharpe is None
    assert math.isnan(row.difference.estimate)
    assert row.answer is Answer.NOT_DECIDED


def test_a_parameter_that_is_not_there_is_refused(bench: Bench) -> None:
    with pytest.raises(ConfigError):
        asked(bench, {"speed": 3.0})
