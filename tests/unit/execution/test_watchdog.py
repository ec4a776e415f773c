from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from tradewright.core.types.order import OrderStatus, Origin, Side
from tradewright.core.types.venue import Idempotency, OrderIntent, VenueOrder, VenuePosition
from tradewright.execution.heartbeat import Heartbeat, HeartbeatFile
from tradewright.execution.venue import (
    Capabilities,
    Venue,
    VenueRejectedError,
    VenueTimeoutError,
    VenueUnavailableError,
)
from tradewright.execution.watchdog import Summary, Watchdog, WatchdogParams, WatchdogPorts, to_cancel

Known = tuple[frozenset[str], frozenset[str]]


def order(name: str, side: Side, lots: int = 10, instrument: str = "X", filled: int = 0) -> VenueOrder:
    return VenueOrder(name, f"v-{name}", instrument, side, lots, filled, OrderStatus.ACCEPTED, 0)


def names(orders: list[VenueOrder]) -> list[str]:
    return [o.client_id for o in orders]


LONG = [VenuePosition("X", 10)]
ENTRY, STOP, EXIT = order("entry", Side.BUY), order("stop", Side.SELL), order("exit", Side.SELL)
KNOWN: Known = (frozenset({"stop"}), frozenset({"entry", "stop", "exit"}))


@pytest.mark.parametrize(
    ("orders", "positions", "known", "gone"),
    [
        ([ENTRY, STOP, EXIT], LONG, KNOWN, ["entry", "exit"]),  # the journal says which one protects
        ([ENTRY, STOP, EXIT], LONG, None, ["entry"]),  # without it, what fits into the position stays
        ([ENTRY, STOP], [], None, ["entry", "stop"]),  # nothing to protect
        ([ENTRY, STOP], [], KNOWN, ["entry"]),  # an entry may have filled since: a known stop stays
        ([order("wide", Side.SELL, 11)], LONG, None, ["wide"]),  # it would turn the position
        ([order("part", Side.SELL, 15, filled=5)], LONG, None, []),
        ([order("other", Side.SELL, instrument="Y")], LONG, None, ["other"]),
        ([order("leg", Side.SELL)], LONG, KNOWN, []),  # an exit that the venue made of a bracket
        ([order("", Side.BUY)], LONG, KNOWN, [""]),  # a person's own, and it adds risk
        ([order("cover", Side.BUY)], [VenuePosition("X", -10)], None, []),
    ],
)
def test_orders_that_only_reduce_are_left(
    orders: list[VenueOrder], positions: list[VenuePosition], known: Known | None, gone: list[str]
) -> None:
    found, kept = to_cancel(orders, positions, known)
    assert names(found) == gone
    assert len(found) + len(kept) == len(orders)


@dataclass
class FakeVenue:
    """A venue that holds orders and a position, and fails as often as it is told."""

    orders: list[VenueOrder] = field(default_factory=list)
    held: int = 0
    failures: int = 0
    error: Exception = field(default_factory=lambda: VenueTimeoutError("the venue is down"))
    locks: bool = False  # a position that has stops is held for them
    is_slow: bool = False  # cancels are taken and not carried out
    is_theirs: bool = False  # only the connection that made an order may cancel it, and that one hangs
    calls: list[str] = field(default_factory=list)
    account_id: str = "A"
    capabilities: Capabilities = field(default_factory=lambda: Capabilities(idempotency=Idempotency.HARD))

    async def open_orders(self) -> list[VenueOrder]:
        if self.failures:
            self.failures -= 1
            raise self.error
        return list(self.orders)

    async def positions(self) -> list[VenuePosition]:
        return [VenuePosition("X", self.held)] if self.held else []

    async def cancel_all(self, instrument: str = "") -> None:
        self.calls.append(f"cancel all {instrument}".strip())
        if not self.is_slow:
            self.orders = []

    async def cancel(self, client_id: str, venue_id: str) -> None:  # noqa: ARG002
        self.calls.append(f"cancel {client_id}")
        if self.is_theirs:
            raise VenueUnavailableError("its program holds on: end it")
        if client_id not in names(self.orders):
            raise VenueRejectedError("gone")
        self.orders = [o for o in self.orders if o.client_id != client_id]

    async def submit(self, intent: OrderIntent, gate: Any) -> None:  # noqa: ANN401
        gate()
        assert intent.is_reduce_only
        assert intent.origin is Origin.RISK
        self.calls.append(f"{intent.side.name} {intent.lots}")
        if self.locks and self.orders:
            raise VenueRejectedError("insufficient quantity available")
        self.held = 0


@dataclass
class Scene:
    venue: FakeVenue
    beats: list[Heartbeat | None] = field(default_factory=list)
    known: Known | None = None
    now: float = 100.0
    said: list[str] = field(default_factory=list)
    kills: list[str] = field(default_factory=list)
    disk: str = ""

    def beat(self) -> Heartbeat | None:
        return self.beats.pop(0) if len(self.beats) > 1 else self.beats[0]

    def kept(self, reason: str) -> str:
        assert not self.venue.calls, "the kill is on the disk before the venue is asked"
        self.kills.append(reason)
        return self.disk

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)

    def dog(self, params: WatchdogParams | None = None) -> Watchdog:
        ports = WatchdogPorts(
            self.beat, self.kept, lambda: self.known, lambda: self.now, lambda: 5, self.said.append, self.sleep
        )
        return Watchdog(cast("Venue", self.venue), ports, params)

    def kill(self, **params: Any) -> Summary:  # noqa: ANN401
        return asyncio.run(self.dog(WatchdogParams(**params)).kill("it hangs"))


