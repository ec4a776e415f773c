"""Own fills as the execution model measures them: one row for each order at the venue that filled."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tradewright.execution.costs.measuring import OwnFills

_UNKNOWN = float("nan")


@dataclass(frozen=True, slots=True)
class FillRow:
    """One order; fields have the names of the columns of a file that ``tradewright costs measure`` reads.

    ``decided``: when the order was sent, ``filled`` when its last execution was known, ns UTC. ``side`` +1 or -1,
    ``price`` mean of its executions, ``size`` and ``ordered`` in units of value per price. ``decision_price``: the mid
    when it was sent. None: not known. ``fee`` in the instrument's currency.
    """

    symbol: str
    decided: int
    filled: int
    side: int
    price: float
    size: float
    decision_price: float | None
    half_spread_bps: float | None
    fee: float | None
    ordered: float
    maker: bool


def own_fills(rows: Iterable[FillRow]) -> list[OwnFills]:
    """Return rows as samples of the execution model, by instrument."""
    by_symbol: dict[str, list[FillRow]] = {}
    for row in rows:
        by_symbol.setdefault(row.symbol, []).append(row)
    return [_of_symbol(symbol, mine) for symbol, mine in sorted(by_symbol.items())]


def _of_symbol(symbol: str, rows: list[FillRow]) -> OwnFills:
    def column(name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        values = [getattr(row, name) for row in rows]
        return np.array([_UNKNOWN if v is None else float(v) for v in values])

    price, size = column("price"), column("size")
    return OwnFills(
        symbol=symbol,
        decided=np.array([row.decided for row in rows], np.int64),
        filled=np.array([row.filled for row in rows], np.int64),
        side=column("side"),
        decision_price=column("decision_price"),
        price=price,
        half_spread_bps=np.nan_to_num(column("half_spread_bps")),
        fee_share=column("fee") / (price * size),
        fill_ratio=np.minimum(size / column("ordered"), 1.0),
        is_maker=np.array([row.maker for row in rows], np.bool_),
    )
