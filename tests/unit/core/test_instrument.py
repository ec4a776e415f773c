"""Instruments are exact: tick, lot and multiplier are fractions, never binary approximations."""

from __future__ import annotations

from fractions import Fraction

import pytest

from tradewright.core.kernel.records import instrument_records
from tradewright.core.types.errors import ConfigError
from tradewright.core.types.instrument import FeeModel, Instrument


def test_fractions_are_exact() -> None:
    one = Instrument("X", tick_size="0.1", lot_size="0.001", multiplier="50")
    assert one.tick == Fraction(1, 10)
    assert one.lot == Fraction(1, 1000)
    assert one.unit_value == Fraction(1, 20)


def test_record_holds_the_fractions_as_whole_numbers() -> None:
    record = instrument_records([Instrument("X", tick_size="0.25", lot_size="0.00000001")], "USD")[0]
    assert (record["tick_num"], record["tick_den"]) == (1, 4)
    assert (record["lot_num"], record["lot_den"]) == (1, 100_000_000)
    assert record["unit_value"] == 1e-8
    assert record["fx_source"] == -1


def test_record_holds_the_fees() -> None:
    fees = FeeModel("f", 1, 2, 3, 4, 5, 6, 7)
    record = instrument_records([Instrument("X", fees=fees)], "USD")[0]
    names = (
        "maker_bps",
        "taker_bps",
        "fee_per_unit",
        "fee_minimum",
        "half_spread_bps",
        "slippage_bps",
        "borrow_bps_year",
    )
    assert [record[name] for name in names] == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize(
    ("pair", "is_inverse"), [("EURUSD", 0), ("EUR/USD", 0), ("eurusd", 0), ("USDEUR", 1), ("USD/EUR", 1)]
)
def test_the_pair_that_converts_is_found_by_symbol(pair: str, is_inverse: int) -> None:
    records = instrument_records([Instrument("DAX", currency="EUR"), Instrument(pair)], "USD")
    assert records["fx_source"].tolist() == [1, -1]
    assert records["fx_invert"].tolist() == [is_inverse, 0]


def test_the_direct_pair_wins() -> None:
    records = instrument_records([Instrument("DAX", currency="EUR"), Instrument("USDEUR"), Instrument("EURUSD")], "USD")
    assert (records["fx_source"][0], records["fx_invert"][0]) == (2, 0)


def test_a_currency_that_nothing_converts_is_refused() -> None:
    with pytest.raises(ConfigError, match="DAX is quoted in EUR, the account is in USD") as caught:
        instrument_records([Instrument("DAX", currency="EUR")], "USD")
    assert "add EURUSD or USDEUR" in str(caught.value)
    assert caught.value.exit_code == 2
