"""Record layouts of the guard: what its controls allow, what they remember, and what they decided.

Units and sizes as in `core.types.dtypes`. What is off is infinity (shares), the largest integer (counts, times and
amounts) or 0 where the comment says so.
"""

from __future__ import annotations

import numpy as np

_I = np.int64
_F = np.float64

#: Rows of each ring of newest orders, fills, signals and losses: the most that a control can look back on.
RING = 64
#: Tiers of forecast confidence with a limit of signals an hour of their own.
TIERS = 4

#: The controls of one account, and what they remember.
guard_dtype = np.dtype(
    [
        ("instruments", _I),  # guarded_dtype[n_instruments]
        ("orders", _I),  # trace_dtype[n_instruments, RING]: newest orders sent
        ("fills", _I),  # trace_dtype[n_instruments, RING]: newest fills
        ("signals", _I),  # i8[TIERS, RING]: times of the newest entries of each tier
        ("losses", _I),  # i8[RING]: times of the newest losing round trips
        ("rules", _I),  # prop_rule_dtype[n_rules]
        ("states", _I),  # prop_state_dtype[n_rules]
        ("n_rules", _I),
        ("blackouts", _I),  # window_dtype[n_blackouts]: nothing is opened
        ("n_blackouts", _I),
        ("closings", _I),  # window_dtype[n_closings]: and everything is closed
        ("n_closings", _I),
        # -- what is allowed
        ("collar_share", _F),  # of the mark
        ("collar_atr", _F),  # times the average true range; 0 = off
        ("collar_span_share", _F),  # own fills apart within ...
        ("collar_span_ns", _I),  # ... this time; 0 = off
        ("volume_share", _F),  # of the newest bar's volume, or of the size displayed
        ("max_gross_micro", _I),
        ("max_net_micro", _I),
        ("token_ns", _I),  # one message each; 0 = off
        ("token_burst_ns", _I),  # what a full bucket lets through at once
        ("token_reserve_ns", _I),  # of it kept for cancels
        ("max_orders_day", _I),
        ("n_tiers", _I),
        ("tier_least", _F, (TIERS,)),  # confidence at which each tier begins, ascending
        ("tier_most", _I, (TIERS,)),  # signals an hour
        ("repeat_most", _I),  # fills of one side within ...
        ("repeat_ns", _I),  # ... this time; 0 = off
        ("duplicate_ns", _I),  # 0 = off
        ("max_age_ns", _I),
        ("checks_data", _I),
        ("max_jump", _F),  # share of the price before
        ("max_frozen", _I),  # events with one and the same price
        ("max_drift_ns", _F),
        ("has_self_match", _I),
        ("naked_ns", _I),
        ("latches_day", _I),  # 1: a day's loss limit is lifted by a person only
        ("reset_lead_ns", _I),  # before a reset or a close, in which floating losses are held against the new floor
        ("streak_most", _I),  # losses within ...
        ("streak_ns", _I),  # ... this time; 0 = off
        ("streak_share", _F),  # of the size that is left after them
        ("max_forecast_ns", _I),
        ("least_confidence", _F),  # 0 = off
        ("watches_drift", _I),
        ("canary_orders_day", _I),
        ("canary_order_value", _F),
        ("canary_position_value", _F),
        ("least_equity_micro", _I),  # below it everything is closed for good; least integer = off
        ("needs_each_event", _I),  # 1: a control remembers something of each event
        # -- what is remembered
        ("token_at", _I),  # when the bucket will be full again
        ("orders_today", _I),
        ("signal_ring", _I, (TIERS,)),  # entries so far
        ("loss_ring", _I),
        ("trips", _I),  # round trips and wins seen so far
        ("wins", _I),
        ("scale", _F),  # of the sizes of new risk
        ("disabled", _I),  # reason for which the strategy may open nothing until a person enables it; 0 = none
        ("drift_ns", _F),  # our clock less the venue's; NaN = unknown
        ("has_drifted", _I),  # the model's alarm
        ("has_opened", _I),  # a position was opened since the account was last looked at
        ("halt_day", _I),  # day at which the day's loss limit was broken
        ("is_reset", _I),  # a person has lifted it
        ("is_near_reset", _I),  # a reset, or a close that may come before it, is nearer than the lead
        ("is_busy", _I),  # 1: the next event may bring something whatever its price is
        ("wake_at", _I),  # first time at which it may
        ("headroom_micro", _I),  # figures of the newest verdict
        ("headroom_reset_micro", _I),
    ]
)

#: One instrument's part of the guard.
guarded_dtype = np.dtype(
    [
        ("max_order_lots", _I),
        ("max_position_lots", _I),
        ("max_added_lots", _I),  # by one order to a position; a larger wish is cut to it
        ("is_allowed", _I),
        ("is_canary", _I),
        ("is_halted", _I),
        ("ts_newest", _I),  # of its newest event
        ("price", _F),  # of its newest event; NaN before the first
        ("same", _I),  # events since it changed
        ("is_unusable", _I),  # 1: the newest event's prices are no prices
        ("is_unreasonable", _I),  # 1: they are, but not to be acted on
        ("atr", _F),  # Wilder's, 14 bars; NaN before them
        ("atr_bars", _I),
        ("atr_sum", _F),
        ("buy_size", _F),  # volume of the newest bar or trade, or the size displayed to a buyer; NaN = unknown
        ("sell_size", _F),
        ("p_up", _F),
        ("p_down", _F),
        ("forecast_ts", _I),  # least integer: none known
        ("naked_since", _I),  # largest integer: flat or protected
        ("n_orders", _I),  # rows of its rings written so far
        ("n_fills", _I),
    ]
)

#: One order or fill that a control looks back on.
trace_dtype = np.dtype([("ts", _I), ("side", _I), ("lots", _I), ("price", _F), ("tag", _I)])

#: One decision of the guard: the wish, the verdict, and the figures it was judged by.
decision_dtype = np.dtype(
    [
        ("ts", _I),
        ("order", _I),
        ("instrument", _I),
        ("verb", _I),  # submit, cancel or replace
        ("reason", _I),  # 0 = let through
        ("origin", _I),
        ("kind", _I),
        ("side", _I),
        ("lots", _I),
        ("is_reduce_only", _I),
        ("tag", _I),
        ("price", _F),  # limit, else stop, else NaN
        ("mark", _F),
        ("position_lots", _I),
        ("working", _I),
        ("reserve_micro", _I),  # what the order adds to the account's exposure at worst
        ("equity_micro", _I),
        ("gross_micro", _I),
        ("reserved_micro", _I),
        ("floor_micro", _I),
        ("headroom_micro", _I),  # to the nearest prop floor, the order and a gap counted; largest integer: no rule
        ("headroom_reset_micro", _I),
        ("scale", _F),
        ("trading_state", _I),
        ("loss_state", _I),
        ("orders_today", _I),
        ("age_ns", _I),  # of the instrument's newest event
    ]
)
