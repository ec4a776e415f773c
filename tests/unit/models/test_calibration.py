from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tradewright.core.types.errors import ModelError
from tradewright.core.types.rows import Targets
from tradewright.models.calibration import METHODS, Calibration, Method, OutcomeMap, fit_calibration, log_loss

Values = NDArray[np.float64]


def targets_of(direction: NDArray[np.int64], horizon: int = 5) -> Targets:
    n = len(direction)
    return Targets(direction, 0.01 * direction.astype(np.float64), np.arange(n) * 10 + horizon, np.ones(n), horizon)


def overconfident(n: int, seed: int, *, is_flat_possible: bool = True) -> tuple[Values, Targets]:
    """Three shares that are true, and told twice as sure of themselves as they are (log odds doubled)."""
    rng = np.random.default_rng(seed)
    score = rng.normal(size=(n, 3))
    if not is_flat_possible:
        score[:, 2] = -np.inf
    true = np.exp(score) / np.exp(score).sum(axis=1, keepdims=True)
    drawn = (rng.random(n)[:, None] > np.cumsum(true, axis=1)).sum(axis=1)
    told = true**2 / (true**2).sum(axis=1, keepdims=True)
    return np.column_stack([told, 0.01 * (told[:, 0] - told[:, 1])]), targets_of(np.array([1, -1, 0])[drawn])


@pytest.mark.parametrize("method", ["platt", "beta", "isotonic"])
@pytest.mark.parametrize("is_flat_possible", [True, False])
def test_every_method_mends_overconfidence(method: Method, is_flat_possible: bool) -> None:
    values, targets = overconfident(6000, 1, is_flat_possible=is_flat_possible)
    fresh, later = overconfident(6000, 2, is_flat_possible=is_flat_possible)
    done = fit_calibration(values, targets, method, bias=0.0).apply(fresh)
    assert log_loss(done, later) < log_loss(fresh, later) - 0.05
    assert np.abs(done[:, :3].sum(axis=1) - 1.0).max() < 1e-12
    for column, direction in ((0, 1), (1, -1)):
        sure = done[:, column] > 0.6
        # One outcome at a time is not quite the three at once; before, the gap is 0.2.
        assert abs(done[sure, column].mean() - (later.direction[sure] == direction).mean()) < 0.05
    if not is_flat_possible:
        assert (done[:, 2] == 0.0).all()


def test_platt_halves_log_odds_that_were_doubled() -> None:
    rng = np.random.default_rng(3)
    odds = rng.normal(size=40_000)
    up = rng.random(40_000) < 1.0 / (1.0 + np.exp(-odds))
    told = 1.0 / (1.0 + np.exp(-2.0 * odds))
    values = np.column_stack([told, 1.0 - told, 0.0 * told, 0.0 * told])
    targets = targets_of(np.where(up, 1, -1))
    platt = fit_calibration(values, targets, "platt").maps[0]
    beta = fit_calibration(values, targets, "beta").maps[0]
    assert platt is not None
    assert beta is not None
    assert (platt.a, platt.b, platt.c) == pytest.approx((0.5, 0.5, 0.0), abs=0.02)
    assert (beta.a, beta.b, beta.c) == pytest.approx((0.5, 0.5, 0.0), abs=0.03)


def test_beta_bends_where_platt_cannot() -> None:
    # q = sigmoid(2 ln p - 0.5 ln(1 - p) + 0.3): no a = b comes near.
    rng = np.random.default_rng(4)
    p = rng.uniform(0.02, 0.98, 60_000)
    q = 1.0 / (1.0 + np.exp(-(2.0 * np.log(p) - 0.5 * np.log(1.0 - p) + 0.3)))
    values = np.column_stack([p, 1.0 - p, 0.0 * p, 0.0 * p])
    targets = targets_of(np.where(rng.random(60_000) < q, 1, -1))
    found = fit_calibration(values, targets, "beta").maps[0]
    assert found is not None
    assert (found.a, found.b, found.c) == pytest.approx((2.0, 0.5, 0.3), abs=0.1)


