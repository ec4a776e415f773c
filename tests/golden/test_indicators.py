"""Indicator values published by other projects; the numbers and their sources stand in indicators.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tradewright.core.types.bar import Bars
from tradewright.core.types.dtypes import CLOSE, HIGH, LOW, N_FIELDS, OPEN, SESSION, VOLUME
from tradewright.core.types.feature import Feature
from tradewright.features import atr_sma, atr_wilder, compute, ema, ema_recursive, rsi_wilder, vwap_session

CASES: dict[str, Any] = json.loads((Path(__file__).parent / "indicators.json").read_text(encoding="utf-8"))["cases"]


def make_bars(
    high: NDArray[np.float64],
    low: NDArray[np.float64],
    close: NDArray[np.float64],
    volume: NDArray[np.float64] | None = None,
    session: NDArray[np.float64] | None = None,
) -> Bars:
    fields = np.zeros((N_FIELDS, len(close)))
    fields[OPEN] = fields[CLOSE] = close
    fields[HIGH] = high
    fields[LOW] = low
    fields[VOLUME] = 0.0 if volume is None else volume
    fields[SESSION] = 0.0 if session is None else session
    ts = np.arange(len(close), dtype=np.int64)
    return Bars("X", ts, ts + 1, fields)


def hlc_bars(case: dict[str, Any]) -> Bars:
    high, low, close = np.array(case["inputs"]["hlc"]).T
    return make_bars(high, low, close)


def close_bars(case: dict[str, Any]) -> Bars:
    close = np.array(case["inputs"]["close"])
    return make_bars(close, close, close)


def assert_answers(case: dict[str, Any], feature: Feature, bars: Bars, key: str) -> None:
    first = case["inputs"]["first_index"]
    expected = np.array(case["expected"][key])
    values = compute(feature, bars)
    assert np.isnan(values[:first]).all()
    assert values[first : first + len(expected)] == pytest.approx(expected, rel=0.0, abs=case["tolerance"]["abs"])


def test_kat_28_atr_wilder() -> None:
    case = CASES["KAT-28"]
    assert_answers(case, atr_wilder(case["inputs"]["period"]), hlc_bars(case), "atr_from_index_13")


def test_kat_29_atr_sma() -> None:
    case = CASES["KAT-29"]
    assert_answers(case, atr_sma(case["inputs"]["period"]), hlc_bars(case), "atr_from_index_14")


def test_kat_31_ema_seeded_with_sma() -> None:
    case = CASES["KAT-31"]
    bars = close_bars(case)
    assert_answers(case, ema(case["inputs"]["period"]), bars, "ema_from_index_13")
    trap = case["trap"]["pandas ewm(adjust=False) at index 13"]
    assert compute(ema(case["inputs"]["period"]), bars)[13] != pytest.approx(trap, abs=0.01)


def test_kat_31_the_trap_value_belongs_to_the_other_convention() -> None:
    case = CASES["KAT-31"]
    trap = case["trap"]["pandas ewm(adjust=False) at index 13"]
    value = compute(ema_recursive(case["inputs"]["period"]), close_bars(case))[13]
    assert value == pytest.approx(trap, rel=0.0, abs=1e-9)


def test_kat_32_rsi_wilder() -> None:
    case = CASES["KAT-32"]
    assert_answers(case, rsi_wilder(case["inputs"]["period"]), close_bars(case), "rsi_from_index_14")


@pytest.mark.parametrize("series", [0, 1])
def test_kat_33_vwap_of_a_session_and_its_reset(series: int) -> None:
    case = CASES["KAT-33"]
    prices, volumes = np.array(case["inputs"]["price_volume"][series]).T
    next_price, next_volume = case["inputs"]["then_new_session_first_tick"]
    prices = np.append(prices, next_price)
    session = np.append(np.zeros(len(volumes)), 1.0)
    bars = make_bars(prices, prices, prices, np.append(volumes, next_volume), session)
    values = compute(vwap_session(), bars)
    assert values[-2] == pytest.approx(case["expected"]["vwap"][series], rel=case["tolerance"]["rel"])
    assert values[-1] == case["expected"]["after_reset"]


def test_kat_33_trap_a_session_without_volume_is_no_division_by_zero() -> None:
    prices = np.array([10.0, 11.0, 12.0, 13.0])
    bars = make_bars(prices, prices, prices, np.array([5.0, 0.0, 0.0, 0.0]), np.array([1.0, 1.0, 2.0, 2.0]))
    assert compute(vwap_session(), bars).tolist() == [10.0, 10.0, 12.0, 13.0]
