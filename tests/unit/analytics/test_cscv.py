from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from tradewright.analytics.cscv import backtest_overfitting
from tradewright.analytics.ratios import sharpe_ratio
from tradewright.core.types.errors import UsageError


def _brute(returns: np.ndarray, blocks: int) -> np.ndarray:
    parts = np.array_split(np.arange(len(returns)), blocks)
    logits = []
    for half in combinations(range(blocks), blocks // 2):
        inside = np.concatenate([parts[k] for k in half])
        outside = np.concatenate([parts[k] for k in range(blocks) if k not in half])
        best = int(np.argmax([sharpe_ratio(column) for column in returns[inside].T]))
        values = np.array([sharpe_ratio(column) for column in returns[outside].T])
        rank = (values < values[best]).sum() + 1.0
        share = rank / (returns.shape[1] + 1.0)
        logits.append(np.log(share / (1.0 - share)))
    return np.array(logits)


def test_equals_the_definition() -> None:
    returns = np.random.default_rng(1).normal(0.001, 0.01, (61, 7))  # blocks of unequal length
    found = backtest_overfitting(returns, 6)
    assert found.logits == pytest.approx(_brute(returns, 6), abs=1e-9)
    assert found.probability == np.mean(found.logits <= 0.0)


def test_a_real_edge_is_no_overfitting() -> None:
    returns = np.random.default_rng(2).normal(0.0, 0.01, (400, 20))
    returns[:, 11] += 0.004
    found = backtest_overfitting(returns, 10)
    assert found.probability < 0.01
    assert found.loss_probability < 0.05


def test_configurations_that_are_all_the_same_prove_nothing() -> None:
    same = np.repeat(np.random.default_rng(3).normal(size=(64, 1)), 5, axis=1)
    found = backtest_overfitting(same, 8)
    assert found.probability == 1.0
    assert found.logits == pytest.approx(np.zeros(70), abs=1e-12)


def test_one_that_never_traded_has_a_ratio_of_zero() -> None:
    returns = np.random.default_rng(4).normal(-0.01, 0.001, (64, 3))
    returns[:, 2] = 0.0
    assert backtest_overfitting(returns, 4).probability == 0.0  # it is the best of losers, in and out of sample


@pytest.mark.parametrize(("shape", "blocks"), [((64, 1), 4), ((7, 3), 4), ((64, 3), 5)])
def test_what_cannot_be_cut_is_refused(shape: tuple[int, int], blocks: int) -> None:
    with pytest.raises(UsageError):
        backtest_overfitting(np.zeros(shape), blocks)
