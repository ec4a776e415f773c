"""The random-label test: chance is chance, by the book."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from tradewright.core.types.errors import RunError
from tradewright.core.types.feature import Floats
from tradewright.features.leaks import Predicted, check_random_labels, ridge_trainer
from tradewright.features.leaks.random_labels import _by_chance

LABELS = np.random.default_rng(5).choice([-1.0, 0.0, 1.0], 400, p=[0.3, 0.2, 0.5])
TABLE = np.random.default_rng(6).normal(size=(400, 12))


@pytest.mark.parametrize(
    ("truth", "values"),
    [([1, 1, 0, 0, 1], [1, 0, 0, 1, 1]), ([1, 2, 3, 1, 2], [1, 1, 2, 3, 3]), ([0, 0, 1, 1], [0, 0, 0, 0])],
)
def test_mean_and_variance_are_those_of_all_permutations(truth: list[int], values: list[int]) -> None:
    scores = [float(np.mean(np.array(p) == np.array(values))) for p in permutations(truth)]
    mean, variance = _by_chance(np.array(truth, float), np.array(values, float))
    assert mean == pytest.approx(np.mean(scores))
    assert variance == pytest.approx(np.var(scores))


@pytest.mark.parametrize("seed", range(6))
def test_an_honest_training_is_at_the_base_rate(seed: int) -> None:
    verdict = check_random_labels(ridge_trainer(TABLE), LABELS, trials=20, seed=seed)
    assert verdict.is_clean
    assert verdict.trials == 20


def test_training_on_the_test_rows_is_caught() -> None:
    def fitted_inside(labels: Floats) -> Predicted:
        weights = np.linalg.lstsq(TABLE, labels, rcond=None)[0]
        return Predicted(np.arange(400), np.where(TABLE @ weights > 0.0, 1.0, -1.0))

    (finding,) = check_random_labels(fitted_inside, LABELS, trials=20).findings
    assert "standard errors above" in finding.detail


def test_an_encoding_by_the_label_itself_is_caught() -> None:
    groups = np.arange(400) // 3

    def encoded(labels: Floats) -> Predicted:
        means = np.array([labels[groups == g].mean() for g in groups])
        return ridge_trainer(means[:, None])(labels)

    assert not check_random_labels(encoded, LABELS, trials=10).is_clean


def test_ridge_learns_what_can_be_learnt() -> None:
    labels = np.where(TABLE[:, 0] + 0.3 * TABLE[:, 1] > 0.0, 1.0, -1.0)
    table = TABLE.copy()
    table[::17, 3] = np.nan
    made = ridge_trainer(table, folds=4, embargo=5)(labels)
    assert made.rows.tolist() == list(range(400))
    assert (made.values == labels).mean() > 0.9


def test_what_cannot_be_judged_is_refused() -> None:
    with pytest.raises(ValueError, match="two classes"):
        check_random_labels(ridge_trainer(TABLE), np.ones(400))
    with pytest.raises(RunError, match="fails on shuffled labels"):
        check_random_labels(lambda _labels: 1 / 0, LABELS)  # type: ignore[arg-type, return-value]
    with pytest.raises(RunError, match="predicts"):
        check_random_labels(lambda _labels: Predicted(np.array([400]), np.array([1.0])), LABELS)
