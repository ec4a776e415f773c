"""The field's catalogue of faults, each as a script for a world; what is generally true is held by `World.check`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from tests.faults.sim_venue import Weather
from tests.faults.world import CAPABILITIES, BrokenError, World, X

from tradewright.core.types.errors import ConfigError
from tradewright.core.types.order import OrderKind, OrderStatus, Origin, Side
from tradewright.core.types.venue import Idempotency, OrderIntent
from tradewright.execution.journal.errors import JournalDamagedError
from tradewright.execution.journal.frame import MARKER, pack_frame, unpack_frame, unpack_head
from tradewright.execution.journal.reading import segments_of
from tradewright.execution.orders.inputs import KillLevel
from tradewright.execution.orders.release import Release, check_release
from tradewright.execution.venue import Capabilities

#: Faults that other parts of the program meet: what happens, and the test that holds it.
ELSEWHERE = {
    "F33": (
        "Bars are missing: from history, or no new risk till warm.",
        "tests/unit/engine/live/test_following.py",
    ),
    "F34": ("A feed that jumps or stands still.", "tests/tables/test_controls.py"),
    "F40": ("The clock drifts from the venue's.", "tests/unit/services/live/test_running.py"),
    "F42": ("The firm's day ends with an open loss.", "tests/properties/test_prop_rules.py"),
    "F48": ("No network, no session: the kill switch is a file.", "tests/e2e/test_kill.py"),
    "F51": ("A check that cannot be made denies.", "tests/tables/test_controls.py"),
    "F53": ("A strategy that orders without end.", "tests/tables/test_controls.py"),
    "F56": ("Limits are changed while a session runs: lowered at once, raised by two.", "tests/e2e/test_controls.py"),
    "F63": ("The model is silent, fails, or is another: nothing is decided.", "tests/e2e/test_model_sessions.py"),
    "F64": ("An artefact that is not what it says.", "tests/unit/rollout/test_registry.py"),
    "F65": ("Training and trading compute the same.", "tests/parity/test_live.py"),
    "F66": ("A stalled process decides on nothing old.", "tests/tables/test_controls.py"),
    "F67": ("No secret in an error, a log or a journal.", "tests/contracts/test_sessions_at_brokers.py"),
}


@dataclass
class Case:
    """One run of a scenario: sides and sizes by seed."""

    world: World
    rng: np.random.Generator

    def __post_init__(self) -> None:
        self.side = Side.BUY if self.rng.random() < 0.5 else Side.SELL
        self.lots = int(self.rng.integers(2, 500))
        self.stop = 100.0 - 5.0 * self.side

    def enter(self, **more: object) -> str:
        return self.world.enter(self.lots, self.side, self.stop, **more)

    def limit(self, **more: object) -> str:
        """Rest below (above) the market."""
        return self.enter(kind=OrderKind.LIMIT, limit_price=100.0 - 1.0 * self.side, **more)

    def cancel(self, client_id: str) -> None:
        desk = self.world.desk
        if desk is not None:
            self.world.inside(lambda: desk.cancel(client_id))

    def status(self, client_id: str) -> OrderStatus:
        return self.world.state.orders[client_id].status

    def position(self) -> int:
        return self.world.state.of(X).position

    def stops(self) -> list[str]:
        return [
            b.told.venue_id
            for b in self.world.venue.books.values()
            if b.told.is_open and b.intent.origin is Origin.STOP_LOSS
        ]

    def covered(self) -> int:
        """Lots that working stops at the venue would close."""
        books = self.world.venue.books
        return sum(books[v].told.lots - books[v].told.filled for v in self.stops())

    def held(self) -> int:
        return self.world.venue.held.get(X, 0)


def expect(truth: bool, what: str) -> None:
    if not truth:
        raise BrokenError(what)


def f01(c: Case) -> None:
    """The venue takes an order and its answer is lost: found by its id and taken over, never sent twice."""
    venue = c.world.venue
    venue.script.append("lose answer")
    rests = bool(c.rng.random() < 0.5)
    venue.weather.is_silent = rests or bool(c.rng.random() < 0.5)
    venue.weather.hides_s = 9.0 if rests else float(c.rng.choice([0.0, 3.0, 9.0]))  # but executions are shown
    name = c.limit() if rests else c.enter()
    c.world.run(30.0)
    expect(c.status(name) is (OrderStatus.ACCEPTED if rests else OrderStatus.FILLED), "the order was not adopted")
    expect(sum(i.client_id == name for _, i in c.world.seen.gates) == 1, "it was sent twice")
    expect(c.covered() == (0 if rests else c.lots), "the adopted position is not protected")
    expect(not c.world.alerts("corrected"), "it had been given up")


def f02(c: Case) -> None:
    """The request is lost: unknown, counted in full, given up only when two sources have been silent three times."""
    c.world.venue.script.append("lose request")
    name = c.enter()
    c.world.run(5.0)
    expect(c.status(name) is OrderStatus.UNKNOWN, "a time-out ended an order")
    expect(c.enter() == "", "new risk while an order is unknown")
    low, high = c.world.state.exposure(X)
    expect(max(-low, high) == c.lots, "an unknown order does not count in full")
    c.world.run(30.0)
    order = c.world.state.orders[name]
    expect(order.status is OrderStatus.ABANDONED and order.asks >= 3, "two sources' silence was not believed")
    again = c.enter()
    expect(again not in ("", name), "a new decision needs a new intent")
    c.world.run(5.0)


def f04(c: Case) -> None:
    """Every answer is lost: the transport sends nothing again by itself."""
    c.world.venue.weather.loses_answer = 1.0
    names = [c.enter(instrument=f"I{k}") for k in range(3)]
    c.world.run(6.0)
    sent = [i.client_id for _, i in c.world.seen.gates]
    expect([sent.count(n) for n in names] == [1, 1, 1], "an order was sent again by the transport")
    expect(all(len(c.world.venue.find(n)) == 1 for n in names), "an order arrived more than once")
    c.world.venue.weather = Weather()
    c.world.run(30.0)


def f05(c: Case) -> None:
    """A stop has to be sent again: each attempt is the same order under the same id."""
    c.world.venue.script.extend(["", "lose request", "lose answer"])
    c.enter()
    c.world.run(25.0)
    stops = [i for _, i in c.world.seen.gates if i.origin is Origin.STOP_LOSS]
    expect(len(stops) > 1, "nothing was sent again: the scenario tests nothing")
    expect(all(i == stops[0] for i in stops), "a retry changed the order")
    expect(len(c.stops()) == 1 and c.covered() == c.lots, "a retry made a second stop")
    expect(not c.world.state.external, "a retry has another id")


def f06(c: Case) -> None:
    """A venue takes the client id for a mere label: nothing is sent again under it."""
    c.world.venue.script.extend(["", "lose answer"])
    c.world.venue.weather.hides_s, c.world.venue.weather.is_silent = 6.0, True
    c.enter()
    c.world.run(25.0)
    ids = [i.client_id for _, i in c.world.seen.gates]
    expect(len(ids) == len(set(ids)), "a venue that takes the id for a label was sent it twice")


def f07(c: Case) -> None:
    """The client dies between journal and wire: the intent is given up, not sent at an old price."""
    world = c.world
    world.disk.crash_at = world.disk.operations + 3  # write and sync of the intent, then `sent`
    with world.survives():
        c.enter()
        world.run(1.0)
    sent = world.venue.submits
    world.run(40.0)
    expect(sent == 0 and world.venue.submits == 0, "an intent from before the crash was sent at an old price")
    left = [o.status for o in world.state.orders.values()]
    expect(left in ([], [OrderStatus.ABANDONED]), f"the intent ended as {left}")


def f08(c: Case) -> None:
    """The client dies between sending and the answer: the order is taken over and protected."""
    name = c.enter()
    c.world.run(float(c.rng.uniform(0.0, 0.03)))
    _restart(c)
    c.world.run(30.0)
    if c.world.venue.find(name):
        expect(c.status(name) is OrderStatus.FILLED and c.covered() == c.lots, "not adopted, or not protected")


def f09(c: Case) -> None:
    """The client dies between an entry's execution and its stop: the stop is the first thing after the restart."""
    c.enter()
    while not c.held():
        c.world.run(0.005)
    _restart(c)
    before = len(c.world.seen.gates)
    c.world.run(3.0)
    expect(c.covered() == c.lots, "the position stayed bare after the restart")
    first = c.world.seen.gates[before : before + 1]
    expect(not first or first[0][1].origin is Origin.STOP_LOSS, "protection was not the first order")


