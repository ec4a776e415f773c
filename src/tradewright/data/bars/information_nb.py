"""The compiled step of tick, volume, dollar and imbalance bars; batch and live run this one function.

This file calls compiled code of no other file; see `time_nb`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tradewright.core.kernel.compiled import compiled

I8 = NDArray[np.int64]
F8 = NDArray[np.float64]

#: Integer memory: first trade's time, number of trades in the bar, newest ``ts_seen``, newest ``ts_event``,
#: and the number of the trade that was out of order plus one (0: none).
START, COUNT, SEEN, LAST, FAULT = range(5)
N_STATE = 5
#: Value memory: the bar's values as `rows.VALUE_COLUMNS`, traded value, signed sum, then what outlives a bar.
DOLLAR, THETA, EXPECTED_TRADES, EXPECTED_IMBALANCE, THRESHOLD, PRICE, SIGN, IS_WARM, WARM_SUM = range(7, 16)
N_VALUE_STATE = 16
#: What is counted.
TICK, VOLUME, DOLLARS = 0, 1, 2
#: A sum this close below the size has reached it: ten trades of 0.1 are 1.
_CLOSE_ENOUGH = 1.0 - 1e-12


@compiled
def sign_nb(held: F8, price: float, aggressor: float) -> float:
    """Return +1 or -1: the side that took liquidity, else the tick rule, which repeats on an unchanged price."""
    if aggressor != 0.0:
        held[SIGN] = 1.0 if aggressor > 0.0 else -1.0
    elif held[PRICE] > 0.0 and price != held[PRICE]:
        held[SIGN] = 1.0 if price > held[PRICE] else -1.0
    return float(held[SIGN])


@compiled
def is_full_nb(params: F8, held: F8, count: int) -> bool:
    """Return whether the bar ends with the trade just added; ``params`` as for `push_trades_nb`."""
    unit, is_imbalance, size, min_trades, max_trades = params[0], params[1], params[2], params[5], params[6]
    if is_imbalance == 0.0:
        reached = float(count) if unit == TICK else held[4] if unit == VOLUME else held[DOLLAR]
        return bool(reached >= size * _CLOSE_ENOUGH)
    if held[IS_WARM] == 0.0:
        return bool(count >= size)
    if max_trades > 0.0 and count >= max_trades:
        return True
    return bool(count >= min_trades and abs(held[THETA]) >= held[THRESHOLD])


@compiled
def learn_nb(params: F8, held: F8, count: int) -> None:
    """Move the expectations on by one finished bar; the threshold of the next bar follows from them."""
    if held[IS_WARM] == 0.0:
        held[IS_WARM] = 1.0
        held[EXPECTED_TRADES] = count
        held[EXPECTED_IMBALANCE] = held[WARM_SUM] / count
    else:
        held[EXPECTED_TRADES] += params[3] * (count - held[EXPECTED_TRADES])
    held[THRESHOLD] = held[EXPECTED_TRADES] * abs(held[EXPECTED_IMBALANCE])


@compiled
def push_trades_nb(params: F8, memory: tuple[I8, F8], times: I8, values: F8, out: tuple[I8, F8]) -> int:
    """Take trades in order of time; write each bar that one of them completes; return how many.

    Parameters
    ----------
    params : f8[7]
        Unit (TICK, VOLUME, DOLLARS), 1 for imbalance, size, EWMA weights of bar length and of imbalance, fewest and
        most trades of an imbalance bar (0: no bound).
    memory : tuple
        i8[N_STATE] and f8[N_VALUE_STATE], changed in place.
    times, values : arrays
        i8[3, n]; f8[4, n]: price, size, aggressor, units bought.
    out : tuple
        i8[3, m] and f8[7, m], room for the bars; n are always enough.
    """
    state, held = memory
    out_times, out_values = out
    made = 0
    for i in range(times.shape[1]):
        ts, price, size, side = times[1, i], values[0, i], values[1, i], values[2, i]
        if ts < state[LAST]:
            state[FAULT] = i + 1
            return made
        state[LAST] = ts
        if state[COUNT] == 0:
            state[START], state[SEEN] = ts, times[2, i]
            held[:4] = price
            held[4 : THETA + 1] = 0.0
        state[COUNT] += 1
        state[SEEN] = max(state[SEEN], times[2, i])
        held[1], held[2], held[3] = max(held[1], price), min(held[2], price), price
        held[4] += size
        held[5] += 1.0
        held[6] += values[3, i]
        held[DOLLAR] += price * size
        weight = 1.0 if params[0] == TICK else size if params[0] == VOLUME else price * size
        signed = sign_nb(held, price, side) * weight
        held[PRICE] = price
        held[THETA] += signed
        if held[IS_WARM] == 0.0:
            held[WARM_SUM] += signed
        else:
            held[EXPECTED_IMBALANCE] += params[4] * (signed - held[EXPECTED_IMBALANCE])
        if is_full_nb(params, held, state[COUNT]):
            out_times[0, made], out_times[1, made], out_times[2, made] = state[START], ts, state[SEEN]
            for k in range(7):
                out_values[k, made] = held[k]
            made += 1
            learn_nb(params, held, state[COUNT])
            state[COUNT] = 0
    return made
