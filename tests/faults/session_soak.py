"""A session over hours of market: what it holds in memory, and that its journal tells the same afterwards.

``python -m tests.faults.session_soak [--hours 24]`` prints a line for each hour: orders and fills of the session so far
and those it remembers, what its journal has on the disk, what it holds in memory. Then what has grown most since the
first were forgotten, or since half of the time.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import deque
from collections.abc import Iterable, Mapping
from functools import partial

import numpy as np
from tests.faults.session_world import CALM, QUOTED, SPOT, SessionWorld, worsen

_LEAVES = (str, bytes, bytearray, int, float, bool, complex, type(None))


def sizes(roots: Mapping[str, object], outside: Iterable[object], depth: int = 3) -> dict[str, int]:
    """Return bytes by path of attributes, each object counted where it is met first; ``outside`` is not entered.

    Entered are containers, arrays and objects of the program.
    """
    seen = {id(each) for each in outside}
    found: dict[str, int] = {}
    queue = deque((name, 0, root) for name, root in roots.items())
    while queue:
        path, level, each = queue.popleft()
        if id(each) in seen:
            continue
        seen.add(id(each))
        found[path] = found.get(path, 0) + sys.getsizeof(each)
        if isinstance(each, _LEAVES):
            continue
        if isinstance(each, Mapping):
            queue.extend((path, level, part) for pair in each.items() for part in pair)
        elif isinstance(each, list | tuple | set | frozenset | deque):
            queue.extend((path, level, part) for part in each)
        elif isinstance(each, np.ndarray):
            found[path] += each.nbytes if each.base is None else 0
        elif type(each).__module__.startswith("tradewright"):
            names = [n for kind in type(each).__mro__ for n in getattr(kind, "__slots__", ())]
            for name in (*getattr(each, "__dict__", ()), *names):
                deeper = level + 1 < depth
                below = f"{path}.{name}" if deeper else path
                queue.append((below, level + deeper, getattr(each, name, None)))
    return found


def held(world: SessionWorld) -> dict[str, int]:
    """Return what the session of a world holds: desk, runtime and follower, without venue, disk and loop."""
    outside = (world, world.venue, world.disk, world.loop, world.plan)
    return sizes({"runtime": world.runtime, "follower": world.follower}, outside)


def let_pass(world: SessionWorld, rng: np.random.Generator, seconds: int) -> None:
    """Let so much time pass, with something wrong now and then."""
    for _ in range(seconds):
        worsen(world, rng, 0.005)
        world.second()


def let_people_look(world: SessionWorld) -> None:
    """Release what was stopped, as two people would who have looked at it."""
    state = world.state
    halted = [f"symbol:{name}" for name, known in state.instruments.items() if known.halted]
    for scope in (*state.kills, *(f"strategy:{name}" for name in state.paused), *halted):
        if world.runtime is not None:
            world.inside(partial(world.runtime.release, scope, "a", "b", "looked at it"))


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description="A session over hours of market.")
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    world, rng = SessionWorld(options.seed, SPOT, QUOTED, CALM), np.random.default_rng(options.seed)
    world.start()
    world.run(1.0)
    print(
        f"{'hour':>4}{'orders':>9}{'kept':>7}{'fills':>9}{'kept':>7}{'journal MB':>12}{'session MB':>12}{'seconds':>9}"
    )
    first: dict[str, int] = {}
    now: dict[str, int] = {}
    forgetting = world.params.forget_after_s / 3600 + 1  # from then on nothing should grow
    for hour in range(options.hours + 1):
        began = time.perf_counter()
        for _ in range(12 if hour else 1):
            let_pass(world, rng, 300)
            let_people_look(world)
        now = held(world)
        first = now if hour <= min(forgetting, options.hours // 2) else first
        journal = sum(map(len, world.disk.files.values())) / 1e6
        state, spent = world.state, time.perf_counter() - began
        orders = f"{state.next_sequence - 1:9,}{len(state.orders):7,}"
        fills = f"{len(world.venue.executions):9,}{len(state.fills):7,}"
        memory = f"{journal:12.1f}{sum(now.values()) / 1e6:12.2f}"
        print(f"{hour:4}{orders}{fills}{memory}{spent:9.1f}", flush=True)
        world.seen.gates.clear()
        world.venue.log.clear()
    for path, size in sorted(now.items(), key=lambda kv: kv[1] - first.get(kv[0], 0))[:-16:-1]:
        print(f"{path:60}{first.get(path, 0):14,} -> {size:14,} bytes")
    began = time.perf_counter()
    world.settle(60.0)  # tells its journal again
    spent, count = time.perf_counter() - began, world.desk.journal.sequence if world.desk else 0
    print(f"{count:,} records told the same again in {spent:.1f} s; all invariants held")
    world.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
