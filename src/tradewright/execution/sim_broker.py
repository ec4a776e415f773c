"""The simulated venue behind the port of real ones: orders through the desk, fills by the backtest's own matching."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Callable

import numpy as np

from tradewright.core.kernel import codes as c
from tradewright.core.types.dtypes import message_dtype, order_dtype
from tradewright.core.types.events import MarketEvents
from tradewright.core.types.instrument import Instrument
from tradewright.core.types.message import VenueMessage, blank_order
from tradewright.core.types.order import OrderStatus, Origin, Side, Verb
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
from tradewright.execution.sim_venue import SimVenue, SimVenueParams
from tradewright.execution.venue import Capabilities, DuplicateIdError, Gate, VenueRejectedError, VenueUnavailableError

CAPABILITIES = Capabilities(
    idempotency=Idempotency.HARD,
    settle_s=0.0,
    bracket_native=True,
    takes_fractions=True,
    caps_exits=True,
    t_protect_s=1e9,  # exits are in the book before anybody hears of the fill; nobody adds to them
)
_STATUS = {
    Verb.ORDER_CANCELED: OrderStatus.CANCELED,
    Verb.ORDER_REJECTED: OrderStatus.REJECTED,
    Verb.ORDER_EXPIRED: OrderStatus.EXPIRED,
}
_REMEMBERED_NS = 86_400_000_000_000
_FEW = 500  # orders that are worth no look


class SimBroker:
    """One account at the simulated venue, in this process.

    It answers every question of the port from what it has told. `on_market` matches an event and returns what
    happened; the caller hands that on before the session sees the event, as a backtest does.

    Parameters
    ----------
    params : SimVenueParams
        How orders fill.
    instruments : tuple of Instrument
        In the order of their numbers; ``records`` their instrument_dtype[n].
    event : MarketEvents
        The one-event block that the session shares.
    order_of : callable
        The session's own message of an order by its number; None where the session did not send it.
    now_ns : callable
        ns UTC.
    """

    name = "simulated"
    capabilities = CAPABILITIES

    def __init__(
        self,
        params: SimVenueParams,
        instruments: tuple[Instrument, ...],
        records: np.ndarray[tuple[int], np.dtype[np.void]],
        event: MarketEvents,
        order_of: Callable[[int], VenueMessage | None],
        now_ns: Callable[[], int],
        account_id: str = "simulated",
    ) -> None:
        self.account_id = account_id
        self._venue = SimVenue(params, records, event)
        self._instruments, self._order_of, self._now_ns, self._event = instruments, order_of, now_ns, event
        self._numbers = {instrument.symbol: j for j, instrument in enumerate(instruments)}
        self._clients: dict[int, str] = {}  # order number -> client id
        self._references: dict[str, int] = {}
        self._orders: dict[str, VenueOrder] = {}  # by client id
        self._fills: list[VenueFill] = []
        self._held = [0] * len(instruments)
        self._own = 0
        self._most = _FEW
        self.is_awake = True  # False: rebuilt from a journal, and the event it was last shown may be missing there

    # ------------------------------------------------------------------------------------------------------- commands
    async def submit(self, intent: OrderIntent, gate: Gate) -> VenueOrder:
        """Take an order; it is matched from the next event on."""
        if intent.client_id in self._orders:
            raise DuplicateIdError("the simulated venue has this order", where=intent.client_id)
        if intent.instrument not in self._numbers:
            raise VenueRejectedError(f"{intent.instrument} is not traded here", where=intent.client_id)
        gate()
        return self.take(intent)

    def take(self, intent: OrderIntent) -> VenueOrder:
        """Take an order that passed its gate; what ended more than a day before is forgotten."""
        message = self._order_of(intent.reference) if intent.reference else None
        if message is None:
            message = self._message(intent)
        number = message.order_id
        self._clients[number], self._references[intent.client_id] = intent.client_id, number
        self._venue.submit(message)
        told = VenueOrder(
            intent.client_id,
            intent.client_id,
            intent.instrument,
            intent.side,
            intent.lots,
            0,
            OrderStatus.ACCEPTED,
            int(message.header["ts_sent"][0]),
        )
        self._orders[intent.client_id] = told
        if len(self._orders) > self._most:  # twice as many as after the last time
            since = int(message.header["ts_sent"][0]) - _REMEMBERED_NS
            for client_id in [k for k, o in self._orders.items() if not o.is_open and o.ts_event < since]:
                del self._orders[client_id]
                number = self._references.pop(client_id)
                if self._clients.get(number) == client_id:  # not its successor's
                    del self._clients[number]
            self._fills = [fill for fill in self._fills if fill.ts_event >= since]
            self._most = 2 * len(self._orders) + _FEW
        return told

    async def cancel(self, client_id: str, venue_id: str) -> None:
        """Ask to cancel an order."""
        del venue_id
        self.withdraw(client_id)

    def withdraw(self, client_id: str) -> None:
        """Send a cancel; raises VenueRejectedError if there is nothing to cancel."""
        known = self._orders.get(client_id)
        if known is None or not known.is_open:
            raise VenueRejectedError("there is nothing to cancel", where=client_id)
        header, order = np.zeros(1, message_dtype), np.zeros(1, order_dtype)
        header["verb"], header["reason"] = int(Verb.CANCEL_ORDER), c.CANCELED_BY_STRATEGY
        header["ts_sent"] = header["ts_open"] = header["ts_due"] = int(self._event.ts_seen[0])
        order["id"], order["instrument"] = self._references[client_id], self._numbers[known.instrument]
        self._venue.submit(VenueMessage(header, order))

    async def replace(self, client_id: str, intent: OrderIntent, gate: Gate) -> VenueOrder:
        """Refuse: an order is cancelled and sent anew."""
        del intent, gate
        raise VenueRejectedError("the simulated venue replaces no orders", where=client_id)

    async def cancel_all(self, instrument: str = "") -> None:
        """Ask to cancel every open order."""
        for known in list(self._orders.values()):
            if known.is_open and instrument in ("", known.instrument):
                self.withdraw(known.client_id)

    # ------------------------------------------------------------------------------------------------------ the market
    def on_market(self) -> list[VenueEvent]:
        """Match the event standing in the shared block; return what happened to orders, in order."""
        self.is_awake = True
        return [told for message in self._venue.on_market() for told in self._told(message)]

    def _told(self, message: VenueMessage) -> list[VenueEvent]:
        row, number = message.order[0], message.order_id
        client_id = self._clients.get(number)
        if client_id is None:  # an exit that the book made
            client_id = self._clients[number] = f"{self._clients.get(int(row['parent']), 'x')}.{int(row['origin'])}"
            self._references[client_id] = number
        parent = self._clients.get(int(row["parent"]), "") if row["parent"] else ""
        symbol = self._instruments[int(row["instrument"])].symbol
        side, sent = Side(int(row["side"])), int(message.header["ts_sent"][0])
        status = OrderStatus(int(row["status"])) if message.verb not in _STATUS else _STATUS[message.verb]
        origin = Origin(int(row["origin"])) if parent else Origin.STOP_LOSS  # says nothing of an order of ours
        order = VenueOrder(
            client_id,
            client_id,
            symbol,
            side,
            int(row["lots"]),
            int(row["filled"]),
            status,
            sent,
            parent=parent,
            origin=origin,
            price=_price(row),
        )
        known = self._orders.get(client_id)
        self._orders[client_id] = order
        if message.verb is not Verb.ORDER_FILLED:
            return [order]
        lots = int(message.header["fill_lots"][0])
        self._held[self._numbers[symbol]] += side * lots
        fill = VenueFill(
            f"{client_id}/{int(row['filled'])}",  # unique for ever, as client ids are
            client_id,
            client_id,
            symbol,
            side,
            lots,
            float(message.header["fill_price"][0]),
            sent,
            float(message.header["fill_fee"][0]),
            self._instruments[self._numbers[symbol]].currency,
            is_maker=bool(message.header["is_maker"][0]),
            ts_open=int(message.header["ts_open"][0]),
        )
        self._fills.append(fill)
        return [fill, order] if known is not None else [order, fill]

    def _message(self, intent: OrderIntent) -> VenueMessage:
        """Return an order that the session did not send: one of the desk's own."""
        self._own += 1
        header = np.zeros(1, message_dtype)
        order = blank_order(intent.limit_price, intent.stop_price, intent.trail)
        order["id"], order["instrument"] = -self._own, self._numbers[intent.instrument]
        order["kind"], order["side"], order["tif"] = int(intent.kind), int(intent.side), int(intent.time_in_force)
        order["lots"], order["status"], order["origin"] = intent.lots, c.SUBMITTED, int(intent.origin)
        order["is_reduce_only"], order["ts_expire"] = intent.is_reduce_only, intent.ts_expire or c.NEVER
        header["verb"] = int(Verb.SUBMIT_ORDER)
        header["ts_sent"] = header["ts_open"] = header["ts_due"] = int(self._event.ts_seen[0])
        order["ts_created"] = header["ts_sent"]
        return VenueMessage(header, order)

    # ------------------------------------------------------------------------------------------------------ questions
    async def order(self, client_id: str) -> VenueOrder | None:
        """Return the order of a client id."""
        return self._orders.get(client_id)

    async def open_orders(self) -> list[VenueOrder]:
        """Return all open orders."""
        self._check()
        return [order for order in self._orders.values() if order.is_open]

    async def order_history(self, since_ns: int) -> list[VenueOrder]:
        """Return orders changed since a time."""
        return [order for order in self._orders.values() if order.ts_event >= since_ns]

    async def fills(self, since_ns: int) -> list[VenueFill]:
        """Return executions since a time."""
        self._check()
        return [fill for fill in self._fills if fill.ts_event >= since_ns]

    async def positions(self) -> list[VenuePosition]:
        """Return open positions."""
        self._check()
        return [VenuePosition(i.symbol, n) for i, n in zip(self._instruments, self._held, strict=True) if n]

    def _check(self) -> None:
        if not self.is_awake:
            raise VenueUnavailableError("the simulated venue has seen no event since the restart", where=self.name)

    async def listing(self, instrument: str) -> Listing | None:
        """Return an instrument as it is defined."""
        found = next((i for i in self._instruments if i.symbol == instrument), None)
        return None if found is None else Listing(instrument, found.lot_size, found.tick_size)

    async def account(self) -> VenueAccount:
        """Return nothing of its own: the account's books are the session's."""
        return VenueAccount(float("nan"), float("nan"), self._now_ns())

    async def server_time_ns(self) -> int:
        """Return the time."""
        return self._now_ns()

    async def stream(self) -> AsyncGenerator[VenueEvent, None]:
        """Yield nothing: what happens is returned by `on_market`."""
        await asyncio.Event().wait()
        yield VenueOrder("", "", "", Side.BUY, 0, 0, OrderStatus.CANCELED, 0)


def _price(row: np.void) -> float | None:
    """Return an order's limit, else its stop, else None."""
    prices = [float(row[name]) for name in ("limit", "stop")]
    return next((price for price in prices if not math.isnan(price)), None)
