"""The port of a trading venue: what an adapter offers and declares. Adapters hold no policy."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Annotated, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from tradewright.core.types.errors import VenueError
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

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Capabilities(BaseModel):
    """What a venue can do. Policies (resubmission, resolving, protection) read this and nothing else about it.

    ``id_max_len``: characters of a client id. ``id_window_s``: for WINDOW, how long it knows an id. ``settle_s``: after
    so long an order that was taken is visible everywhere. ``retention_s``: how far its order history reaches back; 0 is
    none. ``trade_id_scope``: within what a trade id is unique; ``none``: it gives none. ``t_protect_s``: how long a
    position may be without a working stop. ``turns_positions``: one order may close a position and open the opposite.
    ``exits_hold_lots``: a working exit holds the lots it would close, so another is refused beside it.
    ``server_time``: it has a clock that can be asked, else the newest quote's time is told; ``clock_step_s``: what is
    told of the clock may be so much too early.
    ``takes_fractions``: exits may be given as shares of the fill's price. ``caps_exits``: whatever exits work, the
    venue never fills one beyond the position.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    idempotency: Idempotency
    id_max_len: Annotated[int, Field(ge=16)] = 48
    id_window_s: Seconds = 0.0
    settle_s: Seconds = 30.0
    retention_s: Seconds = 90 * 86_400.0
    bulk_cancel: bool = True
    cancel_on_disconnect: bool = False
    fills_by_time: bool = True
    replace: Literal["none", "total", "remaining"] = "none"
    trade_id_scope: Literal["account", "instrument", "none"] = "account"
    server_time: bool = True
    clock_step_s: Seconds = 0.0
    bracket_native: bool = False
    turns_positions: bool = True
    exits_hold_lots: bool = False
    t_protect_s: Seconds = 2.0
    takes_fractions: bool = False
    caps_exits: bool = False


class VenueRejectedError(VenueError):
    """A definite no: the order does not exist at the venue and never will."""


class DuplicateIdError(VenueError):
    """The venue knows this client id: the order exists, or did."""


class VenueTimeoutError(VenueError):
    """No answer, a broken connection after the first byte, or a server error: what happened is not known."""


class VenueUnavailableError(VenueError):
    """Nothing was sent: no connection, or the venue says that it is closed for maintenance. Safe to try again."""


class VenueAuthError(VenueError):
    """The venue does not take the key: nothing was done, and asking again will not help."""


class GateClosedError(VenueError):
    """Our own gate was closed at the last instruction before the first byte: nothing was sent."""


Gate = Callable[[], None]


class Venue(Protocol):
    """One account at one venue. Every verb may raise each of the errors above; none tries twice by itself.

    A verb that raises `VenueTimeoutError` may have been carried out. Queries report what is true at the venue at some
    time between question and answer; an empty answer is an answer only when it did not raise.
    """

    @property
    def name(self) -> str:
        """Venue and environment, such as ``alpaca-paper``."""

    @property
    def account_id(self) -> str:
        """Which account orders go to."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""

    async def submit(self, intent: OrderIntent, gate: Gate) -> VenueOrder:
        """Send an order under its client id.

        ``gate`` is called by the last instruction before the first byte, after any waiting for a place in the venue's
        rate limit; what it raises goes to the caller, and nothing is sent.
        """

    async def cancel(self, client_id: str, venue_id: str) -> None:
        """Ask to cancel an order. Returning says that it was asked, not that it is cancelled.

        Raises
        ------
        VenueRejectedError
            If there is nothing to cancel: it may be filled, gone, or unknown.
        """

    async def replace(self, client_id: str, intent: OrderIntent, gate: Gate) -> VenueOrder:
        """Put ``intent`` in the place of a working order in one step; only where ``capabilities.replace`` says so."""

    async def cancel_all(self, instrument: str = "") -> None:
        """Ask to cancel every open order of the account, or of an instrument."""

    async def order(self, client_id: str) -> VenueOrder | None:
        """Return the order of a client id, or None if the venue says that there is none."""

    async def open_orders(self) -> list[VenueOrder]:
        """Return all open orders of the account, other people's too."""

    async def order_history(self, since_ns: int) -> list[VenueOrder]:
        """Return orders made or changed since a time, as far as ``retention_s`` reaches."""

    async def fills(self, since_ns: int) -> list[VenueFill]:
        """Return executions since a time."""

    async def positions(self) -> list[VenuePosition]:
        """Return open positions. An error is never an empty list."""

    async def listing(self, instrument: str) -> Listing | None:
        """Return how it trades one of the instruments it was given, or None if it says that it does not list it."""

    async def account(self) -> VenueAccount:
        """Return equity and cash."""

    async def server_time_ns(self) -> int:
        """Return the venue's clock, ns UTC."""

    def stream(self) -> AsyncIterator[VenueEvent]:
        """Yield what happens to our orders, at least once and in any order.

        `StreamGap` comes first, and again after every loss: what was before it has to be asked for.
        """
