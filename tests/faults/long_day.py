"""A long random day: orders, cancels, moves and faults in one world; what a kill at any instant of it must survive."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from tests.faults.sim_disk import Crash
from tests.faults.world import CAPABILITIES, World, X

from tradewright.core.types.order import OrderKind, Side

_FAULTS = ("lose request", "lose answer", "reject", "late", "")


def steps(world: World, seed: int, count: int) -> list[Callable[[], None]]:
    """Return what happens, one step after another; the same for a seed whatever the world answers."""
    rng = np.random.default_rng([seed, 7])
    made: list[str] = []

    def enter(lots: int, side: Side, offset: float) -> None:
        price = round(world.venue.price[X] - offset * side, 2)
        kind = OrderKind.MARKET if offset == 0 else OrderKind.LIMIT
        prices = {"limit_price": price if offset else None, "take_profit": price + 3.0 * side}
        made.append(world.enter_now(lots, side, price - 5.0 * side, kind=kind, **prices))

    def move(price: float) -> None:
        world.venue.move(X, price)
        world.quote(price)

    def leave() -> None:
        position = world.state.of(X).position
        if position:
            world.enter_now(abs(position), Side.SELL if position > 0 else Side.BUY, None, is_reduce_only=True)

    def cancel(which: int) -> None:
        names = [n for n in made if n]
        if names and world.desk is not None:
            world.desk.cancel(names[which % len(names)])

    def fail(fault: str, repeats: float, silent: bool) -> None:
        world.venue.script.append(fault)
        world.venue.weather.repeats, world.venue.weather.is_silent = repeats, silent

    day: list[Callable[[], None]] = []
    for _ in range(count):
        kind, size, which = int(rng.integers(0, 10)), int(rng.integers(1, 100)), int(rng.integers(0, 1 << 30))
        side = Side.BUY if rng.random() < 0.5 else Side.SELL
        offset = float(rng.choice([0.0, 0.5, 2.0]))
        price = round(100.0 + float(rng.normal(0, 2.5)), 2)
        fault, repeats, silent = str(rng.choice(_FAULTS)), float(rng.uniform(0, 0.5)), bool(rng.random() < 0.1)
        share = float(rng.choice([0.3, 1.0]))
        choices: list[Callable[[], None]] = [
            lambda size=size, side=side, offset=offset: enter(size, side, offset),  # type: ignore[misc]
            lambda which=which: cancel(which),  # type: ignore[misc]
            leave,
            lambda price=price: move(price),  # type: ignore[misc]
            lambda fault=fault, repeats=repeats, silent=silent: fail(fault, repeats, silent),  # type: ignore[misc]
            world.venue.break_streams,
            lambda share=share: setattr(world.venue, "fill_share", share),  # type: ignore[misc]
        ]
        day.append(choices[(0, 0, 0, 1, 2, 3, 3, 4, 5, 6)[kind]])
    return day


def live(seed: int, count: int = 200, crash_at: int = 0, *, loses_power: bool = False) -> World:
    """Live a day and check its end; ``crash_at``: the client dies at that operation of its disk and starts again."""
    world = World(seed, CAPABILITIES)
    world.disk.crash_at, world.disk.tears = crash_at, seed % 2 == 0
    rng = np.random.default_rng([seed, 8])
    try:
        _spend(world, seed, count, rng, loses_power=loses_power)
        world.disk.crash_at = 0
        world.settle(90.0)
    except BaseException:
        world.close()
        raise
    return world


def _spend(world: World, seed: int, count: int, rng: np.random.Generator, *, loses_power: bool) -> None:
    try:
        world.start()
        world.run(1.0)
        for step in steps(world, seed, count):
            world.inside(step)
            world.run(float(rng.choice([0.01, 0.1, 0.7])))
    except Crash:
        world.stop(loses_power=loses_power)
        world.run(0.5)
        world.start()
        world.run(2.0)
