"""From a market event to its order on the socket, and how fast a session is told again from its journal.

``python -m benchmarks.live [--seconds 60] [--rate 1000] [--kind lightgbm]``. Ten instruments, the thirty features of
the set `standard`, a tree model with its calibration, the whole guard-checked path, an intent synced to the disk for
every order, and a socket that a thread reads from. Events arrive at a constant rate whatever the session does (open
loop): a time counts from when an event was due, so waiting behind another counts too. What the disk took for an order's
own flush is shown beside it, and the time without that: disks differ more than programs do. A bare loop follows, which
reads the same events, flushes as many bytes as often, and writes as many orders, with nothing in between: what the
machine takes by itself. ``--folder`` says where the journal is; a folder in memory is refused. Then the journal is read
back through recovery. Exits with 1 if a decision differs there, or an order never reached the socket.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import math
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tradewright.core.types.events import MarketEvents
from tradewright.core.types.instrument import Instrument
from tradewright.core.types.order import OrderStatus
from tradewright.core.types.rows import Targets
from tradewright.core.types.venue import OrderIntent, VenueFill, VenueOrder
from tradewright.data.synthetic import WalkParams, synthetic_bars
from tradewright.engine.feature_rows import rows_of_bars
from tradewright.engine.live.conductor import Conductor
from tradewright.engine.live.forecasting import ModelForecasts
from tradewright.engine.live.recovery import Retelling
from tradewright.engine.live.rows import MarketRow, rows_of
from tradewright.engine.live.runtime import Runtime
from tradewright.engine.plan import BacktestPlan, plan_of_bars
from tradewright.execution.desk import DeskPorts, OrderDesk
from tradewright.execution.journal.disk import AppendFile, FolderDisk
from tradewright.execution.journal.flushing import FlushThread
from tradewright.execution.journal.reading import SESSION, JournalReader
from tradewright.execution.journal.writing import Journal
from tradewright.execution.orders.inputs import Alert, OrderEvent, Source, Started
from tradewright.execution.orders.state import OrdersState
from tradewright.execution.sim_broker import CAPABILITIES, SimBroker
from tradewright.execution.venue import Gate
from tradewright.features import build_feature
from tradewright.features.expression import parse_feature
from tradewright.features.named_sets import STANDARD
from tradewright.models.calibration import fit_calibration
from tradewright.models.forecaster import Lesson
from tradewright.models.model import FittedModel
from tradewright.models.registry import make_forecaster
from tradewright.risk.limits import Limits
from tradewright.strategies.registry import built_in

INSTRUMENTS = 10
MINUTE = 60_000_000_000
LEARNED = 4_000
_EDGES_MS = (0.0, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0)
#: Another process, as a venue is: says when it begins, then writes a number into its socket whenever one is due.
FEED = """
import socket, sys, time
wire, gap = socket.socket(fileno=int(sys.argv[1])), float(sys.argv[2])
wire.recv(1)
begun = time.perf_counter_ns()
wire.send(begun.to_bytes(8, "little"))
for k in range(int(sys.argv[3])):
    at = begun + int(k * gap)
    while (left := at - time.perf_counter_ns()) > 0:
        time.sleep(max(0.0, left / 1e9 - 2e-4))
    wire.send(k.to_bytes(8, "little"))
"""
_FEATURES = {name: build_feature(parse_feature(text)) for name, text in STANDARD.items()}


class TimedDisk(FolderDisk):
    """A real folder, and how long each flush took."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.flushes: list[int] = []

    def append(self, name: str) -> AppendFile:
        """Open a file whose flushes are timed."""
        file, flushes = super().append(name), self.flushes
        flush = file.sync

        def sync() -> None:
            begun = time.perf_counter_ns()
            flush()
            flushes.append(time.perf_counter_ns() - begun)

        file.sync = sync  # type: ignore[method-assign]
        return file