def test_entries_go_and_stops_stay() -> None:
    scene = Scene(FakeVenue([ENTRY, STOP], held=10))
    summary = scene.kill()
    assert scene.venue.calls == ["cancel entry"]
    assert (summary.is_verified, summary.is_durable, summary.cancelled) == (True, True, 1)
    assert (summary.left, summary.positions) == ([STOP], [VenuePosition("X", 10)])
    assert scene.kills == ["it hangs"]
    assert not any("UNVERIFIED" in text for text in scene.said)


def test_everything_goes_at_once_where_nothing_is_to_stay() -> None:
    scene = Scene(FakeVenue([ENTRY, order("b", Side.SELL)]))
    assert scene.kill().cancelled == 2
    assert scene.venue.calls == ["cancel all"]


def test_a_venue_that_is_down_is_asked_until_it_is_back_and_that_is_said_loudly() -> None:
    scene = Scene(FakeVenue([ENTRY], failures=30))
    summary = scene.kill()
    assert summary.is_verified
    assert summary.took_s > 5.0
    loud = [text for text in scene.said if "UNVERIFIED" in text]
    assert loud
    assert "the venue is down" in loud[0]
    assert "by hand" in loud[0]


def test_an_error_that_nobody_foresaw_does_not_end_it() -> None:
    scene = Scene(FakeVenue([ENTRY], failures=2, error=KeyError("a defect")))
    assert scene.kill().is_verified


def test_what_a_venue_takes_and_does_not_do_is_not_verified() -> None:
    scene = Scene(FakeVenue([ENTRY], is_slow=True))

    async def mend() -> Summary:
        work = asyncio.create_task(scene.dog().kill("it hangs"))
        async with asyncio.timeout(10):
            while not any("UNVERIFIED" in text for text in scene.said):  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        assert not work.done()
        scene.venue.is_slow = False
        return await work

    assert asyncio.run(mend()).is_verified
    assert any("1 orders are still open" in text for text in scene.said)


def test_a_disk_that_refuses_does_not_keep_it_from_cancelling() -> None:
    scene = Scene(FakeVenue([ENTRY]), disk="no space")
    summary = scene.kill()
    assert summary.is_verified
    assert not summary.is_durable
    assert "NOT on the disk: no space" in scene.said[0]


@pytest.mark.parametrize("locks", [False, True])
def test_flattening_closes_and_then_takes_the_stops_away(locks: bool) -> None:
    scene = Scene(FakeVenue([ENTRY, STOP], held=10, locks=locks))
    summary = scene.kill(flattens=True)
    assert scene.venue.held == 0
    assert scene.venue.orders == []
    assert summary.positions == []
    assert scene.venue.calls[:2] == ["cancel entry", "SELL 10"]  # the stop works until the position is closed
    assert ("cancel stop" in scene.venue.calls) is locks


def test_orders_that_only_a_hung_program_could_cancel_go_with_all_others_when_positions_are_closed() -> None:
    scene = Scene(FakeVenue([ENTRY, STOP], held=10, is_theirs=True))
    scene.kill(flattens=True)
    assert scene.venue.calls == ["cancel entry", "cancel all", "SELL 10"]
    assert (scene.venue.held, scene.venue.orders) == (0, [])


def beat(sequence: int, *, is_running: bool = True) -> Heartbeat:
    return Heartbeat(sequence, 0, is_running, 1)


@pytest.mark.parametrize(
    ("beats", "after"),
    [
        ([beat(1)], 10.0),  # it was silent from the start
        ([beat(n) for n in range(1, 21)], 19.5),  # 20 beats in half seconds, then silence
        ([beat(1), None], 10.0),  # its file vanished
        ([None, None, beat(1)], 11.0),
        ([beat(1, is_running=False), beat(1)], 10.5),
    ],
)
def test_silence_of_a_session_that_runs_is_noticed(beats: list[Heartbeat | None], after: float) -> None:
    scene = Scene(FakeVenue(), beats)
    reason = asyncio.run(scene.dog().silence())
    assert reason.startswith("no heartbeat for 10.0 s")
    assert scene.now == 100.0 + after


@pytest.mark.parametrize("beats", [[None], [beat(1, is_running=False)], [beat(1), beat(2, is_running=False)]])
def test_where_no_session_should_run_nothing_is_killed(beats: list[Heartbeat | None]) -> None:
    scene = Scene(FakeVenue(), beats)

    async def watch() -> None:
        work = asyncio.create_task(scene.dog().silence())
        for _ in range(1_000):
            await asyncio.sleep(0)
        assert scene.now > 400.0
        assert not work.done()
        work.cancel()

    asyncio.run(watch())


def test_a_heartbeat_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = HeartbeatFile(tmp_path / "heartbeat")
    assert file.read() is None
    file.beat(17)
    file.beat(18)
    found = file.read()
    assert found is not None
    assert (found.sequence, found.wall_ns, found.is_running) == (2, 18, True)
    file.beat(19, is_running=False)
    assert file.read() == replace(found, sequence=3, wall_ns=19, is_running=False)
    file.path.write_text('{"sequence": 1', encoding="utf-8")
    assert file.read() is None