def _restart(c: Case) -> None:
    c.world.stop(loses_power=bool(c.rng.random() < 0.5))
    c.world.run(float(c.rng.uniform(0.0, 2.0)))
    c.world.start()
    c.world.run(1.0)


def f11(c: Case) -> None:
    """Restarts, with and without the power: no id comes twice."""
    names = []
    for _ in range(3):
        names.append(c.enter(stop_loss=None))
        c.world.run(1.0)
        _restart(c)
    expect(len(set(names)) == 3, "an id was used twice")


def f12(c: Case) -> None:
    """Rejection after rejection: the strategy is paused after three, and nothing is left reserved."""
    for _ in range(6):
        c.world.venue.script.append("reject")
        c.enter()
        c.world.run(1.0)  # a slow disk holds an order back for 0.3
    expect(c.world.venue.submits == 3, "rejections did not pause the strategy")
    expect(len(c.world.alerts("strategy paused")) == 1, "nobody was told")
    expect(c.world.state.exposure(X) == (0, 0), "a rejected order still counts")
    c.world.venue.script.clear()


def f13(c: Case) -> None:
    """Every execution is told again and again: each is booked once."""
    c.world.venue.weather.repeats = 1.0
    name = c.enter()
    c.world.run(70.0)
    expect(c.world.state.duplicates > 0, "nothing was repeated: the scenario tests nothing")
    expect(c.world.state.orders[name].filled == c.lots and c.position() == c.side * c.lots, "applied twice")


