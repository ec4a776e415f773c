"""Instrument definitions and the guess of a tick size."""

from __future__ import annotations

from datetime import time
from fractions import Fraction

import polars as pl
import pytest
from pydantic import ValidationError

from tradewright.data.instruments import InstrumentParams, guess_tick, with_tick
from tradewright.data.presets import CALENDARS, FEES


def test_params_become_the_core_noun() -> None:
    params = InstrumentParams.model_validate(
        {"symbol": "EURUSD", "tick_size": 0.00001, "lot_size": 1000, "calendar": "fx", "fees": "fx_spread"}
    )
    instrument = params.instrument()
    assert instrument.tick == Fraction(1, 100_000)
    assert instrument.unit_value == 1000
    assert instrument.calendar == CALENDARS["fx"]
    assert instrument.fees == FEES["fx_spread"]
    assert InstrumentParams.model_validate_json(params.model_dump_json()) == params


def test_calendar_and_fees_in_full() -> None:
    params = InstrumentParams.model_validate(
        {
            "symbol": "X",
            "calendar": {"name": "own", "zone": "Asia/Tokyo", "day_start": "09:00"},
            "fees": {"taker_bps": 3},
        }
    )
    assert params.instrument().calendar.day_start == time(9)
    assert params.instrument().fees.taker_bps == 3


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("tick_size", "-0.01", "above zero"),
        ("tick_size", "one cent", "not a decimal number"),
        ("lot_size", "", "above zero"),
        ("lot_size", "nan", "above zero"),
        ("margin_initial", 0, "greater than 0"),
        ("participation", 1.5, "less than or equal to 1"),
        ("calendar", "nyse", "allowed: 24/7, us_equity, fx"),
        ("calendar", {"zone": "Mars"}, "IANA time zone"),
        ("fees", "cheap", "not a fee model; allowed: free"),
        ("fees", {"taker_bps": -1}, "greater than or equal to 0"),
        ("currency", "usd", "pattern"),
        ("ticksize", 1, "Extra inputs"),
    ],
)
def test_out_of_range(field: str, value: object, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        InstrumentParams.model_validate({"symbol": "X", field: value})


@pytest.mark.parametrize(
    ("prices", "tick"),
    [
        ([1.0, 2.0, 30.0], "1"),
        ([1.5, 2.25], "0.01"),
        ([1.0716, 1.07083], "0.00001"),
        ([63331.0, 72928.5], "0.1"),
    ],
)
def test_tick_from_decimals(prices: list[float], tick: str) -> None:
    assert guess_tick(pl.DataFrame({"close": prices}), ("close",)) == tick


def test_one_fine_price_in_many_does_not_set_the_tick() -> None:
    prices = [round(10 + 0.01 * i, 2) for i in range(500)] + [10.33333]
    assert guess_tick(pl.DataFrame({"close": prices}), ("close",)) == "0.01"


def test_a_guess_is_told_and_a_given_tick_is_kept() -> None:
    frame = pl.DataFrame({"close": [1.25]})
    params, note = with_tick(InstrumentParams(symbol="X"), frame, ("close",))
    assert params.tick_size == "0.01"
    assert "guessed" in note
    assert with_tick(InstrumentParams(symbol="X", tick_size="0.5"), frame, ("close",))[1] == ""