class SocketVenue(SimBroker):
    """Fills every order at once, and writes it to a socket first, as an adapter does."""

    def lay(self, desk: OrderDesk, price_of: Any, wire: socket.socket, disk: TimedDisk) -> None:
        self._desk, self._price_of, self._wire, self._disk = desk, price_of, wire, disk
        self.written: dict[int, int] = {}
        self.flushed: dict[int, int] = {}  # how long the disk took for its intent, ns

    async def submit(self, intent: OrderIntent, gate: Gate) -> VenueOrder:
        """Write and fill."""
        gate()
        self._wire.send(f"{intent.client_id} {intent.instrument} {intent.side} {intent.lots}\n".encode())
        self.written[intent.reference] = time.perf_counter_ns()
        self.flushed[intent.reference] = self._disk.flushes[-1]
        told = VenueOrder(
            intent.client_id, intent.client_id, intent.instrument, intent.side, intent.lots, 0, OrderStatus.ACCEPTED, 1
        )
        price = self._price_of(intent.instrument)
        fill = VenueFill(intent.client_id, intent.client_id, "", intent.instrument, intent.side, intent.lots, price, 1)
        asyncio.get_running_loop().call_soon(self._desk.take, fill, Source.STREAM, time.time_ns())
        return told


def model(kind: str, seed: int) -> tuple[FittedModel, np.ndarray[Any, Any]]:
    """Return a model of the thirty features, and what it says of rows it has not seen."""
    bars = synthetic_bars(2 * LEARNED, seed, WalkParams("LEARN", interval=MINUTE, volatility=0.001))
    rows = rows_of_bars([bars], _FEATURES)
    growth = np.append(np.diff(np.log(bars.close)), 0.0)
    direction = np.sign(np.where(np.abs(growth) < 3e-4, 0.0, growth)).astype(np.int64)
    ends, weight = bars.ts_event + MINUTE, np.ones(len(bars))

    def part(start: int, stop: int) -> Lesson:
        cut = slice(start, stop)
        return Lesson(rows.take(cut), Targets(direction[cut], growth[cut], ends[cut], weight[cut], MINUTE))

    forecaster = make_forecaster(kind, {"rounds": 100, "threads": 1})
    forecaster.learn(part(300, LEARNED))
    later = part(LEARNED, 2 * LEARNED)
    calibration = fit_calibration(forecaster.predict(later.rows), later.targets, "beta")
    fitted = FittedModel(forecaster, rows.names, rows.feature_set_hash, MINUTE, calibration)
    return fitted, fitted.predict(later.rows).values[:, 0]


def plan(events_each: int, levels: np.ndarray[Any, Any]) -> tuple[BacktestPlan, list[MarketRow]]:
    """Return the session's plan and its market: about one event in thirty brings an order."""
    instruments = tuple(Instrument(f"S{k:02d}") for k in range(INSTRUMENTS))
    bars = [
        synthetic_bars(events_each, 100 + k, WalkParams(i.symbol, interval=MINUTE, volatility=0.001))
        for k, i in enumerate(instruments)
    ]
    strategy = built_in("probability")
    enter = float(np.nanquantile(levels, 0.97))
    params = strategy.params.model_validate(
        {
            "enter_up": enter,
            "leave_up": enter - 1e-6,
            "allow_short": False,
            "weight": 0.05,
            "stop_loss": 0.0,
            "take_profit": 0.0,
        }
    )
    limits = Limits(max_leverage=2.0, intraday_loss=0.5, max_drawdown=0.5, max_clock_drift_ms=500.0)
    made = replace(plan_of_bars(instruments, bars, strategy, params), limits=limits)
    return made, rows_of(MarketEvents.from_bars(bars))


def drain(wire: socket.socket) -> None:
    """Read what comes until the other end closes."""
    while wire.recv(65_536):
        pass


