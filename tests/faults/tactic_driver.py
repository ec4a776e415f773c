"""What a runtime does between session and desk, in a world: one queue of inputs, one at a time."""

from __future__ import annotations

from collections import deque

from tests.faults.world import World, X

from tradewright.core.types.instrument import Instrument
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
    ParentWanted,
    Passed,
    Quoted,
    SendChild,
)
from tradewright.execution.tactics.params import TacticParams
from tradewright.execution.tactics.state import TacticsState


class Driver:
    """Tactics over the desk of a world."""

    def __init__(self, world: World, params: TacticParams) -> None:
        self.world = world
        self.state = TacticsState({X: Instrument(X)}, world.capabilities, params)
        self.effects: list[Effect] = []
        self._queue: deque[Input] = deque()
        self._is_busy = False
        world.on_event = self._told

    def want(self, order: int, wish: Wish) -> None:
        state, name = self.world.state, wish.instrument
        known = (state.position(name), state.is_guarded(name))
        self.world.inside(lambda: self.take(ParentWanted(order, wish, self.world.now_ns(), *known)))

    def cancel(self, order: int) -> None:
        self.world.inside(lambda: self.take(ParentCancelWanted(order, self.world.now_ns())))

    def quote(self, instrument: str, bid: float, ask: float) -> None:
        position = self.world.state.position(instrument)
        self.world.inside(lambda: self.take(Quoted(instrument, bid, ask, self.world.now_ns(), position)))
        self.world.inside(lambda: self.take(Passed(self.world.now_ns())))

    def names(self, order: int) -> set[str]:
        """Client ids of an order's children."""
        return {c.client_id for c in self.state.parents[order].children if c.client_id}

    def has_ended(self, order: int) -> bool:
        return any(isinstance(e, ParentEnded) and e.order_id == order for e in self.effects)

    def _told(self, event: OrderEvent) -> None:
        self.take(ChildTold(event, self.world.now_ns()))

    def take(self, told: Input) -> None:
        """Take inputs in turn: what an effect causes at once waits until the step's other effects are carried out."""
        self._queue.append(told)
        if self._is_busy:
            return
        self._is_busy = True
        while self._queue:
            for effect in step(self.state, self._queue.popleft()):
                self.effects.append(effect)
                self._carry_out(effect)
        self._is_busy = False

    def _carry_out(self, effect: Effect) -> None:
        desk = self.world.desk
        if desk is None:
            return
        if isinstance(effect, SendChild):
            name, said = desk.submit(effect.wish)
            now = self.world.now_ns()
            self._queue.append(ChildSent(effect.child, name, now) if name else ChildRefused(effect.child, said, now))
            order = desk.state.orders.get(name)
            if order is not None and not order.is_alive:
                self._queue.append(ChildTold(OrderEvent(name, order.status, order.filled, reason=order.reason), now))
        elif isinstance(effect, CancelChild):
            desk.cancel(effect.client_id)
