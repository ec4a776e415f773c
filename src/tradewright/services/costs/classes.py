"""Which class an instrument belongs to, for the pools that stand in where its own samples are too few."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tradewright.core.types.errors import UsageError
from tradewright.core.types.instrument import Instrument
from tradewright.execution.costs.model import CLASSES

_CURRENCIES = frozenset(
    "AUD BRL CAD CHF CNH CNY CZK DKK EUR GBP HKD HUF ILS INR JPY KRW MXN "  # noqa: SIM905 -- a list of words
    "NOK NZD PLN SEK SGD THB TRY TWD USD ZAR".split()
)
_EXCHANGES = {"us_equity", "lse", "xetra", "tse"}


def class_of(instrument: Instrument) -> str:
    """Return the class an instrument most likely belongs to, one of `CLASSES`.

    Two currencies in one name are foreign exchange; days that never end are crypto; a stock exchange's are equity.
    """
    name = instrument.symbol.replace("/", "").replace("_", "").upper()
    if len(name) == 6 and name[:3] in _CURRENCIES and name[3:] in _CURRENCIES:
        return "fx"
    if instrument.calendar.name in _EXCHANGES:
        return "equity"
    if instrument.calendar.name == "24/7":
        return "crypto"
    return "other"


def classes_given(texts: Sequence[str]) -> Mapping[str, str]:
    """Read ``SYMBOL=CLASS``.

    Raises
    ------
    UsageError
        For a class that does not exist.
    """
    found = {}
    for text in texts:
        symbol, _, name = text.partition("=")
        if not symbol or name not in CLASSES:
            raise UsageError(f"'{text}' names no class", where="--class", fix=f"SYMBOL= one of {', '.join(CLASSES)}.")
        found[symbol] = name
    return found
