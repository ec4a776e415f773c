"""Whatever desk, venue and clock do, and in whatever order: never more of an order in the market than was wanted."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tradewright.core.types.instrument import Instrument
from tradewright.core.types.order import OrderKind, OrderStatus, Side
from tradewright.core.types.venue import Idempotency
from tradewright.execution.orders.inputs import OrderEvent, Wish
from tradewright.execution.tactics.machine import step
from tradewright.execution.tactics.messages import (
    CancelChild,
    ChildRefused,
    ChildSent,
    ChildTold,
    Effect,
    Input,
    ParentCancelWanted,
    ParentEnded,
    ParentFilled,
    ParentWanted,
    Passed,
    Quoted,
    SendChild,
)
from tradewright.execution.tactics.params import Tactic, TacticParams
from tradewright.execution.tactics.state import TacticsState
from tradewright.execution.venue import Capabilities

SECOND = 10**9
PARAMS = TacticParams(
    market=Tactic.QUOTED, market_exit=Tactic.QUOTED, requote_s=5.0, patience_s=10.0, give_up_s=20.0, stale_s=30.0
)


@dataclass
class AtVenue:
    """The truth about a child, and what of it the desk has told. ``is_there``: the request has arrived."""

    wish: Wish
    is_there: bool = False
    filled: int = 0
    told: int = 0
    is_over: bool = False
    is_over_told: bool = False
    is_cancel_wanted: bool = False
    is_unknown: bool = False

    @property
    def may_fill(self) -> int:
        return 0 if self.is_over else self.wish.lots - self.filled


class Market(RuleBasedStateMachine):
    """The venue fills and cancels when it likes; the desk hears of it later, and may have lost sight of an order."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.lots: dict[int, int] = {}
        self.parts: defaultdict[int, list[str]] = defaultdict(list)  # what each order became at the venue
        self.ended: set[int] = set()
        self.told_filled: dict[int, int] = {}
        self.pending: list[SendChild] = []
        self.venue: dict[str, AtVenue] = {}
        self.trace: list[tuple[Input, list[Effect]]] = []
        self.state = self._fresh(turns=True)

    @staticmethod
    def _fresh(*, turns: bool) -> TacticsState:
        capabilities = Capabilities(idempotency=Idempotency.HARD, turns_positions=turns)
        return TacticsState({"X": Instrument("X")}, capabilities, PARAMS)

    def take(self, told: Input) -> None:
        effects = step(self.state, told)
        self.trace.append((told, effects))
        for effect in effects:
            if isinstance(effect, SendChild):
                self.pending.append(effect)
            elif isinstance(effect, CancelChild):
                assert not self.venue[effect.client_id].is_cancel_wanted, "cancelled twice"
                self.venue[effect.client_id].is_cancel_wanted = True
            elif isinstance(effect, ParentFilled):
                self.told_filled[effect.order_id] = self.told_filled.get(effect.order_id, 0) + effect.lots
            elif isinstance(effect, ParentEnded):
                assert effect.order_id not in self.ended, "it ended twice"
                self.ended.add(effect.order_id)

    def tell(self, name: str, status: OrderStatus, lots: int = 0) -> None:
        order = self.venue[name]
        order.told += lots
        unseen = order.filled - order.told if order.is_over_told else 0
        self.take(ChildTold(OrderEvent(name, status, order.told, lots, 100.0, unseen=unseen), self.now))

    def pick(self, which: int, wanted: list[str]) -> str:
        return wanted[which % len(wanted)]

    # ----------------------------------------------------------------------------------------------------- the session
    @initialize(turns=st.booleans())
    def begin(self, turns: bool) -> None:
        self.state = self._fresh(turns=turns)

    @rule(lots=st.integers(1, 20), side=st.sampled_from(Side), held=st.integers(-10, 10), kind=st.integers(0, 3))
    def want(self, lots: int, side: Side, held: int, kind: int) -> None:
        order = len(self.lots) + 1
        limit = 100.0 if kind == 0 else None
        wish = Wish("s", "X", side, OrderKind.LIMIT if limit else OrderKind.MARKET, lots, limit_price=limit)
        self.lots[order] = lots
        self.take(ParentWanted(order, replace(wish, is_reduce_only=kind == 1), self.now, held))

    @precondition(lambda self: self.lots)
    @rule(which=st.integers(0, 99))
    def cancel(self, which: int) -> None:
        self.take(ParentCancelWanted(1 + which % len(self.lots), self.now))

    @rule(mid=st.floats(90, 110), spread=st.floats(0, 0.5))
    def quote(self, mid: float, spread: float) -> None:
        self.take(Quoted("X", mid - spread, mid + spread, self.now))

    @rule(seconds=st.floats(0, 12))
    def wait(self, seconds: float) -> None:
        self.now += int(seconds * SECOND)
        self.take(Passed(self.now))

    # ----------------------------------------------------------------------------------------------- desk and venue
    @precondition(lambda self: self.pending)
    @rule(refuses=st.integers(0, 9))
    def desk_answers(self, refuses: int) -> None:
        sent = self.pending.pop(0)
        if refuses == 0:
            self.take(ChildRefused(sent.child, "no", self.now))
            return
        name = f"c{sent.child}"
        self.venue[name] = AtVenue(sent.wish)
        self.parts[self.state.children[sent.child][0].order_id].append(name)
        self.take(ChildSent(sent.child, name, self.now))

    def open(self) -> list[str]:
        return [k for k, v in self.venue.items() if not v.is_over]

    @precondition(lambda self: self.open())
    @rule(which=st.integers(0, 99), lots=st.integers(1, 20))
    def venue_fills(self, which: int, lots: int) -> None:
        order = self.venue[self.pick(which, self.open())]
        order.is_there = True
        order.filled += min(lots, order.may_fill)
        order.is_over = order.may_fill == 0

    @precondition(lambda self: self.open())
    @rule(which=st.integers(0, 99))
    def venue_ends(self, which: int) -> None:
        """By our cancel or by itself."""
        self.venue[self.pick(which, self.open())].is_over = True

    def silent(self) -> list[str]:
        return [k for k, v in self.venue.items() if not v.is_over_told]

    @precondition(lambda self: self.silent())
    @rule(which=st.integers(0, 99))
    def desk_loses_sight(self, which: int) -> None:
        name = self.pick(which, self.silent())
        self.venue[name].is_unknown = True
        self.tell(name, OrderStatus.UNKNOWN)

    @precondition(lambda self: any(v.filled > v.told for v in self.venue.values()))
    @rule(which=st.integers(0, 99), lots=st.integers(1, 20))
    def execution_is_told(self, which: int, lots: int) -> None:
        name = self.pick(which, [k for k, v in self.venue.items() if v.filled > v.told])
        order = self.venue[name]
        lots = min(lots, order.filled - order.told)
        if order.told + lots == order.wish.lots:
            order.is_over_told = True
            status = OrderStatus.FILLED
        elif order.is_over_told:
            status = OrderStatus.CANCELED
        else:
            status = OrderStatus.UNKNOWN if order.is_unknown else OrderStatus.PARTIALLY_FILLED
        self.tell(name, status, lots)

    @precondition(lambda self: self.silent())
    @rule(which=st.integers(0, 99))
    def state_is_told(self, which: int) -> None:
        name = self.pick(which, self.silent())
        order = self.venue[name]
        order.is_unknown = False
        if order.is_over and order.filled < order.wish.lots:
            order.is_over_told = True
            self.tell(name, OrderStatus.CANCELED if order.is_there or order.filled else OrderStatus.ABANDONED)
        elif not order.is_over:
            order.is_there = True
            self.tell(name, OrderStatus.PARTIALLY_FILLED if order.told else OrderStatus.ACCEPTED)

    # ------------------------------------------------------------------------------------------------------ what holds
    def of(self, order: int) -> list[AtVenue]:
        return [self.venue[name] for name in self.parts[order]]

    @invariant()
    def never_more_than_wanted(self) -> None:
        for order, lots in self.lots.items():
            unsent = sum(s.wish.lots for s in self.pending if self.state.children[s.child][0].order_id == order)
            most = sum(v.filled + v.may_fill for v in self.of(order)) + unsent
            assert most <= lots, f"order {order}: up to {most} lots, wanted were {lots}"

    @invariant()
    def an_end_is_an_end(self) -> None:
        for order in self.ended:
            assert not any(v.may_fill or v.filled > v.told for v in self.of(order)), f"order {order} has ended"

    @invariant()
    def what_is_told_is_what_was_filled(self) -> None:
        for order in self.lots:
            assert self.told_filled.get(order, 0) == sum(v.told for v in self.of(order))

    def teardown(self) -> None:
        """Everything comes to an end, and the same inputs have the same effects."""
        for _ in range(200):
            self.wait(5.0)
            while self.pending:
                self.desk_answers(1)
            for name in self.silent():
                self.venue[name].is_over |= self.venue[name].is_cancel_wanted
                self.state_is_told(self.silent().index(name))
            while any(v.filled > v.told for v in self.venue.values()):
                self.execution_is_told(0, 20)
            self.never_more_than_wanted()
            if self.ended == set(self.lots):
                break
        resting = {k for k, p in self.state.parents.items() if not p.is_ended}
        assert all(self.state.parents[k].tactic is Tactic.AS_IS for k in resting), "a quoted order has no end"
        again = self._fresh(turns=self.state.capabilities.turns_positions)
        assert [step(again, told) for told, _ in self.trace] == [effects for _, effects in self.trace]


TestMarket = Market.TestCase
TestMarket.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
