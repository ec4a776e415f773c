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


FIRST = {
    "max_order_value": None,
    "max_position_value": None,
    "max_leverage": 1.5,
    "max_open_positions": None,
    "intraday_loss": None,
    "max_drawdown": None,
}


def test_what_was_written_before_the_guard_is_written_the_same() -> None:
    assert Limits(max_leverage=1.5).model_dump(mode="json") == FIRST
    assert list(Limits(max_leverage=1.5).model_dump(mode="json")) == list(FIRST)
    assert not Limits(max_leverage=1.5).has_guard


@pytest.mark.parametrize(
    "limits",
    [
        {"collar": {"share": 0.02}},
        {"signals_per_hour": [{"per_hour": 3}]},
        {"prop": {"rules": ["ftmo.2step.challenge"]}, "prevent_self_match": True},
        {"max_order_value": 5.0, "ceilings": {"max_order_value": 6.0}},
    ],
)
def test_what_is_written_is_read_back(limits: dict[str, Any]) -> None:
    given = Limits.model_validate(limits)
    written = given.model_dump(mode="json")
    assert Limits.model_validate(written) == given
    assert set(written) == set(FIRST) | set(limits)
    assert given.has_guard == ("ceilings" not in limits)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"max_order_size": 11, "max_position_size": 10}, "contradictory limits: `max_order_size`"),
        ({"max_net_value": 11, "max_gross_value": 10}, "contradictory limits: `max_net_value`"),
        ({"intraday_loss_needs_reset": True}, "needs `intraday_loss`"),
        ({"collar": {}}, "give a width"),
        ({"throttle": {"per_second": 1, "burst": 1, "cancel_share": 0.5}}, "leaves no message"),
        ({"signals_per_hour": [{"confidence": 0.6, "per_hour": 1}, {"per_hour": 1}]}, "must ascend"),
        ({"ceilings": {"max_leverage": 2.0}}, "contradictory limits: `ceilings.max_leverage`"),
        ({"max_leverage": 3.0, "ceilings": {"max_leverage": 2.0}}, "contradictory limits: `ceilings.max_leverage`"),
        (
            {"allowed": ["X"], "canary": {"symbols": ["Y"], "max_orders_per_day": 1, "max_order_value": 1,
             "max_position_value": 1}},
            "contradictory limits: `canary.symbols`",
        ),
        (
            {"max_order_value": 5, "canary": {"symbols": ["Y"], "max_orders_per_day": 1, "max_order_value": 6,
             "max_position_value": 6}},
            "contradictory limits: `canary.max_order_value`",
        ),
        ({"intraday_loss": 5}, "for 5 % write 0.05"),
        ({"collar": {"share": 2}}, "for 2 % write 0.02"),
    ],
)  # fmt: skip
def test_contradictions_are_refused(limits: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Limits.model_validate(limits)
