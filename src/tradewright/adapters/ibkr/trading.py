"""Interactive Brokers behind the port `execution.venue.Venue`. It holds no policy: one verb, one request.

Our client id travels as ``orderRef``, a label that the venue does not look at; its own id is ``permId``. The interface
cancels by the number that our connection gave an order, so ``client_id`` must stay the same from start to start.
Source: TWS API, *Orders*, https://interactivebrokers.github.io/tws-api/orders.html.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

from ib_async import ExecutionFilter

from tradewright.adapters.http import RateLimit, Sleep
from tradewright.adapters.ibkr.contracts import Contracts
from tradewright.adapters.ibkr.order_errors import ORDER_CANCELLED
from tradewright.adapters.ibkr.order_link import COMPLETED, OPEN_ORDERS, POSITIONS, TIME, Args, OrderLink
from tradewright.adapters.ibkr.order_news import OrderNews
from tradewright.adapters.ibkr.order_rows import KnownOrder, Names, orders_of, position_of, unreadable
from tradewright.adapters.ibkr.trading_params import IbkrTradingParams
from tradewright.core.types.instrument import Instrument
from tradewright.core.types.venue import (
    Idempotency,
    Listing,
    OrderIntent,
    StreamGap,
    VenueAccount,
    VenueEvent,
    VenueFill,
    VenueOrder,
    VenuePosition,
)
from tradewright.execution.venue import (
    Capabilities,
    Gate,
    VenueRejectedError,
    VenueTimeoutError,
    VenueUnavailableError,
)

CAPABILITIES = Capabilities(
    idempotency=Idempotency.TAG,
    id_max_len=32,
    settle_s=10.0,
    retention_s=0.0,  # completed orders and executions of the day only, which may have begun a moment ago
    replace="none",
    trade_id_scope="account",
    clock_step_s=1.0,
    bracket_native=True,
)
_TAGS = "NetLiquidation,TotalCashValue"
_LONGEST_WAIT_S = 30.0
_SECOND = 1_000_000_000


class IbkrTrading:
    """One account at Interactive Brokers.

    Parameters
    ----------
    params : IbkrTradingParams
        Where the gateway is, and which account is meant.
    instruments : mapping of str to Instrument
        What is traded, by symbols as in `ibkr.symbols`; sizes are counted in their lots.
    clock_ns : callable
        ns UTC, for reports, which carry no time.
    sleep : callable
        Of the stream, between two attempts to connect.
    """

    capabilities = CAPABILITIES

    def __init__(
        self,
        params: IbkrTradingParams,
        instruments: dict[str, Instrument],
        *,
        clock_ns: Callable[[], int],
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.name, self.account_id = params.name, params.account.account_id
        self._params, self._clock_ns, self._sleep = params, clock_ns, sleep
        self._names = Names(instruments)
        self._news = OrderNews(self._names, self.account_id, clock_ns)
        self._link = OrderLink(params, self._message, self._news.gap)
        self._other: OrderLink | None = None  # of another program's client id, while its order is cancelled
        rate = params.messages_per_second
        self._limit = RateLimit(rate * 0.9, max(1.0, rate * 0.1))
        self._contracts = Contracts(params, self._names, self._link, self._ask)

    async def connect(self) -> None:
        """Connect, make sure that the account is the one that is meant, and look the instruments up.

        Raises
        ------
        VenueUnavailableError, VenueAuthError, VenueRejectedError
            If there is no gateway, another account, or an instrument that it does not know.
        """
        for symbol in self._names.instruments:
            await self._contracts.of(symbol)

    async def close(self) -> None:
        """Release the connection."""
        await self._link.close()

    # ----------------------------------------------------------------------------------------------------- commands

    async def submit(self, intent: OrderIntent, gate: Gate) -> VenueOrder:
        """Send an order, exits included: the gateway holds all of them back until it has the last one."""
        instrument = self._names.instruments.get(intent.instrument)
        if instrument is None:
            raise VenueRejectedError(f"{intent.instrument} is not traded here", where=intent.client_id)
        orders = orders_of(intent, instrument, self.account_id, outside_rth=self._params.outside_rth)
        try:
            contract, _ = await self._contracts.of(intent.instrument)
        except VenueTimeoutError as error:
            raise VenueUnavailableError(f"no contract, so nothing was sent: {error.what}", where=error.where) from error
        client = await self._ask(len(orders))
        self._link.need_link()
        number = client.getReqId()

        def send() -> None:
            gate()
            for order in orders:
                order.parentId = 0 if order is orders[0] else number
                client.placeOrder(number if order is orders[0] else client.getReqId(), contract, order)

        await self._link.heard(number, send, lambda known: known.is_heard)
        return self._news.order(self._news.orders[self._params.client_id, number])

    async def cancel(self, client_id: str, venue_id: str) -> None:
        """Ask to cancel an order; only the connection that made an order may."""
        known = self._news.by_venue_id(venue_id)
        if known is None:
            shown = [k for k in await self._open() if venue_id in ("", str(k.order.permId))]
            known = next((k for k in shown if client_id in ("", k.order.orderRef)), None)
        is_ours = known is not None and known.order.clientId == self._params.client_id
        if known is None or not (is_ours or self._params.ends_for_others):
            raise VenueRejectedError("no such order was made by this connection", where=client_id or venue_id)
        await self._limit.take()
        await self._link.ready()
        self._link.need_link()
        if is_ours:
            await _cancelled(self._link, known.order.orderId)
            return
        params = self._params.model_copy(update={"client_id": known.order.clientId})
        self._other = link = OrderLink(params, self._message, lambda _: None)
        try:
            await link.ready()
            await _cancelled(link, known.order.orderId)
        except VenueUnavailableError as error:
            what = f"only the program that made the order can cancel it ({error.what}), and it holds on: end it"
            raise VenueUnavailableError(what, where=f"{self.name} client id {params.client_id}") from error
        finally:
            await link.close()
            self._other = None

    async def replace(self, client_id: str, intent: OrderIntent, gate: Gate) -> VenueOrder:
        """Refuse: a changed order would keep its old label."""
        del intent, gate
        raise VenueRejectedError("an order here cannot be given another client id", where=client_id)

    async def cancel_all(self, instrument: str = "") -> None:
        """Ask to cancel every open order of the account, or of an instrument.

        The interface's own command reaches orders of every connection, but of every account, too: it is used where the
        gateway has one account only.
        """
        client = await self._link.ready()
        if not instrument and self._link.account_count == 1:
            await self._limit.take()
            client.reqGlobalCancel()
            return
        for order in await self.open_orders():
            if instrument in ("", order.instrument):
                await self.cancel(order.client_id, order.venue_id)

    # ---------------------------------------------------------------------------------------------------- questions

    async def order(self, client_id: str) -> VenueOrder | None:
        """Return the newest order of a label, an open one first; None if neither list of the gateway has it."""
        mine = [order for order in await self.order_history(0) if order.client_id == client_id]
        return max(mine, key=lambda order: (order.is_open, int(order.venue_id)), default=None)

    async def open_orders(self) -> list[VenueOrder]:
        """Return all open orders of the account, those of other connections and of people too."""
        return [order for known in await self._open() if (order := self._news.order(known)).is_open]

    async def order_history(self, since_ns: int) -> list[VenueOrder]:
        """Return the orders of the day; older ones the interface does not have."""
        del since_ns  # it tells no times of changes
        still_open = await self.open_orders()  # first: what ends between the two questions is in both, not in neither
        client, ended = await self._ask(), []
        for contract, order, state in await self._link.ask(COMPLETED, lambda: client.reqCompletedOrders(False)):
            if order.account == self.account_id:
                known = KnownOrder(contract, order, state.status, float(order.filledQuantity), state.completedStatus)
                known.order.totalQuantity = max(float(order.totalQuantity), known.filled)
                ended.append(self._news.order(known))
        return [*ended, *still_open]

    async def fills(self, since_ns: int) -> list[VenueFill]:
        """Return executions of the day since a time, oldest first. The venue tells times in seconds."""
        client = await self._ask()
        number = client.getReqId()
        rows = await self._link.ask(
            number, lambda: client.reqExecutions(number, ExecutionFilter(acctCode=self.account_id))
        )
        found = self._news.executions([(contract, row) for contract, row in rows])
        return [fill for fill in found if fill.ts_event >= since_ns // _SECOND * _SECOND]

    async def positions(self) -> list[VenuePosition]:
        """Return open positions."""
        client = await self._ask(2)
        rows = await self._link.ask(POSITIONS, client.reqPositions)
        client.cancelPositions()  # it would go on telling
        try:
            mine = [(contract, units, cost) for account, contract, units, cost in rows if account == self.account_id]
            return [position_of(contract, units, cost, self._names) for contract, units, cost in mine if units]
        except (ValueError, ArithmeticError) as error:
            raise unreadable(f"a position cannot be read: {error}") from error

    async def listing(self, instrument: str) -> Listing | None:
        """Return how an instrument is traded: its smallest step of prices."""
        return (await self._contracts.of(instrument))[1]

    async def account(self) -> VenueAccount:
        """Return equity and cash in the account's currency."""
        client = await self._ask(2)
        number = client.getReqId()
        rows = await self._link.ask(number, lambda: client.reqAccountSummary(number, "All", _TAGS))
        client.cancelAccountSummary(number)
        values = {tag: value for account, tag, value, _ in rows if account == self.account_id}
        try:
            equity, cash = (float(values[tag]) for tag in _TAGS.split(","))
        except (KeyError, ValueError) as error:
            raise unreadable(f"the account cannot be read: {error}") from error
        return VenueAccount(equity, cash, await self.server_time_ns())

    async def server_time_ns(self) -> int:
        """Return the gateway's clock, ns UTC, in whole seconds."""
        client = await self._ask()
        rows = await self._link.ask(TIME, client.reqCurrentTime)
        return int(rows[0][0]) * _SECOND

    async def stream(self) -> AsyncGenerator[VenueEvent, None]:
        """Yield what happens to the account's orders; close it with ``contextlib.aclosing``.

        Raises
        ------
        VenueAuthError
            If the gateway is logged in to another account.
        """
        heard: asyncio.Queue[VenueEvent | None] = asyncio.Queue()
        self._news.listeners.append(heard)
        wait = 0.1
        try:
            while True:
                try:
                    await self._link.ready()
                except VenueUnavailableError:
                    await self._sleep(wait)
                    wait = min(2 * wait, _LONGEST_WAIT_S)
                    continue
                wait = 0.1
                yield StreamGap("connected", self._clock_ns())  # only from here on is nothing missed
                while (event := await heard.get()) is not None:
                    yield event
        finally:
            self._news.listeners.remove(heard)

    # ---------------------------------------------------------------------------------------------------- the inside

    def _message(self, name: str, args: Args) -> None:
        """Take what answers no question."""
        known: KnownOrder | None = None
        match name, args:
            case "openOrder", (_, contract, order, state):
                known = self._news.open_order(contract, order, state.status)
            case "orderStatus", _:
                known = self._news.order_status(args)
            case "execDetails", (_, contract, row):
                self._news.live_execution(contract, row)
            case "commissionReport", (report,):
                self._news.commission(report)
        if known is not None and known.order.clientId == self._params.client_id:
            self._link.told(known.order.orderId, known)
        elif known is not None and self._other is not None:
            self._other.told(known.order.orderId, known)

    async def _ask(self, messages: int = 1) -> Any:  # noqa: ANN401  # ib_async.Client
        await self._limit.take(messages)
        return await self._link.ready()

    async def _open(self) -> list[KnownOrder]:
        client = await self._ask()
        rows = await self._link.ask(OPEN_ORDERS, client.reqAllOpenOrders)
        found = {order.permId for _, _, order, _ in rows if order.account == self.account_id}
        return [known for known in self._news.orders.values() if known.order.permId in found]


async def _cancelled(link: OrderLink, number: int) -> None:
    """Ask to cancel an order of a connection, and wait for a word of it."""
    client, ended = await link.ready(), ("PendingCancel", "Cancelled", "ApiCancelled")
    await link.heard(number, lambda: client.cancelOrder(number), lambda told: told.status in ended, ORDER_CANCELLED)
