"""Own fills from a file, and what is wrong with one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tradewright.core.types.errors import DataError, TradewrightError, UsageError
from tradewright.services.costs.own_fills import Arrival, fills_of_file

HEAD = "symbol,decided,filled,side,price,size,decision_price,fee,ordered,maker"
GOOD = "EURUSD,2026-01-05T09:00:00Z,2026-01-05T09:00:00.250Z,buy,1.1001,1000,1.1,0.11,2000,no"


def market(_symbol: str, ts: NDArray[np.int64]) -> Arrival:
    return Arrival(np.full(len(ts), 1.0), np.full(len(ts), 0.5))


def file(folder: Path, *lines: str) -> Path:
    path = folder / "fills.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_fill_is_read(tmp_path: Path) -> None:
    (found,) = fills_of_file(file(tmp_path, HEAD, GOOD), market)
    assert found.symbol == "EURUSD"
    assert (found.filled - found.decided).tolist() == [250_000_000]
    assert found.decision_price.tolist() == [1.1]
    assert found.half_spread_bps.tolist() == [0.5]
    assert found.fee_share[0] == pytest.approx(1e-4, rel=1e-3)
    assert found.fill_ratio.tolist() == [0.5]
    assert found.is_maker.tolist() == [False]


def test_what_is_optional_may_be_missing_and_the_recorded_market_stands_in(tmp_path: Path) -> None:
    lines = ("symbol,decided,filled,side,price,size", "X,1767600000000,1767600001000,SELL,99,5")
    (found,) = fills_of_file(file(tmp_path, *lines), market)
    assert found.decision_price.tolist() == [1.0]
    assert found.side.tolist() == [-1.0]
    assert np.isnan([found.fee_share[0], found.fill_ratio[0]]).all()


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("buy", "up", "row 2, field side"),
        ("1.1001", "-1", "row 2, field price"),
        ("1.1001", "dear", "row 2, field price"),
        (",1000,", ",0,", "row 2, field size"),
        ("09:00:00.250Z", "08:00:00.250Z", "row 2, field filled"),
        ("2026-01-05T09:00:00Z", "soon", "row 2"),
        ("0.11", "some", "row 2, field fee"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, old: str, new: str, where: str) -> None:
    with pytest.raises(TradewrightError) as error:
        fills_of_file(file(tmp_path, HEAD, GOOD.replace(old, new)), market)
    assert where in error.value.where


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        fills_of_file(tmp_path / "none.csv", market)
    with pytest.raises(DataError, match="no column decided, filled"):
        fills_of_file(file(tmp_path, "symbol,side,price,size", "X,buy,1,1"), market)