def feeder(gap: float, count: int) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start the other process; return it and our end of its socket."""
    near, far = socket.socketpair()
    words = (sys.executable, "-c", FEED, str(far.fileno()), str(gap), str(count))
    source = subprocess.Popen(words, pass_fds=[far.fileno()])
    far.close()
    return source, near


def bare(folder: Path, gap: float, count: int, orders: int, size: int) -> np.ndarray[Any, Any]:
    """Return what a loop takes that decides nothing: read, write ``size`` bytes, flush, send; ns, by order."""
    near, far = socket.socketpair()
    threading.Thread(target=drain, args=(far,), daemon=True).start()
    source, feed = feeder(gap, count)
    feed.send(b"!")
    begun = int.from_bytes(feed.recv(8, socket.MSG_WAITALL), "little")
    file, record, took = FolderDisk(folder).append("bare"), b"x" * (size // orders), []
    for k in range(count):
        feed.recv(8, socket.MSG_WAITALL)
        if k % (count // orders) == 0:
            file.write(record)
            file.sync()
            near.send(b"x" * 60)
            took.append(time.perf_counter_ns() - begun - int(k * gap))
    for end in (file, near, feed):
        end.close()
    source.wait()
    return np.array(took)


async def trade(
    a_plan: BacktestPlan, rows: list[MarketRow], fitted: FittedModel, disk: TimedDisk, rate: float
) -> np.ndarray[Any, Any]:
    """Return of every order the time from event to socket and that of its flush, [n, 2] ns."""
    near, far = socket.socketpair()
    threading.Thread(target=drain, args=(far,), daemon=True).start()
    state = OrdersState("bench", CAPABILITIES)
    conductor = Conductor(a_plan, state, takes_fractions=True)
    guard = conductor.run.memory.guard
    assert guard is not None  # noqa: S101 - the limits ask for one
    guard.record["drift_ns"] = 0.0
    venue = SocketVenue(
        a_plan.venue, a_plan.instruments, conductor.run.instruments, conductor.event, conductor.sent.get, time.time_ns
    )
    journal = Journal(disk, time.time_ns)
    journal.append(SESSION, {"begins": True}, 0, 0)
    runtime: Runtime

    def tell(effect: OrderEvent | Alert) -> None:
        runtime.told(effect)

    flushes = FlushThread()
    ports = DeskPorts(time.time_ns, lambda: True, tell, beside=flushes)
    desk = OrderDesk(venue, journal, state, ports)
    venue.lay(desk, lambda name: float(conductor.run.memory.arrays["positions"]["price"][int(name[1:])]), near, disk)
    runtime = Runtime(conductor, desk, None, lambda _: None)
    desk.feed(Started(1, time.time_ns()))
    await desk.reconcile()
    forecasts = ModelForecasts(_FEATURES, fitted.predict, [i.symbol for i in a_plan.instruments])
    warm = 300 * INSTRUMENTS
    due: dict[int, int] = {}
    gap = 1e9 / rate
    source, wire = feeder(gap, len(rows) - warm)
    feed = await asyncio.open_connection(sock=wire)
    gc.collect()
    gc.freeze()
    begun = 0
    for k, row in enumerate(rows):
        if k == warm:
            feed[1].write(b"!")
            begun = int.from_bytes(await feed[0].readexactly(8), "little")
        at = begun + int((k - warm) * gap)
        if k >= warm:
            await feed[0].readexactly(8)
        news = await forecasts.forecast(row)
        seen = row._replace(decides=k >= warm)
        if news is not None:
            seen = seen._replace(forecast=news[0], forecast_ts=news[1])
        before = int(conductor.run.memory.record["next_id"][0])
        state.last_view = time.time_ns()
        await runtime.hear(seen)
        for number in range(before, int(conductor.run.memory.record["next_id"][0]), 8):
            due[number] = at
        await asyncio.sleep(0)
    while desk.tasks:  # noqa: ASYNC110 - the desk has no event for it
        await asyncio.sleep(0.01)
    flushes.close()
    journal.close()
    near.close()
    feed[1].close()
    source.wait()
    missing = [n for n in due if n in conductor.sent and n not in venue.written]
    if missing:
        raise SystemExit(f"{len(missing)} orders never reached the socket")
    return np.array([(venue.written[n] - at, venue.flushed[n]) for n, at in due.items() if n in venue.written])


def file_system(folder: Path) -> str:
    """Return what kind of file system a folder is on, "" where the system does not say."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return ""
    known = (line.split()[1:3] for line in mounts.read_text(encoding="utf-8").splitlines())
    return max((len(at), kind) for at, kind in known if folder.resolve().is_relative_to(at))[1]


