"""Five purged folds of XGBoost through our contract, against the library called directly: equal first, then timed.

``python -m benchmarks.xgboost_folds [--rows 1000000] [--columns 40] [--rounds 10] [--threads 1] [--repeats 1]``.
Both sides train on the same rows of each fold with the same parameters and predict its test rows. Ours finds the folds
(purged, with an embargo) inside its time; the other gets them for nothing. Forecasts must be equal to the bit. Exits
with 1 if they differ, or if ours takes more than 1.5 times as long.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from benchmarks.tabular import HORIZON, MINUTE, lesson
from tradewright.models.forecaster import Lesson
from tradewright.models.splits import Fold, PurgedKFold
from tradewright.models.xgb import XGBoost, XGBoostParams

LIMIT = 1.5
FOLDS = PurgedKFold(5, HORIZON * MINUTE)
#: Columns of a forecast in the order of the library's classes: down, flat, up.
PLACES = [1, 2, 0]

Answers = list[NDArray[np.float64]]


def ours(data: Lesson, params: XGBoostParams) -> Answers:
    found = []
    for fold in FOLDS.split(data.rows.ts_event, data.targets.ts_end):
        model = XGBoost(params)
        model.learn(Lesson(data.rows.take(fold.train), data.targets.take(fold.train)))
        found.append(model.predict(data.rows.take(fold.test)))
    return found


def direct(data: Lesson, params: XGBoostParams, folds: list[Fold]) -> Answers:
    found = []
    native = params.native(3)
    outcome = data.targets.direction + 1
    for fold in folds:
        matrix = xgb.QuantileDMatrix(
            data.rows.values[fold.train],
            outcome[fold.train],
            weight=data.targets.weight[fold.train],
            max_bin=params.max_bin,
            nthread=params.threads,
        )
        trees = xgb.train(native, matrix, params.rounds)
        found.append(trees.inplace_predict(data.rows.values[fold.test]).astype(np.float64))
    return found


def timed(run: Callable[[], Answers]) -> tuple[float, Answers]:
    start = time.perf_counter()
    answers = run()
    return time.perf_counter() - start, answers


def are_equal(mine: Answers, theirs: Answers) -> bool:
    """Ours are the library's shares, brought to the sum 1 in double precision."""
    for a, b in zip(mine, theirs, strict=True):
        total = b[:, 0] + b[:, 1] + b[:, 2]
        if not np.array_equal(a[:, PLACES], b / total[:, None]):
            return False
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=1)
    options = parser.parse_args()
    data = lesson(options.rows, options.columns, seed=1)
    params = XGBoostParams(rounds=options.rounds, threads=options.threads)
    folds = list(FOLDS.split(data.rows.ts_event, data.targets.ts_end))
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(options.repeats):
        theirs_took, theirs = timed(lambda: direct(data, params, folds))
        mine_took, mine = timed(lambda: ours(data, params))
        if not are_equal(mine, theirs):
            print("the forecasts differ")
            return 1
        times[0].append(mine_took)
        times[1].append(theirs_took)
    ratio = min(times[0]) / min(times[1])
    print(
        f"{options.rows:,} rows x {options.columns} features, 5 purged folds, {options.rounds} rounds: equal to the bit"
    )
    print(f"ours {min(times[0]):.1f} s, xgboost alone {min(times[1]):.1f} s, ratio {ratio:.2f} (limit {LIMIT})")
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
