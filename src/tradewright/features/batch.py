"""The loop of a feature's step: the only way in which features are computed, for one event or a million.

There is one compiled loop for each step and it is shared by all its parameter values. It is kept on disk.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from tradewright.core.kernel.compiled import bind
from tradewright.core.kernel.memory_nb import fields_nb, floats_nb
from tradewright.core.types.bar import Bars
from tradewright.core.types.dtypes import N_FIELDS
from tradewright.core.types.feature import Feature, Floats, Step
from tradewright.features.price import field_step_nb
from tradewright.features.registers_nb import REGISTERS, registers_nb
from tradewright.features.step_identity import step_identity

#: ``loop(state, params, fields, start, stop, out)``: value after event ``start + j`` goes to ``out[j]``.
Loop = Callable[[Floats, Floats, Floats, int, int, Floats], None]

step_nb: Step = field_step_nb  # a stand-in: `_loop` gives each copy of a template its own


def run_in_registers(state: Floats, params: Floats, fields: Floats, start: int, stop: int, out: Floats) -> None:
    """Template for states of `REGISTERS` numbers; see `registers_nb`."""
    events = fields_nb(fields.ctypes.data, fields.shape[1])
    values = floats_nb(out.ctypes.data, out.size)
    constants = registers_nb()
    memory = registers_nb()
    for k in range(REGISTERS):
        constants[k] = params[k]
        memory[k] = state[k]
    for i in range(start, stop):
        values[i - start] = step_nb(memory, constants, events, i)
    for k in range(REGISTERS):
        state[k] = memory[k]


def run_in_memory(state: Floats, params: Floats, fields: Floats, start: int, stop: int, out: Floats) -> None:
    """Template for longer states, which hold windows. The views carry no reference counts, arrays would."""
    events = fields_nb(fields.ctypes.data, fields.shape[1])
    values = floats_nb(out.ctypes.data, out.size)
    constants = registers_nb()
    for k in range(REGISTERS):
        constants[k] = params[k]
    memory = floats_nb(state.ctypes.data, state.size)
    for i in range(start, stop):
        values[i - start] = step_nb(memory, constants, events, i)


@cache
def _loop(template: Loop, step: Step) -> Loop:
    """Return the compiled loop of a step, the same object for every feature that uses it."""
    name = f"{getattr(step, '__name__', 'step')}_{step_identity(step)}"
    return bind(template, name, step_nb=step)


def loop_of(feature: Feature) -> Loop:
    """Return the compiled loop of a feature, which takes arrays made by `new_state` and `new_params`.

    Raises
    ------
    ValueError
        If the feature's step is a plain Python function.
    """
    if not hasattr(feature.step, "py_func"):
        msg = f"the step of feature {feature.name} is not compiled; decorate it with `inlined`"
        raise ValueError(msg)
    template = run_in_registers if len(feature.state) <= REGISTERS else run_in_memory
    return _loop(template, feature.step)


def new_state(feature: Feature) -> Floats:
    """Return a fresh memory, f8[max(m, REGISTERS)], padded with zeros."""
    state = np.zeros(max(len(feature.state), REGISTERS))
    state[: len(feature.state)] = feature.state
    return state


def new_params(feature: Feature) -> Floats:
    """Return the parameters, f8[REGISTERS], padded with zeros.

    Raises
    ------
    ValueError
        If there are more than `REGISTERS`.
    """
    if len(feature.params) > REGISTERS:
        msg = f"feature {feature.name} has {len(feature.params)} params, at most {REGISTERS} are possible"
        raise ValueError(msg)
    params = np.zeros(REGISTERS)
    params[: len(feature.params)] = feature.params
    return params


def check_fields(fields: Floats, start: int, stop: int) -> None:
    """Refuse what the compiled loop would misread.

    Raises
    ------
    ValueError
        If ``fields`` is not C-contiguous f8[6, n], or ``start:stop`` does not lie inside it.
    """
    if fields.dtype != np.float64 or not fields.flags.c_contiguous or fields.shape[0] != N_FIELDS:
        msg = f"fields must be C-contiguous float64 with {N_FIELDS} rows, got {fields.dtype}{fields.shape}"
        raise ValueError(msg)
    if not 0 <= start <= stop <= fields.shape[1]:
        msg = f"events {start}:{stop} do not lie inside the {fields.shape[1]} events given"
        raise ValueError(msg)


def compute(feature: Feature, bars: Bars) -> Floats:
    """Return a feature's value after each bar.

    Parameters
    ----------
    feature : Feature
        What to compute; its memory starts afresh.
    bars : Bars
        Bars of one instrument in order.

    Returns
    -------
    ndarray of float64, shape (n,)
        ``out[i]`` depends on bars ``0..i`` only; NaN for the first ``feature.warmup`` bars.

    Raises
    ------
    ValueError
        If the bars' fields are not C-contiguous float64.
    """
    check_fields(bars.fields, 0, len(bars))
    out = np.empty(len(bars))
    loop_of(feature)(new_state(feature), new_params(feature), bars.fields, 0, len(bars), out)
    return out
