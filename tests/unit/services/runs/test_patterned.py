"""Forecasts of a run, moved by the record of a pattern."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from tradewright.core.types.bar import Bars, blank_fields
from tradewright.core.types.dtypes import CLOSE
from tradewright.core.types.errors import ConfigError
from tradewright.core.types.forecast import Forecasts
from tradewright.services.runs.patterned import with_patterns
from tradewright.services.settings import ForecastSettings, PatternSettings

N = 400
HOUR_NS = 3_600 * 10**9


def bars() -> Bars:
    """A price that rises after each fall and falls two times of three after each rise."""
    rng = np.random.default_rng(1)
    steps = [1.0]
    while len(steps) < N:
        steps.append(1.0 if steps[-1] < 0.0 or rng.random() < 1 / 3 else -1.0)
    stamps = np.arange(1, N + 1, dtype=np.int64) * HOUR_NS
    fields = blank_fields(stamps)
    fields[CLOSE] = 1_000.0 + np.cumsum(steps)
    return Bars("ACME", stamps - HOUR_NS, stamps, fields)


def forecasts(own: Bars) -> Forecasts:
    """Forecasts known a minute after each bar."""
    values = np.tile(np.array([[0.5], [0.5], [0.0], [0.0]]), (1, N))
    return Forecasts("ACME", own.ts_event + 60 * 10**9, values)


AFTER_A_FALL = PatternSettings(name="fall", feature="log_return(1)", below=0.0, bars=1)


def test_a_pattern_with_a_good_record_moves_forecasts_where_it_holds_and_no_others() -> None:
    own = bars()
    (moved,), (key,) = with_patterns([forecasts(own)], [AFTER_A_FALL], [own])
    fell = np.append(False, np.diff(own.close) < 0.0)
    assert (moved.values[0][~fell] == 0.5).all()
    assert moved.values[0][fell][-1] == pytest.approx(0.55)  # the cap: it always rose, long enough
    assert 0.5 < moved.values[0][fell][3] <= 0.51  # few cases
    assert np.allclose(moved.values.sum(axis=0), 1.0)
    (_, (other,)) = with_patterns([forecasts(own)], [AFTER_A_FALL.model_copy(update={"bars": 2})], [own])
    assert key != other


def test_bars_that_come_later_change_nothing() -> None:
    own = bars()
    (whole,), _ = with_patterns([forecasts(own)], [AFTER_A_FALL], [own])
    fields = own.fields.copy()
    fields[CLOSE, 250:] = 1.0
    changed = Bars("ACME", own.ts_open, own.ts_event, fields)
    (cut,), _ = with_patterns([forecasts(own)], [AFTER_A_FALL], [changed])
    assert cut.values[:, :250].tobytes() == whole.values[:, :250].tobytes()


def test_what_is_no_pattern_is_refused() -> None:
    with pytest.raises(ValidationError, match="needs `above`, `below`, or both"):
        ForecastSettings.model_validate({"model": "m", "patterns": [{"name": "p", "feature": "rsi_wilder", "bars": 1}]})
    own = bars()
    wrong = AFTER_A_FALL.model_copy(update={"feature": "no_such(1)"})
    with pytest.raises(ConfigError, match="no_such"):
        with_patterns([forecasts(own)], [wrong], [own])
