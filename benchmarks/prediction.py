"""Forecasts of one row and of many, whole models (trees, calibration, bias) in this process.

``python -m benchmarks.prediction [--rows 1000000] [--columns 40] [--rounds 100] [--threads 1] [--single 5000]``. One
row at a time: the 99th percentile must be at most 1 ms; every one must equal the same row among many, to the bit. Many
rows: `Forecaster.predict` must take at most 1.2 times what xgboost's own prediction takes, in turn, best of the
repeats; the whole model with its calibration is shown beside it. Exits with 1 if an answer differs or a limit is
missed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import numpy as np

from benchmarks.tabular import HORIZON, MINUTE, lesson
from tradewright.core.types.rows import FeatureRows
from tradewright.models.calibration import fit_calibration
from tradewright.models.forecaster import Lesson
from tradewright.models.model import FittedModel
from tradewright.models.registry import make_forecaster
from tradewright.models.xgb import XGBoost

SINGLE_LIMIT_MS, BATCH_LIMIT = 1.0, 1.2
_LEARNED_FROM = 50_000


def fitted(kind: str, data: Lesson, rounds: int, threads: int) -> FittedModel:
    forecaster = make_forecaster(kind, {"rounds": rounds, "threads": threads})
    cut, end = _LEARNED_FROM, 2 * _LEARNED_FROM
    forecaster.learn(Lesson(data.rows.take(slice(0, cut)), data.targets.take(slice(0, cut))))
    later = data.rows.take(slice(cut, end))
    calibration = fit_calibration(forecaster.predict(later), data.targets.take(slice(cut, end)), "beta")
    return FittedModel(forecaster, data.rows.names, "benchmark", HORIZON * MINUTE, calibration)


def single_rows(model: FittedModel, rows: FeatureRows, count: int) -> bool:
    expected = model.predict(rows.take(slice(0, count))).values
    took, beats = np.empty(count), np.empty(count)
    is_equal = True
    for i in range(count):
        row = rows.take(slice(i, i + 1))
        start = time.perf_counter()
        values = model.predict(row).values
        took[i] = (time.perf_counter() - start) * 1e3
        start = time.thread_time()
        model.predict(row)
        beats[i] = (time.thread_time() - start) * 1e3
        is_equal = is_equal and values[0].tobytes() == expected[i].tobytes()
    middle, late = np.percentile(took, [50, 99])
    words = "equal to the same rows among many" if is_equal else "NOT equal to the same rows among many"
    busy = np.percentile(beats, 99)  # without the waits for a core that others use
    kind = model.forecaster.kind
    print(f"{kind}: one row p50 {middle:.3f} ms, p99 {late:.3f} ms (limit {SINGLE_LIMIT_MS}), {words}")
    print(f"{kind}: one row, time on the core alone: p99 {busy:.3f} ms")
    return is_equal and late <= SINGLE_LIMIT_MS


def best(calls: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - start)
    return {name: min(taken) for name, taken in times.items()}


def many_rows(model: FittedModel, rows: FeatureRows, repeats: int) -> bool:
    assert isinstance(model.forecaster, XGBoost)  # noqa: S101 - for the type
    booster = model.forecaster.booster
    raw = booster.inplace_predict(rows.values, validate_features=False).astype(np.float64)
    said = model.forecaster.predict(rows)[:, [1, 2, 0]]
    if not np.array_equal(said, raw / (raw[:, 0] + raw[:, 1] + raw[:, 2])[:, None]):
        print("the forecasts differ")
        return False
    calls: dict[str, Callable[[], object]] = {
        "xgboost alone": lambda: booster.inplace_predict(rows.values, validate_features=False),
        "forecaster": lambda: model.forecaster.predict(rows),
        "with calibration and bias": lambda: model.predict(rows),
    }
    took = best(calls, repeats)
    alone = took["xgboost alone"]
    for name, seconds in took.items():
        print(
            f"xgboost: {len(rows):,} rows, {name}: {seconds:.2f} s, ratio {seconds / alone:.2f} (limit {BATCH_LIMIT})"
        )
    return took["forecaster"] <= BATCH_LIMIT * alone


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--single", type=int, default=5000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    data = lesson(max(options.rows, 2 * _LEARNED_FROM), options.columns, seed=2)
    is_good = True
    for kind in ("xgboost", "lightgbm"):
        # One row has no use for a second thread; waking it takes longer than the trees.
        is_good &= single_rows(fitted(kind, data, options.rounds, 1), data.rows, options.single)
    is_good &= many_rows(fitted("xgboost", data, options.rounds, options.threads), data.rows, options.repeats)
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
