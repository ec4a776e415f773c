"""The compiled step of time bars. Batch and live run this one function, so that they cannot disagree.

This file calls compiled code of no other file: Numba's disk cache then notices every change that matters (see
docs/decisions/0003-compile-cache.md).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tradewright.core.kernel.compiled import compiled

I8 = NDArray[np.int64]
F8 = NDArray[np.float64]

#: Places in the integer memory: the bucket under way, its number of rows, the latest ``ts_seen`` in it, the end of
#: the newest row, the session under way, rows outside all sessions, what was wrong with which row, the moment from
#: which on rows are complete, and the rows in buckets that began before that.
START, END, ROWS, SEEN, LAST, SESSION, OUTSIDE, FAULT, FAULT_AT, SINCE, INCOMPLETE = range(11)
N_STATE = 11
#: The value memory holds the bucket's values as `rows.VALUE_COLUMNS`, then whether its trades are unknown.
UNKNOWN = 7
N_VALUE_STATE = 8
SOUND, NOT_ASCENDING, CROSSES = 0, 1, 2


@compiled
def emit_nb(state: I8, held: F8, out_times: I8, out_values: F8, at: int) -> None:
    """Write the bucket under way to column ``at`` and empty it."""
    out_times[0, at] = state[START]
    out_times[1, at] = state[END]
    out_times[2, at] = max(state[SEEN], state[END])
    for k in range(7):
        out_values[k, at] = held[k]
    if held[UNKNOWN] > 0.0:
        out_values[5, at] = 0.0
    state[ROWS] = 0


@compiled
def fold_nb(state: I8, held: F8, times: I8, values: F8, first: int) -> int:
    """Add rows to the bucket under way, in order of time; return the first row that was not added.

    Stops at a row that begins at the bucket's end or later, that is out of order, or that crosses the end.
    """
    high, low, close, unknown = held[1], held[2], held[3], held[UNKNOWN]
    volume, trades, bought = held[4], held[5], held[6]
    end, last, seen = state[END], state[LAST], state[SEEN]
    i = first
    while i < times.shape[1]:
        if times[0, i] < last or times[1, i] > end or times[0, i] >= end:
            break
        last = times[1, i]
        seen = max(seen, times[2, i])
        high = max(high, values[1, i])
        low = min(low, values[2, i])
        close = values[3, i]
        volume += values[4, i]
        trades += values[5, i]
        bought += values[6, i]
        if values[5, i] == 0.0 and values[4, i] > 0.0:
            unknown = 1.0
        i += 1
    held[1], held[2], held[3], held[UNKNOWN] = high, low, close, unknown
    held[4], held[5], held[6] = volume, trades, bought
    state[LAST], state[SEEN] = last, seen
    state[ROWS] += i - first
    return i


@compiled
def open_nb(grid: tuple[int, int, I8, I8], state: I8, held: F8, ts: int) -> bool:
    """Open the bucket that ``ts`` lies in; False where it lies in none."""
    size, origin, opens, closes = grid
    if len(opens) == 0:
        state[START] = ts - (ts - origin) % size
        state[END] = state[START] + size
    else:
        s = state[SESSION]
        while s + 1 < len(opens) and opens[s + 1] <= ts:
            s += 1
        state[SESSION] = s
        if ts < opens[s] or ts >= closes[s]:
            return False
        state[START] = ts - (ts - opens[s]) % size
        state[END] = min(state[START] + size, closes[s])
    held[:] = 0.0
    return True


@compiled
def push_rows_nb(
    grid: tuple[int, int, I8, I8], memory: tuple[I8, F8], times: I8, values: F8, out: tuple[I8, F8]
) -> int:
    """Take rows in order of time; write each bucket that a later row has ended; return how many.

    Parameters
    ----------
    grid : tuple
        ``size_ns``, ``origin_ns``, ``opens`` i8[k], ``closes`` i8[k]; see `grid.TimeGrid`.
    memory : tuple
        i8[N_STATE] and f8[N_VALUE_STATE], changed in place. A fault (not ascending, crosses the end of its bucket)
        is left there with the row's number; rows before it have been taken.
    times, values : arrays
        i8[3, n] and f8[7, n], as `rows.arrays_of` makes them.
    out : tuple
        i8[3, m] and f8[7, m], room for the buckets; n are always enough.
    """
    state, held = memory
    out_times, out_values = out
    made = 0
    i = 0
    while i < times.shape[1]:
        ts = times[0, i]
        if ts < state[LAST]:
            state[FAULT], state[FAULT_AT] = NOT_ASCENDING, i
            return made
        if state[ROWS] > 0 and ts >= state[END]:
            emit_nb(state, held, out_times, out_values, made)
            made += 1
        if state[ROWS] == 0:
            if not open_nb(grid, state, held, ts):
                opens = grid[2]
                following = state[SESSION] + (ts >= opens[state[SESSION]])
                if following < len(opens) and times[1, i] > opens[following]:
                    state[END] = opens[following]
                    state[FAULT], state[FAULT_AT] = CROSSES, i
                    return made
                state[OUTSIDE] += 1
                state[LAST] = times[1, i]
                i += 1
                continue
            if state[START] < state[SINCE]:
                state[INCOMPLETE] += 1
                state[LAST] = times[1, i]
                i += 1
                continue
            for k in range(4):
                held[k] = values[k, i]
            state[SEEN] = times[2, i]
        if times[1, i] > state[END]:
            state[FAULT], state[FAULT_AT] = CROSSES, i
            return made
        i = fold_nb(state, held, times, values, i)
    return made


@compiled
def close_nb(memory: tuple[I8, F8], now: int, out: tuple[I8, F8]) -> int:
    """Write the bucket under way if it has rows and has ended by ``now``; return how many were written, 0 or 1."""
    state, held = memory
    if state[ROWS] == 0 or state[END] > now:
        return 0
    emit_nb(state, held, out[0], out[1], 0)
    state[LAST] = max(state[LAST], state[END])
    return 1
