"""The newest feature row over HTTP: latency at a fixed rate of arrivals.

``python -m benchmarks.data_service [--rate 500] [--seconds 20] [--redis]``

Open loop: request number k is due at k / rate, whether or not earlier ones are answered, and its latency counts from
when it was due; a service that stalls is charged for everybody who waited. The service runs in a process of its own,
the load comes from this one over keep-alive connections. What is served is compared with the batch values first.
With ``--appending``, a bar is added to the store every second meanwhile, so that rows are computed anew under load.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
import polars as pl

from tradewright.core.types.bar import Bars
from tradewright.data.importer import Imported
from tradewright.data.instruments import InstrumentParams
from tradewright.data.kinds import Kind, canonical
from tradewright.data.quality import Findings
from tradewright.data.store import BarStore
from tradewright.data.synthetic import WalkParams, synthetic_bars
from tradewright.features import compute
from tradewright.services.data_service.feature_sets import named_set
from tradewright.services.data_service.params import DEFAULT_SET

SYMBOL, TIMEFRAME = "SYN", "1m"
TARGET_MS = 5.0
_PROGRAM = (sys.executable, "-c", "from tradewright.services.cli.app import main; main()")


def write_bars(store: BarStore, bars: Bars) -> None:
    """Add bars to the store."""
    columns = {"ts_open": bars.ts_open, "ts_event": bars.ts_event, "ts_seen": bars.ts_event}
    values = {n: bars.fields[i] for i, n in enumerate(("open", "high", "low", "close", "volume"))}
    none = Findings("bench", pl.DataFrame(schema={"rule": pl.String, "severity": pl.String}))
    frame = canonical(pl.DataFrame(columns | values), Kind.BARS)
    imported = Imported(Kind.BARS, TIMEFRAME, frame, none, (), "bench", "0" * 64)
    store.write(imported, InstrumentParams(symbol=SYMBOL, tick_size="0.01"))


class Connection(asyncio.Protocol):
    """One keep-alive connection: a request goes out, `done` is called when its answer is complete."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, blank, body = self._received.partition(b"\r\n\r\n")
        if not blank:
            return
        length = next(int(h[15:]) for h in head.lower().split(b"\r\n") if h.startswith(b"content-length:"))
        if len(body) >= length and self.answer is not None:
            self._received = b""
            self.answer.set_result((int(head[9:12]), body))

    def connection_lost(self, exc: Exception | None) -> None:
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(exc or ConnectionResetError("the service closed the connection"))

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send one request; return status and body."""
        self.answer = asyncio.get_running_loop().create_future()
        if self.transport is None or self.transport.is_closing():
            raise ConnectionResetError("the service closed the connection")
        self.transport.write(request)
        return await self.answer


class Load:
    """Requests that fall due at a fixed rate."""

    def __init__(self, port: int, connections: int) -> None:
        self._port = port
        self._connections = connections
        self._idle: asyncio.Queue[Connection] = asyncio.Queue()
        path = f"/v1/features/{SYMBOL}/{TIMEFRAME}/latest"
        self.request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()

    async def open(self) -> None:
        """Connect."""
        for _ in range(self._connections):
            _, made = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", self._port)
            self._idle.put_nowait(made)

    async def once(self) -> bytes:
        """Return the body of one answer."""
        connection = await self._idle.get()
        status, body = await connection.ask(self.request)
        self._idle.put_nowait(connection)
        if status != 200:
            raise SystemExit(f"the service answered {status}: {body.decode()}")
        return body

    async def run(self, rate: float, seconds: float) -> tuple[np.ndarray, float]:
        """Return the latency of each request in seconds, from when it was due, and the rate that was achieved."""
        count = int(rate * seconds)
        latencies = np.full(count, np.nan)
        loop = asyncio.get_running_loop()
        began = loop.time() + 0.1

        async def one(number: int) -> None:
            await self.once()
            latencies[number] = loop.time() - (began + number / rate)

        tasks = []
        for number in range(count):
            wait = began + number / rate - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            tasks.append(asyncio.create_task(one(number)))
        await asyncio.gather(*tasks)
        return latencies, count / (loop.time() - began)


@contextlib.contextmanager
def serving(root: Path, redis_url: str) -> Iterator[int]:
    """Run the service; yield its port."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TRADEWRIGHT_")}
    environment = kept | ({"TRADEWRIGHT_DATA_REDIS_URL": redis_url} if redis_url else {})
    words = [*_PROGRAM, "data", "serve", "--store", str(root), "--port", "0"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, env=environment, text=True)
    try:
        line = process.stdout.readline() if process.stdout is not None else ""
        if "http://127.0.0.1:" not in line:
            raise SystemExit(f"the service did not start: {line}")
        yield int(line.split("http://127.0.0.1:")[1].split()[0])
    finally:
        process.terminate()
        process.wait(timeout=30)


