"""What a configuration may say of Interactive Brokers and MetaTrader 5, and the keys that belong to it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import ValidationError

from tradewright.core.types.errors import ConfigError
from tradewright.services.live.vendors import gateway_of, live_feed
from tradewright.services.sources import history
from tradewright.services.trading.settings import TradingSettings
from tradewright.services.trading.venues import key_names, key_trouble, open_venue

IBKR: dict[str, Any] = {"account_id": "DU0000001", "port": 4002}
BRIDGE: dict[str, Any] = {"login": 1, "way": "bridge", "url": "http://127.0.0.1:8792"}
MODULE: dict[str, Any] = {"login": 1, "way": "module"}
SECRET = "TRADEWRIGHT_KEYS_MT5_PAPER_SECRET"  # noqa: S105 - the name of the variable


def trading(venue: str, kind: str = "paper", **about: Any) -> TradingSettings:  # noqa: ANN401
    return TradingSettings.model_validate({"venue": venue, "kind": kind} | about)


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"venue": "ibkr"}, "`venue: ibkr` and a section `ibkr`"),
        ({"venue": "simulated", "mt5": BRIDGE}, "`venue: mt5` and a section `mt5`"),
        ({"venue": "ibkr", "ibkr": IBKR, "url": "http://127.0.0.1:1"}, "`url` is not used by venue ibkr"),
        ({"venue": "ibkr", "ibkr": {"account_id": "DU1"}}, "port"),
        ({"venue": "mt5", "mt5": BRIDGE | {"url": ""}}, "`url` is needed for way: bridge"),
        ({"venue": "mt5", "mt5": {"login": 1, "way": "module", "url": "http://x"}}, "`url` is not used by way: module"),
        ({"venue": "mt5", "mt5": BRIDGE | {"way": "metaapi"}}, "`metaapi_account` is needed"),
        ({"venue": "mt5", "mt5": BRIDGE | {"path": "C:/terminal64.exe"}}, "`path` and `utc_offset_s` are not used"),
        ({"venue": "mt5", "mt5": BRIDGE | {"server_zone": "UTC+3"}}, "give it to the bridge (--server-zone)"),
        (
            {"venue": "mt5", "mt5": MODULE | {"server_zone": "New York"}},
            "'New York' is no zone; write America/New_York+7",
        ),
        ({"venue": "mt5", "mt5": MODULE | {"server_zone": "UTC", "utc_offset_s": 0}}, "give the zone only"),
    ],
)
def test_what_does_not_fit_together_is_refused(about: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as error:
        TradingSettings.model_validate(about)
    assert said in str(error.value)


def test_keys_are_asked_for_only_where_there_are_any() -> None:
    assert key_names(trading("ibkr", ibkr=IBKR)) == ()
    assert key_names(trading("mt5", mt5={"login": 1, "way": "module"})) == ()
    bridge = trading("mt5", mt5=BRIDGE)
    assert key_names(bridge) == (SECRET,)
    assert key_names(bridge, "watchdog") == ("TRADEWRIGHT_KEYS_MT5_PAPER_WATCHDOG_SECRET",)
    assert "the paper keys are missing" in key_trouble(bridge, {})
    assert key_trouble(bridge, {SECRET: "x" * 20}) == ""
    with pytest.raises(ConfigError, match="nothing outside is reached"):
        open_venue(trading("simulated"), {}, dict.fromkeys(key_names(trading("simulated")), "x"), lambda: 0)


def test_an_account_in_the_place_of_the_other_kind_is_trouble_before_anything_connects() -> None:
    assert "this is a paper account" in key_trouble(trading("ibkr", "live", ibkr=IBKR), {})
    assert "not a paper account" in key_trouble(trading("ibkr", ibkr=IBKR | {"account_id": "U1"}), {})


def test_a_watchdog_has_a_client_id_of_its_own_and_a_feed_shares_the_gateway() -> None:
    settings = trading("ibkr", ibkr=IBKR | {"contracts": {"ESZ6": "ES@202612"}})
    ids = [open_venue(settings, {}, {}, lambda: 0, role)._params.client_id for role in ("", "watchdog")]  # type: ignore[union-attr]
    assert ids == [72, 73]
    assert gateway_of(settings, "alpaca", {}, lambda: 0) == {}
    shared = gateway_of(settings, "ibkr", {"TRADEWRIGHT_IBKR_PORT": "4001"}, lambda: 0)
    assert (shared["host"], shared["contracts"], "port" in shared) == ("127.0.0.1", {"ESZ6": "ES@202612"}, False)


def test_orders_history_and_feed_of_a_session_have_one_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradewright.adapters.mt5.module_terminal.load_module", object)

    async def work() -> None:
        settings = trading("mt5", mt5=MODULE | {"suffix": ".m", "symbols": {"GOLD": "XAUUSD"}})
        shared = gateway_of(settings, "mt5", {}, lambda: 0)
        terminal = shared["terminal"]
        venue: Any = open_venue(settings, {}, {}, lambda: 0, terminal=terminal)
        feed: Any = live_feed("mt5", shared, {}, lambda: 0)
        past: Any = history("mt5", shared, {}, lambda: 0)
        assert venue._terminal._terminal is feed._terminal is past._terminal is terminal
        assert [each._theirs(name) for each in (feed, past) for name in ("GOLD", "EURUSD")] == [
            "XAUUSD",
            "EURUSD.m",
        ] * 2
        await past.close()
        elsewhere = {"TRADEWRIGHT_MT5_WAY": "module", "TRADEWRIGHT_MT5_SERVER_ZONE": "America/New_York+7"}
        alone = gateway_of(trading("simulated"), "mt5", elsewhere, lambda: 0)
        assert alone["told"].server_zone == "America/New_York+7"
        assert live_feed("mt5", alone, elsewhere, lambda: 0)._terminal is alone["terminal"]  # type: ignore[attr-defined]
        await alone["terminal"].close()

    asyncio.run(work())
