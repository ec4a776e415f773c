"""Prop-firm rules on the equity path: one step for an event, and the money left until a floor.

The guard in the order path and the challenge simulation call the same step. It is exact: amounts are whole millionths
of the account currency, a floor between two of them is kept as the least equity that does not break it, and every test
is one comparison of integers.

What decides where two things meet:

- An event at the very moment of a reset ends the old day and begins the new one: it must respect both days' floors, and
  the new day is anchored at its balance and equity. After a reset without such an event the last values before count.
- A breach comes before the target, and the whole account's floor before the day's.
- The target counts only while no position is open; a day that must be profitable counts once it has ended.
"""

from __future__ import annotations

from typing import Any

from tradewright.core.kernel.compiled import compiled, inlined
from tradewright.core.kernel.memory_nb import int_at_nb
from tradewright.core.types.prop import AccountFlag, Anchor, DayCount, RuleStatus, ShareOf, Trailing

MOST = 2**63 - 1
NO_FLOOR = -(2**62)  # leaves room to subtract
_MILLION = 1_000_000

_NO_ANCHOR, _BALANCE, _EQUITY, _MAX_BALANCE_EQUITY, _INITIAL = (int(a) for a in Anchor)
_STATIC, _EOD_BALANCE, _INTRADAY_EQUITY, _INTRADAY_REALISED = (int(t) for t in Trailing)
_OPEN_DATE, _PROFITABLE = int(DayCount.DISTINCT_OPEN_DATE), int(DayCount.PROFITABLE_DAY)
_NET_TOTAL, _POSITIVE_DAYS, _TARGET = (int(s) for s in ShareOf)
IS_OPEN, OPENED = (int(f) for f in AccountFlag)
RUNNING, PAUSED_BY_DAILY, PAUSED_BY_MAX, PASSED, DAILY_LOSS, MAX_LOSS, TIME_LIMIT, CLOCK_ENDED = (
    int(s) for s in RuleStatus
)


@inlined
def share_nb(amount: int, ppm: int) -> int:
    """Millionths of an amount, rounded down; in two parts, so that no product overflows."""
    return amount // _MILLION * ppm + amount % _MILLION * ppm // _MILLION


@inlined
def least_nb(anchor: int, ppm: int, distance: int, inclusive: int) -> int:
    """Least equity allowed at a distance below an anchor; the distance is a share of it, or fixed where that is 0."""
    if ppm != 0:
        # below a limit that may be touched the floor is rounded up, below one that may not be, down and one is added
        distance = -share_nb(-anchor, ppm) if inclusive != 0 else share_nb(anchor, ppm)
    return anchor - distance + inclusive


@inlined
def day_least_nb(rule: Any, balance: int, equity: int) -> int:
    """Least equity allowed in a day that begins with these."""
    if rule.daily_anchor == _NO_ANCHOR:
        return NO_FLOOR
    anchor = rule.initial_micro
    if rule.daily_anchor == _BALANCE:
        anchor = balance
    elif rule.daily_anchor == _EQUITY:
        anchor = equity
    elif rule.daily_anchor == _MAX_BALANCE_EQUITY:
        anchor = max(balance, equity)
    return least_nb(anchor, rule.daily_ppm, rule.daily_distance_micro, rule.daily_inclusive)


@inlined
def max_least_nb(rule: Any, peak: int) -> int:
    """Least equity the account's floor allows below a peak."""
    if rule.has_max_loss == 0:
        return NO_FLOOR
    least = least_nb(peak, rule.max_ppm, rule.max_distance_micro, rule.max_inclusive)
    if rule.lock_micro != MOST:
        least = min(least, rule.lock_micro + rule.max_inclusive)
    return least


@inlined
def next_reset_nb(rule: Any, index: int) -> int:
    """Time of a reset."""
    return int_at_nb(rule.resets, index) if index < rule.n_resets else MOST


@inlined
def watches_day_nb(rule: Any, status: int) -> bool:
    """Tell whether the daily floor is watched now: a soft one that was broken sleeps until the reset."""
    return rule.daily_is_soft == 0 or status == RUNNING


@inlined
def watches_max_nb(rule: Any, status: int) -> bool:
    """Tell whether the account's floor is watched now."""
    return rule.max_is_soft == 0 or status != PAUSED_BY_MAX


@inlined
def floor_now_nb(rule: Any, state: Any) -> int:
    """Least equity that breaks nothing now."""
    least = NO_FLOOR
    if watches_day_nb(rule, state.status):
        least = state.day_least_micro
    if watches_max_nb(rule, state.status):
        least = max(least, state.max_least_micro)
    return least


