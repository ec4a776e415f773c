from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tradewright.core.types.errors import ModelError
from tradewright.models.contract import contract_lesson
from tradewright.models.registry import make_forecaster

LESSON = contract_lesson(1000)


def test_base_rate_says_the_weighted_shares_of_the_training() -> None:
    model = make_forecaster("base_rate")
    model.learn(LESSON)
    values = model.predict(LESSON.rows)
    t = LESSON.targets
    for column, direction in ((0, 1), (1, -1), (2, 0)):
        share = t.weight[t.direction == direction].sum() / t.weight.sum()
        assert values[:, column] == pytest.approx(np.full(1000, share))
    assert values[:, 3] == pytest.approx(np.full(1000, np.average(t.growth, weights=t.weight)))


@pytest.mark.parametrize("follows", [1, -1])
def test_last_sign_learns_whether_moves_go_on_or_turn_back(follows: int) -> None:
    newest = LESSON.rows.values[:, 0]
    direction = follows * np.sign(newest).astype(np.int64)
    model = make_forecaster("last_sign")
    model.learn(replace(LESSON, targets=replace(LESSON.targets, direction=direction)))
    values = model.predict(LESSON.rows)
    rose = values[newest > 0.0]
    assert (rose[:, 0 if follows > 0 else 1] > 0.97).all()
    assert (values[newest == 0.0, 2] > 0.7).all()
    assert len(np.unique(values[:, 0])) == 3


def test_last_sign_without_a_return_says_the_base_rate() -> None:
    base, model = make_forecaster("base_rate"), make_forecaster("last_sign", {"feature": "gappy"})
    for one in (base, model):
        one.learn(LESSON)
    gaps = np.isnan(LESSON.rows.values[:, 3])
    assert model.predict(LESSON.rows)[gaps] == pytest.approx(base.predict(LESSON.rows)[gaps])
    assert not (model.predict(LESSON.rows)[~gaps] == base.predict(LESSON.rows)[~gaps]).all()


@pytest.mark.parametrize(("feature", "what"), [("rsi", "there is no feature 'rsi'"), ("", "'return' in its name")])
def test_last_sign_needs_a_return(feature: str, what: str) -> None:
    rows = replace(LESSON.rows, names=("a", "b", "c", "d", "e"))
    with pytest.raises(ModelError, match=what) as caught:
        make_forecaster("last_sign", {"feature": feature}).learn(replace(LESSON, rows=rows))
    assert "a, b, c, d, e" in caught.value.fix
