"""Every registered feature satisfies the contract, and the contract catches features that do not."""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest

from tradewright.core.kernel.compiled import inlined
from tradewright.core.types.dtypes import BUY_VOLUME, CLOSE, SESSION
from tradewright.core.types.feature import Feature, Floats, Step
from tradewright.features import REGISTRY, FeatureContractError, check_feature
from tradewright.features.contract import contract_bars


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_registered_feature_satisfies_the_contract(name: str) -> None:
    check_feature(REGISTRY[name]())


@pytest.mark.parametrize("length", [2, 3, 61])
@pytest.mark.parametrize("name", sorted(n for n, c in REGISTRY.items() if inspect.signature(c).parameters))
def test_registered_feature_satisfies_the_contract_at_other_lengths(name: str, length: int) -> None:
    check_feature(REGISTRY[name](length), seed=length)


@inlined
def peeking_step_nb(_state: Floats, _params: Floats, fields: Floats, i: int) -> float:
    """Read the next bar's close, and the present one's at the end."""
    ahead = min(i + 1, fields.shape[1] - 1)
    return float(fields[CLOSE, ahead])


@inlined
def looking_back_step_nb(_state: Floats, _params: Floats, fields: Floats, i: int) -> float:
    """Read the last bar from the market data, which is not there when events come singly."""
    return float(fields[CLOSE, i - 1] if i > 0 else fields[CLOSE, i])


@inlined
def scribbling_step_nb(_state: Floats, _params: Floats, fields: Floats, i: int) -> float:
    """Write into the market data."""
    fields[CLOSE, i] = 1.0
    return 1.0


@inlined
def late_step_nb(state: Floats, _params: Floats, _fields: Floats, _i: int) -> float:
    """NaN for one bar although no warm-up is declared."""
    state[0] += 1.0
    return math.nan if state[0] == 1.0 else 1.0


@inlined
def infinite_step_nb(state: Floats, _params: Floats, fields: Floats, i: int) -> float:
    """Divide by a change, which is 0 where the price stands still."""
    change = fields[CLOSE, i] - state[0]
    state[0] = fields[CLOSE, i]
    return float(1.0 / change)


@inlined
def retuning_step_nb(_state: Floats, params: Floats, _fields: Floats, _i: int) -> float:
    """Write into the parameters."""
    params[0] += 1.0
    return float(params[0])


@pytest.mark.parametrize(
    ("step", "warmup", "complaint"),
    [
        (peeking_step_nb, 0, "single events differ"),
        (looking_back_step_nb, 0, "single events differ"),
        (scribbling_step_nb, 0, "writes into the market data"),
        (late_step_nb, 0, "nan at bar 0, after its warm-up"),
        (late_step_nb, 2, "value at bar 1, before its warm-up"),
        (infinite_step_nb, 0, "inf at bar"),
        (retuning_step_nb, 0, "single events differ"),
        (late_step_nb, 10**6, "does not fit"),
    ],
)
def test_contract_catches(step: Step, warmup: int, complaint: str) -> None:
    feature = Feature("bad.v1", step, (1.0,), (0.0,), warmup)
    with pytest.raises(FeatureContractError, match=complaint) as caught:
        check_feature(feature, contract_bars(400))
    assert "bad.v1(1)" in str(caught.value)


def test_contract_bars_hold_the_corners() -> None:
    bars = contract_bars(1000)
    assert np.isfinite(np.delete(bars.fields, BUY_VOLUME, axis=0)).all()
    assert 0.0 < np.isnan(bars.fields[BUY_VOLUME]).mean() < 0.5
    assert (bars.high >= np.maximum(bars.open, bars.close)).all()
    assert (bars.low <= np.minimum(bars.open, bars.close)).all()
    assert (bars.low > 0.0).all()
    assert (np.diff(bars.close) == 0.0).any()
    sessions = bars.fields[SESSION]
    assert min(bars.volume[sessions == s].sum() for s in np.unique(sessions)) == 0.0