def f15(c: Case) -> None:
    """An execution overtakes the acknowledgement of its order."""
    c.world.venue.script.append("")
    c.world.venue.weather.latency = (0.0, 1.0)
    name = c.enter()
    c.world.run(5.0)
    expect(c.status(name) is OrderStatus.FILLED, "a late acknowledgement moved a filled order")


def f16(c: Case) -> None:
    """An execution comes after the cancel was confirmed: booked, protected, and a person is told."""
    name = c.limit()
    c.world.run(1.0)
    c.cancel(name)
    c.world.run(1.0)
    expect(c.status(name) is OrderStatus.CANCELED, "not cancelled")
    part = int(c.rng.integers(1, c.lots + 1))
    c.world.inside(lambda: c.world.venue.fill(c.world.venue.find(name)[0].told.venue_id, part, force=True))
    c.world.run(3.0)
    expect(c.position() == c.side * part and c.covered() == part, "the late fill is not booked or not protected")
    expect(len(c.world.alerts("corrected")) == 1, "nobody was told")


def f17(c: Case) -> None:
    """A cancel is refused because the order has just filled: no end is assumed."""
    name = c.limit()
    c.world.run(1.0)

    def race() -> None:
        c.world.venue.move(X, 100.0 - 2.0 * c.side)
        if c.world.desk is not None:
            c.world.desk.cancel(name)

    c.world.venue.weather.is_silent = True
    c.world.inside(race)
    c.world.run(10.0)
    expect(c.status(name) is OrderStatus.FILLED, "a refused cancel was taken for an end")
    expect(not c.world.alerts("corrected"), "a refused cancel was taken for an end")


