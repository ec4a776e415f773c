"""A client and a venue driven by hypothesis: what it finds, it shrinks to the shortest script."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.faults.sim_venue import Weather
from tests.faults.world import BrokenError, World, X

from tradewright.core.types.order import OrderKind, OrderStatus, Side
from tradewright.execution.orders.inputs import KillLevel

_SIDES = st.sampled_from([Side.BUY, Side.SELL])


class ClientAndVenue(RuleBasedStateMachine):
    """One account; every rule is something that a market, a network, a disk or a person does."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(0)
        self.world.start()
        self.world.run(1.0)
        self.made: list[str] = []

    @rule(lots=st.integers(1, 50), side=_SIDES)
    def enter(self, lots: int, side: Side) -> None:
        self.made.append(self.world.enter(lots, side, 100.0 - 5.0 * side))

    @rule(lots=st.integers(1, 50), side=_SIDES)
    def rest(self, lots: int, side: Side) -> None:
        price = 100.0 - side
        self.made.append(self.world.enter(lots, side, 100.0 - 5.0 * side, kind=OrderKind.LIMIT, limit_price=price))

    @precondition(lambda self: any(self.made))
    @rule(which=st.integers(0, 100))
    def cancel(self, which: int) -> None:
        names, desk = [n for n in self.made if n], self.world.desk
        if desk is not None:
            self.world.inside(lambda: desk.cancel(names[which % len(names)]))

    @rule(price=st.sampled_from([94.0, 98.5, 100.0, 101.5, 106.0]))
    def move(self, price: float) -> None:
        self.world.inside(lambda: self.world.venue.move(X, price))

    @rule(seconds=st.sampled_from([0.0, 0.02, 0.5, 3.0, 20.0]))
    def wait(self, seconds: float) -> None:
        self.world.run(seconds)

    @rule(fault=st.sampled_from(["lose request", "lose answer", "late", "reject"]))
    def fail(self, fault: str) -> None:
        self.world.venue.script.append(fault)

    @rule(repeats=st.sampled_from([0.0, 1.0]), shuffles=st.sampled_from([0.0, 1.0]), away=st.booleans())
    def weather(self, repeats: float, shuffles: float, away: bool) -> None:
        self.world.venue.weather = Weather(repeats=repeats, shuffles_s=shuffles, is_away=away)

    @rule(loses_power=st.booleans())
    def crash(self, loses_power: bool) -> None:
        self.world.stop(loses_power=loses_power)
        self.world.start()
        self.world.run(0.2)

    @rule()
    def cut(self) -> None:
        self.world.inside(self.world.venue.break_streams)

    @rule(level=st.sampled_from([KillLevel.BLOCK_NEW, KillLevel.CANCEL, KillLevel.FLATTEN]))
    def kill(self, level: KillLevel) -> None:
        self.world.kill(level)

    @invariant()
    def nothing_is_broken(self) -> None:
        if self.world.seen.breaches:
            raise BrokenError(self.world.seen.breaches[0])

    @invariant()
    def an_order_counts_in_full_until_it_has_ended(self) -> None:
        low, high = self.world.state.exposure(X)
        left = [b for b in self.world.venue.books.values() if b.told.is_open and b.told.client_id in self.made]
        known = self.world.state.of(X).position + self.world.state.of(X).external
        if known == self.world.venue.held.get(X, 0):
            statuses = self.world.state.orders
            missed = [b for b in left if statuses[b.told.client_id].status is OrderStatus.CANCELED]
            assert not missed
            assert low <= known <= high

    def teardown(self) -> None:
        try:
            self.world.settle(60.0)
        finally:
            self.world.close()


TestClientAndVenue = ClientAndVenue.TestCase
TestClientAndVenue.settings = settings(
    max_examples=8,
    stateful_step_count=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
