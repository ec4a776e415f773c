"""The truncation test on 10,000 bars x 30 features: a streaming set, and the same kind of set as a closed box.

``python -m benchmarks.leaks [--bars 10000]``. The set is checked twice first: it must pass, and with one planted leak
among the thirty that leak must be named. Target: under 10 seconds each. The closed box is thirty rolling columns of
polars, run on 200 shorter copies of the data. Exits with 1 if an answer is wrong or a time is above the target.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.features import SEED, THIRTY
from tradewright.core.types.bar import Bars
from tradewright.core.types.dtypes import REFERENCE
from tradewright.data.synthetic import WalkParams, synthetic_bars
from tradewright.features.leaks import Pipeline, check_future_shuffle, check_truncation, pipeline_of
from tradewright.features.leaks.finding import LeakVerdict
from tradewright.features.leaks.pipeline import Market

SECONDS = 10.0
COLUMNS = 30


def rolling(market: Market, *, is_centred: bool = False) -> Mapping[str, NDArray[np.float64]]:
    """Thirty rolling means and deviations of the close, the last one centred if asked for."""
    close = pl.Series("close", market.fields[3])
    frame = close.to_frame().select(
        (
            pl.col("close").rolling_mean(n, center=is_centred and n == COLUMNS + 1)
            if n % 2
            else pl.col("close").rolling_std(n)
        ).alias(f"column {n}")
        for n in range(2, COLUMNS + 2)
    )
    return {name: frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy() for name in frame.columns}


def with_one_leak(market: Market) -> Mapping[str, NDArray[np.float64]]:
    """As `rolling`, and one column looks ahead."""
    return rolling(market, is_centred=True)


def timed(name: str, pipeline: Pipeline, bars: Bars) -> tuple[LeakVerdict, bool]:
    """Run the test once and print its time."""
    began = time.perf_counter()
    verdict = check_truncation(pipeline, bars)
    took = time.perf_counter() - began
    found = ", ".join(f"{f.feature} at bar {f.bar}" for f in verdict.findings) or "nothing found"
    print(f"{name:34}{took:8.2f} s  {verdict.trials:7,} trials  {found}")
    return verdict, took <= SECONDS


def main() -> int:
    """Run all parts."""
    parser = argparse.ArgumentParser(description="Leak detectors: the truncation test.")
    parser.add_argument("--bars", type=int, default=10_000)
    options = parser.parse_args()
    bars = synthetic_bars(options.bars, seed=SEED, params=WalkParams(ticks_per_unit=1_000_000))
    bars.fields[REFERENCE] = synthetic_bars(options.bars, seed=2).close
    thirty = pipeline_of(THIRTY)
    thirty.compute(bars)  # compiles
    print(f"{len(bars):,} bars x {len(THIRTY)} features, target {SECONDS:g} s")
    results = [timed("streaming steps, every bar", thirty, bars)]
    results.append(timed("closed box (polars), 200 cuts", Pipeline("polars", rolling), bars))
    clean = all(verdict.is_clean for verdict, _ in results)
    leak, is_quick = timed("the same with one column centred", Pipeline("polars", with_one_leak), bars)
    began = time.perf_counter()
    clean &= check_future_shuffle(thirty, bars).is_clean
    print(f"{'future shuffle of the steps':34}{time.perf_counter() - began:8.2f} s")
    is_named = [f.feature for f in leak.findings] == [f"column {COLUMNS + 1}"]
    is_right = clean and is_named and len(THIRTY) >= COLUMNS
    print("answers: " + ("right" if is_right else "WRONG"))
    return 0 if is_right and is_quick and all(quick for _, quick in results) else 1


if __name__ == "__main__":
    sys.exit(main())
