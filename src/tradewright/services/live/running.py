"""A session running: over a recording as fast as it goes, or beside a live feed and a venue until it is stopped."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import isnan

from tradewright.core.types.errors import VenueError
from tradewright.data.ports import LiveSource, Subscription
from tradewright.engine.commands import Command
from tradewright.engine.live.following import Follower
from tradewright.engine.live.rows import MarketRow
from tradewright.execution.orders.inputs import Alert, Started, Ticked
from tradewright.services.live.clocks import MarketClock, VenueClock
from tradewright.services.live.session import TradingSession

Progress = Callable[[int], None]


async def run_recording(
    session: TradingSession, follower: Follower, clock: MarketClock, rows: Sequence[MarketRow], between: Progress
) -> None:
    """Trade a recording on the simulated venue; time is the market's, and waits while orders are on their way.

    ``between`` is told now and then how many rows have passed.
    """
    desk = session.desk
    desk.feed(Started(session.epoch, clock.now_ns()))
    for count, row in enumerate(rows, 1):
        clock.move(row.ts_seen)
        await follower.take_row(row)
        desk.feed(Ticked(row.ts_seen))
        if count % 256 == 0:
            between(256)
            await asyncio.sleep(0)  # Ctrl-C, and what else wants to be heard
    await follower.finish()
    between(len(rows) % 256)


@dataclass(frozen=True, slots=True)
class LiveParams:
    """Times of the loop, seconds. ``compare_s``: how often the venue's clock is asked for.

    One that is told late is asked up to ``looks`` times, until it is within ``near_ms`` of ours. ``money_s``: how often
    its equity is asked for.
    """

    poll_s: float = 0.005
    tick_s: float = 0.1
    compare_s: float = 10.0
    ready_s: float = 60.0
    looks: int = 10
    near_ms: float = 100.0
    money_s: float = 60.0


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
    look : callable
        Called every few ms: what people ask for is carried out by it.
    admit : coroutine function
        Awaited when venue and clock have been compared, before the first decision; what it raises ends the session.
    """

    def __init__(
        self,
        session: TradingSession,
        follower: Follower,
        clock: VenueClock,
        look: Callable[[], None],
        admit: Callable[[], Awaitable[None]],
        params: LiveParams | None = None,
    ) -> None:
        self.session, self.follower, self.clock = session, follower, clock
        self._look, self._admit, self.params = look, admit, params or LiveParams()
        self._turn = asyncio.Lock()  # one input at a time, whoever brings it
        self._is_clock_off = False

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
            group.create_task(self._compare_forever())
            async with self._turn:
                await self.follower.warm(history)
            await self._ready()
            await self._admit()
            if self.session.broker is None:
                group.create_task(self._compare_money_forever())
            gc.collect()
            gc.freeze()  # looking through all that the start has made would stop the session for 0.1 s
            group.create_task(self._listen(source, subscriptions))

    async def _ready(self) -> None:
        """Wait until the desk has reconciled: what is decided before is refused."""
        broker = self.session.broker
        if broker is not None and not broker.is_awake:
            return  # the first event wakes it
        async with asyncio.timeout(self.params.ready_s):
            while not self.session.desk.state.is_ready:  # noqa: ASYNC110 - a pure state sets no events
                await asyncio.sleep(self.params.poll_s)

    async def _listen(self, source: LiveSource, subscriptions: Sequence[Subscription]) -> None:
        stream = source.stream(subscriptions)
        try:
            async for noun in stream:
                async with self._turn:
                    await self.follower.take(noun, self.clock.now_ns())
                await asyncio.sleep(0)  # a feed that is behind has always one more: people and orders have a turn, too
        finally:
            if isinstance(stream, AsyncGenerator):
                await stream.aclose()

    async def _people(self) -> None:
        """Look for requests to stop, before anything else has a turn."""
        while True:
            self._look()
            await asyncio.sleep(self.params.poll_s)

    async def _time(self) -> None:
        while True:
            await asyncio.sleep(self.params.tick_s)
            async with self._turn:
                await self.follower.tick(self.clock.now_ns())

    async def _compare(self) -> None:
        """Compare our clock with the venue's; what cannot be compared refuses new risk. A person is told once."""
        runtime, can = self.session.runtime, self.session.desk.venue.capabilities
        tells_late = can.clock_step_s > 0 or not can.server_time
        drift = await self._drift(tells_late=tells_late)
        for _ in range(self.params.looks - 1):
            if not tells_late or abs(drift) <= self.params.near_ms:
                break
            await asyncio.sleep(self.params.tick_s)
            drift = await self._drift(tells_late=tells_late)
        runtime.command(Command.CLOCK_DRIFT, drift)
        limit, was_off = runtime.conductor.plan.limits.max_clock_drift_ms, self._is_clock_off
        self._is_clock_off = limit is not None and not abs(drift) <= limit  # NaN is off too
        if self._is_clock_off and not was_off:
            found = "cannot be compared with the venue's" if isnan(drift) else f"is {drift:+,.0f} ms from the venue's"
            runtime.alert(Alert("clock off", f"our clock {found}: no new risk until it is at most {limit:,.0f}"))

    async def _drift(self, *, tells_late: bool) -> float:
        """Return our clock less the venue's, ms, NaN without an answer; the answer's time is measured by the way."""
        asked = self.clock.now_ns()
        with suppress(VenueError, TimeoutError):
            async with asyncio.timeout(self.session.desk.params.answer_s):
                told = await self.session.desk.venue.server_time_ns()
            answered = self.clock.now_ns()
            self.session.pinged(asked, answered)
            return self.clock.compare(asked, told, answered, tells_late=tells_late)
        return float("nan")

    async def _compare_money_forever(self) -> None:
        """Compare what the account is worth at the venue with what the session knows of."""
        desk = self.session.desk
        while True:
            with suppress(VenueError, TimeoutError):
                async with asyncio.timeout(desk.params.answer_s):
                    told = await desk.venue.account()
                self.session.compare_money(told.equity)
            await asyncio.sleep(self.params.money_s)

    async def _compare_forever(self) -> None:
        while True:
            await asyncio.sleep(self.params.compare_s)
            await self._compare()