def test_isotonic_is_the_pool_of_adjacent_violators() -> None:
    p = np.repeat([0.1, 0.3, 0.5, 0.7, 0.9], 20)
    hits = np.repeat([0.2, 0.5, 0.3, 0.6, 0.8], 20)
    up = np.tile(np.arange(20) / 20, 5) < hits
    values = np.column_stack([p, 1.0 - p, 0.0 * p, 0.0 * p])
    found = fit_calibration(values, targets_of(np.where(up, 1, -1)), "isotonic").maps[0]
    assert found is not None
    line = found.apply(np.array([0.1, 0.3, 0.4, 0.5, 0.6, 0.7, 0.95]))
    assert line.tolist() == pytest.approx([0.2, 0.4, 0.4, 0.4, 0.5, 0.6, 0.8])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(METHODS), st.booleans())
def test_maps_are_monotone(seed: int, method: Method, is_backwards: bool) -> None:
    values, targets = overconfident(200, seed)
    if is_backwards:  # a model that is wrong on purpose is not turned round, it is silenced
        values[:, :2] = values[:, 1::-1]
    for found in fit_calibration(values, targets, method).maps:
        if found is not None:
            line = found.apply(np.linspace(0.0, 1.0, 400))
            assert (np.diff(line) >= -1e-15).all()
            assert ((line > 0.0) & (line < 1.0)).all()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("is_flat_possible", [True, False])
def test_many_equal_one_to_the_bit(method: Method, is_flat_possible: bool) -> None:
    values, targets = overconfident(500, 5, is_flat_possible=is_flat_possible)
    found = fit_calibration(values, targets, method)
    values[::7] = np.nan
    values[1::50, :3] = [0.0, 1.0, 0.0]
    many = found.apply(values)
    one = np.concatenate([found.apply(values[i : i + 1]) for i in range(len(values))])
    assert many.tobytes() == one.tobytes()
    assert found.apply(np.asfortranarray(values)).tobytes() == many.tobytes()
    assert Calibration.model_validate_json(found.model_dump_json()).apply(values).tobytes() == many.tobytes()


def test_nan_rows_stay_nan_and_are_not_learned_from() -> None:
    values, targets = overconfident(400, 6)
    gappy = np.repeat(values, 2, axis=0)
    gappy[1::2] = np.nan
    twice = targets.take(np.repeat(np.arange(len(targets)), 2))
    found = fit_calibration(gappy, twice, "beta")
    assert found == fit_calibration(values, targets, "beta")
    assert np.isnan(found.apply(gappy)[1::2]).all()
    assert not np.isnan(found.apply(gappy)[::2]).any()


def test_weights_count() -> None:
    values, targets = overconfident(400, 7)
    weight = np.where(targets.direction == 1, 3.0, 0.5)
    heavy = Targets(targets.direction, targets.growth, targets.ts_end, weight, 5)
    for method in ("platt", "isotonic"):
        up = fit_calibration(values, heavy, method, 0.0).apply(values)[:, 0].mean()
        assert up > fit_calibration(values, targets, method, 0.0).apply(values)[:, 0].mean() + 0.1


def test_the_best_is_chosen_on_newer_rows() -> None:
    values, targets = overconfident(3000, 8)
    found = fit_calibration(values, targets)
    assert set(found.losses) == set(METHODS)
    assert found.method == min(found.losses, key=lambda m: found.losses[m])
    assert found.method != "none"
    assert found.rows == 3000
    assert found.maps == fit_calibration(values, targets, found.method).maps  # fitted to all rows in the end


def test_a_calibrated_model_is_left_alone() -> None:
    values, targets = overconfident(3000, 9)
    p = np.sqrt(values[:, :3])
    values[:, :3] = p / p.sum(axis=1, keepdims=True)  # undo what made it overconfident
    found = fit_calibration(values, targets)
    assert log_loss(found.apply(values), targets) == pytest.approx(log_loss(values, targets), abs=0.005)


def test_labels_that_reach_into_the_newer_rows_do_not_choose() -> None:
    values, targets = overconfident(200, 10)
    long = Targets(targets.direction, targets.growth, targets.ts_end, targets.weight, 10 * 110)
    found = fit_calibration(values, long)  # with such a horizon no older row is safe
    assert (found.method, found.losses) == ("none", {})


