"""A second process that kills for one that hangs: its own clock, its own connection, nothing shared but a folder.

It is not told what is protective; it finds out. Orders that only make a position smaller are left where they are,
unless everything is to be closed: a hung session may need them, and nobody would set them again.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from tradewright.core.types.errors import VenueError
from tradewright.core.types.order import OrderKind, Origin, Side, TimeInForce
from tradewright.core.types.venue import OrderIntent, VenueOrder, VenuePosition
from tradewright.execution.heartbeat import Heartbeat
from tradewright.execution.orders.client_id import client_id
from tradewright.execution.venue import Venue, VenueRejectedError, VenueUnavailableError


@dataclass(frozen=True, slots=True)
class WatchdogParams:
    """Times, seconds. ``flattens``: also close every position at the market, and then cancel what protected it."""

    silence_s: float = 10.0
    look_s: float = 0.5
    verify_s: float = 5.0
    again_s: float = 1.0
    answer_s: float = 10.0
    flattens: bool = False


@dataclass(frozen=True, slots=True)
class WatchdogPorts:
    """What it is given. ``steady_s`` never runs backwards; ``kill`` makes the kill last, and returns what went wrong.

    ``protective``: client ids that the session's journal calls protective, and all that it knows; None where it cannot
    be read.
    """

    heartbeat: Callable[[], Heartbeat | None]
    kill: Callable[[str], str]
    protective: Callable[[], tuple[frozenset[str], frozenset[str]] | None]
    steady_s: Callable[[], float]
    now_ns: Callable[[], int]
    say: Callable[[str], None]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


@dataclass(slots=True)
class Summary:
    """What was done, and what the venue showed last, for the last lines that a person reads."""

    reason: str
    is_durable: bool = False
    is_verified: bool = False
    took_s: float = 0.0
    open: int = 0
    cancelled: int = 0
    left: list[VenueOrder] = field(default_factory=list)
    positions: list[VenuePosition] = field(default_factory=list)


def to_cancel(
    orders: Iterable[VenueOrder],
    positions: Iterable[VenuePosition],
    known: tuple[frozenset[str], frozenset[str]] | None,
) -> tuple[list[VenueOrder], list[VenueOrder]]:
    """Return the orders that a kill takes away, and those that it leaves.

    Left are those that the journal calls protective. Of orders that the journal does not know (exits that the venue
    made of a bracket, a person's own, all of them where there is no journal) those are left that fit into the position
    on its other side.
    """
    protective, ours = known or (frozenset(), frozenset())
    room = defaultdict(int, {p.instrument: p.lots for p in positions})
    gone: list[VenueOrder] = []
    kept: list[VenueOrder] = []
    for order in orders:
        reduces = room[order.instrument] * order.side < 0 and order.lots - order.filled <= abs(room[order.instrument])
        is_kept = order.client_id in protective or (order.client_id not in ours and reduces)
        (kept if is_kept else gone).append(order)
    return gone, kept


class Watchdog:
    """Watches one account.

    Parameters
    ----------
    venue : Venue
        A connection of its own.
    ports : WatchdogPorts
        Heartbeat, clocks, folder.
    params : WatchdogParams
        Times.
    """

    def __init__(self, venue: Venue, ports: WatchdogPorts, params: WatchdogParams | None = None) -> None:
        self.venue = venue
        self.ports = ports
        self.params = params or WatchdogParams()

    async def run(self) -> Summary:
        """Watch until a session has been silent for too long, then kill and return when that is verified."""
        reason = await self.silence()
        return await self.kill(reason)

    async def silence(self) -> str:
        """Return why to kill: a session that should be running has not said a word for ``silence_s``.

        Silence is counted by this process's own clock from the last new beat it saw, so that neither a clock that was
        set nor an old file makes a difference. A file that vanishes while a session runs is silence too.
        """
        last, since, runs = None, self.ports.steady_s(), False
        while True:
            beat, now = self.ports.heartbeat(), self.ports.steady_s()
            if beat is not None and beat != last:
                last, since, runs = beat, now, beat.is_running
            if runs and now - since >= self.params.silence_s:
                number = last.sequence if last is not None else 0
                return f"no heartbeat for {now - since:.1f} s, the last was number {number}"
            await self.ports.sleep(self.params.look_s)

    async def kill(self, reason: str) -> Summary:
        """Make the kill last, then cancel until the venue shows it done; a venue that is away is asked again."""
        began = self.ports.steady_s()
        trouble = self.ports.kill(reason)
        summary = Summary(reason, is_durable=not trouble)
        self.ports.say(f"KILL: {reason}" + (f"; NOT on the disk: {trouble}" if trouble else ""))
        known = await asyncio.to_thread(self.ports.protective)  # once: a session that hangs writes no more
        is_loud = False
        while not summary.is_verified:
            try:
                async with asyncio.timeout(self.params.answer_s):
                    summary.is_verified = await self._once(summary, known)
                said = f"{summary.open} orders are still open" if summary.open else "positions are open"
            except Exception as error:  # noqa: BLE001 - whatever an adapter raises, somebody has to go on
                said = error.what if isinstance(error, VenueError) else f"{type(error).__name__}: no answer"
            summary.took_s = self.ports.steady_s() - began
            if summary.is_verified:
                break
            if summary.took_s >= self.params.verify_s or is_loud:
                self.ports.say(f"UNVERIFIED after {summary.took_s:.0f} s: {said}. Cancel by hand at the venue NOW.")
                is_loud = True
            await self.ports.sleep(self.params.again_s if is_loud else min(self.params.again_s, 0.2))
        return summary

    async def _once(self, summary: Summary, known: tuple[frozenset[str], frozenset[str]] | None) -> bool:
        """Ask for everything that is missing; tell whether nothing was."""
        orders, positions = await self.venue.open_orders(), await self.venue.positions()
        gone, kept = to_cancel(orders, positions, known)
        if self.params.flattens and not positions:
            gone, kept = orders, []  # what protected a position protects nothing any more
        summary.left, summary.positions = kept, [p for p in positions if p.lots]
        summary.open, summary.cancelled = len(gone), max(summary.cancelled, len(gone))
        if gone and not kept:
            await self.venue.cancel_all()
        try:
            for order in gone if kept else ():
                await _unless_gone(self.venue.cancel(order.client_id, order.venue_id))
        except VenueUnavailableError:
            if not self.params.flattens:
                raise
            await self.venue.cancel_all()  # singly only the program that hangs could; positions are closed next
        if self.params.flattens and not gone:
            for position in positions:
                await self._close(position, [o for o in kept if o.instrument == position.instrument])
        return not gone and not (self.params.flattens and summary.positions)

    async def _close(self, position: VenuePosition, guards: list[VenueOrder]) -> None:
        """Close at the market; where the venue holds the position for its stops, those go first."""
        sequence = self.ports.now_ns() // 1_000_000 % 2**30
        intent = OrderIntent(
            client_id=client_id(self.venue.account_id, "watchdog", 0, sequence, self.venue.capabilities.id_max_len),
            sequence=sequence,
            epoch=0,
            strategy="watchdog",
            instrument=position.instrument,
            side=Side.SELL if position.lots > 0 else Side.BUY,
            kind=OrderKind.MARKET,
            lots=abs(position.lots),
            ts_event=self.ports.now_ns(),
            time_in_force=TimeInForce.GTC,
            is_reduce_only=True,
            origin=Origin.RISK,
        )
        try:
            await self.venue.submit(intent, lambda: None)
        except VenueRejectedError as error:
            self.ports.say(f"{position.instrument}: the venue refuses to close it: {error.what}")
            for order in guards:
                await _unless_gone(self.venue.cancel(order.client_id, order.venue_id))


async def _unless_gone(cancel: Awaitable[None]) -> None:
    try:
        await cancel
    except VenueRejectedError:
        return  # it has ended: the next look tells