@inlined
def rises_nb(rule: Any, state: Any) -> bool:
    """Tell whether the account's floor may still rise: it has no lock, or has not come to it."""
    return bool(rule.lock_micro == MOST or state.max_least_micro < rule.lock_micro + rule.max_inclusive)


@inlined
def set_band_nb(rule: Any, state: Any) -> None:
    """Find the equities between which nothing changes; none once the account has passed or failed."""
    state.quiet_low_micro = floor_now_nb(rule, state) if state.status < PASSED else MOST
    state.quiet_high_micro = MOST
    if rule.trailing == _INTRADAY_EQUITY and rises_nb(rule, state):
        state.quiet_high_micro = state.peak_micro


@inlined
def judge_floors_nb(rule: Any, state: Any, equity: int) -> None:
    """Set the status where equity is below a floor."""
    if watches_max_nb(rule, state.status) and equity < state.max_least_micro:
        state.status = PAUSED_BY_MAX if rule.max_is_soft != 0 else MAX_LOSS
    if state.status < PASSED and watches_day_nb(rule, state.status) and equity < state.day_least_micro:
        state.status = PAUSED_BY_DAILY if rule.daily_is_soft != 0 else DAILY_LOSS


@inlined
def end_day_nb(rule: Any, state: Any) -> None:
    """Close the books of a day with the last balance and equity, and anchor the next one."""
    balance = state.balance_micro
    profit = balance - state.day_start_micro
    if profit > 0:
        state.best_day_micro = max(state.best_day_micro, profit)
        state.positive_days_micro += profit
    if rule.day_count == _PROFITABLE and profit >= rule.day_profit_micro:
        state.counted_days += 1
    state.has_opened_today = 0
    state.day_start_micro = balance
    if rule.trailing == _EOD_BALANCE:
        state.peak_micro = max(state.peak_micro, balance)
        state.max_least_micro = max_least_nb(rule, state.peak_micro)
    state.day_least_micro = day_least_nb(rule, balance, state.equity_micro)
    state.status = RUNNING
    state.days += 1
    state.reset += 1
    state.next_reset = next_reset_nb(rule, state.reset)
    if rule.time_limit_days != 0 and state.days >= rule.time_limit_days:
        state.status = TIME_LIMIT
    elif state.reset >= rule.n_resets:
        state.status = CLOCK_ENDED


@inlined
def would_pass_nb(rule: Any, state: Any, balance: int) -> bool:
    """Tell whether the target is met with a balance and no position: high enough, days enough, no day too large."""
    if balance < rule.target_micro or state.counted_days < rule.min_days:
        return False
    if rule.share_ppm == 0:
        return True
    today = max(balance - state.day_start_micro, 0)
    whole = balance - rule.initial_micro
    if rule.share_of == _POSITIVE_DAYS:
        whole = state.positive_days_micro + today
    elif rule.share_of == _TARGET:
        whole = rule.target_micro - rule.initial_micro
    return bool(max(state.best_day_micro, today) <= share_nb(whole, rule.share_ppm))


@inlined
def note_opening_nb(rule: Any, state: Any) -> None:
    """Note that a position was opened today."""
    if state.has_opened_today == 0 and rule.day_count == _OPEN_DATE:
        state.counted_days += 1
    state.has_opened_today = 1


@compiled
def step_slowly_nb(rule: Any, state: Any, now: int, balance: int, equity: int, flags: int) -> int:
    """Take in an event that may change something; see `step_nb`."""
    if state.status >= PASSED:
        return int(state.status)
    while state.next_reset <= now:
        if state.next_reset == now:
            judge_floors_nb(rule, state, equity)
            state.balance_micro, state.equity_micro = balance, equity
        if state.status < PASSED:
            end_day_nb(rule, state)
        if state.status < PASSED:  # the new floor holds from its first moment, without a tick
            judge_floors_nb(rule, state, state.equity_micro)
        if state.status >= PASSED:
            set_band_nb(rule, state)
            return int(state.status)
    state.balance_micro = balance
    state.equity_micro = equity
    state.flags = flags & ~OPENED
    if flags & OPENED != 0:
        note_opening_nb(rule, state)
    followed = equity if rule.trailing == _INTRADAY_EQUITY else balance
    if rule.trailing >= _INTRADAY_EQUITY and followed > state.peak_micro and rises_nb(rule, state):
        state.peak_micro = followed
        state.max_least_micro = max_least_nb(rule, followed)
    judge_floors_nb(rule, state, equity)
    if state.status < PASSED and flags & IS_OPEN == 0 and would_pass_nb(rule, state, balance):
        state.status = PASSED
    set_band_nb(rule, state)
    return int(state.status)


