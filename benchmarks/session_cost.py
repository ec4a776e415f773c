"""Cost of one event through the session, and of starting the command line.

The session is what trades live: features, decide, check and ledger for one bar, with the simulated venue beside it.
Start-up is a whole process, second start (compile cache warm).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.data import make_bars
from benchmarks.ours import bar_plan
from benchmarks.ours_strategies import BarCross
from benchmarks.spec import DEFAULT_RULES
from tradewright.core.kernel.records import single_event
from tradewright.engine.backtest import Run, copy_event, run_backtest
from tradewright.engine.session import Session
from tradewright.execution.sim_venue import SimVenue

N_EVENTS = 100_000


@dataclass(frozen=True)
class SessionCost:
    """Microseconds an event, venue included and venue alone; ``is_equal``: same fills as the compiled loop."""

    median: float
    p99: float
    is_equal: bool


def session_cost() -> SessionCost:
    """Run `N_EVENTS` bars of W1's market and strategy through the session, timing each event."""
    plan = bar_plan(make_bars(N_EVENTS), DEFAULT_RULES, BarCross)
    run = Run(plan)
    event = single_event()
    venue = SimVenue(plan.venue, run.instruments, event)
    session = Session(run.path(), run.memory, run.features, event)
    events = next(iter(plan.blocks()))
    spent = np.empty(len(events))
    for i in range(len(events)):
        copy_event(events, i, event)
        begun = time.perf_counter_ns()
        for answer in venue.on_market():
            session.on_order_event(answer)
        commands = session.on_market()
        spent[i] = time.perf_counter_ns() - begun
        for command in commands:
            venue.submit(command)
    is_equal = run.result().fills.tobytes() == run_backtest(plan).fills.tobytes()
    warm = spent[1_000:] / 1e3
    return SessionCost(float(np.median(warm)), float(np.percentile(warm, 99)), is_equal)


def start_seconds(arguments: list[str], repeats: int = 5) -> float:
    """Best wall time of `tradewright ARGUMENTS` over some starts after a first one."""
    command = [sys.executable, "-c", "from tradewright.services.cli.app import main; main()", *arguments]
    times = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(repeats + 1):
            extra = ["--out", str(Path(folder) / str(number))] if "backtest" in arguments else []
            begun = time.perf_counter()
            subprocess.run([*command, *extra], check=True, capture_output=True)
            times.append(time.perf_counter() - begun)
    return min(times[1:])
