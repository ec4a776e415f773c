"""A run's account event by event: balance, equity, and the worst and best equity inside each bar.

A run stores its equity at the close of each bar. Between two closes it may have been lower: that is worked out from
positions, fills and the bars' highs and lows. Where several orders of things are possible the bounds hold for all of
them, and several instruments are taken to be at their worst at one time; so the true equity never left the bounds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tradewright.core.kernel.records import instrument_records
from tradewright.core.types.bar import Bars
from tradewright.core.types.errors import DataError
from tradewright.core.types.instrument import Instrument
from tradewright.core.types.ledger import LedgerKind
from tradewright.core.types.order import OrderKind, Origin
from tradewright.core.types.prop import AccountFlag

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Records = NDArray[np.void]

_MICRO = 1e6
_OF_FILLS = (LedgerKind.TRADE, LedgerKind.COMMISSION)
_AT_OPEN = (Origin.STRATEGY, Origin.RISK)
#: Millionths by which a product of doubles may round another way.
_SLACK = 2


class AccountRun(Protocol):
    """What is needed of a finished run; see `engine.backtest.BacktestResult`."""

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """Traded instruments, in the order of their numbers."""

    @property
    def fills(self) -> Records:
        """fill_dtype[k], in order of booking."""

    @property
    def orders(self) -> Records:
        """order_dtype[m]."""

    @property
    def ledger(self) -> Records:
        """ledger_dtype[l]."""

    @property
    def stamps(self) -> Ints:
        """i8[n], ns UTC, ascending."""

    @property
    def equity(self) -> Floats:
        """f8[n], account currency, after each stamp."""

    @property
    def initial_cash(self) -> float:
        """Account currency."""

    @property
    def currency(self) -> str:
        """The account's."""


@dataclass(frozen=True, slots=True)
class EquityPath:
    """An account at each stamp; arrays i8[n], amounts in millionths of the account currency.

    Parameters
    ----------
    stamps : ndarray
        ns UTC, ascending.
    equity, floating : ndarray
        After the stamp: all of it, and the part that is not yet realised.
    low, high : ndarray
        Bounds of equity since the stamp before.
    flags : ndarray
        Bits of `AccountFlag`.
    is_active : ndarray of bool
        A position was open at some time since the stamp before.
    cost : ndarray
        Commission, spread and slippage paid since the stamp before.
    initial : int
        Equity before the first stamp.
    """

    stamps: Ints
    equity: Ints
    floating: Ints
    low: Ints
    high: Ints
    flags: Ints
    is_active: NDArray[np.bool_]
    cost: Ints
    initial: int

    def __len__(self) -> int:
        """Return the number of stamps."""
        return len(self.stamps)


def equity_path(run: AccountRun, bars: Sequence[Bars]) -> EquityPath:
    """Work out a run's equity path.

    Parameters
    ----------
    run : AccountRun
        Made of bars.
    bars : sequence of Bars
        Those of the run, one for each instrument.

    Raises
    ------
    DataError
        If equity, fills and bars do not belong together.
    """
    n = len(run.stamps)
    terms = instrument_records(run.instruments, run.currency)
    closes = [_Prices.of(b, run.stamps) for b in bars]
    kinds = dict(zip(run.orders["id"].tolist(), run.orders["kind"].tolist(), strict=True))
    parts = [_part(run, j, terms[j], _in_currency(j, terms, closes), kinds) for j in range(len(terms))]
    other = run.ledger[~np.isin(run.ledger["kind"], _OF_FILLS)]
    paid = np.cumsum(_at_rows(np.searchsorted(run.stamps, other["ts_event"]), other["cash_micro"], n))
    initial = round(run.initial_cash * _MICRO)
    equity = np.rint(run.equity * _MICRO).astype(np.int64)
    balance = initial + paid + _total(p.realized for p in parts)
    value = initial + paid + _total(p.cash for p in parts) + _total(p.value for p in parts)
    if np.any(np.abs(equity - value) > _SLACK * (len(parts) + 1)):
        row = int(np.argmax(np.abs(equity - value)))
        what = f"equity {equity[row] / _MICRO:,.2f} is not what fills and bars say, {value[row] / _MICRO:,.2f}"
        raise DataError(what, where=f"row {row} of the equity curve", fix="Run the backtest again.")
    is_held = np.logical_or.reduce([p.is_held for p in parts])
    was_held = np.append(False, is_held[:-1])
    has_opened = np.logical_or.reduce([p.has_opened for p in parts])
    return EquityPath(
        stamps=run.stamps,
        equity=equity,
        floating=np.where(is_held, equity - balance, 0),
        low=equity + _total(p.worst for p in parts),
        high=equity + _total(p.best for p in parts),
        flags=is_held * int(AccountFlag.IS_OPEN) + has_opened * int(AccountFlag.OPENED),
        is_active=is_held | was_held | np.logical_or.reduce([p.has_traded for p in parts]),
        cost=_total(p.cost for p in parts),
        initial=initial,
    )


def _total(columns: Iterable[Ints]) -> Ints:
    total: Ints = np.sum(list(columns), axis=0, dtype=np.int64)
    return total


def _at_rows(rows: Ints, values: Ints, n: int) -> Ints:
    """Add values up at the rows they belong to; those after the last row are left out."""
    total = np.zeros(n + 1, np.int64)
    np.add.at(total, np.minimum(rows, n), values)
    return total[:n]


