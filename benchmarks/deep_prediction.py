"""Deep models: how long learning 40,000 rows takes, and forecasts of one row and of many in this process.

``python -m benchmarks.deep_prediction [--kind lstm] [--rows 40000] [--columns 40] [--single 5000] [--epochs 10]``. A
model with its default parameters, a calibration and the bias. One row comes with the rows its window needs: the 99th
percentile must be at most 5 ms, from ``FittedModel.predict`` on; every one must equal the same row among many within
the forecaster's tolerance. Exits with 1 if an answer differs or the limit is missed.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np

from benchmarks.tabular import HORIZON, MINUTE, lesson
from tradewright.core.types.rows import FeatureRows
from tradewright.models.calibration import fit_calibration
from tradewright.models.forecaster import Lesson
from tradewright.models.model import FittedModel
from tradewright.models.registry import make_forecaster

SINGLE_LIMIT_MS = 5.0
_JUDGED = 10_000


def part(data: Lesson, first: int, end: int) -> Lesson:
    return Lesson(data.rows.take(slice(first, end)), data.targets.take(slice(first, end)))


def fitted(kind: str, data: Lesson, rows: int, epochs: int) -> FittedModel:
    forecaster = make_forecaster(kind, {"epochs": epochs})
    start, busy = time.perf_counter(), time.process_time()
    forecaster.learn(part(data, 0, rows), part(data, rows, rows + _JUDGED), lambda line: print(f"{kind}: {line}"))
    took, busy = time.perf_counter() - start, time.process_time() - busy
    print(f"{kind}: learned from {rows:,} rows in {took:.1f} s ({busy:.1f} s on the core)")
    judged = part(data, rows, rows + _JUDGED)
    calibration = fit_calibration(forecaster.predict(judged.rows), judged.targets, "beta")
    return FittedModel(forecaster, data.rows.names, "benchmark", HORIZON * MINUTE, calibration)


def single_rows(model: FittedModel, rows: FeatureRows, count: int) -> bool:
    window = model.forecaster.lookback
    expected = model.predict(rows.take(slice(0, count + window - 1))).values[window - 1 :]
    took, busy, apart = np.empty(count), np.empty(count), np.empty(count)
    for i in range(count):
        newest = rows.take(slice(i, i + window))
        start, core = time.perf_counter(), time.thread_time()
        values = model.predict(newest).values
        took[i] = (time.perf_counter() - start) * 1e3
        busy[i] = (time.thread_time() - core) * 1e3
        apart[i] = np.abs(values[-1] - expected[i]).max()
    middle, late, latest = np.percentile(took, [50, 99, 99.9])
    is_equal = bool(apart.max() <= model.forecaster.tolerance)
    print(
        f"{model.forecaster.kind}: one row p50 {middle:.3f} ms, p99 {late:.3f} ms, p99.9 {latest:.3f} ms "
        f"(limit of p99 {SINGLE_LIMIT_MS}); at most {apart.max():.1e} from the same rows among many"
    )
    # Without the waits for a core that others use.
    print(f"{model.forecaster.kind}: one row, time on the core alone: p99 {np.percentile(busy, 99):.3f} ms")
    return is_equal and bool(late <= SINGLE_LIMIT_MS)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", action="append", choices=["lstm", "transformer"], help="default: both")
    parser.add_argument("--rows", type=int, default=40_000)
    parser.add_argument("--columns", type=int, default=40)
    parser.add_argument("--single", type=int, default=5000)
    parser.add_argument("--epochs", type=int, default=10)
    options = parser.parse_args()
    data = lesson(options.rows + _JUDGED, options.columns, seed=2)
    is_good = True
    for kind in options.kind or ("lstm", "transformer"):
        model = fitted(kind, data, options.rows, options.epochs)
        is_good &= single_rows(model, data.rows, options.single)
        start = time.perf_counter()
        model.predict(data.rows)
        print(f"{kind}: {len(data.rows):,} rows at once in {time.perf_counter() - start:.2f} s")
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