def compare(body: bytes, bars: Bars) -> None:
    """Stop unless the row that is served equals the last row of the batch computation, to the bit."""
    served = json.loads(body)
    for name, feature in named_set("default", DEFAULT_SET).features.items():
        value, expected = served["values"][name], float(compute(feature, bars)[-1])
        if value != (expected if math.isfinite(expected) else None):
            raise SystemExit(f"{name} is served as {value} and computed as {expected}: nothing was timed")
    if served["ts_event"] != int(bars.ts_event[-1]):
        raise SystemExit("the row that is served is not the newest: nothing was timed")


async def measure(asked: argparse.Namespace, port: int, bars: Bars) -> tuple[np.ndarray, float]:
    """Compare, warm up, measure."""
    load = Load(port, asked.connections)
    await load.open()
    compare(await load.once(), bars)
    await load.run(asked.rate, 1.0)
    gc.collect()
    gc.freeze()
    return await load.run(asked.rate, asked.seconds)


def append(store: BarStore, bars: Bars, at: int, stop: threading.Event) -> None:
    """Add a bar every second."""
    while not stop.wait(1.0) and at < len(bars):
        write_bars(store, slice_of(bars, at, at + 1))
        at += 1


def slice_of(bars: Bars, start: int, stop: int) -> Bars:
    """Return some of the bars."""
    fields = np.ascontiguousarray(bars.fields[:, start:stop])
    return Bars(bars.instrument, bars.ts_open[start:stop], bars.ts_event[start:stop], fields)


def run(asked: argparse.Namespace, redis_url: str) -> bool:
    """Print one line; return whether the target was met."""
    folder = Path(tempfile.mkdtemp())
    try:
        store = BarStore(folder / "store", time.time_ns)
        bars = synthetic_bars(asked.bars + 1000, 1, WalkParams(symbol=SYMBOL))
        first = slice_of(bars, 0, asked.bars)
        write_bars(store, first)
        stop = threading.Event()
        writer = threading.Thread(target=append, args=(store, bars, asked.bars, stop))
        with serving(store.root, redis_url) as port:
            if asked.appending:
                writer.start()
            latencies, rate = asyncio.run(measure(asked, port, first))
            stop.set()
            if asked.appending:
                writer.join()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    median, high, highest = np.percentile(latencies, [50, 99, 99.9]) * 1e3
    told = f"{'with' if redis_url else 'without'} Redis{', a bar added every second' if asked.appending else ''}"
    print(
        f"{told}: {len(latencies)} requests at {rate:.0f}/s over {asked.connections} connections; "
        f"p50 {median:.2f} ms, p99 {high:.2f} ms, p99.9 {highest:.2f} ms, most {latencies.max() * 1e3:.2f} ms "
        f"(target: p99 under {TARGET_MS:g} ms at 500/s)"
    )
    return bool(high < TARGET_MS)


def main() -> int:
    """Measure without Redis, and with one where it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=500.0)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--bars", type=int, default=100_000)
    parser.add_argument("--redis", action="store_true", help="also with a Redis server that is started for it")
    parser.add_argument("--appending", action="store_true")
    asked = parser.parse_args()
    is_met = run(asked, "")
    if asked.redis:
        from tests.services.redis_server import redis_server

        with redis_server() as server:
            if isinstance(server, str):
                print(f"with Redis: not measured, {server}")
            else:
                is_met &= run(asked, server.url)
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
