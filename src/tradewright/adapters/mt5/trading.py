"""MetaTrader 5 behind the port `execution.venue.Venue`, whichever way the terminal is reached.

It holds no policy: one verb, one request. Hedging accounts, which keep opposite positions side by side, are seen as
what their tickets come to together. A market order that reduces closes the oldest ticket of ours that is large enough.
What else reduces opens an opposite ticket (a pending order cannot name one); `net_pairs` then has the two close each
other, at no price and the oldest first. Tickets without our label are never touched.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping

from tradewright.adapters.http import Sleep
from tradewright.adapters.mt5.answers import PLACED, error_of
from tradewright.adapters.mt5.polling import events
from tradewright.adapters.mt5.terminal import (
    Action,
    MarginMode,
    OrderType,
    PositionRow,
    Request,
    Result,
    Terminal,
)
from tradewright.adapters.mt5.trading_params import Mt5TradingParams
from tradewright.adapters.mt5.trading_rows import (
    MS,
    Traded,
    fill_of,
    lots_of,
    magic_of,
    order_of,
    positions_of,
    request_of,
    tickets_of,
)
from tradewright.core.types.instrument import Instrument
from tradewright.core.types.order import OrderKind, OrderStatus
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
    Gate,
    VenueAuthError,
    VenueRejectedError,
    VenueTimeoutError,
    VenueUnavailableError,
)

#: The server's zone may change its hour under a running terminal: questions about the past reach so much further back.
OVERLAP_MS = 2 * 3_600_000
_RETENTION_S = 90 * 86_400.0
#: So many client ids are known by their magic number; older ones are what they are after a restart.
_REMEMBERED = 50_000
CAPABILITIES = Capabilities(
    idempotency=Idempotency.TAG,
    id_max_len=31,
    settle_s=10.0,
    retention_s=_RETENTION_S,
    bulk_cancel=False,
    replace="none",
    trade_id_scope="account",
    turns_positions=False,  # not where tickets stand side by side
    server_time=False,  # the newest quote's is all there is
)


def _open() -> None:
    """Let a request through: only orders need a gate."""


class Mt5Trading:
    """One account of a MetaTrader 5 terminal.

    Parameters
    ----------
    params : Mt5TradingParams
        Which account is meant.
    terminal : Terminal
        The way to it.
    instruments : mapping of str to Instrument
        What is traded, by the broker's symbols; sizes are counted in their lots.
    clock_ns : callable
        ns UTC.
    sleep : callable
        Of the stream, between two looks.
    """

    def __init__(
        self,
        params: Mt5TradingParams,
        terminal: Terminal,
        instruments: Mapping[str, Instrument],
        *,
        clock_ns: Callable[[], int],
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.name, self.account_id = params.name, str(params.account.login)
        self.capabilities = CAPABILITIES.model_copy(update={"id_max_len": terminal.comment_length})
        self._params, self._terminal, self._instruments = params, terminal, instruments
        self._clock_ns, self._sleep = clock_ns, sleep
        self._symbols: dict[str, Traded] = {}
        self._sent: dict[int, str] = {}  # magic number -> client id, where a comment does not come back
        self._currency = ""
        self._is_hedging = False

    async def connect(self) -> None:
        """Make sure that the terminal trades the account that is meant, and look the symbols up.

        Raises
        ------
        VenueAuthError
            If it is logged in to another account, or to another kind of money.
        VenueRejectedError
            If a symbol is missing or traded in other steps.
        VenueUnavailableError
            If there is no fresh quote to tell the server's time by.
        """
        account, mine = await self._terminal.account(), self._params
        if not mine.fits(account):
            what = f"the terminal is logged in to {account.login} ({account.trade_mode.name}) at {account.server}"
            raise VenueAuthError(what, where=self.name, fix=f"Log it in to {mine.account.login}, or name that account.")
        self._is_hedging = account.margin_mode is MarginMode.HEDGING
        self._currency = account.currency
        for name, instrument in sorted(self._instruments.items()):
            symbol = await self._terminal.symbol(name)
            if symbol is None:
                what, fix = f"the broker has no symbol {name}", "Write it as the terminal's Market Watch does."
                raise VenueRejectedError(what, where=self.name, fix=fix)
            traded = Traded(instrument, symbol)
            if not (mine.takes_any_lot or traded.fits()):
                what = f"one lot of {name} is {float(traded.lot):g} of MetaTrader's, which go by {symbol.volume_step:g}"
                fix = f"Set lot_size to a multiple of {traded.step}."
                raise VenueRejectedError(what, where=self.name, fix=fix)
            await self._terminal.tick(name)  # from here on there are quotes, and times can be told
            self._symbols[name] = traded

    async def close(self) -> None:
        """Release the terminal."""
        await self._terminal.close()

    # ----------------------------------------------------------------------------------------------------- commands

    async def submit(self, intent: OrderIntent, gate: Gate) -> VenueOrder:
        """Send an order; its exits are orders of their own."""
        if intent.instrument not in self._symbols:
            raise VenueRejectedError(f"{intent.instrument} is not traded here", where=intent.client_id)
        try:
            tick = await self._terminal.tick(intent.instrument)
        except VenueTimeoutError as error:
            raise VenueUnavailableError(f"no quote, so nothing was sent: {error.what}", where=error.where) from error
        request = request_of(intent, self._symbols, tick, self._params.deviation_points)
        request = await self._at_ticket(request, intent)
        self._sent[request.magic] = intent.client_id
        if len(self._sent) > _REMEMBERED:
            del self._sent[next(iter(self._sent))]
        result = await self._asked(request, gate)
        if not result.order:
            raise VenueTimeoutError("the server gave the order no ticket", where=intent.client_id)
        filled = 0
        if intent.kind is OrderKind.MARKET and result.code != PLACED:
            filled = lots_of(result.volume, intent.instrument, self._symbols)
        whole, some = filled >= intent.lots, filled > 0
        return VenueOrder(
            client_id=intent.client_id,
            venue_id=str(result.order),
            instrument=intent.instrument,
            side=intent.side,
            lots=intent.lots,
            filled=filled,
            status=OrderStatus.FILLED if whole else OrderStatus.PARTIALLY_FILLED if some else OrderStatus.ACCEPTED,
            ts_event=tick.time_ms * MS,
        )

    async def _at_ticket(self, request: Request, intent: OrderIntent) -> Request:
        """Name the ticket that an order closes, where tickets stand side by side and one is large enough."""
        if not (self._is_hedging and intent.is_reduce_only and request.action is Action.DEAL):
            return request
        try:
            tickets = await self._tickets(intent.instrument, -int(intent.side))
        except VenueTimeoutError as error:
            raise VenueUnavailableError(f"no positions, nothing was sent: {error.what}", where=error.where) from error
        found = next((row.ticket for row in tickets if row.volume >= request.volume - 1e-9), 0)
        return request.model_copy(update={"position": found})

    async def _tickets(self, name: str, side: int) -> list[PositionRow]:
        rows = [row for row in await self._terminal.positions() if row.symbol == name]
        return tickets_of(rows, side, self._sent, any_owner=self._params.takes_any_lot)

    async def net_pairs(self) -> None:
        """Have tickets of ours that stand against each other close each other; nothing where positions net anyway.

        What the broker refuses stays as it is: the two come to nothing together.
        """
        for name in sorted(self._symbols) if self._is_hedging else ():
            while longs := await self._tickets(name, 1):
                shorts = await self._tickets(name, -1)
                if not shorts:
                    break
                pair = Request(action=Action.CLOSE_BY, position=longs[0].ticket, position_by=shorts[0].ticket)
                if error_of(await self._terminal.send(pair, _open), self.name) is not None:
                    break

    async def cancel(self, client_id: str, venue_id: str) -> None:
        """Ask to cancel an order."""
        if not venue_id:
            known = await self.order(client_id)
            if known is None or not known.is_open:
                raise VenueRejectedError("the venue has no such open order", where=client_id)
            venue_id = known.venue_id
        await self._asked(Request(action=Action.REMOVE, order=int(venue_id)), _open)

    async def replace(self, client_id: str, intent: OrderIntent, gate: Gate) -> VenueOrder:
        """Refuse: a changed order would keep its comment."""
        del intent, gate
        raise VenueRejectedError("an order here cannot be given another client id", where=client_id)

    async def cancel_all(self, instrument: str = "") -> None:
        """Ask to cancel every open order of the account, or of an instrument, one by one."""
        for order in await self.open_orders():
            if instrument in ("", order.instrument):
                await self.cancel(order.client_id, order.venue_id)

    # ---------------------------------------------------------------------------------------------------- questions

    async def order(self, client_id: str) -> VenueOrder | None:
        """Return the newest order with a comment or magic number, an open one first; None if there is none."""
        sent = self._sent | {magic_of(client_id): client_id}
        since = _since_ms(self._clock_ns() - int(_RETENTION_S) * 10**9)
        for rows in (await self._terminal.orders(), await self._terminal.history_orders(since)):
            mine = [o for row in rows if (o := order_of(row, self._symbols, sent)).client_id == client_id]
            if mine:
                return max(mine, key=lambda order: int(order.venue_id))
        return None

    async def open_orders(self) -> list[VenueOrder]:
        """Return all open orders of the account that the server has taken, other people's too."""
        rows = [order_of(row, self._symbols, self._sent) for row in await self._terminal.orders()]
        return [order for order in rows if order.is_open]

    async def order_history(self, since_ns: int) -> list[VenueOrder]:
        """Return orders that ended since a time, and those that are open."""
        # asked in this order, an order that ends meanwhile is in both lists and not in none
        still = await self.open_orders()
        ended = await self._terminal.history_orders(_since_ms(since_ns))
        made = [row for row in ended if row.type is not OrderType.CLOSE_BY]
        return [*(order_of(row, self._symbols, self._sent) for row in made), *still]

    async def fills(self, since_ns: int) -> list[VenueFill]:
        """Return executions since a time, and of two hours before, oldest first."""
        rows = await self._terminal.history_deals(_since_ms(since_ns))
        return [
            fill_of(row, self._symbols, self._currency) for row in sorted(rows, key=lambda r: (r.time_ms, r.ticket))
        ]

    async def positions(self) -> list[VenuePosition]:
        """Return open positions."""
        return positions_of(await self._terminal.positions(), self._symbols)

    async def listing(self, instrument: str) -> Listing | None:
        """Return how an instrument is traded; `connect` has looked it up."""
        traded = self._symbols.get(instrument)
        return None if traded is None else Listing(instrument, traded.step)

    async def account(self) -> VenueAccount:
        """Return equity and balance, at our time: the terminal has none."""
        row = await self._terminal.account()
        return VenueAccount(row.equity, row.balance, self._clock_ns())

    async def server_time_ns(self) -> int:
        """Return the time of the newest quote, ns UTC; it stands still while markets are closed."""
        return max([(await self._terminal.tick(name)).time_ms for name in sorted(self._symbols)], default=0) * MS

    def stream(self) -> AsyncGenerator[VenueEvent, None]:
        """Yield what has changed from look to look; close it with ``contextlib.aclosing``."""
        return events(self, self._params.poll_s, self._clock_ns, self._sleep)

    # ---------------------------------------------------------------------------------------------------- the inside

    async def _asked(self, request: Request, gate: Gate) -> Result:
        result = await self._terminal.send(request, gate)
        error = error_of(result, f"{self.name} {request.action.name}")
        if error is not None:
            raise error
        return result


def _since_ms(since_ns: int) -> int:
    return max(0, since_ns // MS - OVERLAP_MS)
