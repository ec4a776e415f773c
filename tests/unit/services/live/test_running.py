from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from types import SimpleNamespace
from typing import Any, cast

from tradewright.core.types.errors import VenueError
from tradewright.core.types.venue import Idempotency
from tradewright.engine.commands import Command
from tradewright.execution.orders.inputs import Alert
from tradewright.execution.venue import Capabilities
from tradewright.risk.limits import Limits
from tradewright.services.live.clocks import VenueClock
from tradewright.services.live.running import LiveLoop, LiveParams

SECOND = 10**9


class Venue:
    """Tells its clock so many seconds ahead of ours; None: it does not answer. After the last one the test ends."""

    capabilities = Capabilities(idempotency=Idempotency.HARD)

    def __init__(self, ahead: list[float | None], end: asyncio.Event) -> None:
        self._ahead, self._end = ahead, end

    async def server_time_ns(self) -> int:
        if not self._ahead:
            self._end.set()
            await asyncio.Event().wait()
        ahead = self._ahead.pop(0)
        if ahead is None:
            raise VenueError("away")
        return int(1_000 * SECOND + ahead * SECOND)


class Runtime:
    def __init__(self) -> None:
        self.conductor = SimpleNamespace(plan=SimpleNamespace(limits=Limits(max_clock_drift_ms=500.0)))
        self.drifts: list[float] = []
        self.alerts: list[Alert] = []

    def command(self, command: Command, value: float) -> None:
        assert command is Command.CLOCK_DRIFT
        self.drifts.append(value)

    def alert(self, alert: Alert) -> None:
        self.alerts.append(alert)


def test_a_clock_that_is_off_is_told_once_each_time_it_happens() -> None:
    runtime = Runtime()

    async def compared() -> None:
        end = asyncio.Event()
        venue = Venue([0.0, 180.0, 181.0, 0.1, None, None], end)
        desk = SimpleNamespace(venue=venue, params=SimpleNamespace(answer_s=1.0))
        session: Any = SimpleNamespace(desk=desk, runtime=runtime, pinged=lambda _asked, _answered: None)
        clock = VenueClock(lambda: 1_000 * SECOND, follows=False)
        loop = LiveLoop(session, cast("Any", None), clock, lambda: None, cast("Any", None), LiveParams(compare_s=0.0))
        task, ended = asyncio.create_task(loop._compare_forever()), asyncio.create_task(end.wait())
        await asyncio.wait({task, ended}, return_when=asyncio.FIRST_COMPLETED)
        assert not task.done(), task.exception()
        task.cancel()

    asyncio.run(compared())
    assert runtime.drifts[:4] == [0.0, -180_000.0, -181_000.0, -100.0]
    assert [a.code for a in runtime.alerts] == ["clock off"] * 2
    assert "-180,000 ms from the venue's" in runtime.alerts[0].text
    assert "cannot be compared" in runtime.alerts[1].text


def test_people_have_a_turn_however_much_the_feed_has_to_say() -> None:
    looks = list[int]()

    class Source:
        async def stream(self, _: object) -> AsyncGenerator[int, None]:
            for noun in range(100):
                yield noun

    class Follower:
        async def take(self, noun: int, _: int) -> None:
            taken.append(noun)

    async def listened() -> None:
        clock = VenueClock(lambda: 1_000 * SECOND, follows=False)
        params = LiveParams(poll_s=0.0)
        loop = LiveLoop(cast("Any", None), cast("Any", Follower()), clock, look, cast("Any", None), params)
        people = asyncio.create_task(loop._people())
        await loop._listen(cast("Any", Source()), [])
        people.cancel()

    def look() -> None:
        looks.append(len(taken))

    taken = list[int]()
    asyncio.run(listened())
    assert (len(taken), len(looks)) == (100, 100), "between two events each"
