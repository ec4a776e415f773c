from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from tradewright.adapters.binance.exchange_info import instrument_of
from tradewright.adapters.binance.params import Market
from tradewright.core.types.errors import SourceError

# as the venue answered for BTCUSDT, shortened
ANSWER: dict[str, Any] = {
    "symbols": [
        {
            "symbol": "BTCUSDT",
            "quoteAsset": "USDT",
            "filters": [
                {
                    "filterType": "PRICE_FILTER",
                    "minPrice": "0.01000000",
                    "maxPrice": "1000000.00000000",
                    "tickSize": "0.01000000",
                },
                {"filterType": "LOT_SIZE", "minQty": "0.00001000", "maxQty": "9000.00000000", "stepSize": "0.00001000"},
                {"filterType": "ICEBERG_PARTS", "limit": 10},
            ],
        }
    ]
}


def test_steps_become_grid_and_limits_whole_lots() -> None:
    got = instrument_of(Market.SPOT, "BTCUSDT", ANSWER)
    assert (got.tick_size, got.lot_size, got.currency) == ("0.01", "0.00001", "USDT")
    assert (got.min_lots, got.max_lots) == (1, 900_000_000)
    assert not got.is_shortable
    assert got.calendar.name == "24/7"


def test_a_step_above_one_is_written_out() -> None:
    answer = deepcopy(ANSWER)
    answer["symbols"][0]["filters"][1] |= {"stepSize": "100.00", "minQty": "150.00", "maxQty": "1e15"}
    got = instrument_of(Market.FUTURES, "BTCUSDT", answer)
    assert (got.lot_size, got.min_lots, got.max_lots) == ("100", 2, 1_000_000_000_000)


@pytest.mark.parametrize("size", ["0.00000000", "-1", "x", "NaN", None])
def test_a_step_that_cannot_be(size: str | None) -> None:
    answer = deepcopy(ANSWER)
    answer["symbols"][0]["filters"][0]["tickSize"] = size
    with pytest.raises(SourceError, match="cannot be understood"):
        instrument_of(Market.SPOT, "BTCUSDT", answer)


@pytest.mark.parametrize("answer", [[], {}, {"symbols": 3}, {"symbols": [{"symbol": "BTCUSDT"}]}, None])
def test_an_answer_that_cannot_be(answer: object) -> None:
    with pytest.raises(SourceError, match="cannot be understood"):
        instrument_of(Market.SPOT, "BTCUSDT", answer)


def test_a_symbol_that_is_not_there() -> None:
    with pytest.raises(SourceError, match="futures does not list it"):
        instrument_of(Market.FUTURES, "ETHUSDT", ANSWER)
