"""A kill for practice, timed: the gate closed, cancels sent, the venue empty, each within its budget."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from tradewright.core.types.errors import RunError
from tradewright.core.types.order import KillLevel, OrderStatus
from tradewright.execution.orders.inputs import Wish
from tradewright.execution.orders.state import ALL, TERMINAL, OrdersState

_MS = 1e6


@dataclass(frozen=True, slots=True)
class Budgets:
    """The longest each may take, ms, in every round: from the accepted command to a closed gate, cancels, the proof."""

    block_ms: float = 50.0
    dispatch_ms: float = 500.0
    verify_ms: float = 5_000.0


@dataclass(frozen=True, slots=True)
class Round:
    """What one kill took, ms."""

    block_ms: float
    dispatch_ms: float
    verify_ms: float


class DrillDesk(Protocol):
    """What is drilled; `execution.desk.OrderDesk` is one."""

    state: OrdersState
    kills: Mapping[str, KillLevel]

    def submit(self, wish: Wish) -> tuple[str, str]:
        """Send an order, or say why not."""

    def release(self, scope: str, by: str, confirmed_by: str, reason: str) -> None:
        """Let a scope trade again."""


@dataclass(frozen=True, slots=True)
class DrillPorts:
    """``pull`` pulls the switch as a person does; ``steady_ns`` never runs backwards; ``patience_s``: for each step."""

    pull: Callable[[], object]
    steady_ns: Callable[[], int]
    patience_s: float = 15.0


async def drill_round(desk: DrillDesk, wish: Wish, ports: DrillPorts) -> Round:
    """Let an order rest at the venue, kill, watch, and release; ``wish`` must not fill.

    Raises
    ------
    RunError
        If the desk is killed already, the order does not rest, or anything does not happen at all.
    """
    if desk.kills.get(ALL):
        raise RunError("the account is killed already", where="drill", fix="Release it first.")
    name, said = desk.submit(wish)
    if said:
        raise RunError(f"the order of the drill was refused: {said}", where="drill", fix="Mend that first.")
    order = desk.state.orders[name]
    await _until(lambda: order.status is OrderStatus.ACCEPTED, ports, "its order does not rest at the venue")
    ports.pull()
    accepted = ports.steady_ns()
    await _until(lambda: desk.kills.get(ALL, KillLevel.NONE) >= KillLevel.CANCEL, ports, "nobody heard the kill")
    blocked = ports.steady_ns()
    if not desk.submit(wish)[1]:
        raise RunError("an order was taken after the kill", where="drill", fix="Do not trade with this build.")
    await _until(lambda: order.is_canceling or order.status in TERMINAL, ports, "no cancel was sent")
    dispatched = ports.steady_ns()
    await _until(lambda: order.status in TERMINAL and not desk.state.verify_by, ports, "it was never verified")
    verified = ports.steady_ns()
    desk.release(ALL, "drill", "drill, second person", "end of the drill")
    await _until(lambda: not desk.kills.get(ALL), ports, "it could not be released")
    return Round((blocked - accepted) / _MS, (dispatched - accepted) / _MS, (verified - accepted) / _MS)


async def _until(is_so: Callable[[], bool], ports: DrillPorts, what: str) -> None:
    until = ports.steady_ns() + int(ports.patience_s * 1e9)
    while not is_so():
        if ports.steady_ns() > until:
            raise RunError(f"the drill failed: {what}", where="drill", fix="Do not trade before you know why.")
        await asyncio.sleep(0)


def over_budget(rounds: list[Round], budgets: Budgets) -> list[str]:
    """Return what took too long in the worst round; a percentile would need many more rounds than a drill has."""
    found = []
    for name in ("block_ms", "dispatch_ms", "verify_ms"):
        worst, most = max(getattr(r, name) for r in rounds), getattr(budgets, name)
        if not worst <= most:
            found.append(f"{name.removesuffix('_ms')}: {worst:.1f} ms, the budget is {most:g} ms")
    return found
