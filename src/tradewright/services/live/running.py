"""A session running: over a recording as fast as it goes, or beside a live feed and a venue until it is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from tradewright.core.types.errors import VenueError
from tradewright.data.ports import LiveSource, Subscription
from tradewright.engine.commands import Command
from tradewright.engine.live.following import Follower
from tradewright.engine.live.rows import MarketRow
from tradewright.execution.orders.inputs import KillLevel, Started, Ticked
from tradewright.services.live.clocks import MarketClock, VenueClock
from tradewright.services.live.session import TradingSession

Progress = Callable[[int], None]


async def run_recording(
    session: TradingSession, follower: Follower, clock: MarketClock, rows: Sequence[MarketRow], progress: Progress
) -> None:
    """Trade a recording on the simulated venue; time is the market's, and waits while orders are on their way."""
    desk = session.desk
    desk.feed(Started(session.epoch, clock.now_ns()))
    for count, row in enumerate(rows, 1):
        clock.move(row.ts_seen)
        await follower.take_row(row)
        desk.feed(Ticked(row.ts_seen))
        if count % 256 == 0:
            progress(256)
            await asyncio.sleep(0)  # Ctrl-C, and what else wants to be heard
    await follower.finish()
    progress(len(rows) % 256)


class KillPort(Protocol):
    """Where requests to stop come from."""

    def poll(self) -> Iterable[tuple[KillLevel, str, str, str]]:
        """Return new requests: level, scope, by, reason."""


@dataclass(frozen=True, slots=True)
class LiveParams:
    """Times of the loop, seconds. ``compare_s``: how often the venue's clock is asked for."""

    poll_s: float = 0.005
    tick_s: float = 0.1
    beat_s: float = 1.0
    compare_s: float = 10.0
    ready_s: float = 60.0


class LiveLoop:
    """The tasks of one session: the desk, the feed, time, people.

    Parameters
    ----------
    session : TradingSession
        Opened.
    follower : Follower
        Of its runtime.
    clock : VenueClock
        The session's time.
    kills : KillPort
        Where requests to stop come from.
    beat : callable
        Called every second: heartbeat and status are written by it.
    """

    def __init__(
        self,
        session: TradingSession,
        follower: Follower,
        clock: VenueClock,
        kills: KillPort,
        beat: Callable[[], None],
        params: LiveParams | None = None,
    ) -> None:
        self.session, self.follower, self.clock = session, follower, clock
        self._kills, self._beat, self.params = kills, beat, params or LiveParams()
        self._turn = asyncio.Lock()  # one input at a time, whoever brings it
        self.heard = 0

    async def run(
        self, source: LiveSource, subscriptions: Sequence[Subscription], history: Iterable[MarketRow]
    ) -> None:
        """Work until cancelled, or until the feed refuses for good.

        Raises
        ------
        SourceError
            If the feed refuses in a way that does not pass.
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self.session.desk.run(self.session.epoch))
            group.create_task(self._people())
            group.create_task(self._time())
            await self._compare()
            await self._ready()
            group.create_task(self._compare_forever())
            async with self._turn:
                await self.follower.warm(history)
            group.create_task(self._listen(source, subscriptions))

    async def _ready(self) -> None:
        """Wait until the desk has reconciled: what is decided before is refused."""
        async with asyncio.timeout(self.params.ready_s):
            while not self.session.desk.state.is_ready:  # noqa: ASYNC110 - a pure state sets no events
                await asyncio.sleep(self.params.poll_s)

    async def _listen(self, source: LiveSource, subscriptions: Sequence[Subscription]) -> None:
        stream = source.stream(subscriptions)
        try:
            async for noun in stream:
                self.heard += 1
                async with self._turn:
                    await self.follower.take(noun, self.clock.now_ns())
        finally:
            if isinstance(stream, AsyncGenerator):
                await stream.aclose()

    async def _people(self) -> None:
        """Look for requests to stop, before anything else has a turn."""
        while True:
            for level, scope, by, reason in self._kills.poll():
                self.session.runtime.kill(level, scope, by, reason)
            await asyncio.sleep(self.params.poll_s)

    async def _time(self) -> None:
        beats = 0.0
        while True:
            await asyncio.sleep(self.params.tick_s)
            async with self._turn:
                await self.follower.tick(self.clock.now_ns())
            beats += self.params.tick_s
            if beats >= self.params.beat_s:
                beats = 0.0
                self._beat()

    async def _compare(self) -> None:
        """Compare our clock with the venue's; what cannot be compared refuses new risk."""
        asked = self.clock.now_ns()
        drift = float("nan")
        with suppress(VenueError, TimeoutError):
            async with asyncio.timeout(self.session.desk.params.answer_s):
                told = await self.session.desk.venue.server_time_ns()
            drift = self.clock.compare(asked, told, self.clock.now_ns())
        self.session.runtime.command(Command.CLOCK_DRIFT, drift)

    async def _compare_forever(self) -> None:
        while True:
            await asyncio.sleep(self.params.compare_s)
            await self._compare()
