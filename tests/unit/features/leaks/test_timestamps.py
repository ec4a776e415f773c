"""The timestamp test: declared times, and joins with a higher timeframe."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tradewright.core.types.bar import Bars
from tradewright.data.synthetic import WalkParams, synthetic_bars
from tradewright.features.leaks import check_complete_bars, check_timestamps

MINUTE = 60 * 10**9
LOW = synthetic_bars(300, seed=1)
HIGH = synthetic_bars(60, seed=2, params=WalkParams(interval=5 * MINUTE))


def test_values_known_later_than_used_are_found_with_their_first_row() -> None:
    used = LOW.ts_event
    late = used.copy()
    late[40:43] += 7 * 10**9
    verdict = check_timestamps(used, {"fine": used, "late": late, "none": np.full(300, -1)})
    (finding,) = verdict.findings
    assert (finding.feature, finding.bar, finding.ts_event) == ("late", 40, int(used[40]))
    assert "7 s after" in finding.detail
    assert "3 of 300" in finding.detail
    assert verdict.trials == 900


def test_times_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        check_timestamps(LOW.ts_event, {"x": LOW.ts_event[:-1]})


def joined(on: str) -> np.ndarray:
    """Join the higher close to each minute by a time of the higher bar, as people do."""
    low = pl.DataFrame({"ts": LOW.ts_event})
    high = pl.DataFrame({"ts": getattr(HIGH, on), "close": HIGH.close})
    made = low.join_asof(high, on="ts", strategy="backward")["close"]
    return made.fill_null(float("nan")).to_numpy()


def test_a_join_by_the_beginning_of_the_higher_bar_is_caught() -> None:
    verdict = check_complete_bars(LOW.ts_event, {"h": joined("ts_open")}, HIGH, {"h": HIGH.close})
    (finding,) = verdict.findings
    assert finding.bar == 0
    assert "ends 240 s later" in finding.detail


@pytest.mark.parametrize("lag", [0, 1])
def test_a_join_by_its_end_is_let_pass_also_when_it_is_late(lag: int) -> None:
    column = joined("ts_event")
    column = np.append(np.full(5 * lag, np.nan), column)[: len(column)]
    assert check_complete_bars(LOW.ts_event, {"h": column}, HIGH, {"h": HIGH.close}).is_clean


def test_equal_values_of_neighbours_accuse_nobody() -> None:
    flat = Bars("X", HIGH.ts_open, HIGH.ts_event, HIGH.fields)
    signs = np.where(np.arange(60) % 3 == 0, 1.0, -1.0)
    place = np.searchsorted(flat.ts_event, LOW.ts_event, side="right") - 1
    column = np.where(place >= 0, signs[np.maximum(place, 0)], np.nan)
    assert check_complete_bars(LOW.ts_event, {"s": column}, flat, {"s": signs}).is_clean
