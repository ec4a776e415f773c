"""The long run: ``python -m tests.faults.soak [--seeds 1000] [--days 200] [--sweeps 1]`` plays everything.

Exits with 1 if an invariant did not hold; a line names scenario and seed, which is all that is needed to see it again.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

from tests.faults.long_day import live
from tests.faults.scenarios import SCENARIOS, play


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


def main() -> int:
    """Run all parts."""
    parser = argparse.ArgumentParser(description="Faults by the thousand.")
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--days", type=int, default=200)
    parser.add_argument("--sweeps", type=int, default=1)
    options = parser.parse_args()
    broken = 0
    for name in SCENARIOS:
        broken += tried(name, [lambda name=name, k=k: play(name, k) for k in range(options.seeds)])
    broken += tried("long days", [lambda k=k: live(k).close() for k in range(options.days)])  # type: ignore[misc]
    for seed in range(8, 8 + options.sweeps):
        whole = live(seed)
        whole.close()
        kills = [(at, power) for at in range(1, whole.disk.operations + 1) for power in (False, True)]
        sweep = [lambda at=at, p=p: live(seed, crash_at=at, loses_power=p).close() for at, p in kills]  # type: ignore[misc]  # noqa: B023
        broken += tried(f"kill at every write, {seed}", list(sweep))
    print("all invariants held" if not broken else f"{broken} BROKEN")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
