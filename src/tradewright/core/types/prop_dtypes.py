"""Record layouts of prop-firm rules, and of the days that a challenge simulation replays under them.

Units and sizes as in `core.types.dtypes`.
"""

from __future__ import annotations

import numpy as np

_I = np.int64

#: One prop-firm rule set for one account size; read-only. ``*_ppm`` are millionths of what they are a share of.
prop_rule_dtype = np.dtype(
    [
        ("initial_micro", _I),
        ("daily_anchor", _I),
        ("daily_ppm", _I),  # distance as a share of the anchor; 0: the fixed distance below
        ("daily_distance_micro", _I),
        ("daily_inclusive", _I),  # 1: equity at the floor is a breach
        ("daily_is_soft", _I),
        ("has_max_loss", _I),
        ("trailing", _I),
        ("max_ppm", _I),  # distance as a share of the peak; 0: the fixed distance below
        ("max_distance_micro", _I),
        ("max_inclusive", _I),
        ("max_is_soft", _I),
        ("lock_micro", _I),  # the trailing floor stops rising here; largest int64 = nowhere
        ("target_micro", _I),  # balance to reach; largest int64 = none
        ("day_count", _I),
        ("min_days", _I),
        ("day_profit_micro", _I),  # by which the balance must rise for a profitable day
        ("share_ppm", _I),  # most the best day may be of the profit; 0 = no such rule
        ("share_of", _I),
        ("time_limit_days", _I),  # 0 = none
        ("gap_ppm", _I),  # share of gross exposure that a gap may cost, kept free by `headroom`
        ("resets", _I),  # address of i8[n_resets], ns UTC ascending
        ("n_resets", _I),
    ]
)

#: What one rule set remembers of an account.
prop_state_dtype = np.dtype(
    [
        ("status", _I),
        ("quiet_low_micro", _I),  # until ``next_reset``, while balance and flags stay as they are, equity in this ...
        ("quiet_high_micro", _I),  # ... band, both ends included, changes nothing but ``equity_micro``
        ("next_reset", _I),
        ("balance_micro", _I),  # after the newest event, as are equity and flags
        ("equity_micro", _I),
        ("flags", _I),
        ("reset", _I),  # index of the next reset
        ("day_least_micro", _I),  # least equity that the daily limit allows
        ("max_least_micro", _I),
        ("peak_micro", _I),  # what the trailing floor follows
        ("day_start_micro", _I),  # balance at the last reset
        ("has_opened_today", _I),
        ("days", _I),  # resets since the start
        ("counted_days", _I),
        ("best_day_micro", _I),  # of ended days, 0 while none was profitable
        ("positive_days_micro", _I),  # sum of the profitable ones
    ]
)

#: One event of a day that is replayed in a simulation; amounts are relative to the equity the day began with.
day_row_dtype = np.dtype(
    [
        ("close_micro", _I),  # equity after it
        ("low_micro", _I),  # worst and best equity inside it
        ("high_micro", _I),
        ("floating_micro", _I),  # result of open positions in the equity after it
        ("flags", _I),  # of `AccountFlag`
    ]
)

#: One day of such events, and what tells without looking at them that it can change nothing.
day_dtype = np.dtype(
    [
        ("first", _I),
        ("n", _I),
        ("least_micro", _I),  # worst and best equity in it, again relative
        ("most_micro", _I),
        ("most_balance_micro", _I),
        ("most_flat_micro", _I),  # best balance while no position was open
        ("end_micro", _I),
        ("end_floating_micro", _I),
        ("end_flags", _I),
        ("has_opened", _I),
    ]
)