def f18(c: Case) -> None:
    """An order fills in part and the line goes dead: the stop covers what has filled, limits count the whole."""
    c.world.thread.lasts_s = 0.0  # a slow disk would hold the order back until after the execution
    c.world.venue.fill_share = 0.4
    c.world.venue.script.append("lose answer")
    c.world.venue.weather.is_silent = True
    name = c.limit(stop_loss=c.stop)
    c.world.run(0.3)
    c.world.inside(lambda: c.world.venue.fill(c.world.venue.find(name)[0].told.venue_id, max(1, c.lots // 2)))
    c.world.run(4.0)
    low, high = c.world.state.exposure(X)
    expect((high if c.side > 0 else -low) == c.lots, "the worst case is not the whole order")
    c.world.run(6.0)
    expect(c.covered() == abs(c.held()) == max(1, c.lots // 2), "the stop is not as large as what has filled")


def f20(c: Case) -> None:
    """The venue takes an execution back: the position follows."""
    c.world.venue.fill_share = 0.5
    c.enter()
    c.world.run(30.0)
    c.world.inside(lambda: c.world.venue.bust(0))
    c.world.run(5.0)
    expect(c.position() == c.held(), "the position does not follow the correction")
    expect(len(c.world.alerts("trade busted")) == 1, "taken back more or less than once")


def f22(c: Case) -> None:
    """The fee of an execution comes a minute later."""
    c.world.venue.weather.has_fees_late = True
    c.enter()
    c.world.run(10.0)
    expect(all(f.fee is None for f in c.world.state.fills.values()), "a fee before it was told")
    c.world.run(60.0)
    expect(all(f.fee == 0.5 for f in c.world.state.fills.values()), "the late fee is missing")
    expect(c.position() == c.side * c.lots, "a late fee moved the position")


def f23(c: Case) -> None:
    """An exit and the stop both fill: the turned position is closed again."""
    c.world.thread.lasts_s = 0.0  # a slow disk would hold the exit back until the stop has filled
    c.world.venue.enforces_reduce_only = False
    c.enter()
    c.world.run(3.0)
    exit_side = Side(-c.side)

    def both() -> None:
        c.world.enter_now(c.lots, exit_side, None, is_reduce_only=True)
        c.world.venue.move(X, 100.0 - 6.0 * c.side)

    c.world.inside(both)
    c.world.run(20.0)
    expect(c.held() == 0 and c.position() == 0, "the turned position was not closed")
    expect(len(c.world.alerts("exit turned the position")) >= 1, "nobody was told")


def f24(c: Case) -> None:
    """The venue refuses the stop: the position is closed at once."""
    c.world.venue.rejects_stops = True
    c.enter()
    c.world.run(5.0)
    expect(c.held() == 0, "a position without a stop stayed")
    expect(len(c.world.alerts("emergency exit")) == 1, "nobody was told")
    expect(sum(i.origin is Origin.STOP_LOSS for _, i in c.world.seen.gates) <= 2, "a storm of stops")


def f26(c: Case) -> None:
    """A person cancels the stop, twice: placed again once, then the position is closed and somebody called."""
    c.enter()
    for _ in range(2):
        c.world.run(3.0)
        expect(c.covered() == c.lots, "the stop was not placed again")
        venue_id = c.stops()[0]
        c.world.inside(lambda venue_id=venue_id: c.world.venue.end(venue_id, OrderStatus.CANCELED))  # type: ignore[misc]
    c.world.run(5.0)
    expect(c.held() == 0 and not c.stops(), "fought on, or left bare")
    expect(any(a.is_page for a in c.world.alerts("stop lost")), "nobody was called")


def f27(c: Case) -> None:
    """A person closes the position by hand: its stop goes, and nothing goes in again."""
    c.enter()
    c.world.run(3.0)
    c.world.venue.weather.is_silent = bool(c.rng.random() < 0.5)
    c.world.inside(lambda: c.world.venue.by_hand(X, Side(-c.side), c.lots))
    c.world.run(35.0)
    expect(not c.stops(), "an orphan stop works on")
    expect(c.position() == 0 and c.world.state.of(X).external == 0, "their trade is not booked")
    expect(c.enter() == "", "went in again after a person went out")


def f29(c: Case) -> None:
    """Messages arrive out of order: the end is that of a quiet line."""
    other = World(0, c.world.capabilities)
    ends = []
    for world, shuffles in ((c.world, 2.0), (other, 0.0)):
        if world is other:
            world.start()
            world.run(1.0)
        world.venue.weather.shuffles_s = shuffles
        world.venue.fill_share = 0.3
        world.enter(c.lots, c.side, c.stop)
        world.run(40.0)
        ends.append([(o.intent.origin, o.status, o.filled) for o in world.state.orders.values() if o.filled])
        ends.append([world.state.of(X).position])  # type: ignore[list-item]
    other.close()
    expect(ends[1] == ends[3], "order of arrival changed the position")
    expect(ends[0][:1] == ends[2][:1], "order of arrival changed the entry")


def f30(c: Case) -> None:
    """The stream lives and says nothing: noticed, asked for, subscribed anew."""
    c.world.venue.weather.is_silent = True
    c.enter()
    c.world.run(8.0)
    expect(c.position() == c.side * c.lots and c.covered() == c.lots, "a silent stream hid the fill")
    expect(len(c.world.alerts("stream silent")) >= 1, "the silence was not noticed")


def f31(c: Case) -> None:
    """The private stream is cut from time to time, as venues do."""
    for _ in range(3):
        c.world.inside(c.world.venue.break_streams)
        c.enter(stop_loss=c.stop)
        c.world.run(60.0)
    expect(c.position() == c.held(), "what happened during the cut is missing")


def f32(c: Case) -> None:
    """An order fills while the stream is away: known before anything new is decided."""
    name = c.limit()
    c.world.run(1.0)
    c.world.inside(c.world.venue.break_streams)
    c.world.inside(lambda: c.world.venue.move(X, 100.0 - 2.0 * c.side))
    c.world.run(3.0)
    expect(c.status(name) is OrderStatus.FILLED, "a fill during the cut is missing")


def f36(c: Case) -> None:
    """Prices that are no prices: NaN, infinite, zero, negative."""
    for price in (float("nan"), float("inf"), 0.0, -1.0):
        expect(c.enter(kind=OrderKind.LIMIT, limit_price=price) == "", f"{price} passed as a price")
        expect(c.world.enter(c.lots, c.side, price) == "", f"{price} passed as a stop")


def f37(c: Case) -> None:
    """The stream breaks ten times a second: held back, and new orders stop."""
    for _ in range(600):
        c.world.inside(c.world.venue.break_streams)
        c.world.run(0.1)
    expect(c.world.state.kill_level("S", X) <= KillLevel.BLOCK_NEW, "more than new orders was stopped")
    said = len(c.world.alerts("killed"))
    lost = len(c.world.desk._breaks) if c.world.desk is not None else 0
    expect(said == 1 or lost < 20, "a storm of reconnects did not stop new orders")
    expect(lost <= 60, "reconnects are not held back")
    c.world.run(70.0)


def f38(c: Case) -> None:
    """The venue is away for minutes: somebody is told, and nothing new is sent."""
    c.enter()
    c.world.run(3.0)
    c.world.venue.weather.is_away = True
    c.world.run(75.0)
    expect(len(c.world.alerts("venue not seen")) == 1, "nobody was told within two reconciliations")
    c.world.run(60.0)
    expect(c.enter() == "", "an order while the venue is not seen")


def f39(c: Case) -> None:
    """The clock steps back by five seconds."""
    before = c.world.state.now
    c.world.clock_offset_ns = -5_000_000_000
    c.enter()
    c.world.run(3.0)
    expect(c.world.state.now >= before, "the decision clock went back")
    c.world.run(20.0)
    expect(c.covered() == c.lots, "not protected after the clock went back")


def f43(c: Case) -> None:
    """The venue is under maintenance: its errors are not taken for a flat account."""
    c.enter()
    c.world.run(3.0)
    c.world.venue.weather.is_away = True
    sent = c.world.venue.submits
    name = c.enter()
    c.world.run(40.0)
    expect(c.world.venue.submits == sent, "orders during maintenance")
    expect(name == "" or c.status(name) is OrderStatus.DENIED, "an order that was never sent is not over")
    expect(c.position() == c.side * c.lots, "an error was taken for a flat account")
    c.world.venue.weather.is_away = False
    c.world.run(40.0)
    expect(c.covered() == c.lots, "protection was not seen again")


def f44(c: Case) -> None:
    """A kill under load: refused at once, cancelled, and said to be verified or not."""
    for k in range(30):
        c.limit(instrument=f"I{k % 10}")
        c.world.run(0.02)
    c.world.kill(KillLevel.CANCEL)
    refused = [c.limit(instrument=f"I{k}") for k in range(10)]
    at = c.world.loop.time()
    c.world.run(8.0)
    expect(refused == [""] * 10, "new orders after the kill")
    open_now = [b for b in c.world.venue.books.values() if b.told.is_open and b.intent.origin is Origin.STRATEGY]
    expect(not open_now, "orders work on after the kill")
    late = [t - at for t, _ in c.world.venue.cancels if t - at > 0.5]
    expect(len(late) <= sum(1 for b in c.world.venue.books.values() if b.made > at), "cancels came late")
    said = c.world.alerts("kill VERIFIED") + c.world.alerts("kill UNVERIFIED")
    expect(len(said) == 1, "nobody said whether it was carried out")


def f46(c: Case) -> None:
    """A kill outlives the process and the power."""
    c.enter()
    c.world.run(2.0)
    c.world.kill(KillLevel.BLOCK_NEW)
    for loses_power in (False, True):
        c.world.stop(loses_power=loses_power)
        c.world.start()
        c.world.run(5.0)
        expect(c.enter() == "", "a restart forgot the kill")
    expect(c.covered() == c.lots, "a kill took the protection away")


def f47(c: Case) -> None:
    """A kill between decision and wire: the order never leaves."""

    def race() -> str:
        name = c.world.enter_now(c.lots, c.side, c.stop)
        if c.world.desk is not None:
            c.world.desk.kill(KillLevel.BLOCK_NEW, "all", "test", "race")
        c.world.seen.killed_at = c.world.loop.time()
        return name

    name = c.world.inside(race)
    c.world.run(3.0)
    expect(c.world.venue.submits == 0, "sent although the gate had closed")
    expect(c.status(name) is OrderStatus.DENIED, "what was not sent is not over")


def f49(c: Case) -> None:
    """One person alone, or without a reason, releases no kill."""
    c.world.kill(KillLevel.BLOCK_NEW)
    desk = c.world.desk
    assert desk is not None
    for by, other, reason in (("a", "", "x"), ("a", "a", "x"), ("a", "b", " ")):
        c.world.inside(lambda by=by, other=other, reason=reason: desk.release("all", by, other, reason))  # type: ignore[misc]
        expect(c.enter() == "", "one person released the kill")
    expect(len(c.world.alerts("release refused")) == 3, "nobody was told")
    c.world.inside(lambda: desk.release("all", "a", "b", "drill over"))
    c.world.seen.killed_at = None
    expect(c.enter() != "", "two people could not release it")
    c.world.run(3.0)


def f50(c: Case) -> None:
    """A kill never takes the stop from a position; flattening takes the stop last."""
    c.enter()
    c.limit(instrument="OTHER")
    c.world.run(3.0)
    c.world.kill(KillLevel.CANCEL)
    c.world.run(3.0)
    expect(c.covered() == c.lots, "the kill cancelled a protective stop")
    c.world.kill(KillLevel.FLATTEN)
    c.world.run(8.0)
    expect(c.held() == 0 and not c.stops(), "not flat, or an orphan stop is left")
    gone = [t for t, v in c.world.venue.cancels if c.world.venue.books[v].intent.origin is Origin.STOP_LOSS]
    flat = max(f.ts_event for f in c.world.venue.executions)
    expect(all(t * 1e9 + 1.75e18 >= flat - 1e3 for t in gone), "a stop went before the position")


def f54(_: Case) -> None:
    """Other code than the approved one is not started."""
    approved = Release(code_hash="a", config_hash="b", model_hash="c")
    check_release(approved, approved)
    try:
        check_release(Release(code_hash="x", config_hash="b", model_hash="c"), approved)
    except ConfigError as error:
        expect("code_hash is x, approved is a" in error.what, "it does not say what differs")
        return
    raise BrokenError("another code than the approved one was started")


def f55(c: Case) -> None:
    """Another writer has taken the account over: nothing is sent any more."""
    c.world.is_mine = False  # another writer has begun an epoch
    name = c.enter()
    c.world.run(2.0)
    expect(c.world.venue.submits == 0, "two writers on one account")
    expect(c.status(name) is OrderStatus.DENIED, "what was not sent is not over")


def f57(c: Case) -> None:
    """The disk refuses a write: no new order, cancels go out, and a way back after a restart."""
    name = c.limit()
    c.world.run(2.0)
    c.world.disk.fail_at = c.world.disk.operations + 1
    expect(c.enter() == "", "an order without a journal")
    sent = c.world.venue.submits
    desk = c.world.desk
    assert desk is not None
    c.world.inside(lambda: desk.cancel(name))
    c.world.run(3.0)
    expect(c.world.venue.submits == sent, "an order without a journal")
    expect(c.status(name) is OrderStatus.CANCELED, "a cancel did not go out")
    expect(len(c.world.alerts("journal lost")) == 1, "nobody was told")
    _restart(c)
    c.world.run(40.0)
    expect(c.enter() != "", "no way back after the disk was mended")
    c.world.run(3.0)


def f59(c: Case) -> None:
    """A byte of the journal is changed, with a right checksum or without: refused."""
    c.enter()
    c.world.run(3.0)
    c.world.stop()
    name = segments_of(c.world.disk)[0]
    whole = bytes(c.world.disk.files[name])
    flipped = bytearray(whole)
    flipped[int(c.rng.integers(100, len(whole) // 2))] ^= 1
    places = [k for k in range(len(whole)) if whole.startswith(MARKER, k)]
    at = places[int(c.rng.integers(0, len(places)))]
    head = unpack_head(whole, at)
    frame = unpack_frame(whole, at)
    assert head is not None
    assert frame is not None
    forged = pack_frame(head, frame.body.replace(b"1", b"2"), frame.chain)  # with a right checksum
    for wrong in (flipped, whole[:at] + forged + whole[at + len(forged) :]):
        c.world.disk.files[name] = bytearray(wrong)
        try:
            c.world.start()
        except JournalDamagedError:
            continue
        raise BrokenError("a changed journal was believed")
    c.world.disk.files[name] = bytearray(whole)
    c.world.start()
    c.world.run(3.0)


def f60(c: Case) -> None:
    """Orders and positions of somebody else: named, counted apart, never touched."""
    world = c.world
    world.stop()
    world.inside(lambda: world.venue.by_hand(X, c.side, 7))
    ours = OrderIntent("", 0, 0, "", X, c.side, OrderKind.LIMIT, 5, 0, limit_price=100.0 - 9.0 * c.side)
    world.inside(lambda: world.venue._accept(ours, ""))
    world.start()
    world.run(3.0)
    expect(len(world.alerts("external order")) == 1, "the order is not called external")
    expect(world.state.of(X).external == 7 * c.side and c.position() == 0, "their position is called ours")
    world.kill(KillLevel.FLATTEN)
    world.run(10.0)
    expect(c.held() == 7 * c.side and len(world.venue.cancels) == 0, "external things were touched")


def f62(c: Case) -> None:
    """The venue has forgotten an old order: executions and position are the evidence, not silence."""
    name = c.limit()
    c.world.run(2.0)
    c.world.venue.weather.forgets_orders = True
    part = int(c.rng.integers(1, c.lots + 1))

    def happens() -> None:
        venue_id = c.world.venue.find(name)[0].told.venue_id
        c.world.venue.weather.is_silent = True
        c.world.venue.fill(venue_id, part)
        c.world.venue.end(venue_id, OrderStatus.CANCELED)

    c.world.inside(happens)
    c.world.run(34.0)
    expect(c.status(name) is not OrderStatus.CANCELED, "an order was assumed to be cancelled")
    expect(c.position() == c.side * part, "what had filled is missing")
    c.world.run(70.0)
    expect(
        c.status(name) in (OrderStatus.CANCELED, OrderStatus.FILLED),
        "executions and position were not taken as evidence",
    )


def f68(c: Case) -> None:
    """The key is revoked in the middle of a session: no storm, no new orders, the stop stays."""
    c.enter()
    c.world.run(3.0)
    c.world.venue.weather.is_key_revoked = True
    c.world.run(40.0)
    expect(c.world.state.kill_level("S", X) is KillLevel.BLOCK_NEW, "went on with a revoked key")
    expect(c.enter() == "", "an order with a revoked key")
    expect(c.covered() == c.lots, "protection did not stay at the venue")
    expect(c.world.venue.submits <= 3, "a storm of retries")


_TAG = CAPABILITIES.model_copy(update={"idempotency": Idempotency.TAG})
_ANY = tuple(
    CAPABILITIES.model_copy(update={"idempotency": kind}) for kind in (Idempotency.HARD, Idempotency.OPEN_ONLY)
)
_WINDOW = CAPABILITIES.model_copy(update={"idempotency": Idempotency.WINDOW, "id_window_s": 600.0})
_SLOW = {"t_protect_s": 5.0}
_ONLY: dict[str, tuple[Capabilities, ...]] = {
    "F05": (CAPABILITIES.model_copy(update=_SLOW), _WINDOW.model_copy(update=_SLOW)),
    "F06": (_TAG.model_copy(update=_SLOW),),
}
_CLEAR = {"F05", "F06", "F07", "F18", "F22", "F26", "F29", "F47", "F57"}  # they script what the network does

SCENARIOS: dict[str, Callable[[Case], None]] = {
    name.upper(): script for name, script in sorted(globals().items()) if name[:1] == "f" and name[1:].isdigit()
}


def play(name: str, seed: int) -> str:
    """Play a scenario of the catalogue in the world of a seed; return the hash of its trace."""
    return play_script(SCENARIOS[name], name, seed, _ONLY.get(name, (*_ANY, _TAG)))


def play_script(script: Callable[[Case], None], name: str, seed: int, kinds: tuple[Capabilities, ...]) -> str:
    """Play a script in the world of a seed, at one of some venues; return the hash of its trace.

    Raises
    ------
    BrokenError
        If an invariant does not hold.
    """
    rng = np.random.default_rng([seed, int(name[1:])])
    world = World(int(rng.integers(1 << 31)), kinds[seed % len(kinds)])
    if name not in _CLEAR:
        world.venue.weather.repeats = float(rng.uniform(0, 0.3))
        world.venue.weather.shuffles_s = float(rng.uniform(0, 0.2))
    world.start()
    world.run(1.0)
    case = Case(world, rng)
    try:
        script(case)
        if world.desk is not None:
            world.settle()
        return world.trace()
    finally:
        world.close()
