"""What roll rules are told: contracts and figures from files, volumes from bars, the exchange's own days."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from tradewright.core.types.bar import Bars, blank_fields
from tradewright.core.types.calendar import Calendar
from tradewright.core.types.dtypes import VOLUME
from tradewright.core.types.errors import DataError, UsageError
from tradewright.data.continuous import JoinParams, continuous
from tradewright.data.dated_tables import day_number
from tradewright.data.roll_tables import daily_volume, read_contracts, read_figures, trading_days
from tradewright.data.rolls import Contract, Roll
from tradewright.data.sessions import calendar_named

HOUR = 3_600_000_000_000


def bars_of(name: str, first: datetime, closes: list[float]) -> Bars:
    """Make hourly bars with a volume of 1 each."""
    ts = int(first.timestamp()) * 10**9 + HOUR * np.arange(len(closes), dtype=np.int64)
    fields = blank_fields(ts + HOUR)
    fields[:4] = closes
    fields[VOLUME] = 1.0
    return Bars(name, ts, ts + HOUR, fields)


def test_contracts_come_in_order_of_expiry(tmp_path: Path) -> None:
    path = tmp_path / "es.csv"
    path.write_text("symbol,last_day\nESM4,2024-06-21\nESH4,2024-03-15\n", encoding="utf-8")
    assert read_contracts(path) == (
        Contract("ESH4", day_number(date(2024, 3, 15))),
        Contract("ESM4", day_number(date(2024, 6, 21))),
    )
    path.write_text("symbol,last_day\nESM4,soon\n", encoding="utf-8")
    with pytest.raises(DataError, match="row 2, field last_day"):
        read_contracts(path)
    path.write_text("symbol,last_day\n", encoding="utf-8")
    with pytest.raises(DataError, match="no rows"):
        read_contracts(path)


def test_figures_keep_their_column(tmp_path: Path) -> None:
    path = tmp_path / "oi.csv"
    path.write_text("symbol,date,open_interest\nESH4,2024-03-08,12.5\n", encoding="utf-8")
    rows = read_figures(path, "open_interest").rows(named=True)
    assert rows == [{"symbol": "ESH4", "day": day_number(date(2024, 3, 8)), "open_interest": 12.5}]
    with pytest.raises(DataError, match="no column volume"):
        read_figures(path, "volume")


def test_the_exchanges_days_leave_out_its_holidays_and_reach_the_last_contract() -> None:
    contracts = [Contract("ESH4", day_number(date(2024, 3, 15))), Contract("ESM4", day_number(date(2024, 6, 21)))]
    days = trading_days(contracts, calendar_named("CMES"))
    assert day_number(date(2024, 3, 29)) not in days  # Good Friday
    assert day_number(date(2024, 3, 30)) not in days  # a Saturday
    assert days[-1] == day_number(date(2024, 6, 21))
    with pytest.raises(UsageError, match="are not known"):
        trading_days(contracts, Calendar("my own", "UTC"))


def test_a_day_that_begins_in_the_evening_is_called_by_the_next_date() -> None:
    chicago = calendar_named("CMES")
    sunday = datetime(2024, 3, 10, 22, tzinfo=UTC)  # 17:00 in Chicago: Monday's first hour
    old, new = bars_of("ESH4", sunday, [100.0] * 48), bars_of("ESM4", sunday, [110.0] * 48)
    monday = day_number(date(2024, 3, 11))
    assert daily_volume([old], chicago).rows() == [("ESH4", monday, 24.0), ("ESH4", monday + 1, 24.0)]
    roll = Roll(monday + 1, "ESH4", "ESM4")
    made = continuous({"ESH4": old, "ESM4": new}, [roll], int(new.ts_event[-1]), JoinParams("ES", "ratio", chicago))
    assert made.contract.tolist() == [0] * 24 + [1] * 24
    assert made.gaps == (1.1,)
