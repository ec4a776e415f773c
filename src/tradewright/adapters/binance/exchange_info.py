"""The venue's definition of a symbol to ours."""

from __future__ import annotations

import math
from decimal import Decimal, InvalidOperation
from typing import Any

from pydantic import ValidationError

from tradewright.adapters.binance.params import Market
from tradewright.core.types.errors import SourceError
from tradewright.core.types.instrument import Instrument
from tradewright.data.instruments import InstrumentParams

_FEES = {Market.SPOT: "crypto_spot", Market.FUTURES: "crypto_perpetual"}
_MOST_LOTS = 1_000_000_000_000


def instrument_of(market: Market, symbol: str, answer: Any) -> Instrument:  # noqa: ANN401
    """Return the instrument from an answer of ``exchangeInfo``.

    Tick and lot are the steps of the filters PRICE_FILTER and LOT_SIZE, whose minimum and maximum become whole lots
    (https://developers.binance.com/docs/binance-spot-api-docs/filters). Spot cannot be sold short. Margins stay at
    the house's cautious default: the venue's depend on the account and the size of the position.

    Raises
    ------
    SourceError
        If the symbol is not there, or its definition cannot be understood.
    """
    where = f"binance exchangeInfo {symbol}"
    try:
        listed = next((entry for entry in answer["symbols"] if entry["symbol"] == symbol), None)
        if listed is None:
            raise SourceError(f"{market} does not list it", where=where, fix="Check the name and the market.")
        filters = {entry["filterType"]: entry for entry in listed["filters"]}
        tick, lot = _step(filters["PRICE_FILTER"]["tickSize"]), _step(filters["LOT_SIZE"]["stepSize"])
        smallest, largest = Decimal(filters["LOT_SIZE"]["minQty"]), Decimal(filters["LOT_SIZE"]["maxQty"])
        return InstrumentParams(
            symbol=symbol,
            tick_size=format(tick, "f"),
            lot_size=format(lot, "f"),
            currency=listed["quoteAsset"],
            min_lots=max(1, math.ceil(smallest / lot)),
            max_lots=min(_MOST_LOTS, max(1, int(largest // lot))),
            is_shortable=market is Market.FUTURES,
            fees=_FEES[market],
            calendar="24/7",
        ).instrument()
    except (KeyError, TypeError, InvalidOperation, ValidationError) as error:
        what = f"the definition cannot be understood: {type(error).__name__} {str(error).splitlines()[0]}"
        raise SourceError(what, where=where) from error


def _step(text: str) -> Decimal:
    """Return a step without trailing zeros: ``0.01000000`` is 0.01."""
    step = Decimal(text).normalize()
    if not step.is_finite() or step <= 0:
        msg = f"a step of {text}"
        raise InvalidOperation(msg)
    return step
