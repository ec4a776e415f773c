"""Binance spot trading behind the port `execution.venue.Venue`. It holds no policy: one verb, one request.

Source: developers.binance.com, spot REST and user data stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from decimal import Decimal
from typing import Any

from tradewright.adapters.binance.exchange_info import instrument_of
from tradewright.adapters.binance.params import Market
from tradewright.adapters.binance.signed import NO_SUCH_ORDER, NOT_CANCELLED, SignedRequests, code_of, list_of
from tradewright.adapters.binance.trading_params import BinanceTradingParams
from tradewright.adapters.binance.trading_rows import (
    MS,
    Instruments,
    fill_of,
    order_of,
    params_of,
    unreadable,
)
from tradewright.adapters.binance.trading_stream import events
from tradewright.adapters.decimal_text import lots_of
from tradewright.adapters.http import Sleep
from tradewright.adapters.websocket import Connect, open_connection
from tradewright.core.types.venue import (
    Idempotency,
    Listing,
    OrderIntent,
    VenueAccount,
    VenueEvent,
    VenueFill,
    VenueOrder,
    VenuePosition,
)
from tradewright.execution.venue import Capabilities, Gate, VenueRejectedError

CAPABILITIES = Capabilities(
    idempotency=Idempotency.OPEN_ONLY,
    id_max_len=36,
    settle_s=10.0,
    retention_s=90 * 86_400.0,
    replace="none",
    trade_id_scope="instrument",
    turns_positions=False,
    exits_hold_lots=True,
)
_NOTHING = Decimal(0)
#: Orders are listed by when they were made; one that changed lately may be older, by so much at most.
_LOOK_BACK_MS = 30 * 86_400 * 1_000


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
        self._venue = SignedRequests(params, clock_ns)
        self._symbols: dict[str, str] = {}  # client id -> symbol, which Binance wants to be told
        self._listed: dict[str, dict[str, Any]] = {}  # what `exchangeInfo` says of each symbol

    async def connect(self) -> None:
        """Find out which account the keys belong to, and what the instruments are made of."""
        body = await self._venue.ask("/api/v3/account", {"omitZeroBalances": "true"}, weight=20)
        if not isinstance(body, dict) or "uid" not in body:
            raise unreadable("the account has no number")
        self.account_id = str(body["uid"])

    async def close(self) -> None:
        """Release connections."""
        await self._venue.http.close()

    # ----------------------------------------------------------------------------------------------------- commands

    async def submit(self, intent: OrderIntent, gate: Gate) -> VenueOrder:
        """Send an order under its client id. Exits are not the venue's matter here: it has no brackets on orders."""
        params = params_of(intent, self._instruments)
        self._symbols[intent.client_id] = intent.instrument
        answer = await self._venue.signed("POST", "/api/v3/order", params, gate=gate)
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
        await self._venue.signed("DELETE", "/api/v3/order", {"symbol": symbol} | named)

    async def replace(self, client_id: str, intent: OrderIntent, gate: Gate) -> VenueOrder:
        """Refuse: Binance's cancel-replace is two steps, and the first may happen without the second."""
        del intent, gate
        raise VenueRejectedError("Binance cannot replace an order in one step", where=client_id)

    async def cancel_all(self, instrument: str = "") -> None:
        """Ask to cancel every open order of the account, or of an instrument."""
        symbols = {instrument} if instrument else {order.instrument for order in await self.open_orders()}
        for symbol in sorted(symbols):
            try:
                await self._venue.signed("DELETE", "/api/v3/openOrders", {"symbol": symbol})
            except VenueRejectedError as error:
                if f"code {NOT_CANCELLED}" not in str(error):  # there was none
                    raise

    # ---------------------------------------------------------------------------------------------------- questions

    async def order(self, client_id: str) -> VenueOrder | None:
        """Return the order of a client id, or None if the venue says, for every instrument, that there is none."""
        known = self._symbols.get(client_id)
        for symbol in [known] if known else sorted(self._instruments):
            answer = await self._venue.answer(
                "GET", "/api/v3/order", {"symbol": symbol, "origClientOrderId": client_id}, 4
            )
            if code_of(answer) == NO_SUCH_ORDER:
                continue
            return order_of(self._venue.checked(answer, "order").body, self._instruments)
        return None

    async def open_orders(self) -> list[VenueOrder]:
        """Return all open orders of the account."""
        rows = list_of(await self._venue.ask("/api/v3/openOrders", weight=80))
        return [order_of(row, self._instruments) for row in rows]

    async def order_history(self, since_ns: int) -> list[VenueOrder]:
        """Return orders made or changed since a time."""
        found: list[VenueOrder] = []
        for symbol in sorted(self._instruments):
            start = max(0, since_ns // MS - _LOOK_BACK_MS)
            rows = await self._venue.pages("/api/v3/allOrders", symbol, start, "orderId", "orderId")
            found += [order_of(row, self._instruments) for row in rows]
        return sorted((o for o in found if o.ts_event >= since_ns), key=lambda o: (o.ts_event, o.venue_id))

    async def fills(self, since_ns: int) -> list[VenueFill]:
        """Return executions since a time, oldest first. The venue tells times in ms."""
        found: list[VenueFill] = []
        for symbol in sorted(self._instruments):
            rows = await self._venue.pages("/api/v3/myTrades", symbol, max(0, since_ns // MS), "fromId", "id")
            found += [fill_of(row, self._instruments) for row in rows]
        return sorted(found, key=lambda f: (f.ts_event, f.instrument, int(f.trade_id)))

    async def positions(self) -> list[VenuePosition]:
        """Return what is held of each instrument's base asset; Binance knows no average price."""
        held, assets = await self._balances(), await self._asset_names()
        found = []
        for symbol, instrument in sorted(self._instruments.items()):
            lots = lots_of(held.get(assets[symbol][0], _NOTHING), instrument.lot)
            if lots:
                found.append(VenuePosition(symbol, lots))
        return found

    async def listing(self, instrument: str) -> Listing | None:
        """Return how an instrument is traded: the steps of its filters, and whether it is open for orders."""
        listed = await self._symbols_listed()
        if instrument not in listed:
            return None
        theirs = instrument_of(Market.SPOT, instrument, {"symbols": [listed[instrument]]})
        is_open = listed[instrument].get("status") == "TRADING"
        return Listing(instrument, theirs.lot_size, theirs.tick_size, is_open)

    async def account(self) -> VenueAccount:
        """Return cash in the quote asset, and equity with every instrument at its last price."""
        held, assets = await self._balances(), await self._asset_names()
        cash = float(sum(held.get(quote, _NOTHING) for quote in sorted({quote for _, quote in assets.values()})))
        equity = cash
        try:
            for symbol in sorted(self._instruments):
                body = (await self._venue.public("/api/v3/ticker/price", {"symbol": symbol}, 2)).body
                equity += float(held.get(assets[symbol][0], _NOTHING)) * float(body["price"])
        except (KeyError, TypeError, ValueError) as error:
            raise unreadable(f"a price cannot be read: {error}") from error
        return VenueAccount(equity, cash, await self.server_time_ns())

    async def server_time_ns(self) -> int:
        """Return the venue's clock, ns UTC."""
        return await self._venue.server_time_ns()

    def stream(self) -> AsyncGenerator[VenueEvent, None]:
        """Yield what happens to the account's orders; close it with ``contextlib.aclosing``."""
        return events(
            self._venue.http, self._params, self._instruments, self._clock_ns, (self._connect_socket, self._sleep)
        )

    # ---------------------------------------------------------------------------------------------------- the inside

    async def _balances(self) -> dict[str, Decimal]:
        """Return what is held of each asset, free and in orders; exact, because lots are counted from it."""
        body = await self._venue.ask("/api/v3/account", {"omitZeroBalances": "true"}, weight=20)
        try:
            return {row["asset"]: Decimal(row["free"]) + Decimal(row["locked"]) for row in body["balances"]}
        except (KeyError, TypeError, ValueError, ArithmeticError) as error:
            raise unreadable(f"the balances cannot be read: {error}") from error

    async def _asset_names(self) -> dict[str, tuple[str, str]]:
        """Return base and quote asset of each instrument."""
        listed = await self._symbols_listed()
        try:
            return {s: (listed[s]["baseAsset"], listed[s]["quoteAsset"]) for s in self._instruments}
        except KeyError as error:
            raise unreadable(f"the symbols cannot be read: {error}") from error

    async def _symbols_listed(self) -> dict[str, dict[str, Any]]:
        """Return what the exchange says of its symbols, asked once."""
        if not self._listed:
            body = (await self._venue.public("/api/v3/exchangeInfo", {}, 20)).body
            try:
                self._listed = {row["symbol"]: row for row in body["symbols"]}
            except (KeyError, TypeError) as error:
                raise unreadable(f"the symbols cannot be read: {error}") from error
        return self._listed
