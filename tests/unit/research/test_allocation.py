"""Weights: known answers of the optimisers, nothing known too early, and what trading back costs."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from tradewright.core.types.errors import UsageError
from tradewright.research.allocation import (
    Allocation,
    AllocationParams,
    DailyReturns,
    HedgeParams,
    Method,
    allocate,
)

DAY = 86_400_000_000_000
START = int(np.datetime64("2020-01-01T21:00", "ns").astype(np.int64))
OPTIMISED: tuple[Method, ...] = ("inverse_volatility", "risk_parity", "equal_risk", "hrp", "min_variance")


def market(deviations: tuple[float, ...] = (0.01, 0.02, 0.04), days: int = 90, seed: int = 1) -> DailyReturns:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(days, len(deviations))) * np.array(deviations)
    stamps = START + DAY * np.arange(days)
    return DailyReturns(tuple("ABCDEF"[: len(deviations)]), stamps, values)


def run(method: Method = "equal_weight", returns: DailyReturns | None = None, **params: object) -> Allocation:
    given = {"method": method, "window": 40, "cost_bps": 0.0, **params}
    return allocate(returns or market(), AllocationParams.model_validate(given))


@pytest.mark.parametrize("method", OPTIMISED)
def test_weights_are_whole_positive_and_smaller_where_risk_is_larger(method: Method) -> None:
    found = run(method)
    assert found.weights.sum(axis=1) == pytest.approx(1.0)
    assert (found.weights >= 0.0).all()
    assert (np.diff(found.weights.mean(axis=0)) < 0.0).all()


def test_risk_parity_gives_each_part_the_same_share_of_variance() -> None:
    returns = market()
    found = run("risk_parity", returns)
    window = returns.values[:40]
    weights, covariance = found.weights[0], np.cov(window, rowvar=False)
    shares = weights * (covariance @ weights) / (weights @ covariance @ weights)
    assert shares == pytest.approx(np.full(3, 1 / 3), abs=1e-3)


def test_minimum_variance_of_two_uncorrelated_parts_is_the_textbooks() -> None:
    # w = (1/v1, 1/v2) / sum; orthogonal columns of equal mean leave nothing to shrink off the diagonal but its spread
    pattern = np.tile([[1.0, 1.0], [-1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]], (250, 1)) * np.array([0.01, 0.02])
    returns = DailyReturns(("A", "B"), START + DAY * np.arange(1000), pattern)
    found = run("min_variance", returns, window=960)
    assert found.weights[0] == pytest.approx([0.8, 0.2], abs=0.005)


@pytest.mark.parametrize("method", OPTIMISED)
def test_no_weight_knows_a_later_day(method: Method) -> None:
    returns = market()
    cut = 70
    changed = returns.values.copy()
    changed[cut:] = np.random.default_rng(9).normal(size=changed[cut:].shape)
    before = run(method, returns)
    after = run(method, DailyReturns(returns.names, returns.stamps, changed))
    known = before.stamps < returns.stamps[cut]
    assert known.sum() >= 2
    assert before.weights[known].tobytes() == after.weights[after.stamps < returns.stamps[cut]].tobytes()


def test_what_is_decided_at_the_end_of_a_day_earns_from_the_next_one_on() -> None:
    returns = market((0.01, 0.01), days=45)
    found = run("equal_weight", returns, every="day")
    assert found.stamps[0] == returns.stamps[39]
    assert found.days[0] == returns.stamps[40]
    assert found.returns == pytest.approx(returns.values[40:].mean(axis=1))


def test_the_first_day_of_a_month_is_due_and_its_last_is_not() -> None:
    found = run(returns=market(days=120), every="month")
    days = found.stamps[1:].astype("datetime64[ns]").astype("datetime64[D]")
    assert [str(d) for d in days] == ["2020-03-01", "2020-04-01"]


def test_a_band_and_a_penalty_trade_less() -> None:
    short = market(days=60)
    free = run("equal_risk", short, every="day")
    banded = run("equal_risk", short, every="day", band=0.05)
    penalised = run("equal_risk", short, every="day", turnover_penalty=0.01)
    assert len(banded.stamps) < len(free.stamps)
    assert banded.turnover.sum() < free.turnover.sum()
    assert penalised.turnover.sum() < free.turnover.sum()
    assert (penalised.weights.sum(axis=1) <= 1.0 + 1e-9).all()


def test_turnover_is_paid_for() -> None:
    free, paid = (run("equal_risk", every="week", cost_bps=cost) for cost in (0.0, 50.0))
    assert paid.costs.sum() == pytest.approx(paid.turnover.sum() * 0.005)
    assert paid.returns.sum() == pytest.approx(free.returns.sum() - paid.costs.sum(), abs=1e-12)


def test_a_part_that_begins_later_waits_for_a_whole_window() -> None:
    returns = market(days=100)
    returns.values[:30, 2] = np.nan
    found = run("equal_risk", returns, every="day")
    held = found.weights[:, 2] > 0.0
    assert not held[found.stamps < returns.stamps[69]].any()
    assert held[found.stamps >= returns.stamps[69]].all()


def test_a_part_that_ends_is_left() -> None:
    returns = market(days=100)
    returns.values[60:, 0] = np.nan
    found = run("equal_risk", returns, every="day")
    assert (found.weights[found.stamps >= returns.stamps[60], 0] == 0.0).all()


def falling() -> DailyReturns:
    """Return two parts that fall from day 50 to 59 and then rise, and an index that moves twice as much."""
    values = np.zeros((90, 3))
    values[:50, :2] = np.tile([[0.001, -0.001], [-0.001, 0.001]], (25, 1))
    values[50:60, :2], values[60:, :2] = -0.01, 0.01
    values[:, 2] = 2 * values[:, 0]
    return DailyReturns(("A", "B", "INDEX"), START + DAY * np.arange(90), values)


def test_a_hedge_is_opened_in_a_drawdown_closed_at_half_of_it_and_its_cost_is_shown() -> None:
    params = AllocationParams(method="equal_weight", window=40, cost_bps=10.0)
    found = allocate(falling(), params, HedgeParams(name="INDEX", share=0.5, drawdown=0.05))
    plain = allocate(falling(), params, HedgeParams(name="INDEX", share=0.5, drawdown=0.5))
    assert found.names == ("A", "B", "INDEX")
    changes = np.flatnonzero(np.diff(found.weights[:, 2]) != 0.0) + 1
    # 0.99^5 = 0.951, 0.99^6 = 0.941: the sixth day of the fall; back above 0.975 on day 67 (0.9044 x 1.01^8 = 0.979)
    assert [int((found.stamps[k] - START) // DAY) for k in changes] == [55, 67]
    assert set(found.weights[:, 2]) == {0.0, -0.5}
    # held from day 56 to 67: four falls of 2 % and eight rises of 2 % at half the equity, and 10 bps of 0.5 twice
    assert found.hedge_returns.sum() == pytest.approx(0.5 * 0.02 * (4 - 8) - 2 * 0.5 * 0.001)
    assert found.returns - found.hedge_returns == pytest.approx(plain.returns)


@pytest.mark.parametrize(
    ("returns", "hedge"),
    [(market((0.01,)), None), (market(days=40), None), (market(), HedgeParams(name="Z"))],
)
def test_too_little_to_allocate_is_refused(returns: DailyReturns, hedge: HedgeParams | None) -> None:
    with pytest.raises(UsageError):
        allocate(returns, AllocationParams(method="equal_weight", window=40), hedge)


def test_a_bound_that_a_method_does_not_know_is_refused() -> None:
    with pytest.raises(ValidationError, match="max_weight"):
        AllocationParams(method="inverse_volatility", max_weight=0.5)


def test_bounds_that_leave_no_whole_are_refused() -> None:
    with pytest.raises(UsageError, match="do not make a whole"):
        run("min_variance", max_weight=0.3)


def test_the_largest_weight_is_kept() -> None:
    assert run("min_variance", max_weight=0.5).weights.max() <= 0.5 + 1e-6
