"""10,000 two-phase challenge paths of 60 days a phase, over a year of one-minute equity.

``python -m benchmarks.challenge [--paths 10000]``. Targets: under 10 seconds and under 1 GiB, with two threads. Before
anything is timed, some paths are walked event by event, quiet days included, and must give the same to the bit. Exits
with 1 if an answer is wrong or a target is missed.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import numpy as np

from tradewright.analytics.equity_path import EquityPath
from tradewright.core.kernel.challenge_nb import N_OUTCOMES, SKIPS_QUIET_DAYS, walk_paths_nb
from tradewright.core.types.prop import AccountFlag
from tradewright.research.challenge.paths import Draw, Phase, day_orders, walk
from tradewright.research.challenge.sample import DaySample
from tradewright.research.challenge.study import ChallengeParams, challenge
from tradewright.risk.prop.book import shipped_rules

SECONDS, MIB = 10.0, 1024.0
_MINUTE, _DAY_MINUTES, _DAYS = 60_000_000_000, 1_440, 250
_INITIAL = Decimal(100_000)
_RULES = "ftmo.2step"


def year_of_minutes(seed: int, volatility: float) -> EquityPath:
    """Made-up equity: a random walk of ``volatility`` a day while a position is open, which is half of each day."""
    rng = np.random.default_rng(seed)
    n = _DAYS * _DAY_MINUTES
    is_open = np.arange(n) % _DAY_MINUTES % 240 < 120
    unit = volatility / np.sqrt(_DAY_MINUTES / 2) * float(_INITIAL) * 1e6
    moves = np.rint(np.append(0, is_open[:-1]) * rng.normal(0.003 * unit, unit, n)).astype(np.int64)
    equity = int(_INITIAL) * 10**6 + np.cumsum(moves)
    spread = np.rint(is_open * np.abs(rng.normal(0, unit, n))).astype(np.int64)
    began = np.maximum.accumulate(np.where(is_open & ~np.append(False, is_open[:-1]), np.arange(n), 0))
    flags = is_open * int(AccountFlag.IS_OPEN) + (np.arange(n) == began) * is_open * int(AccountFlag.OPENED)
    return EquityPath(
        stamps=(np.arange(1, n + 1) + 28_401_120) * _MINUTE,
        equity=equity,
        floating=np.where(is_open, equity - equity[began], 0),
        low=np.minimum(equity, equity - moves) - spread,
        high=np.maximum(equity, equity - moves) + spread,
        flags=flags,
        is_active=is_open | np.append(False, is_open[:-1]),
        cost=np.zeros(n, np.int64),
        initial=int(_INITIAL) * 10**6,
    )


def is_same(phases: list[Phase], sample: DaySample, draw: Draw) -> bool:
    """Walk 40 paths of each phase with and without passing over quiet days."""
    replay = sample.replay()
    orders = day_orders(len(sample), draw, 40, np.random.default_rng(draw.seed))
    for phase in phases:
        found = [np.zeros((40, N_OUTCOMES), np.int64) for _ in range(2)]
        curves = [np.zeros((40, draw.horizon + 1), np.int64) for _ in range(2)]
        for options in (0, SKIPS_QUIET_DAYS):
            out = (found[options], curves[options])
            walk_paths_nb(phase.record, replay.rows, replay.days, orders, options, *out)
        if not all(np.array_equal(a, b) for a, b in (found, curves)):
            return False
    return True


def main() -> int:
    """Check, then time."""
    parser = argparse.ArgumentParser(description="Challenge simulation.")
    parser.add_argument("--paths", type=int, default=10_000)
    options = parser.parse_args()
    rules = shipped_rules().find(_RULES)
    is_right, is_quick = True, True
    print(f"{options.paths:,} paths of {_RULES}, 60 days a phase, {_DAYS} days of {_DAY_MINUTES:,} minutes; 2 threads")
    for volatility in (0.005, 0.01, 0.02):
        path = year_of_minutes(1, volatility)
        draw = Draw(options.paths, 60, 5.0, 0)
        began = time.perf_counter()
        samples = [DaySample.of(path, r.clock, int(_INITIAL) * 10**6) for r in rules]
        phases = [Phase.of(r, _INITIAL, 60, s) for r, s in zip(rules, samples, strict=True)]
        replays = [s.replay() for s in samples]
        prepared = time.perf_counter() - began
        is_right &= is_same(phases, samples[0], draw)  # compiles, too
        began = time.perf_counter()
        with ThreadPoolExecutor(2) as pool:
            passed = walk(phases, replays, draw, pool).has_passed.mean()
        took = prepared + time.perf_counter() - began
        is_quick &= took <= SECONDS
        print(f"{volatility:.1%} a day{'':12}{took:8.2f} s   {passed:6.1%} passed")
    began = time.perf_counter()
    found = challenge(path, rules, ChallengeParams(_INITIAL, paths=options.paths, days=60))
    took = time.perf_counter() - began
    print(f"five scenarios, 40 worlds{took:10.2f} s   {found.headline.probability:6.1%} passed")
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {used:,.0f} MiB; answers: {'right' if is_right else 'WRONG'}")
    return 0 if is_right and is_quick and used <= MIB else 1


if __name__ == "__main__":
    sys.exit(main())
