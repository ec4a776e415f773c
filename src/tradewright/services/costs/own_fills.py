"""Own fills as the execution model reads them: from run folders, and from a file that a broker or a person wrote."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradewright.core.types.errors import DataError, StoreError, UsageError
from tradewright.core.types.order import OrderKind
from tradewright.data.reading import RawTable
from tradewright.data.times import TimeRule, parse_times
from tradewright.execution.costs.measuring import OwnFills

Stamps = NDArray[np.int64]
Floats = NDArray[np.float64]
#: Columns a file of fills must have, and those it may have.
NEEDED = ("symbol", "decided", "filled", "side", "price", "size")
OPTIONAL = ("decision_price", "half_spread_bps", "fee", "ordered", "maker")
_SIDES = {"buy": 1.0, "b": 1.0, "long": 1.0, "1": 1.0, "sell": -1.0, "s": -1.0, "short": -1.0, "-1": -1.0}
_YES = {"1", "true", "yes", "maker"}


@dataclass(frozen=True, slots=True)
class Arrival:
    """The market as it was known at some times: mid (NaN = unknown) and half spread (0 = unknown), f8[n]."""

    mid: Floats
    half_spread_bps: Floats


#: Answers with the market of a symbol at times i8[n], ns UTC.
Market = Callable[[str, Stamps], Arrival]


def fills_of_run(folder: Path, market: Market) -> list[OwnFills]:
    """Return the fills of a run folder.

    Market orders are measured against the market at the decision, stops against their own price; what an order with a
    limit paid says nothing about slippage.

    Raises
    ------
    StoreError
        If a file is missing or damaged.
    """
    try:
        fills = pl.read_parquet(folder / "fills.parquet")
        orders = pl.read_parquet(folder / "orders.parquet")
    except (OSError, pl.exceptions.PolarsError) as error:
        raise StoreError(f"damaged: {error}", where=str(folder), fix="Run the backtest again.") from error
    chosen = orders.select("kind", "stop", "ts_created", lots_ordered="lots", lots_filled="filled", order="id")
    joined = fills.join(chosen, on="order", how="inner", maintain_order="left")
    last = pl.col("id") == pl.col("id").max().over("order")
    joined = joined.with_columns(
        fee_share=pl.col("fee_micro") / pl.col("cash_micro").abs(),
        fill_ratio=pl.when(last).then(pl.col("lots_filled") / pl.col("lots_ordered")).otherwise(float("nan")),
    )
    found = []
    for (symbol,), mine in sorted(joined.group_by("symbol", maintain_order=True), key=lambda item: str(item[0])):
        decided = mine["ts_created"].to_numpy()
        arrival = market(str(symbol), decided)
        kind = mine["kind"].to_numpy()
        is_market = kind == OrderKind.MARKET
        is_stop = (kind == OrderKind.STOP) | (kind == OrderKind.TRAILING_STOP)
        filled = mine["ts_event"].to_numpy()
        found.append(
            OwnFills(
                symbol=str(symbol),
                decided=np.where(is_market, decided, filled),
                filled=filled,
                side=mine["side"].to_numpy().astype(np.float64),
                decision_price=np.where(is_market, arrival.mid, np.where(is_stop, mine["stop"].to_numpy(), np.nan)),
                price=mine["price"].to_numpy(),
                half_spread_bps=np.where(is_market, arrival.half_spread_bps, 0.0),
                fee_share=mine["fee_share"].to_numpy(),
                fill_ratio=mine["fill_ratio"].to_numpy(),
                is_maker=mine["is_maker"].to_numpy() != 0,
            )
        )
    return found


def fills_of_file(path: Path, market: Market) -> list[OwnFills]:
    """Return the fills of a CSV or Parquet file with the columns `NEEDED` and any of `OPTIONAL`.

    ``decided`` and ``filled`` are times with a zone, or epoch numbers; ``side`` is buy or sell; ``fee`` is an amount in
    the instrument's currency; ``ordered`` the size of the whole order; ``maker`` yes or no; ``half_spread_bps`` of the
    quote at the decision, else of the recorded market.

    Raises
    ------
    UsageError, DataError
        If the file is not there, lacks a column, or a row breaks a rule; names the row.
    """
    table = _read(path)
    frame = table.frame
    if frame.is_empty():
        return []
    decided, filled = (_times(table, name) for name in ("decided", "filled"))
    late = np.flatnonzero(filled < decided)
    if len(late):
        raise DataError(
            "it was filled before it was decided", where=table.place(int(late[0]), "filled"), fix="Mend it."
        )
    price, size = (_positive(table, name) for name in ("price", "size"))
    words = frame["side"].cast(pl.String).str.strip_chars().str.to_lowercase()
    wrong = (~words.is_in(list(_SIDES))).fill_null(True).arg_true()
    if len(wrong):
        raise DataError(
            f"'{words[int(wrong[0])]}' is no side", where=table.place(int(wrong[0]), "side"), fix="buy, sell"
        )
    side = np.array([_SIDES[w] for w in words.to_list()])
    fee = _numbers(table, "fee") if "fee" in frame.columns else np.full(len(frame), np.nan)
    ordered = _positive(table, "ordered") if "ordered" in frame.columns else np.full(len(frame), np.nan)
    known = _numbers(table, "decision_price") if "decision_price" in frame.columns else np.full(len(frame), np.nan)
    half = _numbers(table, "half_spread_bps") if "half_spread_bps" in frame.columns else np.full(len(frame), np.nan)
    maker = (
        frame["maker"].cast(pl.String).str.to_lowercase().is_in(list(_YES)).fill_null(False).to_numpy()
        if "maker" in frame.columns
        else np.zeros(len(frame), np.bool_)
    )
    symbols = frame["symbol"].cast(pl.String).str.strip_chars()
    found = []
    for symbol in sorted(symbols.unique().to_list()):
        mine = (symbols == symbol).to_numpy()
        arrival = market(symbol, decided[mine])
        found.append(
            OwnFills(
                symbol=symbol,
                decided=decided[mine],
                filled=filled[mine],
                side=side[mine],
                decision_price=np.where(np.isnan(known[mine]), arrival.mid, known[mine]),
                price=price[mine],
                half_spread_bps=np.where(np.isnan(half[mine]), arrival.half_spread_bps, half[mine]),
                fee_share=fee[mine] / (price[mine] * size[mine]),
                fill_ratio=np.minimum(size[mine] / ordered[mine], 1.0),
                is_maker=maker[mine],
            )
        )
    return found


def _read(path: Path) -> RawTable:
    if not path.is_file():
        raise UsageError("no such file", where=str(path), fix="Check the path.")
    is_csv = path.suffix.lower() == ".csv"
    try:
        frame = pl.read_csv(path, infer_schema=False) if is_csv else pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).split("\n", 1)[0]
        raise DataError(f"cannot be read: {reason}", where=str(path), fix="Give a .csv or .parquet file.") from error
    missing = [name for name in NEEDED if name not in frame.columns]
    if missing:
        fix = f"Needed: {', '.join(NEEDED)}; known: {', '.join(OPTIONAL)}."
        raise DataError(f"no column {', '.join(missing)}", where=str(path), fix=fix)
    return RawTable(path.name, frame, 2 if is_csv else 1)


def _times(table: RawTable, name: str) -> Stamps:
    stamps = parse_times(RawTable(table.name, table.frame.select(time=pl.col(name)), table.first_row), TimeRule())
    if stamps.is_date:
        raise DataError("a date is no moment", where=table.place(0, name), fix="Write the time of day, with its zone.")
    return stamps.values


def _numbers(table: RawTable, name: str) -> Floats:
    column = table.frame[name]
    numbers = column.cast(pl.Float64, strict=False)
    bad = (numbers.is_null() & column.is_not_null() & (column.cast(pl.String) != "")).arg_true()
    if len(bad):
        place = table.place(int(bad[0]), name)
        raise DataError(f"'{column[int(bad[0])]}' is not a number", where=place, fix="Correct the cell.")
    values: Floats = numbers.fill_null(np.nan).to_numpy().astype(np.float64)
    return values


def _positive(table: RawTable, name: str) -> Floats:
    values = _numbers(table, name)
    bad = np.flatnonzero(~((values > 0.0) & np.isfinite(values)))
    if len(bad):
        raise DataError("must be above zero", where=table.place(int(bad[0]), name), fix="Correct the cell.")
    return values
