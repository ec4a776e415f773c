"""The kill switch: what a look costs, how soon a request is seen, and how soon orders are refused under load.

``python -m benchmarks.kill [--kills 300] [--per-second 2000] [--pause 0.09]``; ``--kills 3000 --pause 0.03`` is enough
for p99.9 and takes some minutes. Exits with 1 if an order passes the gate more than 50 ms after a request was there.
The flag in memory waits for the loop; the gate looks for itself. Beside each percentile stands the bound below which it
lies with 95 % confidence if kills are independent, by order statistics: Hahn and Meeker, "Statistical Intervals"
(1991), 5.2.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.stats import binom

from tradewright.core.types.order import KillLevel, OrderKind, OrderStatus, Side
from tradewright.core.types.venue import Idempotency, OrderIntent, VenueOrder
from tradewright.execution.desk import DeskPorts, OrderDesk
from tradewright.execution.journal.disk import FolderDisk
from tradewright.execution.journal.flushing import FlushThread
from tradewright.execution.journal.writing import Journal
from tradewright.execution.orders.gate import refusal
from tradewright.execution.orders.inputs import Reported, Source, Viewed, Wish
from tradewright.execution.orders.state import ALL, OrdersState
from tradewright.execution.venue import Capabilities
from tradewright.risk.kill.inbox import KillInbox
from tradewright.risk.kill.switch import KillSwitch
from tradewright.risk.trading_state import TradingStateFile

BUDGET_MS = 50.0
POLL_S = 0.005
LONGEST_S = 470.0
EVENTS_A_TURN = 20
ORDER_S = 0.005  # every intent is flushed to the disk
WISH = Wish("s", "X", Side.BUY, OrderKind.MARKET, 1)
#: Another process that asks again and again, at times nobody knows.
WRITER = """
import sys, time
from pathlib import Path
from tradewright.core.types.order import KillLevel
from tradewright.risk.kill.requests import write_kill
folder, count, pause = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
replace, there = Path.replace, []
def timed(draft, path):
    replace(draft, path)
    there.append(time.time_ns())
Path.replace = timed
for n in range(count):
    time.sleep(pause * (0.55 + 0.15 * (n % 7)))
    write_kill(folder, KillLevel.CANCEL, "all", ("benchmark", str(n)), time.time_ns())
