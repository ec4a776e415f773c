"""What each of several strategies contributed to the result of the account they share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tradewright.analytics.equity_path import Records
from tradewright.core.types.ledger import LedgerKind
from tradewright.core.types.order import OrderStatus
from tradewright.services.report.numbers import Floats, RunResult

_MICRO = 1e6
_CARRY = (LedgerKind.BORROW, LedgerKind.FUNDING)


@dataclass(frozen=True, slots=True)
class Contribution:
    """One strategy's part, in account currency.

    ``result`` is after all costs, open positions at their last mark; all of them together are the account's.
    ``trades`` were closed, ``won`` of them with a profit; ``denied`` wishes were refused.
    """

    strategy: str
    instruments: tuple[str, ...]
    result: float
    commission: float
    carry: float
    trades: int
    won: int
    denied: int


def contributions(
    result: RunResult, trips: Records, fx: Floats, members: Sequence[Mapping[str, Any]]
) -> tuple[Contribution, ...]:
    """Return the part of each member, as a manifest names it (``name``, ``symbols``); nothing for one strategy alone.

    ``fx``: f8[n_instruments], account currency per unit of each instrument's currency at the end.
    """
    symbols = [instrument.symbol for instrument in result.instruments]
    unit_values = np.array([float(i.unit_value) for i in result.instruments])
    open_lots = np.zeros(len(symbols))
    np.add.at(open_lots, result.fills["instrument"], result.fills["side"] * result.fills["lots"])
    held = np.where(open_lots != 0.0, open_lots * unit_values * result.marks * fx, 0.0)
    found = []
    for member in members:
        own = [symbols.index(symbol) for symbol in member["symbols"]]
        ledger, fills, orders, closed = (_of(rows, own) for rows in (result.ledger, result.fills, result.orders, trips))
        closed = closed[closed["is_open"] == 0]
        found.append(
            Contribution(
                strategy=member["name"],
                instruments=tuple(member["symbols"]),
                result=float(ledger["cash_micro"].sum() / _MICRO + held[own].sum()),
                commission=float(fills["fee_micro"].sum()) / _MICRO,
                carry=-float(ledger["cash_micro"][np.isin(ledger["kind"], _CARRY)].sum()) / _MICRO,
                trades=len(closed),
                won=int((closed["pnl_micro"] > 0).sum()),
                denied=int((orders["status"] == OrderStatus.DENIED).sum()),
            )
        )
    return tuple(found)


def _of(rows: Records, own: Sequence[int]) -> Records:
    return rows[np.isin(rows["instrument"], own)]
