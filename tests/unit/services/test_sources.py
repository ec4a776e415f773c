"""Vendors by name: what the environment says reaches the adapter; secrets and mistakes are handled with care."""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tradewright.adapters.alpaca.params import AlpacaParams
from tradewright.core.types.errors import ConfigError, UsageError
from tradewright.data.instruments import InstrumentParams
from tradewright.services.cli.layers import Layered
from tradewright.services.sources import VENDORS, checked_market, history, remembered, vendor

CANARY = "canary-0123456789"
MT5_BRIDGE = {
    "TRADEWRIGHT_MT5_WAY": "bridge",
    "TRADEWRIGHT_MT5_URL": "http://127.0.0.1:1",
    "TRADEWRIGHT_MT5_BRIDGE_TOKEN": CANARY,
}


def made(name: str, environment: Mapping[str, str], **options: str) -> Any:  # noqa: ANN401  looked into
    async def make() -> Any:  # noqa: ANN401
        source = history(name, options, environment, lambda: 0)
        await source.close()
        return source

    return asyncio.run(make())


def test_addresses_and_keys_reach_the_adapter() -> None:
    environment = {
        "TRADEWRIGHT_ALPACA_DATA_URL": "http://127.0.0.1:1/",
        "TRADEWRIGHT_ALPACA_KEY": CANARY,
        "TRADEWRIGHT_ALPACA_FEED": "sip",
        "TRADEWRIGHT_BINANCE_REST_URL": "http://127.0.0.1:2",
        "TRADEWRIGHT_IBKR_PORT": "4711",
        "HOME": "/",
    }
    alpaca = made("alpaca", environment)._params
    assert (alpaca.data_url, alpaca.key.get_secret_value()) == ("http://127.0.0.1:1", CANARY)
    assert remembered("alpaca", "", environment) == {"feed": "sip"}
    assert remembered("alpaca", "", {}) == {"feed": AlpacaParams().feed}  # so that an update cannot change it
    assert made("alpaca", environment, feed="iex")._params.feed == "iex"  # what the data set remembers wins
    binance = made("binance", environment, market="futures")._params
    assert (binance.market, binance.rest_url) == ("futures", "http://127.0.0.1:2")
    assert remembered("binance", "futures", environment) == {"market": "futures"}
    assert made("ibkr", environment)._params.port == 4711
    mt5 = made("mt5", MT5_BRIDGE | {"TRADEWRIGHT_MT5_SUFFIX": ".m"})
    assert (mt5._theirs("EURUSD"), mt5._terminal.comment_length) == ("EURUSD.m", 31)
    assert remembered("mt5", "", MT5_BRIDGE) == {"suffix": ""}


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text(f"{CANARY}\n", encoding="utf-8")
    environment = {"TRADEWRIGHT_ALPACA_SECRET_FILE": str(path)}
    assert made("alpaca", environment)._params.secret.get_secret_value() == CANARY
    assert CANARY not in str(remembered("alpaca", "", environment))


def test_the_vendors_own_variables_count_where_ours_are_not_set() -> None:
    environment = {"APCA_API_KEY_ID": "theirs", "APCA_API_SECRET_KEY": "theirs", "TRADEWRIGHT_ALPACA_SECRET": CANARY}
    params = made("alpaca", environment)._params
    assert (params.key.get_secret_value(), params.secret.get_secret_value()) == ("theirs", CANARY)


