"""Accounts made of replayed days, walked under rule sets by the same step that guards a real account.

The first rule set is the firm's and decides what becomes of a path. Others are the trader's own: what breaks one closes
everything, for that day or for good, and positions are cut before a reset that would break any.

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
    OPENED,
    PASSED,
    PAUSED_BY_DAILY,
    RUNNING,
    after_reset_nb,
    begin_nb,
    note_opening_nb,
    share_nb,
    step_nb,
    would_pass_nb,
)
from tradewright.core.types.prop import Trailing
from tradewright.core.types.prop_dtypes import prop_state_dtype

DAY = 1 << 32
#: Bits of ``options``: quiet days are not walked; everything is closed once that passes.
SKIPS_QUIET_DAYS, CLOSES_AT_TARGET = 1, 2
#: Columns of ``outcomes``: status (`RuleStatus`), days taken, balance at the end in millionths, days on which the
#: trader's own rules stopped trading, resets before which positions were cut.
STATUS, TAKEN, BALANCE, STOPPED, CUT = range(5)
N_OUTCOMES = 5
_INTRADAY_EQUITY, _INTRADAY_REALISED = int(Trailing.INTRADAY_EQUITY), int(Trailing.INTRADAY_REALISED)
_WHOLE = 1_000_000  # a position as large as in the run


@inlined
def step_both_nb(rules: Any, states: Any, now: int, balance: int, equity: int, flags: int) -> int:
    """Take in an event under all rule sets; the firm's status, or a pause where only the trader's own rules stop."""
    status = step_nb(rules[0], states[0], now, balance, equity, flags)
    for k in range(1, len(rules)):
        own = step_nb(rules[k], states[k], now, balance, equity, flags)
        if own != RUNNING and status == RUNNING:
            status = PAUSED_BY_DAILY
    return int(status)


@inlined
def is_quiet_nb(rules: Any, states: Any, day: Any, options: int) -> bool:
    """Tell whether a day that begins now can change nothing but balance, equity, flags and the days counted."""
    best = day.most_micro if options & CLOSES_AT_TARGET != 0 else day.most_flat_micro
    for k in range(len(rules)):
        rule, state = rules[k], states[k]
        equity = state.equity_micro
        if equity + day.least_micro < state.quiet_low_micro or equity + day.most_micro > state.quiet_high_micro:
            return False
        if rule.trailing == _INTRADAY_REALISED and equity + day.most_balance_micro > state.peak_micro:
            return False
        if not equity + best < rule.target_micro:
            return False
    return True


@inlined
def add_day_nb(rules: Any, states: Any, day: Any) -> None:
    """Add a quiet day."""
    if day.n == 0:
        return
    for k in range(len(rules)):
        state = states[k]
        state.equity_micro += day.end_micro
        state.balance_micro = state.equity_micro - day.end_floating_micro
        state.flags = day.end_flags
        if day.has_opened != 0:
            note_opening_nb(rules[k], state)


@inlined
def part_nb(amount: int, ppm: int) -> int:
    """Return so many millionths of an amount."""
    return amount if ppm == _WHOLE else share_nb(amount, ppm)


@inlined
def breaks_nb(states: Any, equity: int) -> bool:
    """Tell whether equity is below what any rule set watches."""
    for k in range(len(states)):  # noqa: SIM110  # generators are not compiled
        if equity < states[k].quiet_low_micro:
            return True
    return False


@compiled
def walk_day_nb(rules: Any, states: Any, rows: Any, day: Any, start: int, options: int, held: Any) -> int:
    """Walk the events of a day.

    A pause closes everything at the price that broke the limit and ends the day. Where the target is to be taken,
    everything is closed at the first event at which that passes. ``held[0]``, changed, is the part that is kept of
    what is open since before the day, until the run is flat or opens anew.
    """
    base = states[0].equity_micro
    kept, before = held[0], 0
    status = RUNNING
    held[0] = _WHOLE
    for i in range(day.n):
        row = rows[day.first + i]
        now = start + 1 + i
        if kept != _WHOLE and row.flags & OPENED != 0:
            base += part_nb(before, kept) - before
            kept = _WHOLE
        # the best moment first, then the worst: that is what hurts under a floor that trails equity
        best = base + part_nb(row.high_micro, kept)
        for k in range(len(rules)):
            if rules[k].trailing == _INTRADAY_EQUITY and best > states[k].quiet_high_micro:
                step_nb(rules[k], states[k], now, states[k].balance_micro, best, IS_OPEN)
        equity = base + part_nb(row.low_micro, kept)
        if breaks_nb(states, equity):
            status = step_both_nb(rules, states, now, states[0].balance_micro, equity, IS_OPEN)
            if status > RUNNING:
                return status if status >= PASSED else step_both_nb(rules, states, now, equity, equity, 0)
        equity = base + part_nb(row.close_micro, kept)
        if options & CLOSES_AT_TARGET != 0 and would_pass_nb(rules[0], states[0], equity):
            return step_both_nb(rules, states, now, equity, equity, 0)
        balance = equity - part_nb(row.floating_micro, kept)
        status = step_both_nb(rules, states, now, balance, equity, row.flags)
        if status > RUNNING:
            return status if status >= PASSED else step_both_nb(rules, states, now, equity, equity, 0)
        before = row.close_micro
        if kept != _WHOLE and row.flags & IS_OPEN == 0:
            base += part_nb(before, kept) - before
            kept = _WHOLE
    held[0] = kept
    return int(status)


@inlined
def survives_nb(rules: Any, states: Any, ppm: int) -> bool:
    """Tell whether no floor breaks at the reset if positions are cut to a part now."""
    equity = states[0].equity_micro
    floating = equity - states[0].balance_micro
    for k in range(len(rules)):
        if equity < after_reset_nb(rules[k], states[k], equity - part_nb(floating, ppm), equity):
            return False
    return True


@compiled
def cut_nb(rules: Any, states: Any, now: int) -> int:
    """Cut positions to the largest part that every floor after the coming reset allows; return it, in millionths."""
    if survives_nb(rules, states, _WHOLE):
        return _WHOLE
    part, beyond = 0, _WHOLE
    while beyond - part > 1:
        middle = (part + beyond) // 2
        if survives_nb(rules, states, middle):
            part = middle
        else:
            beyond = middle
    equity = states[0].equity_micro
    balance = equity - part_nb(equity - states[0].balance_micro, part)
    step_both_nb(rules, states, now, balance, equity, IS_OPEN if part > 0 else 0)
    return part


@compiled
def walk_paths_nb(rules: Any, rows: Any, days: Any, orders: Any, options: int, outcomes: Any, curves: Any) -> None:
    """Walk each path to its end.

    Parameters
    ----------
    rules : prop_rule_dtype[r]
        The firm's, then the trader's own. Their resets are ``DAY``, ``2 DAY`` and so on, more of them than a path has
        days.
    rows, days : day_row_dtype[m], day_dtype[d]
        What is replayed.
    orders : i4[p, n]
        Days of each path, in order.
    options : int
        `SKIPS_QUIET_DAYS`, `CLOSES_AT_TARGET`.
    outcomes : i8[p, N_OUTCOMES]
        Written.
    curves : i8[c, n + 1]
        Written for the first ``c`` paths: equity at the end of each day; the last value is repeated.
    """
    states = np.zeros(len(rules), prop_state_dtype)
    state = states[0]
    held = np.zeros(1, np.int64)
    for p in range(len(orders)):
        for k in range(len(rules)):
            begin_nb(rules[k], states[k], 0, rules[0].initial_micro, rules[0].initial_micro)
        status, taken, stopped, cut = RUNNING, 0, 0, 0
        held[0] = _WHOLE
        for k in range(orders.shape[1]):
            start = k * DAY
            if k > 0:
                status = step_both_nb(rules, states, start, state.balance_micro, state.equity_micro, state.flags)
                if status >= PASSED:
                    break
            taken = k + 1
            if p < len(curves):
                curves[p, k] = state.equity_micro
            if status != RUNNING:  # the reset did not lift a pause: nothing is traded today
                stopped += state.status == RUNNING
                held[0] = _WHOLE
                continue
            day = days[orders[p, k]]
            if options & SKIPS_QUIET_DAYS != 0 and held[0] == _WHOLE and is_quiet_nb(rules, states, day, options):
                add_day_nb(rules, states, day)
            else:
                status = walk_day_nb(rules, states, rows, day, start, options, held)
                if status >= PASSED:
                    break
                stopped += status != RUNNING and state.status == RUNNING
            if len(rules) > 1 and status == RUNNING and state.flags & IS_OPEN != 0:
                part = cut_nb(rules, states, start + DAY - 1)
                if part < _WHOLE:
                    cut += 1
                    status = state.status
                    held[0] = part_nb(held[0], part)
        outcomes[p, STATUS], outcomes[p, TAKEN], outcomes[p, BALANCE] = status, taken, state.balance_micro
        outcomes[p, STOPPED], outcomes[p, CUT] = stopped, cut
        if p < len(curves):
            curves[p, taken:] = state.equity_micro