print(*there)
"""


def said(name: str, ns: list[int]) -> None:
    """Print percentiles, each with the bound below which it lies with 95 % confidence."""
    ordered = np.sort(ns) / 1e3
    told = []
    for share in (0.5, 0.99, 0.999):
        rank = int(binom.ppf(0.95, len(ns), share))  # 0-based: so many samples lie below it, or more
        bound = f"{ordered[rank]:.1f}" if rank < len(ns) else "?"  # too few samples to tell
        told.append(f"p{100 * share:g} {np.quantile(ordered, share):.1f} us (<= {bound})")
    print(f"{name:<48} {'  '.join(told)}  worst {ordered[-1]:.1f} us  n {len(ns):,}")


class Wire:
    """A venue without a wire: it counts what passes the gate."""

    name, account_id = "none", "A"
    capabilities = Capabilities(idempotency=Idempotency.HARD)

    def __init__(self) -> None:
        self.passed: list[int] = []

    async def submit(self, intent: OrderIntent, gate: object) -> VenueOrder:
        gate()  # type: ignore[operator]
        self.passed.append(time.time_ns())
        done = OrderStatus.CANCELED  # it leaves nothing open behind
        return VenueOrder(intent.client_id, intent.client_id, "X", intent.side, 1, 0, done, time.time_ns())


def costs(folder: Path) -> None:
    """Measure what is paid when nobody kills: the flag, and a look at the folder."""
    state = OrdersState("A", Wire.capabilities)
    state.kills[ALL] = KillLevel.CANCEL
    inbox = KillInbox(folder / "kill", time.time_ns)
    time.sleep(0.2)
    for name, act in (
        ("gate: the flag and all it asks", lambda: refusal(state, WISH)),
        ("a look at the folder", inbox.poll),
    ):
        took = []
        for _ in range(200_000):
            began = time.perf_counter_ns()
            act()
            took.append(time.perf_counter_ns() - began)
        said(name, took)


async def under_load(folder: Path, kills: int, per_second: int, pause_s: float) -> tuple[list[int], list[int], float]:
    """Kill from another process while the desk takes events and orders; ns to a closed gate, and to a refused order.

    Counted from the moment the request lies in the folder; its writer is told a flush of the disk later.
    """
    wire, state = Wire(), OrdersState("A", Wire.capabilities)
    closed: dict[int, int] = {}
    refused: dict[int, int] = {}
    turns: list[int] = []
    busy = time.process_time_ns()
    flushes = FlushThread()
    with closing(flushes), Journal(FolderDisk(folder / "journal"), time.time_ns) as journal:
        ports = DeskPorts(time.time_ns, lambda: True, lambda _: None, beside=flushes)
        desk = OrderDesk(wire, journal, state, ports)  # type: ignore[arg-type]
        inbox, stored = KillInbox(folder / "kill", time.time_ns), TradingStateFile(folder / "state.json")
        switch = KillSwitch(desk, inbox, stored, time.time_ns, lambda: True)
        desk.ports = replace(ports, heed=switch.poll)
        real = desk.kill

        def kill(level: KillLevel, scope: str, by: str, reason: str) -> None:
            closed[int(reason)] = time.time_ns()  # the first thing it does is to set the flag
            real(level, scope, by, reason)

        desk.kill = kill  # type: ignore[method-assign]
        state.is_ready = True
        words = (sys.executable, "-c", WRITER, str(folder / "kill"), str(kills), str(pause_s))
        writer = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
        order = VenueOrder("E", "E", "Y", Side.BUY, 1, 0, OrderStatus.ACCEPTED, 0)
        gc.collect()
        gc.freeze()  # as a session does, once it is up
        begun, events, next_poll, next_order = time.monotonic(), 0, 0.0, 0.0
        while len(refused) < kills and time.monotonic() - begun < LONGEST_S:
            due = int((time.monotonic() - begun) * per_second)
            for _ in range(min(due - events, EVENTS_A_TURN)):  # open loop: what is late is caught up with
                events += 1
                desk.feed(Reported(order, Source.STREAM, time.time_ns()))
            if time.monotonic() >= next_poll:
                next_poll = time.monotonic() + POLL_S
                switch.poll()
                turns.append(time.process_time_ns() - busy)
                busy = time.process_time_ns()
            if time.monotonic() >= next_order:
                next_order = time.monotonic() + ORDER_S
                desk.submit(WISH)  # its gate looks for itself
            await asyncio.sleep(0.0005)  # as a session that waits for its sockets
            for number in closed.keys() - refused.keys():
                if not desk.submit(WISH)[1].startswith("killed"):
                    raise AssertionError("an order was taken after the kill")
                refused[number] = time.time_ns()
            if state.kills:
                state.kills.clear()
                desk.feed(Viewed((), (), time.time_ns(), time.time_ns()))
        there = [int(ns) for ns in (await writer.communicate())[0].split()]
        said("CPU between two looks: the bound on a free core", turns[20:])
        rate = events / (time.monotonic() - begun)
        print(f"{rate:,.0f} events/s; {len(wire.passed):,} orders passed the gate")
    late = [t - ns for n, ns in enumerate(there) for t in wire.passed if ns < t < closed[n]]
    print(
        f"{len(late)} orders passed after a request was there" + (f", at most {max(late) / 1e3:.0f} us" if late else "")
    )
    worst = max(late, default=0) / 1e6
    return [closed[n] - ns for n, ns in enumerate(there)], [refused[n] - ns for n, ns in enumerate(there)], worst


def main() -> int:
    """Run all parts."""
    parser = argparse.ArgumentParser(description="How soon a kill is a kill.")
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--per-second", type=int, default=2_000)
    parser.add_argument("--pause", type=float, default=0.09, help="seconds between two kills, on average")
    parser.add_argument("--folder", type=Path, default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        costs(Path(name))
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        closed, refused, late_ms = asyncio.run(under_load(Path(name), options.kills, options.per_second, options.pause))
    said("request there -> flag in memory", closed)
    said("request there -> an order refused, all written", refused)
    return 0 if late_ms <= BUDGET_MS and len(refused) == options.kills else 1


if __name__ == "__main__":
    sys.exit(main())
