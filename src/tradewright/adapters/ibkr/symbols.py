"""How contracts are written in one word.

==================  =========================================================================================
``AAPL``            stock or fund, routed SMART, in ``IbkrParams.currency``
``BRK B``, BRK.B    a share class; the interface spells it with a space
``EURUSD``          currency pair on IDEALPRO, if both halves are currencies; also ``EUR.USD``, ``EUR/USD``
``ES@202612``       future of that month (or last trading day: ``ES@20261218``), expired ones included
``ES@CONT``         continuous future: history only, and only as far back as one request reaches from now
``BTC-USD``         crypto currency on PAXOS
==================  =========================================================================================

`IbkrParams.sec_type` overrules the form: with ``STK``, ``EURUSD`` is looked up as a stock. `IbkrParams.contracts` says
what is called otherwise here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from tradewright.adapters.ibkr.params import IbkrParams
from tradewright.core.types.errors import UsageError

_CURRENCIES = frozenset(
    [
        "AED",
        "AUD",
        "CAD",
        "CHF",
        "CNH",
        "CZK",
        "DKK",
        "EUR",
        "GBP",
        "HKD",
        "HUF",
        "ILS",
        "JPY",
        "KRW",
        "MXN",
        "NOK",
        "NZD",
        "PLN",
        "SAR",
        "SEK",
        "SGD",
        "TRY",
        "USD",
        "ZAR",
    ]
)
#: Home of well-known futures; any other needs `IbkrParams.exchange`.
_FUTURES = {
    **dict.fromkeys(
        [
            "ES",
            "NQ",
            "RTY",
            "MES",
            "MNQ",
            "M2K",
            "EUR",
            "GBP",
            "JPY",
            "AUD",
            "CAD",
            "CHF",
            "LE",
            "HE",
            "GF",
            "BTC",
            "MBT",
            "ETH",
        ],
        "CME",
    ),
    **dict.fromkeys(["YM", "MYM", "ZB", "ZN", "ZF", "ZT", "UB", "TN", "ZC", "ZS", "ZW", "ZL", "ZM"], "CBOT"),
    **dict.fromkeys(["CL", "MCL", "NG", "RB", "HO", "PL", "PA", "BZ"], "NYMEX"),
    **dict.fromkeys(["GC", "MGC", "SI", "SIL", "HG"], "COMEX"),
    **dict.fromkeys(["DAX", "ESTX50", "GBL", "GBM", "GBS"], "EUREX"),
}
_FORMS = "Write AAPL, EURUSD, ES@202612, ES@CONT or BTC-USD."


@dataclass(frozen=True, slots=True)
class ContractSpec:
    """What names a contract towards the interface; ``month`` is empty except for futures (YYYYMM or YYYYMMDD)."""

    sec_type: str
    symbol: str
    exchange: str
    currency: str
    month: str = ""

    @property
    def label(self) -> str:
        """The contract in one word, for keys and messages."""
        return "-".join(p for p in (self.symbol, self.month, self.sec_type, self.exchange, self.currency) if p)

    @property
    def fields(self) -> dict[str, Any]:
        """The same by the names of the interface's ``Contract``."""
        return {
            "secType": self.sec_type,
            "symbol": self.symbol,
            "lastTradeDateOrContractMonth": self.month,
            "exchange": self.exchange,
            "currency": self.currency,
        }

    def what_to_show(self, params: IbkrParams) -> str:
        """Return which prices the bars are made of."""
        if params.what_to_show:
            return params.what_to_show
        return {"CASH": "MIDPOINT", "CRYPTO": "AGGTRADES"}.get(self.sec_type, "TRADES")


def parse_symbol(text: str, params: IbkrParams) -> ContractSpec:
    """Read a symbol in one of the forms of this module.

    Raises
    ------
    UsageError
        If it has none of these forms, does not fit ``params.sec_type``, or is a future of unknown exchange.
    """
    word = params.contracts.get(text, text).strip().upper()
    pair = re.fullmatch(r"([A-Z]{3,5})([-./]?)([A-Z]{3})", word)
    if "@" in word:
        return _future(word, text, params)
    if params.sec_type in ("FUT", "CONTFUT"):
        raise _nonsense(text, f"is no {params.sec_type} symbol", "Write ES@202612, or ES@CONT for the continuous one.")
    if params.sec_type == "CASH" or (not params.sec_type and pair and _is_currency_pair(pair)):
        if pair is None or not _is_currency_pair(pair):
            raise _nonsense(text, "is not a pair of currencies", "Write two of the codes as in EURUSD.")
        return ContractSpec("CASH", pair[1], params.exchange or "IDEALPRO", pair[3])
    if params.sec_type == "CRYPTO" or (not params.sec_type and pair and pair[2] == "-"):
        if pair is None:
            raise _nonsense(text, "is not a crypto currency and what it is priced in", "Write BTC-USD.")
        return ContractSpec("CRYPTO", pair[1], params.exchange or "PAXOS", pair[3])
    if re.fullmatch(r"[A-Z0-9]{1,10}([ .][A-Z0-9]{1,3})?", word) is None:
        raise _nonsense(text, "is not a symbol", _FORMS)
    return ContractSpec("STK", word.replace(".", " "), params.exchange or "SMART", params.currency)


def _is_currency_pair(pair: re.Match[str]) -> bool:
    return pair[1] in _CURRENCIES and pair[3] in _CURRENCIES and pair[1] != pair[3] and pair[2] != "-"


def _future(word: str, text: str, params: IbkrParams) -> ContractSpec:
    if params.sec_type not in ("", "FUT", "CONTFUT"):
        raise _nonsense(text, f"is a future, but sec_type is {params.sec_type}", "Leave sec_type empty.")
    match = re.fullmatch(r"([A-Z0-9]{1,8})@(CONT|20\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])?)", word)
    if match is None:
        raise _nonsense(text, "is not a future", "Write the month as YYYYMM, for example ES@202612, or ES@CONT.")
    is_continuous = match[2] == "CONT"
    if params.sec_type and is_continuous != (params.sec_type == "CONTFUT"):
        raise _nonsense(text, f"does not fit sec_type {params.sec_type}", "Leave sec_type empty.")
    exchange = params.exchange or _FUTURES.get(match[1], "")
    if not exchange:
        raise _nonsense(text, "is a future of an unknown exchange", "Name it in the setting exchange, such as CME.")
    if is_continuous:
        return ContractSpec("CONTFUT", match[1], exchange, params.currency)
    return ContractSpec("FUT", match[1], exchange, params.currency, match[2])


def _nonsense(text: str, what: str, fix: str) -> UsageError:
    return UsageError(f"'{text}' {what}", where="ibkr symbol", fix=fix)
