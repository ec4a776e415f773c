from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
import pytest

from tradewright.core.types.account import Account
from tradewright.core.types.dtypes import signal_dtype
from tradewright.core.types.forecast import ForecastRow
from tradewright.core.types.order import OrderKind, TimeInForce
from tradewright.core.types.signal import AttachUnit, SignalVerb, SizeUnit
from tradewright.strategies import columns, signals
from tradewright.strategies.columns import P_UP, POSITION, SHARE

Table: TypeAlias = Any  # signal_dtype[n]


@pytest.fixture
def table() -> Table:
    dirty = np.zeros(4, signal_dtype)
    dirty["tag"] = 7  # left over from an earlier decision
    dirty["stop_loss"] = 0.5
    return dirty


def test_wishes_fill_places_in_order_and_clear_them(table: Table) -> None:
    assert signals.market(table, 1.0) == 0
    assert signals.limit(table, -2.0, 99.0, signals.VALUE) == 1
    first, second = table[0], table[1]
    assert (first["verb"], first["kind"]) == (SignalVerb.ORDER, OrderKind.MARKET)
    assert (first["tag"], first["instrument"]) == (0, -1)
    assert math.isnan(first["stop_loss"])
    assert (second["kind"], second["size"], second["limit"]) == (OrderKind.LIMIT, -2.0, 99.0)
    assert second["size_unit"] == SizeUnit.VALUE
    assert table[2]["verb"] == SignalVerb.NONE


def test_a_full_table_is_an_error_and_not_a_lost_wish(table: Table) -> None:
    for _ in range(4):
        signals.market(table, 1.0)
    with pytest.raises(ValueError, match="more signals in one decision"):
        signals.market(table, 1.0)


def test_refinements(table: Table) -> None:
    k = signals.stop_limit(table, 1.0, 101.0, 102.0)
    signals.good_till(table, signals.tagged(table, signals.in_group(table, k, 3), 5), 1234)
    signals.bracket_at(table, signals.reduce_only(table, k), stop_loss=90.0)
    wish = table[k]
    assert (wish["kind"], wish["stop"], wish["limit"]) == (OrderKind.STOP_LIMIT, 101.0, 102.0)
    assert (wish["group"], wish["tag"], wish["tif"], wish["ts_expire"]) == (3, 5, TimeInForce.GTD, 1234)
    assert (wish["is_reduce_only"], wish["attach_unit"], wish["stop_loss"]) == (1, AttachUnit.PRICE, 90.0)
    trail = table[signals.trailing_stop(table, -1.0, 0.5)]
    assert (trail["kind"], trail["trail"]) == (OrderKind.TRAILING_STOP, 0.5)
    assert table[signals.cancel(table, 5)]["verb"] == SignalVerb.CANCEL
    moved = table[signals.replace(table, 5, 98.0)]
    assert (moved["verb"], moved["limit"]) == (SignalVerb.REPLACE, 98.0)


def test_targets_are_shares_of_equity_unless_said_otherwise(table: Table) -> None:
    k = signals.on_instrument(table, signals.target(table, 0.5), 2)
    assert (table[k]["is_target"], table[k]["size_unit"], table[k]["instrument"]) == (1, SizeUnit.WEIGHT, 2)
    assert table[signals.immediate(table, k)]["tif"] == TimeInForce.IOC
    assert table[signals.good_for_day(table, k)]["tif"] == TimeInForce.DAY
    assert table[signals.cancel_all(table)]["verb"] == SignalVerb.CANCEL_ALL


def test_zero_in_a_parameter_means_none() -> None:
    assert math.isnan(signals.or_none(0.0))
    assert signals.or_none(0.02) == 0.02


def test_columns_name_the_fields_they_stand_for() -> None:
    assert Account._fields[POSITION] == "position"
    assert Account._fields[SHARE] == "weight"
    assert ForecastRow._fields[P_UP] == "p_up"
    assert Account._fields.index("now") == columns.NOW