def test_bias_takes_five_percent_of_the_lead() -> None:
    values = np.array([[0.6, 0.3, 0.1, 0.003], [0.2, 0.7, 0.1, -0.005], [0.4, 0.4, 0.2, 0.0], [0.7, 0.3, 0.0, 0.004]])
    done = Calibration(growth=(0.01, -0.02, 0.0)).apply(values)
    expected = [
        [0.585, 0.3, 0.115, 0.003 - 0.015 * 0.01],
        [0.2, 0.675, 0.125, -0.005 + 0.025 * 0.02],
        [0.4, 0.4, 0.2, 0.0],
        [0.69, 0.31, 0.0, 0.004 - 0.01 * 0.01 - 0.01 * 0.02],
    ]
    assert done == pytest.approx(np.array(expected), abs=1e-15)


@settings(max_examples=200, deadline=None)
@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(-1.0, 0.0))
def test_bias_never_changes_sides(first: float, second: float, bias: float) -> None:
    up, down = first * (1.0 - second), second * (1.0 - first)
    flat = 1.0 - up - down
    values = np.array([[up, down, flat, 0.0]])
    done = Calibration(bias=bias).apply(values)[0]
    assert done[0] - done[1] == pytest.approx((1.0 + bias) * (up - down), abs=1e-12)
    assert done[:3].sum() == pytest.approx(1.0, abs=1e-12)
    assert (done[:3] >= -1e-15).all()
    assert max(done[0], done[1]) <= max(up, down) + 1e-15


def test_bias_keeps_the_order_of_forecasts() -> None:
    lead = np.linspace(-0.9, 0.9, 101)
    values = np.column_stack([0.5 + lead / 2, 0.5 - lead / 2, 0.0 * lead, lead])
    done = Calibration(bias=-0.3).apply(values)
    assert all(b > a for a, b in pairwise(done[:, 0]))


def test_expected_return_follows_the_probabilities() -> None:
    values, targets = overconfident(4000, 11)
    growth = np.array([0.01, -0.01, 0.0])
    values[:, 3] = values[:, :3] @ growth
    done = fit_calibration(values, targets, "beta").apply(values)
    assert done[:, 3] == pytest.approx(done[:, :3] @ growth, abs=1e-12)
    assert np.abs(done[:, 3]).mean() < 0.9 * np.abs(values[:, 3]).mean()


def test_none_without_bias_changes_nothing() -> None:
    values, targets = overconfident(100, 12)
    assert (fit_calibration(values, targets, "none", bias=0.0).apply(values) == values).all()


@pytest.mark.parametrize(("rows", "what"), [(49, "49 rows are too few"), (60, "the same outcome")])
def test_what_cannot_be_calibrated_on(rows: int, what: str) -> None:
    values, _ = overconfident(rows, 13)
    with pytest.raises(ModelError, match=what) as caught:
        fit_calibration(values, targets_of(np.ones(rows, np.int64)), "platt")
    assert caught.value.fix


@pytest.mark.parametrize("text", ['{"bias": 0.1}', '{"bias": -1.5}', '{"maps": [null, null]}', '{"method": "vote"}'])
def test_a_calibration_that_makes_no_sense_is_not_read(text: str) -> None:
    with pytest.raises(ValueError, match="validation error"):
        Calibration.model_validate_json(text)


def test_falling_maps_are_not_read() -> None:
    with pytest.raises(ValueError, match="greater than or equal to 0"):
        OutcomeMap(a=-1.0)


def test_log_loss_by_hand() -> None:
    # Of scikit-learn's documentation of `log_loss`: 0.21616.
    p = np.array([[0.9, 0.1], [0.1, 0.9], [0.2, 0.8], [0.65, 0.35]])
    values = np.column_stack([p, np.zeros(4), np.zeros(4)])
    assert log_loss(values, targets_of(np.array([1, -1, -1, 1]))) == pytest.approx(0.21616, abs=1e-5)
