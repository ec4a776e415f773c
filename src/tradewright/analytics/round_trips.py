"""Round trips: fills of each instrument grouped from flat to flat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.dtypes import fill_dtype, round_trip_dtype
from tradewright.core.types.errors import DataError

Records = NDArray[np.void]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_MICRO = 1e6


def round_trips(fills: Records, unit_values: Floats, marks: Floats, fx: Floats) -> Records:
    """Group fills into round trips, in the order of their first fills.

    A trip begins with the fill that leaves flat and ends with the fill that returns to it. A fill that turns
    the position around ends one trip and begins the next: its cash and its commission are divided by lots,
    the remainder of rounding going to the new trip. What is still open is valued at the
    mark. Hence the profits add up to the change of equity that trading made, to the millionth (borrow and
    funding are not fills and not included).

    ``exit_ts``, ``exit_event`` and ``exit_origin`` are those of the trip's last fill; for an open trip that
    is its latest fill so far.

    Parameters
    ----------
    fills : fill_dtype[k]
        In order of booking, each instrument starting flat.
    unit_values : f8[n_instruments]
        Instrument's currency per lot per 1.0 of price.
    marks : f8[n_instruments]
        Last price; may be NaN where nothing is open.
    fx : f8[n_instruments]
        Account currency per unit of the instrument's currency, at the end.

    Returns
    -------
    round_trip_dtype[t]

    Raises
    ------
    DataError
        Positions in the fills do not follow from one another, or an open position has no mark.
    """
    if fills.dtype != fill_dtype:
        what = "these are not fill records"
        raise DataError(what, where="fills")
    if len(fills) == 0:
        return np.zeros(0, round_trip_dtype)
    legs = _Legs.of(fills, len(unit_values))
    starts = np.flatnonzero(legs.before == 0)
    ends = np.append(starts[1:], len(legs.before)) - 1
    trips = np.zeros(len(starts), round_trip_dtype)
    left = legs.after[ends]
    _sum_up(trips, legs, starts)
    trips["instrument"] = legs.instrument[starts]
    trips["side"] = np.sign(legs.after[starts])
    trips["is_open"] = left != 0
    trips["pnl_micro"] += _open_value(legs.instrument[ends], left, unit_values, marks, fx)
    first, last = legs.fill[starts], legs.fill[ends]
    for name, at in (("entry", first), ("exit", last)):
        trips[f"{name}_ts"] = fills["ts_event"][at]
        trips[f"{name}_event"] = fills["event"][at]
    trips["exit_origin"] = fills["origin"][last]
    in_order: Records = trips[np.argsort(first, kind="stable")]
    return in_order


@dataclass(frozen=True, slots=True)
class _Legs:
    """Fills by instrument, a fill that turns the position around being two legs; all of one length."""

    fill: Ints  # row of the fill
    instrument: Ints
    before: Ints  # position before and after the leg, lots
    after: Ints
    price: Floats
    cash: Ints  # micro
    fee: Ints

    @classmethod
    def of(cls, fills: Records, n_instruments: int) -> _Legs:
        order = np.argsort(fills["instrument"], kind="stable")
        instrument = fills["instrument"][order]
        after = fills["position_lots"][order]
        before = after - (fills["side"] * fills["lots"])[order]
        _check(fills, order, before, n_instruments)
        turns = np.sign(before) * np.sign(after) < 0
        source = np.repeat(np.arange(len(order)), np.where(turns, 2, 1))
        closing = np.flatnonzero(turns[source] & (np.diff(source, append=-1) == 0))
        leg_before = before[source]
        leg_after = after[source]
        leg_after[closing] = 0
        leg_before[closing + 1] = 0
        rows = order[source]
        cash = fills["cash_micro"][rows]
        fee = fills["fee_micro"][rows]
        price = fills["price"][rows]
        share = np.abs(leg_before[closing]) / fills["lots"][rows[closing]]
        _divide(cash, closing, share)
        _divide(fee, closing, share)
        return cls(rows, instrument[source], leg_before, leg_after, price, cash, fee)


def _divide(amounts: Ints, closing: Ints, share: Floats) -> None:
    """Give the share, rounded as the ledger rounds, to the closing legs, the rest to the legs after them."""
    parts = np.rint(amounts[closing] * share).astype(np.int64)
    amounts[closing + 1] = amounts[closing] - parts
    amounts[closing] = parts


def _sum_up(trips: Records, legs: _Legs, starts: Ints) -> None:
    """Fill in what is a sum or an average over a trip's legs."""
    trips["fee_micro"] = np.add.reduceat(legs.fee, starts)
    trips["pnl_micro"] = np.add.reduceat(legs.cash, starts) - trips["fee_micro"]
    size = np.abs(legs.after)
    change = size - np.abs(legs.before)
    trips["lots"] = np.maximum.reduceat(size, starts)
    trips["fills"] = np.diff(starts, append=len(legs.after))
    for name, lots in (("entry_price", np.maximum(change, 0)), ("exit_price", np.maximum(-change, 0))):
        total = np.add.reduceat(lots, starts)
        value = np.add.reduceat(lots * legs.price, starts)
        average = np.full(len(starts), np.nan)
        np.divide(value, total, out=average, where=total > 0)
        trips[name] = average


def _open_value(instrument: Ints, lots: Ints, unit_values: Floats, marks: Floats, fx: Floats) -> Ints:
    """Return the value of what is left of each trip at the mark, micro; 0 for closed trips."""
    values = np.zeros(len(lots), np.int64)
    is_open = lots != 0
    number = instrument[is_open]
    amount = lots[is_open] * unit_values[number] * marks[number] * fx[number] * _MICRO
    unknown = np.flatnonzero(~np.isfinite(amount))
    if len(unknown):
        what = "an open position has no last price or no conversion rate"
        raise DataError(what, where=f"instrument {int(number[unknown[0]])}")
    values[is_open] = np.rint(amount).astype(np.int64)
    return values


def _check(fills: Records, order: Ints, before: Ints, n_instruments: int) -> None:
    """Raise `DataError` where a fill does not start from the position the one before it left."""
    instrument = fills["instrument"][order]
    expected = np.roll(fills["position_lots"][order], 1)
    expected[np.flatnonzero(np.diff(instrument, prepend=-1))] = 0
    is_known = (instrument >= 0) & (instrument < n_instruments)
    bad = np.flatnonzero((before != expected) | ~is_known | (fills["lots"][order] <= 0))
    if len(bad):
        row = int(order[bad[0]])
        what = "its size, instrument or position does not follow from the fills before it"
        raise DataError(what, where=f"fills, row {row}")
