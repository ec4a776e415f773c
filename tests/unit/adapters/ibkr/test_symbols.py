from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewright.adapters.ibkr.params import IbkrParams
from tradewright.adapters.ibkr.symbols import ContractSpec, parse_symbol
from tradewright.core.types.errors import UsageError


@pytest.mark.parametrize(
    ("text", "changes", "expected"),
    [
        ("AAPL", {}, ContractSpec("STK", "AAPL", "SMART", "USD")),
        (" aapl ", {}, ContractSpec("STK", "AAPL", "SMART", "USD")),
        ("BRK.B", {}, ContractSpec("STK", "BRK B", "SMART", "USD")),
        ("BRK B", {}, ContractSpec("STK", "BRK B", "SMART", "USD")),
        ("VOD", {"exchange": "LSE", "currency": "GBP"}, ContractSpec("STK", "VOD", "LSE", "GBP")),
        ("EURUSD", {}, ContractSpec("CASH", "EUR", "IDEALPRO", "USD")),
        ("EUR.USD", {}, ContractSpec("CASH", "EUR", "IDEALPRO", "USD")),
        ("gbp/jpy", {}, ContractSpec("CASH", "GBP", "IDEALPRO", "JPY")),
        ("EURUSD", {"sec_type": "CASH"}, ContractSpec("CASH", "EUR", "IDEALPRO", "USD")),
        ("EURUSD", {"sec_type": "STK"}, ContractSpec("STK", "EURUSD", "SMART", "USD")),
        ("ES@202612", {}, ContractSpec("FUT", "ES", "CME", "USD", "202612")),
        ("cl@20261119", {}, ContractSpec("FUT", "CL", "NYMEX", "USD", "20261119")),
        ("FOO@202612", {"exchange": "ICEEU"}, ContractSpec("FUT", "FOO", "ICEEU", "USD", "202612")),
        ("ES@CONT", {}, ContractSpec("CONTFUT", "ES", "CME", "USD")),
        ("ES@cont", {"sec_type": "CONTFUT"}, ContractSpec("CONTFUT", "ES", "CME", "USD")),
        ("BTC-USD", {}, ContractSpec("CRYPTO", "BTC", "PAXOS", "USD")),
        ("BTCUSD", {"sec_type": "CRYPTO"}, ContractSpec("CRYPTO", "BTC", "PAXOS", "USD")),
    ],
)
def test_each_form_names_a_contract(text: str, changes: dict[str, str], expected: ContractSpec) -> None:
    assert parse_symbol(text, IbkrParams(**changes)) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("", {}),
        ("   ", {}),
        ("A;DROP", {}),
        ("../AAPL", {}),
        ("AAPL\0", {}),
        ("ABCDEFGHIJKL", {}),
        ("EURUSD", {"sec_type": "FUT"}),
        ("EURXXX", {"sec_type": "CASH"}),
        ("EUREUR", {"sec_type": "CASH"}),
        ("B", {"sec_type": "CRYPTO"}),
        ("ES@202613", {}),
        ("ES@2026", {}),
        ("ES@20261232", {}),
        ("@202612", {}),
        ("ES@", {}),
        ("FOO@202612", {}),
        ("ES@202612", {"sec_type": "STK"}),
        ("ES@CONT", {"sec_type": "FUT"}),
        ("ES@202612", {"sec_type": "CONTFUT"}),
    ],
)
def test_nonsense_is_refused_with_a_way_out(text: str, changes: dict[str, str]) -> None:
    with pytest.raises(UsageError) as caught:
        parse_symbol(text, IbkrParams(**changes))  # type: ignore[arg-type]
    assert caught.value.fix


@given(st.text(max_size=14), st.sampled_from(["", "STK", "CASH", "FUT", "CONTFUT", "CRYPTO"]))
def test_any_text_is_a_contract_or_a_usage_error(text: str, sec_type: str) -> None:
    try:
        spec = parse_symbol(text, IbkrParams(sec_type=sec_type))
    except UsageError:
        return
    assert spec.symbol
    assert spec.exchange
    assert sec_type in ("", spec.sec_type)
    assert "\0" not in spec.label  # would end the field on the wire


@pytest.mark.parametrize(
    "changes",
    [
        {"sec_type": "OPT"},
        {"what_to_show": "ADJUSTED_LAST"},
        {"port": 0},
        {"client_id": -1},
        {"page_ticks": 1001},
        {"silence_s": 0.0},
        {"max_attempts": 0},
    ],
)
def test_settings_out_of_range_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        IbkrParams(**changes)  # type: ignore[arg-type]


def test_prices_of_bars_follow_the_contract_unless_set() -> None:
    params = IbkrParams()
    shown = [parse_symbol(s, params).what_to_show(params) for s in ("AAPL", "EURUSD", "ES@202612", "BTC-USD")]
    assert shown == ["TRADES", "MIDPOINT", "TRADES", "AGGTRADES"]
    assert parse_symbol("EURUSD", params).what_to_show(IbkrParams(what_to_show="BID_ASK")) == "BID_ASK"
