"""The long run: ``python -m tests.faults.soak [--seeds 1000] [--days 200] [--sweeps 1]`` plays everything.

Exits with 1 if an invariant did not hold; a line names scenario and seed, which is all that is needed to see it again.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial

from tests.faults.exits import EXITS, play_any
from tests.faults.long_day import live
from tests.faults.scenarios import SCENARIOS


def tried(name: str, runs: list[Callable[[], object]]) -> int:
    """Run all of them and print one line; return how many broke."""
    began, broken = time.perf_counter(), 0
    for number, run in enumerate(runs):
        try:
            run()
        except Exception as error:  # noqa: BLE001 - said, counted, and the next one is tried
            broken += 1
            print(f"  {name}, run {number}: {type(error).__name__}: {error}", flush=True)
    print(f"{name:24}{len(runs):7,} runs  {broken:5} broken  {time.perf_counter() - began:8.1f} s", flush=True)
    return broken


def day(seed: int, crash_at: int = 0, loses_power: bool = False) -> int:
    """Live a day; return how often its disk was written to or flushed."""
    world = live(seed, crash_at=crash_at, loses_power=loses_power)
    world.close()
    return world.disk.operations


def main() -> int:
    """Run all parts."""
    parser = argparse.ArgumentParser(description="Faults by the thousand.")
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--days", type=int, default=200)
    parser.add_argument("--sweeps", type=int, default=1)
    options = parser.parse_args()
    broken = 0
    for name in (*SCENARIOS, *EXITS):
        broken += tried(name, [partial(play_any, name, seed) for seed in range(options.seeds)])
    broken += tried("long days", [partial(day, seed) for seed in range(options.days)])
    for seed in range(8, 8 + options.sweeps):
        writes = range(1, day(seed) + 1)
        sweep: list[Callable[[], object]] = [partial(day, seed, at, power) for at in writes for power in (False, True)]
        broken += tried(f"a kill at every write, {seed}", sweep)
    print("all invariants held" if not broken else f"{broken} BROKEN")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