@inlined
def step_nb(rule: Any, state: Any, now: int, balance: int, equity: int, flags: int) -> int:
    """Take in one event of the account; return the status (`RuleStatus`).

    Parameters
    ----------
    rule, state : prop_rule_dtype, prop_state_dtype
        One rule set and what it remembers, which is changed.
    now : int
        Time of the event, ns UTC; not before the one before.
    balance, equity : int
        After the event, in millionths: closed results, and those with floating results, commission and swap.
    flags : int
        Bits of `AccountFlag`.
    """
    if (
        now < state.next_reset
        and state.quiet_low_micro <= equity <= state.quiet_high_micro
        and balance == state.balance_micro
        and flags == state.flags
    ):
        state.equity_micro = equity
        return int(state.status)
    return step_slowly_nb(rule, state, now, balance, equity, flags)


@compiled
def step_all_nb(rules: Any, states: Any, now: int, balance: int, equity: int, flags: int) -> int:
    """Take in one event under several rule sets, prop_rule_dtype[n] and prop_state_dtype[n]; return the worst status.

    The worst is the highest number, PASSED apart, which counts as RUNNING while another rule set goes on.
    """
    worst = PASSED if len(rules) > 0 else RUNNING
    for k in range(len(rules)):
        status = step_nb(rules[k], states[k], now, balance, equity, flags)
        if worst == PASSED or (status != PASSED and status > worst):
            worst = status
    return worst


@compiled
def begin_nb(rule: Any, state: Any, now: int, balance: int, equity: int) -> None:
    """Begin to watch an account at a time; its first day is anchored at what is given.

    A trailing floor follows the higher of the initial balance and what is given.
    """
    state.status = RUNNING
    state.balance_micro = balance
    state.equity_micro = equity
    state.flags = 0
    state.reset = 0
    while state.reset < rule.n_resets and int_at_nb(rule.resets, state.reset) <= now:
        state.reset += 1
    if state.reset >= rule.n_resets > 0:
        state.status = CLOCK_ENDED
    state.next_reset = next_reset_nb(rule, state.reset)
    state.peak_micro = rule.initial_micro
    if rule.trailing != _STATIC:
        state.peak_micro = max(rule.initial_micro, equity if rule.trailing == _INTRADAY_EQUITY else balance)
    state.day_least_micro = day_least_nb(rule, balance, equity)
    state.max_least_micro = max_least_nb(rule, state.peak_micro)
    state.day_start_micro = balance
    state.has_opened_today = 0
    state.days = 0
    state.counted_days = 0
    state.best_day_micro = 0
    state.positive_days_micro = 0
    set_band_nb(rule, state)


@inlined
def after_reset_nb(rule: Any, state: Any, balance: int, equity: int) -> int:
    """Least equity allowed after the next reset, if it came now."""
    peak = max(state.peak_micro, balance) if rule.trailing == _EOD_BALANCE else state.peak_micro
    return max(day_least_nb(rule, balance, equity), max_least_nb(rule, peak))


@compiled
def headroom_nb(rules: Any, states: Any, balance: int, equity: int, gross: int) -> tuple[int, int]:
    """Money that may be lost before the nearest floor of any rule set breaks: now, and if the next reset came now.

    What a gap may cost of the gross exposure is taken off first. Negative: that much too little; for the second number
    the account breaks at the reset without a tick unless floating losses are reduced before.

    Parameters
    ----------
    rules, states : prop_rule_dtype[n], prop_state_dtype[n]
        Rule sets and what they remember.
    balance, equity, gross : int
        Of the account, in millionths; gross is the sum of absolute position values.
    """
    now, later = -NO_FLOOR, -NO_FLOOR
    for k in range(len(rules)):
        rule, state = rules[k], states[k]
        left = equity + share_nb(-gross, rule.gap_ppm)
        now = min(now, left - floor_now_nb(rule, state))
        later = min(later, left - after_reset_nb(rule, state, balance, equity))
    return now, later


@compiled
def is_blocked_nb(windows: Any, now: int) -> bool:
    """Tell whether a time lies in one of the windows, window_dtype[n], which ascend and do not overlap."""
    first, last = 0, len(windows)
    while first < last:  # the first window that ends after now
        middle = (first + last) // 2
        if windows[middle].end <= now:
            first = middle + 1
        else:
            last = middle
    return bool(first < len(windows) and windows[first].start <= now)
