"""One year of one-second bars into five timeframes: seconds and memory, beside plain polars.

Start: ``python -m benchmarks.resample [--days 366] [--repeats 3]``. Both engines read the same store's Parquet files,
each in a process of its own, and their bars are compared before any time is shown: prices and counts to the bit,
volume to 1e-9, because polars adds in another order. Target: under 10 seconds and 2 GiB.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.worker import peak_rss
from tradewright.core.types.calendar import Calendar
from tradewright.data.bars.grid import utc_grid
from tradewright.data.bars.stored import StoredRows, resample_stored
from tradewright.data.importer import Imported
from tradewright.data.instruments import InstrumentParams
from tradewright.data.kinds import Kind, canonical
from tradewright.data.quality import Subject, check
from tradewright.data.store import BarStore
from tradewright.data.timeframe import DAY, SECOND, interval_ns

TIMEFRAMES = ("1m", "5m", "15m", "1h", "4h")
SYMBOL, START = "SEC", 1_704_067_200 * SECOND  # 2024-01-01 00:00 UTC
SECONDS, BYTES = 10.0, 2 * 1024**3


def make_store(folder: Path, days: int) -> None:
    """Bars of every second, a few missing, on a 0.01 grid with volume and taker volume; ten days a write."""
    store, params = BarStore(folder), InstrumentParams(symbol=SYMBOL, tick_size="0.01")
    rng, level = np.random.default_rng(20240104), 100.0
    for first in range(0, days, 10):
        n = min(10, days - first) * (DAY // SECOND)
        close = np.round(level + np.cumsum(rng.normal(0.0, 0.004, n)), 2)
        open_ = np.concatenate([[close[0]], close[:-1]])
        reach = np.round(np.abs(rng.normal(0.0, 0.01, (2, n))), 2)
        opens = START + first * DAY + np.arange(n, dtype=np.int64) * SECOND
        volume = np.round(rng.lognormal(0.0, 1.0, n), 3)
        frame = pl.DataFrame(
            {
                "ts_open": opens,
                "ts_event": opens + SECOND,
                "ts_seen": opens + SECOND,
                "open": open_,
                "high": np.maximum(open_, close) + reach[0],
                "low": np.minimum(open_, close) - reach[1],
                "close": close,
                "volume": volume,
                "trades": np.floor(rng.exponential(5.0, n)) + 1.0,
                "buy_volume": np.round(volume * rng.random(n), 3),
            }
        ).filter(pl.Series(rng.random(n) > 0.001))
        frame = canonical(frame, Kind.BARS)
        none = check(Subject(SYMBOL, Kind.BARS, frame.head(1), np.array([1]), SECOND, Calendar()))
        store.write(Imported(Kind.BARS, "1s", frame, none, (), f"days {first}", ""), params)
        level = float(close[-1])


def ours(folder: Path) -> dict[str, pl.DataFrame]:
    """All timeframes in one pass over the partitions."""
    store = BarStore(folder)
    rows = StoredRows(store, store.describe(SYMBOL, "1s"))
    made = resample_stored(rows, [utc_grid(interval_ns(name)) for name in TIMEFRAMES])
    return {name: m.frame for name, m in zip(TIMEFRAMES, made, strict=True)}


def peer(folder: Path) -> dict[str, pl.DataFrame]:
    """polars' lazy group_by_dynamic over the same files, all timeframes in one streaming collect."""
    store = BarStore(folder)
    files = store.files(store.describe(SYMBOL, "1s"))
    scan = pl.scan_parquet(files).with_columns(start=pl.from_epoch("ts_open", time_unit="ns"))
    grouped = [
        scan.group_by_dynamic("start", every=name).agg(
            pl.col("open").first(),
            pl.col("high").max(),
            pl.col("low").min(),
            pl.col("close").last(),
            pl.col("volume", "trades", "buy_volume").sum(),
        )
        for name in TIMEFRAMES
    ]
    return dict(zip(TIMEFRAMES, pl.collect_all(grouped, engine="streaming"), strict=True))


ENGINES = {"ours": ours, "polars": peer}


def is_equal(folder: Path) -> bool:
    """Compare what the two engines wrote; the last bucket of polars may be one that has not ended."""
    for name in TIMEFRAMES:
        mine, other = (pl.read_parquet(folder / f"{engine}-{name}.parquet") for engine in ENGINES)
        other = other.with_columns(ts_open=pl.col("start").dt.epoch("ns"))
        if len(other) - len(mine) not in (0, 1):
            return False
        other = other.head(len(mine))
        exact = ["ts_open", "open", "high", "low", "close", "trades"]
        if not mine.select(exact).equals(other.select(exact)):
            return False
        for column in ("volume", "buy_volume"):
            if not np.allclose(mine[column].to_numpy(), other[column].to_numpy(), rtol=1e-9, atol=0.0):
                return False
    return True


def work(engine: str, store: Path, out: Path, repeats: int) -> None:
    """Run in a process of its own: keep the bars of a first run, then time the others; one JSON line."""
    for name, frame in ENGINES[engine](store).items():
        frame.write_parquet(out / f"{engine}-{name}.parquet")
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        ENGINES[engine](store)
        times.append(time.perf_counter() - begun)
    print(json.dumps({"times": times, "peak": peak_rss()}))


def main() -> int:
    """Entry point; exit code 1 if the bars differ or a target is missed."""
    parser = argparse.ArgumentParser(prog="benchmarks.resample", description=__doc__)
    parser.add_argument("--days", type=int, default=366)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options.worker[0], Path(options.worker[1]), Path(options.worker[2]), options.repeats)
        return 0
    with tempfile.TemporaryDirectory() as name:
        store, out = Path(name) / "store", Path(name)
        make_store(store, options.days)
        rows = BarStore(store).describe(SYMBOL, "1s").rows
        done = {}
        for engine in ENGINES:
            command = [sys.executable, "-m", "benchmarks.resample", "--repeats", str(options.repeats)]
            command += ["--worker", engine, str(store), str(out)]
            done[engine] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        if not is_equal(out):
            print("the two engines made different bars; no times are shown")
            return 1
    print(f"{rows:,} one-second bars into {', '.join(TIMEFRAMES)}; both engines made the same bars")
    for engine, result in done.items():
        best, median = min(result["times"]), float(np.median(result["times"]))
        print(f"  {engine:<7} best {best:6.2f} s  median {median:6.2f} s  peak {result['peak'] / 2**20:7.0f} MiB")
    is_met = min(done["ours"]["times"]) < SECONDS and done["ours"]["peak"] < BYTES
    print(f"target {SECONDS:g} s and {BYTES / 2**30:g} GiB: {'met' if is_met else 'missed'}")
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
