from __future__ import annotations

import math

import numpy as np
import pytest

from tradewright.analytics.round_trips import round_trips
from tradewright.core.types.dtypes import fill_dtype, round_trip_dtype
from tradewright.core.types.errors import DataError
from tradewright.core.types.order import Origin

Records = np.ndarray[tuple[int], np.dtype[np.void]]

ONE = np.ones(1)


def _fills(*rows: tuple[int, int, float], fee: int = 0, instrument: int = 0) -> Records:
    """Fills of one instrument from (side, lots, price), one second and one event apart, unit value 1."""
    fills = np.zeros(len(rows), fill_dtype)
    position = 0
    for k, (side, lots, price) in enumerate(rows):
        position += side * lots
        record = fills[k : k + 1]
        record["id"] = k + 1
        record["instrument"] = instrument
        record["side"] = side
        record["lots"] = lots
        record["price"] = price
        record["fx"] = 1.0
        record["cash_micro"] = round(-side * lots * price * 1e6)
        record["fee_micro"] = fee
        record["position_lots"] = position
        record["origin"] = Origin.STRATEGY
        record["event"] = k
        record["ts_event"] = (k + 1) * 1_000_000_000
    return fills


def test_no_fills() -> None:
    trips = round_trips(np.zeros(0, fill_dtype), ONE, ONE, ONE)
    assert trips.dtype == round_trip_dtype
    assert len(trips) == 0


def test_one_trip_in_parts() -> None:
    fills = _fills((1, 2, 10.0), (1, 1, 13.0), (-1, 1, 12.0), (-1, 2, 15.0), fee=100_000)
    fills["origin"][3] = Origin.TAKE_PROFIT
    (trip,) = round_trips(fills, ONE, np.array([math.nan]), ONE)
    assert (trip["side"], trip["lots"], trip["fills"], trip["is_open"]) == (1, 3, 4, 0)
    assert (trip["entry_price"], trip["exit_price"]) == (11.0, 14.0)
    assert (trip["pnl_micro"], trip["fee_micro"]) == (8_600_000, 400_000)
    assert (trip["entry_ts"], trip["exit_ts"]) == (1_000_000_000, 4_000_000_000)
    assert (trip["entry_event"], trip["exit_event"]) == (0, 3)
    assert trip["exit_origin"] == Origin.TAKE_PROFIT


def test_turning_around_ends_one_trip_and_begins_the_next() -> None:
    trips = round_trips(_fills((1, 2, 10.0), (-1, 5, 12.0), (1, 3, 11.0), fee=50), ONE, ONE, ONE)
    assert trips["side"].tolist() == [1, -1]
    assert trips["lots"].tolist() == [2, 3]
    assert trips["pnl_micro"].tolist() == [4_000_000 - 70, 3_000_000 - 80]
    assert trips["fee_micro"].tolist() == [50 + 20, 30 + 50]
    assert trips["entry_price"].tolist() == [10.0, 12.0]
    assert trips["exit_price"].tolist() == [12.0, 11.0]
    assert trips["exit_event"].tolist() == [1, 2]
    assert trips["entry_event"].tolist() == [0, 1]
    assert trips["fills"].tolist() == [2, 2]


def test_open_trip_is_valued_at_the_mark() -> None:
    fills = _fills((-1, 4, 10.0), (1, 1, 9.0), fee=1_000)
    (trip,) = round_trips(fills, ONE, np.array([8.0]), ONE)
    assert (trip["is_open"], trip["side"], trip["lots"]) == (1, -1, 4)
    assert trip["pnl_micro"] == 1_000_000 + 6_000_000 - 2_000
    assert trip["exit_price"] == 9.0
    (untouched,) = round_trips(fills[:1], ONE, np.array([8.0]), ONE)
    assert math.isnan(untouched["exit_price"])


def test_instruments_are_kept_apart_and_trips_come_in_order_of_entry() -> None:
    first = _fills((1, 1, 10.0), (-1, 1, 11.0))
    second = _fills((-1, 1, 5.0), (1, 2, 4.0), instrument=1)
    fills = np.concatenate([second[:1], first[:1], second[1:], first[1:]])
    trips = round_trips(fills, np.ones(2), np.array([math.nan, 6.0]), np.ones(2))
    assert trips["instrument"].tolist() == [1, 0, 1]
    assert trips["pnl_micro"].tolist() == [1_000_000, 1_000_000, 2_000_000]
    assert trips["is_open"].tolist() == [0, 0, 1]


def test_unit_value_and_conversion_rate_count_in_the_open_value() -> None:
    fills = _fills((1, 2, 10.0))
    fills["cash_micro"] = -2 * 10 * 50 * 1_250_000
    (trip,) = round_trips(fills, np.array([50.0]), np.array([11.0]), np.array([1.5]))
    assert trip["pnl_micro"] == (2 * 11 * 50 * 1_500_000) - (2 * 10 * 50 * 1_250_000)


def test_an_open_position_without_a_mark_is_refused() -> None:
    with pytest.raises(DataError, match="no last price"):
        round_trips(_fills((1, 1, 10.0)), ONE, np.array([math.nan]), ONE)


@pytest.mark.parametrize(
    ("field", "value"),
    [("position_lots", 5), ("lots", 0), ("lots", -2), ("instrument", 1), ("instrument", -1)],
)
def test_fills_that_do_not_follow_are_named(field: str, value: int) -> None:
    fills = _fills((1, 2, 10.0), (-1, 2, 11.0), (1, 2, 10.0))
    fills[field][1] = value
    with pytest.raises(DataError) as caught:
        round_trips(fills, ONE, ONE, ONE)
    assert caught.value.where in {"fills, row 1", "fills, row 2"}


def test_other_records_are_refused() -> None:
    with pytest.raises(DataError, match="not fill records"):
        round_trips(np.zeros(1, round_trip_dtype), ONE, ONE, ONE)