def shown(name: str, took: np.ndarray[Any, Any]) -> str:
    """Return percentiles of times in ns as a line."""
    p50, p99, late, worst = np.percentile(took, [50, 99, 99.9, 100]) / 1e6
    return f"  {name:28s} p50 {p50:.2f} ms  p99 {p99:.2f} ms  p99.9 {late:.2f} ms  worst {worst:.2f} ms"


def histogram(took: np.ndarray[Any, Any]) -> Iterator[str]:
    """Yield a line for each range of milliseconds in which an order took as long, ns given."""
    counts, _ = np.histogram(took / 1e6, [*_EDGES_MS, np.inf])
    for low, high, count in zip(_EDGES_MS, [*_EDGES_MS[1:], None], counts, strict=True):
        if count:
            name = f"from {low:g} ms" if high is None else f"{low:g} to {high:g} ms"
            yield f"  {name:>16s} {count:6,d} {'#' * math.ceil(60 * count / counts.max())}"


def main() -> int:
    """Measure."""
    parser = argparse.ArgumentParser(description="From a market event to its order on the socket.")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=1_000.0)
    parser.add_argument("--kind", choices=("lightgbm", "xgboost"), default="lightgbm")
    parser.add_argument("--folder", type=Path, default=None)
    options = parser.parse_args()
    fitted, levels = model(options.kind, 7)
    a_plan, rows = plan(300 + int(options.seconds * options.rate / INSTRUMENTS), levels)
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        disk, kind = TimedDisk(Path(name)), file_system(Path(name))
        if kind in ("tmpfs", "ramfs"):
            raise SystemExit(f"{name} is in memory ({kind}), where a flush says nothing: name a --folder on a disk")
        took = asyncio.run(trade(a_plan, rows, fitted, disk, options.rate))
        size = sum(file.stat().st_size for file in Path(name).iterdir())
        with tempfile.TemporaryDirectory(dir=options.folder) as beside:
            floor = bare(Path(beside), 1e9 / options.rate, len(rows), len(took), size)
        print(
            f"event to order on the socket, {options.kind}, {options.rate:,.0f} events/s open loop, "
            f"{len(took):,} orders of {len(rows):,} events, journal on {kind or 'an unknown file system'}"
        )
        print(shown("all of it", took[:, 0]))
        print(shown("its flush to the disk", took[:, 1]))
        print(shown("without its own flush", took[:, 0] - took[:, 1]))
        print(shown("a loop that decides nothing", floor))
        print(f"  {np.median(took[:, 0]) / np.median(floor):.1f}x that loop at the median")
        print("all of it, orders by time", *histogram(took[:, 0]), sep="\n")
        state = OrdersState("bench", CAPABILITIES)
        tale = Retelling(state, lambda _: (_prepared(a_plan, state), None))
        begun, worked, count = time.perf_counter(), time.process_time(), 0
        for record in JournalReader(disk):
            tale.take(record)
            count += 1
        tale.finish()
        lasted, worked = time.perf_counter() - begun, time.process_time() - worked
    print(
        f"recovery: {count:,} records in {lasted:.2f} s, {count / lasted:,.0f} a second, "
        f"{worked / count * 1e6:.1f} us of CPU each, "
        f"{tale.decisions} decisions equal"
    )
    for difference in tale.differences:
        print(difference)
    return 1 if tale.differences or tale.decisions == 0 else 0


def _prepared(a_plan: BacktestPlan, state: OrdersState) -> Conductor:
    conductor = Conductor(a_plan, state, takes_fractions=True)
    guard = conductor.run.memory.guard
    assert guard is not None  # noqa: S101 - as above
    guard.record["drift_ns"] = 0.0
    return conductor


if __name__ == "__main__":
    sys.exit(main())
