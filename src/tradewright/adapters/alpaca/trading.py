"""Alpaca's trading REST behind the port `execution.venue.Venue`. It holds no policy: one verb, one request.

Source: docs.alpaca.markets, Trading API.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any
from urllib.parse import quote, urlencode

from tradewright.adapters.alpaca.stamps import ns_of, text_of
from tradewright.adapters.alpaca.trading_params import AlpacaTradingParams
from tradewright.adapters.alpaca.trading_rows import (
    Instruments,
    body_of,
    fill_of_activity,
    orders_of,
    position_of,
    prices_of,
    unreadable,
)
from tradewright.adapters.alpaca.trading_stream import events
from tradewright.adapters.commands import Answer, Command, VenueCommands
from tradewright.adapters.decimal_text import units_text
from tradewright.adapters.http import RateLimit, Sleep
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
from tradewright.execution.venue import (
    Capabilities,
    DuplicateIdError,
    Gate,
    VenueAuthError,
    VenueRejectedError,
)

CAPABILITIES = Capabilities(
    idempotency=Idempotency.HARD,
    id_max_len=128,
    settle_s=5.0,
    retention_s=90 * 86_400.0,
    replace="total",
    trade_id_scope="account",
    bracket_native=True,
    turns_positions=False,
    exits_hold_lots=True,
)
_DUPLICATE_ID, _FORBIDDEN_ORDER = 40010001, 40310000
_PAGE, _ORDER_PAGE = 100, 500
#: Alpaca filters orders by when they were made; one that changed lately may be older, by so much at most.
_LOOK_BACK_NS = 30 * 86_400 * 10**9


def _open() -> None:
    """Let a question through: only orders need a gate."""


class AlpacaTrading:
    """One account at Alpaca.

    Parameters
    ----------
    params : AlpacaTradingParams
        Address and keys.
    instruments : mapping of str to Instrument
        What is traded, by symbol; sizes are counted in their lots.
    account_id : str
        The account's number; `connect` finds it out.
    clock_ns : callable
        ns UTC, for the times of stream gaps.
    connect_socket, sleep : callable
        Of the stream.
    """

    capabilities = CAPABILITIES

    def __init__(
        self,
        params: AlpacaTradingParams,
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
        burst = max(1.0, params.requests_per_minute / 10.0)
        self._http = VenueCommands(
            params.trading_url,
            RateLimit((params.requests_per_minute - burst) / 60.0, burst),
            name=params.name,
            headers=params.headers(),
            timeout_s=params.timeout_s,
        )

    async def connect(self) -> None:
        """Find out which account the keys belong to; raises as every question does."""
        body = await self._ask("/v2/account")
        if not isinstance(body, dict) or not isinstance(body.get("account_number"), str):
            raise unreadable("the account has no number")
        self.account_id = body["account_number"]

    async def close(self) -> None:
        """Release connections."""
        await self._http.close()

    # ----------------------------------------------------------------------------------------------------- commands

    async def submit(self, intent: OrderIntent, gate: Gate) -> VenueOrder:
        """Send an order under its client id."""
        command = Command("POST", "/v2/orders", body=body_of(intent, self._instruments))
        return orders_of((await self._send(command, gate)).body, self._instruments)[0]

    async def cancel(self, client_id: str, venue_id: str) -> None:
        """Ask to cancel an order."""
        if not venue_id:
            known = await self.order(client_id)
            if known is None:
                raise VenueRejectedError("the venue knows no such order", where=client_id)
            venue_id = known.venue_id
        await self._send(Command("DELETE", f"/v2/orders/{quote(venue_id)}"))

    async def replace(self, client_id: str, intent: OrderIntent, gate: Gate) -> VenueOrder:
        """Put an intent in the place of a working order; its size is the whole, what is filled included."""
        known = await self.order(client_id)
        instrument = self._instruments.get(intent.instrument)
        if known is None or instrument is None:
            raise VenueRejectedError("the venue knows no such order", where=client_id)
        body = {"qty": units_text(intent.lots, instrument.lot), "client_order_id": intent.client_id}
        command = Command("PATCH", f"/v2/orders/{quote(known.venue_id)}", body=body | prices_of(intent))
        return orders_of((await self._send(command, gate)).body, self._instruments)[0]

    async def cancel_all(self, instrument: str = "") -> None:
        """Ask to cancel every open order of the account, or of an instrument."""
        if instrument:
            for order in await self.open_orders():
                if order.instrument == instrument:
                    await self.cancel(order.client_id, order.venue_id)
            return
        answer = await self._send(Command("DELETE", "/v2/orders"))
        rows = answer.body if isinstance(answer.body, list) else []
        failed = [str(row.get("id")) for row in rows if not isinstance(row, dict) or row.get("status") != 200]
        if failed:
            raise unreadable(f"{len(failed)} of {len(rows)} orders were not cancelled")

    # ---------------------------------------------------------------------------------------------------- questions

    async def order(self, client_id: str) -> VenueOrder | None:
        """Return the order of a client id, or None if the venue says that there is none."""
        query = urlencode({"client_order_id": client_id})
        answer = await self._http.send(Command("GET", "/v2/orders:by_client_order_id", query), _open)
        if answer.status == 404:
            return None
        return orders_of(self._checked(answer, "order").body, self._instruments)[0]

    async def open_orders(self) -> list[VenueOrder]:
        """Return all open orders of the account, exits of brackets included.

        Asked twice: the flat list has every order, the nested one says which exits belong to which entry.
        """
        found = {order.venue_id: order for order in await self._orders("open", 0, nested=False)}
        found |= {order.venue_id: order for order in await self._orders("open", 0)}
        return [order for order in found.values() if order.is_open]

    async def order_history(self, since_ns: int) -> list[VenueOrder]:
        """Return orders made or changed since a time."""
        found = await self._orders("all", max(0, since_ns - _LOOK_BACK_NS))
        return [order for order in found if order.ts_event >= since_ns]

    async def fills(self, since_ns: int) -> list[VenueFill]:
        """Return executions since a time, oldest first."""
        found: list[VenueFill] = []
        query: dict[str, Any] = {"after": text_of(max(0, since_ns - 1)), "direction": "asc", "page_size": _PAGE}
        while True:
            rows = await self._ask("/v2/account/activities/FILL", query)
            if not isinstance(rows, list):
                raise unreadable("the activities are not a list")
            found += [fill_of_activity(row, self._instruments) for row in rows]
            if len(rows) < _PAGE:
                return found
            query["page_token"] = rows[-1]["id"]

    async def positions(self) -> list[VenuePosition]:
        """Return open positions."""
        rows = await self._ask("/v2/positions")
        if not isinstance(rows, list):
            raise unreadable("the positions are not a list")
        return [position_of(row, self._instruments) for row in rows]

    async def listing(self, instrument: str) -> Listing | None:
        """Return how an instrument is traded; stocks in whole shares, or in nine digits where they are fractionable.

        The steps of prices are told for crypto only (docs.alpaca.markets, assets).
        """
        answer = await self._http.send(Command("GET", f"/v2/assets/{quote(instrument, safe='')}"), _open)
        if answer.status == 404:
            return None
        row = self._checked(answer, "asset").body
        try:
            whole = "0.000000001" if row["fractionable"] else "1"
            lot = str(row.get("min_trade_increment") or whole)
            return Listing(instrument, lot, str(row.get("price_increment") or ""), bool(row["tradable"]))
        except (KeyError, TypeError, AttributeError) as error:
            raise unreadable(f"the asset cannot be read: {error}") from error

    async def account(self) -> VenueAccount:
        """Return equity and cash, at the venue's time."""
        row, now = await self._ask("/v2/account"), await self.server_time_ns()
        try:
            return VenueAccount(float(row["equity"]), float(row["cash"]), now)
        except (KeyError, TypeError, ValueError) as error:
            raise unreadable(f"the account cannot be read: {error}") from error

    async def server_time_ns(self) -> int:
        """Return the venue's clock, ns UTC."""
        body = await self._ask("/v2/clock")
        try:
            return ns_of(body["timestamp"])
        except (KeyError, TypeError, ValueError) as error:
            raise unreadable(f"the clock cannot be read: {error}") from error

    def stream(self) -> AsyncGenerator[VenueEvent, None]:
        """Yield what happens to the account's orders; close it with ``contextlib.aclosing``."""
        return events(self._params, self._instruments, self._clock_ns, self._connect_socket, self._sleep)

    # ---------------------------------------------------------------------------------------------------- the inside

    async def _orders(self, status: str, after_ns: int, *, nested: bool = True) -> list[VenueOrder]:
        """Return every order of a state made after a time, page by page, each once."""
        found: dict[str, VenueOrder] = {}
        query = {"status": status, "nested": str(nested).lower(), "limit": str(_ORDER_PAGE), "direction": "asc"}
        after = text_of(after_ns) if after_ns else ""
        while True:
            rows = await self._ask("/v2/orders", query | ({"after": after} if after else {}))
            if not isinstance(rows, list):
                raise unreadable("the orders are not a list")
            before = len(found)
            for row in rows:
                found |= {order.venue_id: order for order in orders_of(row, self._instruments)}
            if len(rows) < _ORDER_PAGE or len(found) == before:
                return list(found.values())
            after = text_of(ns_of(rows[-1]["submitted_at"]) - 1)  # orders of one moment may straddle two pages

    async def _ask(self, path: str, query: dict[str, Any] | None = None) -> Any:  # noqa: ANN401  # decoded JSON
        return (await self._send(Command("GET", path, urlencode(query or {})))).body

    async def _send(self, command: Command, gate: Gate = _open) -> Answer:
        return self._checked(await self._http.send(command, gate), f"{command.method} {command.path}")

    def _checked(self, answer: Answer, what: str) -> Answer:
        """Return a success; raise what a refusal means."""
        if answer.is_success:
            return answer
        body = answer.body if isinstance(answer.body, dict) else {}
        code, message = body.get("code"), self._http.clean(str(body.get("message", "")))
        told, where = f"{answer.status} {message} (code {code})", f"{self.name} {what}"
        if code == _DUPLICATE_ID and "client_order_id" in message and "unique" in message:
            raise DuplicateIdError(told, where=where)
        if answer.status == 401 or (answer.status == 403 and code != _FORBIDDEN_ORDER):
            raise VenueAuthError(told, where=where, fix="Check the keys, and that they belong to this address.")
        raise VenueRejectedError(told, where=where)
