"""Import of a 100 MB CSV into the store, checks included, against the time polars needs to read the same file.

``python -m benchmarks.import_csv [--megabytes 100] [--repeats 5]``

The rows are compared first: what the store returns must be what polars read. Both sides then run alternately, each on
a warm file cache; the smallest time of each side counts (the least disturbed one on a shared machine), and the ratio
of every pair is shown as well. Processor time, all threads together, tells what other processes on the machine blur.
Reading with polars means `pl.read_csv` with the column types given, its fastest way.

Twice: each side once in a process of its own, such as `data import`, where ours has to link its compiled step within
the time; and again and again in one process with the compiler, such as a study that imports and then runs backtests.
The compiled step must be kept (`tradewright warm`): without it polars reads, and the first ratio is that of polars.
"""

from __future__ import annotations

import argparse
import importlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from tradewright.data.importer import ImportOptions, import_file
from tradewright.data.instruments import InstrumentParams
from tradewright.data.presets import CALENDARS
from tradewright.data.store import BarStore

_TYPES = {"time": pl.Int64, "open": pl.Float64, "high": pl.Float64, "low": pl.Float64, "close": pl.Float64}
_TYPES |= {"volume": pl.Float64}
_START_MS = 1_577_836_800_000
_MINUTE_MS = 60_000


def write_csv(path: Path, megabytes: float) -> int:
    """Write bars of a minute, epoch milliseconds and two decimals, until the file is that large; return the rows."""
    rows = int(megabytes * 1e6 / 55)
    rng = np.random.default_rng(7)
    close = np.round(30_000 * np.exp(np.cumsum(rng.normal(0, 2e-4, rows))), 2)
    open_ = np.concatenate([close[:1], close[:-1]])
    high = np.round(np.maximum(open_, close) + rng.exponential(2.0, rows), 2)
    low = np.round(np.minimum(open_, close) - rng.exponential(2.0, rows), 2)
    times = _START_MS + _MINUTE_MS * np.arange(rows, dtype=np.int64)
    volume = np.round(rng.exponential(20.0, rows), 5)
    frame = {"time": times, "open": open_, "high": high, "low": low, "close": close, "volume": volume}
    pl.DataFrame(frame).write_csv(path)
    return rows


def ours(path: Path, root: Path) -> BarStore:
    """Import the file into a new store."""
    imported = import_file(path, CALENDARS["24/7"], ImportOptions())
    store = BarStore(root)
    store.write(imported, InstrumentParams(symbol="BTCUSDT", tick_size="0.01"))
    return store


def theirs(path: Path) -> pl.DataFrame:
    """Read the file."""
    return pl.read_csv(path, schema_overrides=_TYPES)


def compare(path: Path, root: Path) -> int:
    """Check that the store holds what polars reads; return the number of rows."""
    store, expected = ours(path, root), theirs(path)
    found = store.frame(store.describe("BTCUSDT", "1m"))
    is_equal = bool((found["ts_open"] == expected["time"] * 1_000_000).all())
    is_equal &= all(bool((found[name] == expected[name]).all()) for name in _TYPES if name != "time")
    if not is_equal or store.damaged(store.describe("BTCUSDT", "1m")):
        raise SystemExit("the store does not hold what polars reads: nothing was timed")
    return len(found)


def timed(work: Callable[..., object], *arguments: Path) -> tuple[float, float]:
    """Return how long the work takes, and how much processor time; seconds."""
    started, used = time.perf_counter(), time.process_time()
    work(*arguments)
    return time.perf_counter() - started, time.process_time() - used


def timed_alone(work: Callable[..., object], *arguments: Path) -> tuple[float, float]:
    """Return the same of a process that does it once, its imports not counted."""
    command = [sys.executable, "-m", "benchmarks.import_csv", "--only", work.__name__, *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    taken, used = map(float, done.stdout.split())
    return taken, used


def report(state: str, timing: Callable[..., tuple[float, float]], path: Path, repeats: int) -> None:
    """Time pairs, and print what was found."""
    print(state)
    pairs = []
    for number in range(repeats):
        root = path.parent / f"store{number}"
        reading = timing(theirs, path)
        pairs.append((timing(ours, path, root), reading))
        shutil.rmtree(root)
    print("  pairs: " + ", ".join(f"{o:.2f}/{t:.2f} s = {o / t:.2f}" for (o, _), (t, _) in pairs))
    for place, what in ((1, "processor time"), (0, "time")):
        mine, peer = (min(pair[side][place] for pair in pairs) for side in (0, 1))
        print(f"  {what}: import {mine:.2f} s, polars reads {peer:.2f} s, ratio {mine / peer:.2f}")


def main() -> None:
    """Generate, compare, time, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=100.0)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", choices=["ours", "theirs"], help=argparse.SUPPRESS)
    parser.add_argument("paths", nargs="*", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.only:
        work: Callable[..., object] = ours if asked.only == "ours" else theirs
        print(*timed(work, *asked.paths))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bars.csv"
        write_csv(path, asked.megabytes)
        rows = compare(path, path.parent / "first")
        print(f"{path.stat().st_size / 1e6:.1f} MB, {rows:,} rows, equal to what polars reads")
        report("each in a fresh process", timed_alone, path, asked.repeats)
        importlib.import_module("tradewright.core.kernel.compiled")
        report("in one process, with the compiler", timed, path, asked.repeats)
    print("target for the ratio of times: 1.5")


if __name__ == "__main__":
    main()
