"""The compiled loop of one step, and the driver that runs many of them over the same events in one call.

A step is compiled once, into a loop that is called by address: ``loop(job, start, stop)``. A set of features is a table
of jobs, and the driver walks it block by block, so the events of a block are still in the cache when the next feature
reads them. One event is a block of one. What a set costs to compile is therefore its new steps, never the set.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final

from numba import int64, types

from tradewright.core.kernel.by_address import address_of
from tradewright.core.kernel.compiled import compiled, rebound
from tradewright.core.kernel.memory_nb import call_nb, fields_nb, floats_nb, ints_nb
from tradewright.core.types.dtypes import N_FIELDS
from tradewright.core.types.feature import Feature, Floats, Step
from tradewright.features.price import field_step_nb
from tradewright.features.registers_nb import REGISTERS, registers_nb
from tradewright.features.step_identity import step_identity

#: Columns of a table of jobs, i8[1 + k, COLUMNS]. Each row but the first is a job: the loop, the memory, what it reads
#: (0: every kind); the driver fills in where the events are and where the values go.
LOOP, STATE, PARAMS, READS, FIELDS, STRIDE, OUT = range(7)
COLUMNS: Final = 7
#: The first row: number of jobs; addresses of their newest values f8[k] and of the events' kinds i8[n] (0: all are of
#: ``KIND_ALL``, and where that is 0 too, each job reads every event).
JOBS, NEWEST, KINDS, KIND_ALL = range(4)
_BLOCK: Final = 1024
_LONG_STATE: Final = 1 << 40  # how long the view of a state claims to be; its feature says how long it is

step_nb: Step = field_step_nb  # a stand-in: each copy of a template has its own


def run_in_registers(job: int, start: int, stop: int) -> int:
    """Template for states of `REGISTERS` numbers; see `registers_nb`."""
    task = ints_nb(job, COLUMNS)
    events = fields_nb(task[FIELDS], task[STRIDE])
    values = floats_nb(task[OUT], stop - start)
    given_params = floats_nb(task[PARAMS], REGISTERS)
    given_state = floats_nb(task[STATE], REGISTERS)
    constants = registers_nb()
    memory = registers_nb()
    for k in range(REGISTERS):
        constants[k] = given_params[k]
        memory[k] = given_state[k]
    for i in range(start, stop):
        values[i - start] = step_nb(memory, constants, events, i)
    for k in range(REGISTERS):
        given_state[k] = memory[k]
    return 0


def run_in_memory(job: int, start: int, stop: int) -> int:
    """Template for longer states, which hold windows."""
    task = ints_nb(job, COLUMNS)
    events = fields_nb(task[FIELDS], task[STRIDE])
    values = floats_nb(task[OUT], stop - start)
    given_params = floats_nb(task[PARAMS], REGISTERS)
    constants = registers_nb()
    for k in range(REGISTERS):
        constants[k] = given_params[k]
    memory = floats_nb(task[STATE], _LONG_STATE)
    for i in range(start, stop):
        values[i - start] = step_nb(memory, constants, events, i)
    return 0


@cache
def _loop(template: Callable[..., int], step: Step) -> int:
    """Compile a step's loop, or load it from disk; the same address for every feature that uses it."""
    name = f"{getattr(step, '__name__', 'step')}_{step_identity(step)}"
    return address_of(rebound(template, name, step_nb=step))


def loop_of(feature: Feature) -> int:
    """Return the address of the compiled loop of a feature, which goes into a table.

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


def drive(table: int, fields: Floats, start: int, stop: int, out: int) -> int:
    """Run every job of a table over the events ``start`` to ``stop - 1``; values go to ``out``, f8[k, stop - start].

    Returns 0, or 1 without having done anything where there are no such events.
    """
    stride = fields.shape[1]
    if start < 0 or stop < start or stop > stride or fields.shape[0] != N_FIELDS:
        return 1
    head = ints_nb(table, COLUMNS)
    n = head[JOBS]
    kinds, kind_all = head[KINDS], head[KIND_ALL]
    newest = floats_nb(head[NEWEST], n)
    events = fields.ctypes.data
    width = stop - start
    for low in range(start, stop, _BLOCK):
        high = min(low + _BLOCK, stop)
        for f in range(n):
            at = table + 8 * COLUMNS * (f + 1)
            job = ints_nb(at, COLUMNS)
            to = out + 8 * (f * width + low - start)
            job[FIELDS] = events
            job[STRIDE] = stride
            values = floats_nb(to, high - low)
            if kinds == 0 and kind_all == 0:
                job[OUT] = to
                call_nb(job[LOOP], at, low, high)
                newest[f] = values[high - low - 1]
                continue
            for i in range(low, high):
                kind = ints_nb(kinds, stop)[i] if kinds != 0 else kind_all
                if job[READS] == 0 or job[READS] == kind:
                    job[OUT] = to + 8 * (i - low)
                    call_nb(job[LOOP], at, i, i + 1)
                    newest[f] = values[i - low]
                else:
                    values[i - low] = newest[f]
    return 0


@cache
def driver() -> Callable[[int, Floats, int, int, int], int]:
    """Return `drive` compiled for C-contiguous fields, read-only ones too; it refuses other arrays by TypeError."""
    signatures = [
        int64(int64, types.Array(types.float64, 2, "C", readonly=is_fixed), int64, int64, int64)
        for is_fixed in (False, True)
    ]
    return compiled(drive, *signatures)
