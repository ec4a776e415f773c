"""Accounts made of replayed days, walked under one rule set by the same step that guards a real account.

Time is made up: day ``k`` of a path takes ``DAY`` units, its reset comes at their end, its events follow one another.
Equity goes on where the day before left it; what each day adds is fixed beforehand in money. A day that provably can
neither touch a floor, nor move one, nor reach the target is not walked but added; the result is the same to the bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tradewright.core.kernel.compiled import compiled, inlined
from tradewright.core.kernel.floors_nb import (
    IS_OPEN,
    PASSED,
    RUNNING,
    begin_nb,
    note_opening_nb,
    step_nb,
    would_pass_nb,
)
from tradewright.core.types.prop import Trailing
from tradewright.core.types.prop_dtypes import prop_state_dtype

DAY = 1 << 32
#: Bits of ``options``: quiet days are not walked; everything is closed once that passes.
SKIPS_QUIET_DAYS, CLOSES_AT_TARGET = 1, 2
_INTRADAY_EQUITY, _INTRADAY_REALISED = int(Trailing.INTRADAY_EQUITY), int(Trailing.INTRADAY_REALISED)


@inlined
def is_quiet_nb(rule: Any, state: Any, day: Any, options: int) -> bool:
    """Tell whether a day that begins now can change nothing but balance, equity, flags and the days counted."""
    equity = state.equity_micro
    if equity + day.least_micro < state.quiet_low_micro or equity + day.most_micro > state.quiet_high_micro:
        return False
    if rule.trailing == _INTRADAY_REALISED and equity + day.most_balance_micro > state.peak_micro:
        return False
    best = day.most_micro if options & CLOSES_AT_TARGET != 0 else day.most_flat_micro
    return bool(equity + best < rule.target_micro)


@inlined
def add_day_nb(rule: Any, state: Any, day: Any) -> None:
    """Add a quiet day."""
    if day.n == 0:
        return
    state.equity_micro += day.end_micro
    state.balance_micro = state.equity_micro - day.end_floating_micro
    state.flags = day.end_flags
    if day.has_opened != 0:
        note_opening_nb(rule, state)


@inlined
def walk_day_nb(rule: Any, state: Any, rows: Any, day: Any, start: int, options: int) -> int:
    """Walk the events of a day.

    A pause closes everything at the price that broke the limit and ends the day. Where the target is to be taken,
    everything is closed at the first event at which that passes.
    """
    base = state.equity_micro
    status = RUNNING
    for i in range(day.n):
        row = rows[day.first + i]
        now = start + 1 + i
        # the best moment first, then the worst: that is what hurts under a floor that trails equity
        if rule.trailing == _INTRADAY_EQUITY and base + row.high_micro > state.quiet_high_micro:
            step_nb(rule, state, now, state.balance_micro, base + row.high_micro, IS_OPEN)
        equity = base + row.low_micro
        if equity < state.quiet_low_micro:
            status = step_nb(rule, state, now, state.balance_micro, equity, IS_OPEN)
            if status > RUNNING:
                if status < PASSED:
                    return step_nb(rule, state, now, equity, equity, 0)
                return status
        equity = base + row.close_micro
        if options & CLOSES_AT_TARGET != 0 and would_pass_nb(rule, state, equity):
            return step_nb(rule, state, now, equity, equity, 0)
        status = step_nb(rule, state, now, equity - row.floating_micro, equity, row.flags)
        if status > RUNNING:
            if status < PASSED:
                return step_nb(rule, state, now, equity, equity, 0)
            return status
    return int(status)


@compiled
def walk_paths_nb(rule: Any, rows: Any, days: Any, orders: Any, options: int, outcomes: Any, curves: Any) -> None:
    """Walk each path to its end.

    Parameters
    ----------
    rule : prop_rule_dtype
        Its resets are ``DAY``, ``2 DAY`` and so on, more of them than a path has days.
    rows, days : day_row_dtype[m], day_dtype[d]
        What is replayed.
    orders : i4[p, n]
        Days of each path, in order.
    options : int
        `SKIPS_QUIET_DAYS`, `CLOSES_AT_TARGET`.
    outcomes : i8[p, 3]
        Written: status (`RuleStatus`), days taken, balance at the end in millionths.
    curves : i8[c, n + 1]
        Written for the first ``c`` paths: equity at the end of each day; the last value is repeated.
    """
    states = np.zeros(1, prop_state_dtype)
    state = states[0]
    for p in range(len(orders)):
        begin_nb(rule, state, 0, rule.initial_micro, rule.initial_micro)
        status, taken = RUNNING, 0
        for k in range(orders.shape[1]):
            start = k * DAY
            if k > 0:
                status = step_nb(rule, state, start, state.balance_micro, state.equity_micro, state.flags)
                if status >= PASSED:
                    break
            taken = k + 1
            if p < len(curves):
                curves[p, k] = state.equity_micro
            if status != RUNNING:  # the reset did not lift a pause: nothing is traded today
                continue
            day = days[orders[p, k]]
            if options & SKIPS_QUIET_DAYS != 0 and is_quiet_nb(rule, state, day, options):
                add_day_nb(rule, state, day)
                continue
            status = walk_day_nb(rule, state, rows, day, start, options)
            if status >= PASSED:
                break
        outcomes[p, 0], outcomes[p, 1], outcomes[p, 2] = status, taken, state.balance_micro
        if p < len(curves):
            curves[p, taken:] = state.equity_micro
