"""The bridge and MetaApi: where they may be, who may ask, whose money may be traded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import pytest
from pydantic import SecretStr, ValidationError
from tests.venues.asgi_server import serving
from tests.venues.local_account import LocalAccount
from tests.venues.metaapi_venue import ACCOUNT, TOKEN, MetaApiVenue
from tests.venues.mt5_server import Mt5Server
from tests.venues.mt5_ways import BRIDGE_TOKEN, module_terminal

from tradewright.adapters.mt5.bridge_terminal import BridgeParams, BridgeTerminal
from tradewright.adapters.mt5.metaapi_terminal import MetaApiParams, MetaApiTerminal
from tradewright.adapters.mt5.server_zone import ServerZone
from tradewright.adapters.mt5.terminal import Action, Period, Request, Terminal
from tradewright.core.types.errors import ConfigError
from tradewright.execution.venue import VenueAuthError, VenueRejectedError, VenueTimeoutError, VenueUnavailableError
from tradewright.services.mt5_bridge import make_app

BUY = Request(action=Action.DEAL, symbol="EURUSD", volume=0.01, price=100.0)


@pytest.fixture
def server() -> Mt5Server:
    return Mt5Server(LocalAccount("EURUSD"))


def run(terminal: Terminal, work: Callable[[Terminal], Coroutine[Any, Any, None]]) -> None:
    async def inside() -> None:
        try:
            await work(terminal)
        finally:
            await terminal.close()

    asyncio.run(inside())


def bridge(url: str, token: str = BRIDGE_TOKEN) -> BridgeTerminal:
    return BridgeTerminal(BridgeParams(url=url, token=SecretStr(token)))


@pytest.mark.parametrize("url", ["http://192.168.1.5:8792", "http://bridge.example", "ftp://127.0.0.1"])
def test_a_token_does_not_travel_in_the_clear(url: str) -> None:
    with pytest.raises(ValidationError, match="https"):
        BridgeParams(url=url, token=SecretStr("x"))


@pytest.mark.parametrize(
    "url", ["https://metaapi.example", "http://x.agiliumtrade.ai", "https://agiliumtrade.ai.example"]
)
def test_a_token_of_metaapi_goes_to_metaapi_only(url: str) -> None:
    with pytest.raises(ValidationError, match="MetaApi is reached"):
        MetaApiParams(url=url, account="a", token=SecretStr("x"))


def test_tokens_are_not_shown() -> None:
    params = MetaApiParams(
        url="https://mt-client-api-v1.london.agiliumtrade.ai", account="a", token=SecretStr("canary")
    )
    assert "canary" not in repr(params)


@pytest.mark.parametrize("token", ["", "short"])
def test_the_bridge_does_not_start_without_a_token(server: Mt5Server, token: str) -> None:
    with pytest.raises(ConfigError, match="token"):
        make_app(module_terminal(server), token)


def test_the_bridge_answers_nobody_without_its_token(server: Mt5Server) -> None:
    async def stranger(terminal: Terminal) -> None:
        with pytest.raises(VenueAuthError, match="not the token"):
            await terminal.send(BUY, lambda: None)
        assert server.requests == 0

    with serving(make_app(module_terminal(server), BRIDGE_TOKEN)) as url:
        run(bridge(url, "another-token-of-16"), stranger)
        assert httpx.get(f"{url}/orders", trust_env=False).status_code == 401
        assert httpx.get(f"{url}/health", trust_env=False).json() == {"status": "ok"}


def test_the_bridge_trades_real_money_only_if_its_operator_said_so(server: Mt5Server) -> None:
    server.trade_mode = 2

    async def refused(terminal: Terminal) -> None:
        with pytest.raises(VenueAuthError, match="real money"):
            await terminal.send(BUY, lambda: None)
        assert server.requests == 0

    async def taken(terminal: Terminal) -> None:
        assert (await terminal.send(BUY, lambda: None)).order

    with serving(make_app(module_terminal(server), BRIDGE_TOKEN)) as url:
        run(bridge(url), refused)
    with serving(make_app(module_terminal(server), BRIDGE_TOKEN, allows_real=True)) as url:
        run(bridge(url), taken)


def test_without_a_bridge_nothing_is_sent() -> None:
    async def work(terminal: Terminal) -> None:
        with pytest.raises(VenueUnavailableError):
            await terminal.send(BUY, lambda: None)

    run(bridge("http://127.0.0.1:1"), work)


def test_metaapi_refuses_a_wrong_token_and_pages_through_its_history(
    server: Mt5Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradewright.adapters.mt5.metaapi_terminal._PAGE", 2)

    def terminal(url: str, token: str = TOKEN) -> MetaApiTerminal:
        return MetaApiTerminal(MetaApiParams(url=url, account=ACCOUNT, token=SecretStr(token)))

    async def stranger(terminal: Terminal) -> None:
        with pytest.raises(VenueAuthError, match="token invalid"):
            await terminal.orders()

    async def work(terminal: Terminal) -> None:
        for _ in range(4):
            await terminal.send(BUY, lambda: None)
        assert len({deal.ticket for deal in await terminal.history_deals(0)}) == 4
        assert len(await terminal.history_orders(0)) == 4
        assert await terminal.history_orders(server.local.now_ns // 10**6 + 60_000) == []

    with serving(MetaApiVenue(server).app) as url:
        run(terminal(url, "wrong"), stranger)
        run(terminal(url), work)


def test_an_answer_that_is_not_as_documented_is_no_answer(server: Mt5Server, monkeypatch: pytest.MonkeyPatch) -> None:
    venue = MetaApiVenue(server)
    monkeypatch.setattr(venue, "_order", lambda _ticket: {"id": "nonsense"})

    async def work(terminal: Terminal) -> None:
        await terminal.send(BUY, lambda: None)
        with pytest.raises(VenueTimeoutError, match="cannot be read"):
            await terminal.history_orders(0)

    with serving(venue.app) as url:
        run(MetaApiTerminal(MetaApiParams(url=url, account=ACCOUNT, token=SecretStr(TOKEN))), work)


def test_the_bridge_gives_bars_to_who_has_the_token_and_refuses_what_is_no_question(server: Mt5Server) -> None:
    right, span = {"Authorization": f"Bearer {BRIDGE_TOKEN}"}, "start_ms=0&end_ms=1"
    with serving(make_app(module_terminal(server), BRIDGE_TOKEN)) as url:

        def status(query: str, headers: dict[str, str]) -> int:
            return httpx.get(f"{url}/bars/EURUSD?{query}", headers=headers, trust_env=False).status_code

        assert status(f"period=1&{span}", {}) == 401
        assert status(f"period=1&{span}", right) == 200
        wrong = (f"period=7&{span}", "period=1&start_ms=x&end_ms=1", "period=1", f"period=1&start_ms=0&end_ms={10**18}")
        assert [status(query, right) for query in wrong] == [422] * 4


def test_metaapis_bars_are_on_a_host_of_their_own_and_its_quotes_are_held_against_the_zone(server: Mt5Server) -> None:
    def params(url: str) -> MetaApiParams:
        return MetaApiParams(url=url, account=ACCOUNT, token=SecretStr(TOKEN))

    async def work(terminal: Terminal) -> None:
        assert (await terminal.tick("EURUSD")).time_ms == server.local.now_ns // 10**6
        found = await terminal.bars("EURUSD", Period.M1, 0, server.local.now_ns // 10**6)
        assert (len(found.rows), found.knows_zone) == (1, True)
        assert found.rows[0].time_ms == 1_704_067_200_000

    async def refused(terminal: Terminal) -> None:
        with pytest.raises(VenueRejectedError, match=r"it is 02:0\d in UTC\+2"):
            await terminal.tick("EURUSD")

    theirs = MetaApiTerminal(params("https://mt-client-api-v1.london.agiliumtrade.ai"))
    assert str(theirs._bars._client.base_url) == "https://mt-market-data-client-api-v1.london.agiliumtrade.ai"
    run(theirs, lambda _: asyncio.sleep(0))
    with serving(MetaApiVenue(server).app) as url:
        run(MetaApiTerminal(params(url), ServerZone.parse("UTC+3")), work)
        run(MetaApiTerminal(params(url), ServerZone.parse("UTC+2")), refused)
