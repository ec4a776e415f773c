"""Orders whose intents are on their way to the disk: scenarios in the manner of the field's catalogue."""

from __future__ import annotations

from collections.abc import Callable

from tests.faults.scenarios import Case, expect, play_script
from tests.faults.world import CAPABILITIES, X

from tradewright.core.types.order import OrderKind, OrderStatus
from tradewright.execution.orders.inputs import KillLevel
from tradewright.execution.orders.state import ALL


def d01(c: Case) -> None:
    """Intents come faster than the disk: each waits for a flush that began after it was written."""
    world, names = c.world, []
    for _ in range(12):
        world.thread.lasts_s = float(c.rng.choice([0.0, 0.005, 0.05]))
        names.append(c.limit())
        world.run(float(c.rng.choice([0.0, 0.001, 0.01])))
    world.run(3.0)
    expect(all(c.status(n) is OrderStatus.ACCEPTED for n in names), "an order was forgotten")
    expect([i.client_id for _, i in world.seen.gates] == names, "they were not sent in order, once each")


def d02(c: Case) -> None:
    """The flush of an intent is refused: its order never leaves, a person is told, cancels go out."""
    world, resting = c.world, c.limit()
    world.run(3.0)
    sent = world.venue.submits
    world.thread.fails = True
    names = [c.enter() for _ in range(2)]
    c.cancel(resting)
    world.run(3.0)
    expect(world.venue.submits == sent, "an order without a journal")
    expect(all(n == "" or c.status(n) is OrderStatus.DENIED for n in names), "what was not sent is not over")
    expect(c.status(resting) is OrderStatus.CANCELED, "a cancel did not go out")
    expect(len(world.alerts("journal lost")) == 1, "nobody was told, or twice")
    expect(c.enter() == "", "new risk without a journal")
    world.thread.fails = False
    expect(c.enter() == "", "a disk that lied once was believed again")
    world.stop(loses_power=bool(c.rng.random() < 0.5))
    world.start()
    world.run(40.0)
    expect(c.enter() != "", "no way back after the disk was mended")
    world.run(3.0)


def d03(c: Case) -> None:
    """The disk hangs: the order is over when its time is, the session goes on, and trades when the disk is back."""
    world = c.world
    world.thread.lasts_s = 25.0
    name = c.enter()
    world.run(9.0)
    expect(c.status(name) is OrderStatus.PENDING, "it was given up too early")
    world.run(2.0)
    expect(c.status(name) is OrderStatus.DENIED and world.venue.submits == 0, "a stale order, or one without a disk")
    world.thread.lasts_s = None
    world.run(40.0)
    expect(not world.alerts("journal lost"), "a slow disk is not a lost one")
    expect(c.enter() != "", "no way back after the disk was")
    world.run(3.0)
    expect(c.covered() == c.lots, "not protected")


def d04(c: Case) -> None:
    """A kill comes while an intent is on its way to the disk: the gate is closed when the disk has it."""
    world, desk = c.world, c.world.desk
    assert desk is not None
    world.thread.lasts_s = 1.0
    name = c.enter(kind=OrderKind.LIMIT, limit_price=100.0 - 1.0 * c.side) if c.rng.random() < 0.5 else c.enter()
    world.run(float(c.rng.choice([0.0, 0.1, 0.9])))
    expect(c.status(name) is OrderStatus.PENDING, "it did not wait for the disk")
    world.inside(lambda: desk.kill(KillLevel.CANCEL, ALL, "ann", "test"))
    world.run(5.0)
    expect(world.venue.submits == 0 and c.status(name) is OrderStatus.DENIED, "sent after the kill")
    world.thread.lasts_s = None


def d05(c: Case) -> None:
    """The client dies while the intent is on its way to the disk: nothing was sent, and nothing is made of it."""
    world = c.world
    world.thread.lasts_s = 1.0
    name = c.enter()
    world.run(0.5)
    world.stop(loses_power=bool(c.rng.random() < 0.5))
    world.thread.lasts_s = None
    world.start()
    world.run(60.0)
    expect(world.venue.submits == 0, "sent by the next life")
    order = world.state.orders.get(name)
    expect(order is None or order.status is OrderStatus.ABANDONED, "what nobody sent is still waited for")
    expect(world.state.position(X) == 0, "a position of nothing")


FLUSHES: dict[str, Callable[[Case], None]] = {
    name.upper(): script for name, script in sorted(globals().items()) if name[:1] == "d" and name[1:].isdigit()
}


def play_flush(name: str, seed: int) -> str:
    """Play a scenario of this file; as `scenarios.play`."""
    return play_script(FLUSHES[name], name, seed, (CAPABILITIES,))
