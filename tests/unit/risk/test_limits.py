from __future__ import annotations

import math
from typing import Any

import pytest
from pydantic import ValidationError

from tradewright.core.types.dtypes import limits_dtype
from tradewright.risk.limits import Limits

AMOUNTS = ("max_order_value", "max_position_value", "max_leverage")
SHARES = ("intraday_loss", "max_drawdown")


def test_limits_left_out_never_bind() -> None:
    record = Limits().to_record()
    assert record.dtype == limits_dtype
    assert record.shape == (1,)
    for name in (*AMOUNTS, *SHARES):
        assert record[name][0] == math.inf
    assert record["max_open_positions"][0] == 2**62


def test_limits_given_stand_in_the_record() -> None:
    given: dict[str, Any] = dict.fromkeys(AMOUNTS, 5.0) | dict.fromkeys(SHARES, 0.5) | {"max_open_positions": 0}
    record = Limits(**given).to_record()
    assert {name: record[name][0] for name in given} == given
    assert set(given) == set(limits_dtype.names or ())


@pytest.mark.parametrize("name", AMOUNTS)
@pytest.mark.parametrize("value", [0.0, -1.0, math.inf, math.nan])
def test_amounts_are_positive_and_finite(name: str, value: float) -> None:
    with pytest.raises(ValidationError, match=name):
        Limits.model_validate({name: value})


@pytest.mark.parametrize("name", SHARES)
@pytest.mark.parametrize("value", [0.0, -0.1, 1.01, math.nan])
def test_shares_lie_between_nothing_and_everything(name: str, value: float) -> None:
    with pytest.raises(ValidationError, match=name):
        Limits.model_validate({name: value})


def test_open_positions_are_counted_from_zero() -> None:
    with pytest.raises(ValidationError, match="max_open_positions"):
        Limits(max_open_positions=-1)


def test_a_misspelt_limit_is_refused_and_limits_do_not_change() -> None:
    with pytest.raises(ValidationError, match="max_leverge"):
        Limits.model_validate({"max_leverge": 2.0})
    with pytest.raises(ValidationError, match="frozen"):
        Limits().max_leverage = 3.0  # type: ignore[misc]
