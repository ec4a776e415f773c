"""Binance spot trading behind the port `execution.venue.Venue`. It holds no policy: one verb, one request.

Source: developers.binance.com, spot REST and user data stream.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncGenerator, Callable
from typing import Any
from urllib.parse import urlencode

from tradewright.adapters.binance.trading_params import BinanceTradingParams
from tradewright.adapters.binance.trading_rows import (
    MS,
    Instruments,
    fill_of,
    lots_of,
    order_of,
    params_of,
    unreadable,
)
from tradewright.adapters.binance.trading_stream import events
from tradewright.adapters.commands import Answer, Command, VenueCommands
from tradewright.adapters.http import RateLimit, Sleep
from tradewright.adapters.websocket import Connect, open_connection
from tradewright.core.types.venue import (
    Idempotency,
    OrderIntent,
    VenueAccount,
    VenueEvent,
    VenueFill,
    VenueOrder,
    VenuePosition,
)
from tradewright.execution.venue import (
    Capabilities,
    DuplicateIdError,
    Gate,
    VenueAuthError,
    VenueRejectedError,
    VenueTimeoutError,
    VenueUnavailableError,
)

CAPABILITIES = Capabilities(
    idempotency=Idempotency.OPEN_ONLY,
    id_max_len=36,
    settle_s=10.0,
    retention_s=90 * 86_400.0,
    replace="none",
    trade_id_scope="instrument",
)
_PAGE = 1_000
#: Orders are listed by when they were made; one that changed lately may be older, by so much at most.
_LOOK_BACK_MS = 30 * 86_400 * 1_000
_NO_SUCH_ORDER, _REFUSED, _NOT_CANCELLED, _WRONG_TIME = -2013, -2010, -2011, -1021
_BAD_KEYS = {-2014, -2015, -1022, -1002}
_UNKNOWN_FATE = {-1000, -1001, -1006, -1007}

Parameters = dict[str, str]


def _open() -> None:
    """Let a question through: only orders need a gate."""


class BinanceTrading:
    """One spot account at Binance.

    Parameters
    ----------
    params : BinanceTradingParams
        Address and keys.
    instruments : mapping of str to Instrument
        What is traded, by symbol; sizes are counted in their lots.
    account_id : str
        The account's number; `connect` finds it out.
    clock_ns : callable
        ns UTC; how far the venue's clock is from it is measured, and measured again when the venue complains.
    connect_socket, sleep : callable
        Of the stream.
    """

    capabilities = CAPABILITIES

    def __init__(
        self,
        params: BinanceTradingParams,
        instruments: Instruments,
        account_id: str = "",
        *,
        clock_ns: Callable[[], int],
        connect_socket: Connect = open_connection,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.name, self.account_id = params.name, account_id
        self._params, self._instruments = params, instruments
        self._clock_ns, self._connect_socket, self._sleep = clock_ns, connect_socket, sleep
        burst = max(100.0, params.weight_per_minute / 10.0)
        self._http = VenueCommands(
            params.rest_url,
            RateLimit((params.weight_per_minute - burst) / 60.0, burst),
            name=params.name,
            headers={"X-MBX-APIKEY": params.keys.key.get_secret_value()},
            timeout_s=params.timeout_s,
        )
        self._ahead_ms: int | None = None  # of the venue's clock before ours
        self._symbols: dict[str, str] = {}  # client id -> symbol, which Binance wants to be told
        self._assets: dict[str, tuple[str, str]] = {}

    async def connect(self) -> None:
        """Find out which account the keys belong to, and what the instruments are made of."""
        body = await self._ask("/api/v3/account", {"omitZeroBalances": "true"}, weight=20)
        if not isinstance(body, dict) or "uid" not in body:
            raise unreadable("the account has no number")
        self.account_id = str(body["uid"])

    async def close(self) -> None:
        """Release connections."""
        await self._http.close()

    # ----------------------------------------------------------------------------------------------------- commands

    async def submit(self, intent: OrderIntent, gate: Gate) -> VenueOrder:
        """Send an order under its client id. Exits are not the venue's matter here: it has no brackets on orders."""
        params = params_of(intent, self._instruments)
        self._symbols[intent.client_id] = intent.instrument
        answer = await self._signed("POST", "/api/v3/order", params, gate=gate)
        return order_of(answer.body, self._instruments)

    async def cancel(self, client_id: str, venue_id: str) -> None:
        """Ask to cancel an order."""
        symbol, _, number = venue_id.partition(":")
        symbol = symbol or self._symbols.get(client_id, "")
        if not symbol:
            known = await self.order(client_id)
            if known is None:
                raise VenueRejectedError("the venue knows no such order", where=client_id)
            symbol = known.instrument
        named = {"orderId": number} if number else {"origClientOrderId": client_id}
        await self._signed("DELETE", "/api/v3/order", {"symbol": symbol} | named)

    async def replace(self, client_id: str, intent: OrderIntent, gate: Gate) -> VenueOrder:
        """Refuse: Binance's cancel-replace is two steps, and the first may happen without the second."""
        del intent, gate
        raise VenueRejectedError("Binance cannot replace an order in one step", where=client_id)

    async def cancel_all(self, instrument: str = "") -> None:
        """Ask to cancel every open order of the account, or of an instrument."""
        symbols = {instrument} if instrument else {order.instrument for order in await self.open_orders()}
        for symbol in sorted(symbols):
            try:
                await self._signed("DELETE", "/api/v3/openOrders", {"symbol": symbol})
            except VenueRejectedError as error:
                if f"code {_NOT_CANCELLED}" not in str(error):  # there was none
                    raise

    # ---------------------------------------------------------------------------------------------------- questions

    async def order(self, client_id: str) -> VenueOrder | None:
        """Return the order of a client id, or None if the venue says, for every instrument, that there is none."""
        known = self._symbols.get(client_id)
        for symbol in [known] if known else sorted(self._instruments):
            answer = await self._answer("GET", "/api/v3/order", {"symbol": symbol, "origClientOrderId": client_id}, 4)
            if _code(answer) == _NO_SUCH_ORDER:
                continue
            return order_of(self._checked(answer, "order").body, self._instruments)
        return None

    async def open_orders(self) -> list[VenueOrder]:
        """Return all open orders of the account."""
        rows = _list(await self._ask("/api/v3/openOrders", weight=80))
        return [order_of(row, self._instruments) for row in rows]

    async def order_history(self, since_ns: int) -> list[VenueOrder]:
        """Return orders made or changed since a time."""
        found: list[VenueOrder] = []
        for symbol in sorted(self._instruments):
            start = max(0, since_ns // MS - _LOOK_BACK_MS)
            rows = await self._pages("/api/v3/allOrders", symbol, start, "orderId", "orderId")
            found += [order_of(row, self._instruments) for row in rows]
        return sorted((o for o in found if o.ts_event >= since_ns), key=lambda o: (o.ts_event, o.venue_id))

    async def fills(self, since_ns: int) -> list[VenueFill]:
        """Return executions since a time, oldest first. The venue tells times in ms."""
        found: list[VenueFill] = []
        for symbol in sorted(self._instruments):
            rows = await self._pages("/api/v3/myTrades", symbol, max(0, since_ns // MS), "fromId", "id")
            found += [fill_of(row, self._instruments) for row in rows]
        return sorted(found, key=lambda f: (f.ts_event, f.instrument, int(f.trade_id)))

    async def positions(self) -> list[VenuePosition]:
        """Return what is held of each instrument's base asset; Binance knows no average price."""
        held, assets = await self._balances(), await self._asset_names()
        found = []
        for symbol, instrument in sorted(self._instruments.items()):
            lots = lots_of(held.get(assets[symbol][0], 0.0), instrument.lot)
            if lots:
                found.append(VenuePosition(symbol, lots))
        return found

    async def account(self) -> VenueAccount:
        """Return cash in the quote asset, and equity with every instrument at its last price."""
        held, assets = await self._balances(), await self._asset_names()
        cash = sum(held.get(quote, 0.0) for quote in sorted({quote for _, quote in assets.values()}))
        equity = cash
        try:
            for symbol in sorted(self._instruments):
                body = (await self._public("/api/v3/ticker/price", {"symbol": symbol}, 2)).body
                equity += held.get(assets[symbol][0], 0.0) * float(body["price"])
        except (KeyError, TypeError, ValueError) as error:
            raise unreadable(f"a price cannot be read: {error}") from error
        return VenueAccount(equity, cash, await self.server_time_ns())

    async def server_time_ns(self) -> int:
        """Return the venue's clock, ns UTC."""
        body = (await self._public("/api/v3/time", {})).body
        try:
            return int(body["serverTime"]) * MS
        except (KeyError, TypeError, ValueError) as error:
            raise unreadable(f"the clock cannot be read: {error}") from error

    def stream(self) -> AsyncGenerator[VenueEvent, None]:
        """Yield what happens to the account's orders; close it with ``contextlib.aclosing``."""
        return events(self._http, self._params, self._instruments, self._clock_ns, (self._connect_socket, self._sleep))

    # ---------------------------------------------------------------------------------------------------- the inside

    async def _pages(self, path: str, symbol: str, start_ms: int, from_name: str, id_name: str) -> list[Any]:
        """Return all rows since a time: the first page by time, the following ones by number."""
        rows: list[Any] = []
        query = {"symbol": symbol, "startTime": str(start_ms), "limit": str(_PAGE)}
        while True:
            page = _list(await self._ask(path, query, weight=20))
            rows += page
            if len(page) < _PAGE:
                return rows
            query = {"symbol": symbol, from_name: str(int(page[-1][id_name]) + 1), "limit": str(_PAGE)}

    async def _balances(self) -> dict[str, float]:
        body = await self._ask("/api/v3/account", {"omitZeroBalances": "true"}, weight=20)
        try:
            return {row["asset"]: float(row["free"]) + float(row["locked"]) for row in body["balances"]}
        except (KeyError, TypeError, ValueError) as error:
            raise unreadable(f"the balances cannot be read: {error}") from error

    async def _asset_names(self) -> dict[str, tuple[str, str]]:
        """Return base and quote asset of each instrument, asked once."""
        if not self._assets:
            body = (await self._public("/api/v3/exchangeInfo", {}, 20)).body
            try:
                known = {row["symbol"]: (row["baseAsset"], row["quoteAsset"]) for row in body["symbols"]}
                self._assets = {symbol: known[symbol] for symbol in self._instruments}
            except (KeyError, TypeError) as error:
                raise unreadable(f"the symbols cannot be read: {error}") from error
        return self._assets

    async def _public(self, path: str, params: Parameters, weight: float = 1.0) -> Answer:
        return self._checked(await self._http.send(Command("GET", path, urlencode(params), weight=weight)), path)

    async def _ask(self, path: str, params: Parameters | None = None, weight: float = 1.0) -> Any:  # noqa: ANN401
        return (await self._signed("GET", path, params or {}, weight)).body

    async def _signed(
        self, method: str, path: str, params: Parameters, weight: float = 1.0, gate: Gate = _open
    ) -> Answer:
        return self._checked(await self._answer(method, path, params, weight, gate), f"{method} {path}")

    async def _answer(
        self, method: str, path: str, params: Parameters, weight: float = 1.0, gate: Gate = _open
    ) -> Answer:
        if self._ahead_ms is None:
            self._ahead_ms = (await self.server_time_ns() - self._clock_ns()) // MS
        now = self._clock_ns() // MS + self._ahead_ms
        text = urlencode(params | {"recvWindow": str(self._params.recv_window_ms), "timestamp": str(now)})
        secret = self._params.keys.secret.get_secret_value().encode()
        signature = hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
        return await self._http.send(Command(method, path, f"{text}&signature={signature}", weight=weight), gate)

    def _checked(self, answer: Answer, what: str) -> Answer:
        """Return a success; raise what a refusal means."""
        if answer.is_success:
            return answer
        code, where = _code(answer), f"{self.name} {what}"
        message = self._http.clean(str(answer.body.get("msg", ""))) if isinstance(answer.body, dict) else ""
        told = f"{answer.status} {message} (code {code})"
        if code == _WRONG_TIME:
            self._ahead_ms = None  # measured anew before the next request; this one did nothing
            raise VenueUnavailableError(told, where=where, fix="The clocks are compared again.")
        if code in _UNKNOWN_FATE:
            raise VenueTimeoutError(told, where=where)
        if code in _BAD_KEYS or answer.status == 401:
            raise VenueAuthError(told, where=where, fix="Check the keys, and that they belong to this address.")
        if code == _REFUSED and "duplicate" in message.lower():
            raise DuplicateIdError(told, where=where)
        raise VenueRejectedError(told, where=where)


def _code(answer: Answer) -> int:
    code = answer.body.get("code") if isinstance(answer.body, dict) else None
    return code if isinstance(code, int) and not answer.is_success else 0


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise unreadable("the answer is not a list")
    return value