@pytest.mark.parametrize(
    ("name", "environment", "place"),
    [
        ("alpaca", {"TRADEWRIGHT_ALPACA_KEEY": CANARY}, "TRADEWRIGHT_ALPACA_KEY"),
        ("alpaca", {"TRADEWRIGHT_ALPACA_DATA_URL": "http://somewhere.example"}, "TRADEWRIGHT_ALPACA_DATA_URL"),
        ("alpaca", {"TRADEWRIGHT_ALPACA_DATA_URL": "somewhere"}, "TRADEWRIGHT_ALPACA_DATA_URL"),
        ("alpaca", {"TRADEWRIGHT_ALPACA_FEED": "otc"}, "TRADEWRIGHT_ALPACA_FEED"),
        ("alpaca", {"TRADEWRIGHT_ALPACA_SECRET_FILE": "/no/such/file"}, "TRADEWRIGHT_ALPACA_SECRET_FILE"),
        ("binance", {"TRADEWRIGHT_BINANCE_KEY_FILE": "x"}, "TRADEWRIGHT_BINANCE_ARCHIVE_URL"),
        ("ibkr", {"TRADEWRIGHT_IBKR_PORT": "many"}, "TRADEWRIGHT_IBKR_PORT"),
        ("mt5", {}, "TRADEWRIGHT_MT5_WAY"),
        ("mt5", {"TRADEWRIGHT_MT5_WAY": "telepathy"}, "TRADEWRIGHT_MT5_WAY"),
        ("mt5", {"TRADEWRIGHT_MT5_WAY": "bridge", "TRADEWRIGHT_MT5_URL": "http://127.0.0.1:1"}, "MT5_BRIDGE_TOKEN"),
        ("mt5", MT5_BRIDGE | {"TRADEWRIGHT_MT5_URL": "http://bridge.example"}, "mt5: the bridge is reached by https"),
        ("mt5", MT5_BRIDGE | {"TRADEWRIGHT_MT5_METAAPI_ACCOUNT": "x"}, "`metaapi_account` is not used by"),
        ("mt5", {"TRADEWRIGHT_MT5_WAY": "module", "TRADEWRIGHT_MT5_SERVER_ZONE": "Mars"}, "'Mars' is no zone"),
    ],
)
def test_a_wrong_variable_is_named_and_its_secret_is_not_shown(
    name: str, environment: dict[str, str], place: str
) -> None:
    with pytest.raises(ConfigError) as error:
        made(name, environment)
    assert place in f"{error.value}"
    assert CANARY not in f"{error.value!r} {error.value}"


def test_an_empty_secret_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="empty"):
        made("alpaca", {"TRADEWRIGHT_ALPACA_KEY_FILE": str(tmp_path / "secret")})


@pytest.mark.parametrize("name", VENDORS)
def test_a_missing_library_is_one_sentence(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    real = builtins.__import__
    library = {"ibkr": "ib_async"}.get(name, "httpx")

    def without(module: str, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        if module.startswith(f"tradewright.adapters.{name}"):
            raise ModuleNotFoundError(name=library)
        return real(module, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match=rf"{name} needs the library {library}.*tradewright\[live\]"):
        made(name, {})


def test_unknown_names_are_refused_with_what_there_is() -> None:
    with pytest.raises(UsageError, match="Did you mean 'binance'"):
        vendor("binanse")
    with pytest.raises(UsageError, match="spot, futures"):
        checked_market("binance", "margin")
    with pytest.raises(UsageError, match="no market"):
        checked_market("alpaca", "spot")
    assert (checked_market("binance", ""), checked_market("ibkr", "")) == ("spot", "")


@pytest.mark.parametrize(
    ("name", "symbol", "market", "calendar", "fees"),
    [
        ("alpaca", "AAPL", "", "us_equity", "us_equity_no_commission"),
        ("alpaca", "BTC/USD", "", "24/7", "crypto_spot"),
        ("binance", "BTCUSDT", "futures", "24/7", "crypto_perpetual"),
        ("ibkr", "EURUSD", "", "fx", "fx_commission"),
        ("ibkr", "BTC-USD", "", "24/7", "crypto_spot"),
        ("ibkr", "ES@202612", "", "us_equity", "us_equity_per_share"),
        ("mt5", "EURUSD", "", "fx", "fx_commission"),
        ("mt5", "XAUUSD", "", "fx", "index_cost"),
    ],
)
def test_the_usual_definition_fits_the_symbol(name: str, symbol: str, market: str, calendar: str, fees: str) -> None:
    usual = vendor(name).definition(symbol, market)
    params = InstrumentParams.model_validate(usual | {"symbol": symbol})
    assert (params.calendar.name, params.fees.name) == (calendar, fees)


def test_vendors_variables_are_no_settings_of_a_run() -> None:
    layers = Layered()
    layers.add_environment({"TRADEWRIGHT_BINANCE_REST_URL": "x", "TRADEWRIGHT_SEED": "3"}, ["seed"])
    assert layers.values == {"seed": 3}
