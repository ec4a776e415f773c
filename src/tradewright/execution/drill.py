"""A kill for practice, timed: the gate closed, cancels sent, the venue empty, positions closed, each in its budget."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Protocol

from tradewright.core.types.errors import RunError
from tradewright.core.types.order import KillLevel, OrderStatus
from tradewright.execution.orders.inputs import Wish
from tradewright.execution.orders.state import ALL, TERMINAL, OrdersState

_MS = 1e6
#: In place of a strategy's name, on orders of a drill: no books but the venue's and the desk's have them.
DRILL = "(drill)"


@dataclass(frozen=True, slots=True)
class Budgets:
    """The longest each may take, ms, in every round, from the accepted command.

    To a closed gate, to an order that is refused, to the cancels, to their proof, and until nothing is held.
    """

    block_ms: float = 50.0
    refuse_ms: float = 100.0
    dispatch_ms: float = 500.0
    verify_ms: float = 5_000.0
    flat_ms: float = 10_000.0


@dataclass(frozen=True, slots=True)
class Round:
    """What one kill took, ms. ``flat_ms``: until nothing was held; None where nothing had been."""

    block_ms: float
    refuse_ms: float
    dispatch_ms: float
    verify_ms: float
    flat_ms: float | None = None


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
    """``pull`` pulls the switch as a person does; ``steady_ns`` never runs backwards; ``patience_s``: for each step.

    ``pause_s``: between two looks; 0 takes every turn of the loop.
    """

    pull: Callable[[], object]
    steady_ns: Callable[[], int]
    patience_s: float = 15.0
    pause_s: float = 0.0


async def drill_round(desk: DrillDesk, wish: Wish, ports: DrillPorts, entry: Wish | None = None) -> Round:
    """Let an order rest at the venue, kill, and watch; ``wish`` must not fill. Nothing is released.

    ``entry`` is an order that fills at once: ``pull`` then has to flatten, and the position's end is waited for.

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
    rests = (OrderStatus.ACCEPTED, *TERMINAL)
    await _until(lambda: order.status in rests, ports, "its order does not rest at the venue")
    if order.status is not OrderStatus.ACCEPTED:
        what = f"its order is {order.status.name}: {order.reason or 'nobody says why'}"
        raise RunError(what, where="drill", fix="Mend that first.")
    if entry is not None:
        await _hold(desk, entry, ports)
    ports.pull()
    accepted = ports.steady_ns()
    await _until(lambda: desk.kills.get(ALL, KillLevel.NONE) >= KillLevel.CANCEL, ports, "nobody heard the kill")
    blocked = ports.steady_ns()
    if not desk.submit(wish)[1]:
        raise RunError("an order was taken after the kill", where="drill", fix="Do not trade with this build.")
    refused = ports.steady_ns()
    await _until(lambda: order.is_canceling or order.status in TERMINAL, ports, "no cancel was sent")
    dispatched = ports.steady_ns()
    await _until(lambda: order.status in TERMINAL and not desk.state.verify_by, ports, "it was never verified")
    verified = ports.steady_ns()
    moments = [blocked, refused, dispatched, verified]
    if entry is not None:
        name = entry.instrument
        await _until(lambda: not desk.state.position(name), ports, "the position was not closed")
        moments.append(ports.steady_ns())
    return Round(*((moment - accepted) / _MS for moment in moments))


async def _hold(desk: DrillDesk, entry: Wish, ports: DrillPorts) -> None:
    """Open a position."""
    _, said = desk.submit(entry)
    if said:
        raise RunError(f"the order of the drill was refused: {said}", where="drill", fix="Mend that first.")
    await _until(lambda: desk.state.position(entry.instrument), ports, "its position was not opened")


async def release_round(desk: DrillDesk, ports: DrillPorts) -> None:
    """Let a desk that stands for nobody's money trade again, for the next round.

    Raises
    ------
    RunError
        If it cannot be released.
    """
    desk.release(ALL, "drill", "drill, second person", "end of the drill")
    await _until(lambda: not desk.kills.get(ALL), ports, "it could not be released")


async def _until(is_so: Callable[[], object], ports: DrillPorts, what: str) -> None:
    until = ports.steady_ns() + int(ports.patience_s * 1e9)
    while not is_so():
        if ports.steady_ns() > until:
            raise RunError(f"the drill failed: {what}", where="drill", fix="Do not trade before you know why.")
        await asyncio.sleep(ports.pause_s)


def worst_of(rounds: list[Round]) -> dict[str, float]:
    """Return the longest of each, ms, of what was measured in any round."""
    names = (field.name for field in fields(Round))
    taken = {name: [t for r in rounds if (t := getattr(r, name)) is not None] for name in names}
    return {name: max(times) for name, times in taken.items() if times}


def over_budget(rounds: list[Round], budgets: Budgets) -> list[str]:
    """Return what took too long in the worst round; a percentile would need many more rounds than a drill has."""
    found = []
    for name, worst in worst_of(rounds).items():
        most = getattr(budgets, name)
        if not worst <= most:
            found.append(f"{name.removesuffix('_ms')}: {worst:.1f} ms, the budget is {most:g} ms")
    return found