@dataclass(frozen=True, slots=True)
class _Prices:
    """Prices of one instrument at every stamp, f8[n]; where it has no bar, all are its last close."""

    open: Floats
    low: Floats
    high: Floats
    close: Floats

    @classmethod
    def of(cls, bars: Bars, stamps: Ints) -> _Prices:
        rows = np.searchsorted(stamps, bars.ts_event)
        known = rows < len(stamps)
        known[known] = stamps[rows[known]] == bars.ts_event[known]
        newest = np.full(len(stamps), -1)
        newest[rows[known]] = np.flatnonzero(known)
        is_new = newest >= 0
        newest = np.maximum.accumulate(newest)
        close = np.where(newest >= 0, bars.close[newest], np.nan)
        opens, lows, highs = (np.where(is_new, p[newest], close) for p in (bars.open, bars.low, bars.high))
        return cls(opens, lows, highs, close)


def _in_currency(j: int, terms: Records, prices: Sequence[_Prices]) -> _Prices:
    """Return prices in the account's currency; the bounds hold wherever in its bar the rate was."""
    mine, source = prices[j], int(terms["fx_source"][j])
    if source < 0:
        return mine
    rate = prices[source]
    if terms["fx_invert"][j]:
        rate = _Prices(1.0 / rate.open, 1.0 / rate.high, 1.0 / rate.low, 1.0 / rate.close)
    corners = [p * r for p in (mine.low, mine.high) for r in (rate.low, rate.high)]
    low, high = np.minimum.reduce(corners), np.maximum.reduce(corners)
    return _Prices(mine.open * rate.open, low, high, mine.close * rate.close)


@dataclass(frozen=True, slots=True)
class _Part:
    """What one instrument adds to the account at each stamp; amounts i8[n] in millionths."""

    realized: Ints  # so far, commission taken off
    cash: Ints  # so far
    value: Ints
    worst: Ints  # lowest equity inside the bar, less that at its end
    best: Ints
    cost: Ints
    is_held: NDArray[np.bool_]
    has_opened: NDArray[np.bool_]
    has_traded: NDArray[np.bool_]


def _part(run: AccountRun, j: int, term: np.void, price: _Prices, kinds: Mapping[int, int]) -> _Part:
    n = len(run.stamps)
    fills = run.fills[run.fills["instrument"] == j]
    rows = np.searchsorted(run.stamps, fills["ts_seen"])
    lots = np.append(0, fills["position_lots"])[np.searchsorted(rows, np.arange(n), side="right")]
    units = lots * float(term["unit_value"])
    ends = np.where(lots != 0, units * price.close, 0.0)
    at_low, at_high = np.where(lots != 0, [units * price.low, units * price.high], 0.0)
    worst, best = np.minimum(at_low, at_high) - ends, np.maximum(at_low, at_high) - ends
    is_exact = int(term["fx_source"]) < 0
    for row in np.unique(rows[rows < n]).tolist():
        here = fills[np.searchsorted(rows, row) : np.searchsorted(rows, row, side="right")]
        bar = (float(price.open[row]), float(price.low[row]), float(price.high[row]), float(price.close[row]))
        worst[row], best[row] = _traded(here, float(term["unit_value"]), bar, kinds if is_exact else {})
    before = fills["position_lots"] - fills["side"] * fills["lots"]
    is_opening = (fills["position_lots"] != 0) & (np.sign(fills["position_lots"]) != np.sign(before))
    share = (float(term["half_spread_bps"]) + float(term["slippage_bps"])) * 1e-4
    spread = np.where(fills["is_maker"] != 0, 0.0, np.abs(fills["cash_micro"]) * share)
    return _Part(
        realized=np.cumsum(_at_rows(rows, fills["realized_micro"] - fills["fee_micro"], n)),
        cash=np.cumsum(_at_rows(rows, fills["cash_micro"] - fills["fee_micro"], n)),
        value=_micro(ends),
        worst=np.minimum(_micro(worst), 0),
        best=np.maximum(_micro(best), 0),
        cost=_at_rows(rows, fills["fee_micro"] + np.rint(spread).astype(np.int64), n),
        is_held=lots != 0,
        has_opened=_at_rows(rows, is_opening.astype(np.int64), n) > 0,
        has_traded=_at_rows(rows, np.ones(len(rows), np.int64), n) > 0,
    )


def _micro(amounts: Floats) -> Ints:
    return np.rint(amounts * _MICRO).astype(np.int64)


def _traded(
    fills: Records, unit_value: float, bar: tuple[float, float, float, float], kinds: Mapping[int, int]
) -> tuple[float, float]:
    """Return the worst and best contribution inside a bar with fills, less that at its end, in account currency.

    Before a market order's fill the price was the open; before a stop's it had not been beyond the stop. Otherwise it
    may have been anywhere in the bar. ``kinds`` of orders by id; an order that is not in it says nothing.
    """
    opened, low, high, close = bar
    first = fills[0]
    lots = int(first["position_lots"] - first["side"] * first["lots"])
    cash, found = 0.0, []
    for fill in fills:
        least, most = low, high
        kind = kinds.get(int(fill["order"]))
        if kind == OrderKind.MARKET and fill["origin"] in _AT_OPEN:
            least = most = opened
        elif kind == OrderKind.STOP and fill["side"] < 0:
            least = max(low, min(float(fill["price"]), high))
        elif kind == OrderKind.STOP:
            most = min(high, max(float(fill["price"]), low))
        found += [cash + lots * unit_value * least, cash + lots * unit_value * most]
        cash += float(fill["cash_micro"] - fill["fee_micro"]) / _MICRO
        lots = int(fill["position_lots"])
    found += [cash + lots * unit_value * low, cash + lots * unit_value * high]
    end = cash + lots * unit_value * close
    return min(found) - end, max(found) - end
