"""A run's arrays as files, with words beside the codes, and back to arrays."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradewright.core.types.instrument import Instrument
from tradewright.core.types.ledger import LedgerKind
from tradewright.core.types.order import (
    LossState,
    OrderKind,
    OrderStatus,
    Origin,
    Reason,
    Side,
    TimeInForce,
    TradingState,
    Verb,
)

Records = NDArray[np.void]

_MICRO = 1e6
#: Columns that hold codes, and what the codes mean.
_FILL_WORDS: dict[str, type[IntEnum]] = {"side": Side, "origin": Origin}
_ORDER_WORDS: dict[str, type[IntEnum]] = {
    "kind": OrderKind,
    "side": Side,
    "tif": TimeInForce,
    "origin": Origin,
    "status": OrderStatus,
    "reason": Reason,
}
_LEDGER_WORDS: dict[str, type[IntEnum]] = {"kind": LedgerKind}
_DECISION_WORDS: dict[str, type[IntEnum]] = {
    "verb": Verb,
    "reason": Reason,
    "origin": Origin,
    "kind": OrderKind,
    "side": Side,
    "trading_state": TradingState,
    "loss_state": LossState,
}


def words_of(codes: NDArray[np.int64], kind: type[IntEnum]) -> list[str]:
    """Return each code's name in lower case with spaces; a code without a name as its number."""
    names = {int(member): member.name.lower().replace("_", " ") for member in kind}
    return [names.get(code, str(code)) for code in codes.tolist()]


def fills_frame(fills: Records, instruments: tuple[Instrument, ...]) -> pl.DataFrame:
    """Return fills with symbol, time and words."""
    return _frame(fills, instruments, _FILL_WORDS, "ts_event")


def orders_frame(orders: Records, instruments: tuple[Instrument, ...]) -> pl.DataFrame:
    """Return the order log, denied wishes included, with symbol, time and words."""
    return _frame(orders, instruments, _ORDER_WORDS, "ts_created")


def ledger_frame(ledger: Records, instruments: tuple[Instrument, ...]) -> pl.DataFrame:
    """Return the movements of cash with symbol, time and words."""
    return _frame(ledger, instruments, _LEDGER_WORDS, "ts_event")


def decisions_frame(decisions: Records, instruments: tuple[Instrument, ...]) -> pl.DataFrame:
    """Return the guard's log with symbol, time and words."""
    return _frame(decisions, instruments, _DECISION_WORDS, "ts")


def _frame(
    records: Records, instruments: tuple[Instrument, ...], words: Mapping[str, type[IntEnum]], time: str
) -> pl.DataFrame:
    names = records.dtype.names or ()
    columns: dict[str, pl.Series] = {
        "time": times(records[time]),
        "symbol": _symbols(records["instrument"], instruments),
    }
    columns |= {f"{n}_word": pl.Series(words_of(records[n], k), dtype=pl.String) for n, k in words.items()}
    columns |= {n: pl.Series(np.ascontiguousarray(records[n])) for n in names}
    return pl.DataFrame(columns)


def times(stamps: NDArray[np.int64]) -> pl.Series:
    """Return ns UTC as a column of moments."""
    return pl.Series(np.ascontiguousarray(stamps)).cast(pl.Datetime("ns", "UTC"))


def _symbols(numbers: NDArray[np.int64], instruments: tuple[Instrument, ...]) -> pl.Series:
    known = [i.symbol for i in instruments]
    return pl.Series([known[n] if 0 <= n < len(known) else "" for n in numbers.tolist()], dtype=pl.String)


def equity_frame(stamps: NDArray[np.int64], equity: NDArray[np.float64], exposure: NDArray[np.float64]) -> pl.DataFrame:
    """Return the equity curve."""
    return pl.DataFrame({"time": times(stamps), "equity": equity, "exposure": exposure})


def trades_frame(trips: Records, returns: NDArray[np.float64], instruments: tuple[Instrument, ...]) -> pl.DataFrame:
    """Return round trips as people read them; the exit of an open one is empty."""
    is_open = trips["is_open"] != 0
    lots = np.array([float(i.lot) for i in instruments])
    closed = pl.Series(~is_open)
    reasons = words_of(trips["exit_origin"], Origin)
    return pl.DataFrame(
        {
            "number": np.arange(1, len(trips) + 1),
            "symbol": _symbols(trips["instrument"], instruments),
            "side": ["long" if s > 0 else "short" for s in trips["side"].tolist()],
            "entry_time": times(trips["entry_ts"]),
            "exit_time": times(trips["exit_ts"]),
            "size": trips["lots"] * lots[trips["instrument"]],
            "entry_price": np.ascontiguousarray(trips["entry_price"]),
            "exit_price": np.ascontiguousarray(trips["exit_price"]),
            "result": trips["pnl_micro"] / _MICRO,
            "return": returns,
            "fees": trips["fee_micro"] / _MICRO,
            "exit_reason": ["still open" if o else r for o, r in zip(is_open.tolist(), reasons, strict=True)],
        }
    ).with_columns(
        pl.when(closed).then(pl.col(name)).otherwise(None).alias(name) for name in ("exit_time", "exit_price", "return")
    )


def write_parquet(frame: pl.DataFrame, path: Path) -> None:
    """Write a table; equal tables, equal bytes."""
    frame.write_parquet(path, compression="zstd", statistics=False)


def records_of(path: Path, dtype: np.dtype[np.void]) -> Records:
    """Read a table back as records; what is only for people is left out.

    Raises
    ------
    polars.exceptions.PolarsError, OSError
        If the file is missing or damaged.
    """
    frame = pl.read_parquet(path, columns=list(dtype.names or ()))
    records = np.zeros(len(frame), dtype)
    for name in dtype.names or ():
        records[name] = frame[name].to_numpy()
    return records
