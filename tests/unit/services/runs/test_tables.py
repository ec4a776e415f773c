from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from tradewright.core.types.dtypes import order_dtype, round_trip_dtype
from tradewright.core.types.instrument import Instrument
from tradewright.core.types.order import OrderStatus, Reason
from tradewright.services.runs import tables

INSTRUMENTS = (Instrument("AAA"), Instrument("BBB", lot_size="0.5"))


def test_orders_come_back_to_the_bit_and_carry_words(tmp_path: Path) -> None:
    orders = np.zeros(2, order_dtype)
    orders["instrument"] = [1, 0]
    orders["side"] = [1, -1]
    orders["status"] = [OrderStatus.DENIED, OrderStatus.FILLED]
    orders["reason"] = [Reason.MAX_LEVERAGE, Reason.NONE]
    orders["limit"] = [np.nan, 1.25]
    path = tmp_path / "orders.parquet"
    frame = tables.orders_frame(orders, INSTRUMENTS)
    tables.write_parquet(frame, path)
    assert tables.records_of(path, order_dtype).tobytes() == orders.tobytes()
    assert frame["symbol"].to_list() == ["BBB", "AAA"]
    assert frame["status_word"].to_list() == ["denied", "filled"]
    assert frame["reason_word"].to_list() == ["max leverage", "none"]
    assert frame["side_word"].to_list() == ["buy", "sell"]


def test_no_rows_are_a_table_with_columns(tmp_path: Path) -> None:
    path = tmp_path / "orders.parquet"
    tables.write_parquet(tables.orders_frame(np.zeros(0, order_dtype), INSTRUMENTS), path)
    assert len(tables.records_of(path, order_dtype)) == 0


def test_an_unknown_code_is_written_as_its_number() -> None:
    assert tables.words_of(np.array([10, 99]), OrderStatus) == ["denied", "99"]


def test_an_open_trade_has_no_exit() -> None:
    trips = np.zeros(2, round_trip_dtype)
    trips["instrument"] = [0, 1]
    trips["lots"] = 3
    trips["side"] = [1, -1]
    trips["exit_origin"] = 1
    trips["is_open"] = [0, 1]
    trips["exit_price"] = [2.0, np.nan]
    frame = tables.trades_frame(trips, np.array([0.1, np.nan]), INSTRUMENTS)
    assert frame["exit_price"].to_list() == [2.0, None]
    assert frame["exit_time"].is_null().to_list() == [False, True]
    assert frame["size"].to_list() == [3.0, 1.5]
    assert frame["exit_reason"].to_list() == ["strategy", "still open"]
    assert frame.schema["entry_time"] == pl.Datetime("ns", "UTC")
