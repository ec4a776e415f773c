"""Round trips against a small ledger in whole numbers: nothing is gained or lost in the grouping."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tradewright.analytics.round_trips import round_trips
from tradewright.core.types.dtypes import fill_dtype

# The second instrument's amounts are multiples of 49.48 millionths: never whole by themselves, and never just
# between two whole numbers, where a float and a fraction may round to different sides.
TICK = Fraction(1, 100)
UNIT_VALUES = (Fraction(1), Fraction(1, 250), Fraction(50))
RATES = (Fraction(1), Fraction(1237, 1000), Fraction(3, 4))
N = len(UNIT_VALUES)

_fill = st.tuples(
    st.integers(0, N - 1),
    st.sampled_from([1, -1]),
    st.integers(1, 40),
    st.integers(1, 50_000),
    st.integers(-5_000, 900_000),
)


def _micro(instrument: int, lots: int, ticks: int) -> int:
    """Value in millionths, rounded half to even like the real ledger."""
    return round(lots * UNIT_VALUES[instrument] * ticks * TICK * RATES[instrument] * 1_000_000)


@dataclass
class _Trip:
    instrument: int
    side: int
    entry_fill: int
    cash: int = 0
    fee: int = 0
    lots: int = 0
    fills: int = 0
    left: int = 0


@dataclass
class _Ledger:
    """Cash and positions of one account, and its trips, one fill after another."""

    cash: int = 0
    lots: list[int] = field(default_factory=lambda: [0] * N)
    trips: list[_Trip] = field(default_factory=list)
    current: dict[int, _Trip] = field(default_factory=dict)

    def book(self, number: int, instrument: int, change: int, ticks: int, fee: int) -> int:
        before = self.lots[instrument]
        after = before + change
        cash = -_micro(instrument, change, ticks)
        self.cash += cash - fee
        self.lots[instrument] = after
        if before * after < 0:
            share = abs(before) / abs(change)
            closing = round(cash * share)
            closing_fee = round(fee * share)
            self._leg(number, instrument, 0, closing, closing_fee)
            self._leg(number, instrument, after, cash - closing, fee - closing_fee)
        else:
            self._leg(number, instrument, after, cash, fee)
        return cash

    def _leg(self, number: int, instrument: int, after: int, cash: int, fee: int) -> None:
        trip = self.current.get(instrument)
        if trip is None:
            trip = _Trip(instrument, 1 if after > 0 else -1, number)
            self.trips.append(trip)
            self.current[instrument] = trip
        trip.cash += cash
        trip.fee += fee
        trip.fills += 1
        trip.left = after
        trip.lots = max(trip.lots, abs(after))
        if after == 0:
            del self.current[instrument]


@given(st.lists(_fill, max_size=40), st.lists(st.integers(1, 50_000), min_size=N, max_size=N))
def test_profits_of_trips_add_up_to_the_change_of_equity(
    orders: list[tuple[int, int, int, int, int]], mark_ticks: list[int]
) -> None:
    ledger = _Ledger()
    fills = np.zeros(len(orders), fill_dtype)
    for number, (instrument, side, lots, ticks, fee) in enumerate(orders):
        cash = ledger.book(number, instrument, side * lots, ticks, fee)
        row = fills[number : number + 1]
        row["instrument"], row["side"], row["lots"] = instrument, side, lots
        row["price"], row["fx"] = float(ticks * TICK), float(RATES[instrument])
        row["cash_micro"], row["fee_micro"] = cash, fee
        row["position_lots"] = ledger.lots[instrument]
        row["event"] = number
    values = [_micro(k, ledger.lots[k], mark_ticks[k]) for k in range(N)]
    trips = round_trips(
        fills,
        np.array([float(value) for value in UNIT_VALUES]),
        np.array([float(ticks * TICK) for ticks in mark_ticks]),
        np.array([float(rate) for rate in RATES]),
    )

    assert int(trips["pnl_micro"].sum()) == ledger.cash + sum(values)
    assert int(trips["fee_micro"].sum()) == sum(order[4] for order in orders)
    assert len(trips) == len(ledger.trips)
    for trip, expected in zip(trips, ledger.trips, strict=True):
        value = _micro(expected.instrument, expected.left, mark_ticks[expected.instrument])
        assert trip["instrument"] == expected.instrument
        assert trip["side"] == expected.side
        assert trip["entry_event"] == expected.entry_fill
        assert trip["lots"] == expected.lots
        assert trip["fills"] == expected.fills
        assert trip["fee_micro"] == expected.fee
        assert trip["pnl_micro"] == expected.cash - expected.fee + value
        assert trip["is_open"] == (expected.left != 0)
