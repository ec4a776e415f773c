"""The loop: what it refuses, and that it is one per step."""

from __future__ import annotations

import numpy as np
import pytest

from tradewright.core.types.bar import Bars
from tradewright.core.types.dtypes import CLOSE, N_FIELDS
from tradewright.core.types.feature import Feature, Floats
from tradewright.features import compute, ema, sma
from tradewright.features.batch import check_fields, new_params, new_state
from tradewright.features.contract import contract_bars
from tradewright.features.loops_nb import loop_of
from tradewright.features.registers_nb import REGISTERS


def test_one_loop_serves_all_parameters() -> None:
    assert loop_of(ema(5)) == loop_of(ema(50))
    assert loop_of(sma(50)) == loop_of(sma(500))


def test_short_and_long_states_give_the_same_bits() -> None:
    bars = contract_bars(300)
    step = ema(7).step
    long_state = (0.0,) * (REGISTERS + 1)
    padded = Feature("ema.long_state.v1", step, (7.0,), long_state, 6)
    assert loop_of(padded) != loop_of(ema(7))
    assert compute(padded, bars).tobytes() == compute(ema(7), bars).tobytes()


def test_state_and_params_are_padded_and_fresh() -> None:
    feature = ema(7)
    first, second = new_state(feature), new_state(feature)
    assert first.shape == (REGISTERS,)
    first[0] = 9.0
    assert second[0] == 0.0
    assert new_state(sma(100)).shape == (103,)
    assert new_params(feature).tolist() == [7.0] + [0.0] * (REGISTERS - 1)


def test_too_many_params_are_refused() -> None:
    feature = Feature("greedy.v1", ema(7).step, (1.0,) * (REGISTERS + 1), (), 0)
    with pytest.raises(ValueError, match=r"greedy\.v1 has 9 params, at most 8"):
        new_params(feature)


def test_a_plain_python_step_is_refused() -> None:
    def step(_state: Floats, _params: Floats, fields: Floats, i: int) -> float:
        return float(fields[CLOSE, i])

    with pytest.raises(ValueError, match=r"the step of feature plain\.v1 is not compiled; decorate it"):
        compute(Feature("plain.v1", step, (), (), 0), contract_bars(5))


def test_read_only_fields_are_fine() -> None:
    bars = contract_bars(50)
    expected = compute(ema(5), bars)
    bars.fields.flags.writeable = False
    assert compute(ema(5), bars).tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    "fields",
    [
        np.zeros((N_FIELDS, 8))[:, ::2],
        np.zeros((N_FIELDS, 8), order="F"),
        np.zeros((N_FIELDS, 8), dtype=np.float32),
        np.zeros((N_FIELDS - 1, 8)),
    ],
    ids=["strided", "fortran", "float32", "a row less"],
)
def test_other_layouts_are_refused(fields: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> None:
    with pytest.raises(ValueError, match="C-contiguous float64"):
        check_fields(fields, 0, 1)


@pytest.mark.parametrize(("start", "stop"), [(-1, 1), (0, 9), (5, 4)])
def test_ranges_outside_are_refused(start: int, stop: int) -> None:
    with pytest.raises(ValueError, match="do not lie inside the 8 events"):
        check_fields(np.zeros((N_FIELDS, 8)), start, stop)


def test_compute_refuses_strided_bars() -> None:
    bars = contract_bars(20)
    every_other = Bars("X", bars.ts_open[::2], bars.ts_event[::2], bars.fields[:, ::2])
    with pytest.raises(ValueError, match="C-contiguous"):
        compute(ema(3), every_other)
