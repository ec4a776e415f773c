"""Every record layout of the program but those of one part alone, which stand in its own ``*_dtypes`` beside this file.

All fields take 8 bytes, so records are aligned on every platform and a field is one load in compiled code.
Units: times are int64 nanoseconds UTC; ``*_micro`` are millionths of the account currency; ``lots`` are whole
lots of the instrument; prices are in the instrument's own currency; ``fx`` is account currency per unit of the
instrument's currency. ``side`` is +1 for buy, -1 for sell.
"""

from __future__ import annotations

import numpy as np

_I = np.int64
_F = np.float64

#: Rows of a market block's ``fields``, f8[N_FIELDS, n]. What the first five mean depends on the kind of event.
OPEN, HIGH, LOW, CLOSE, VOLUME, SESSION = range(6)
BID, ASK, BID_SIZE, ASK_SIZE = range(4)
PRICE, SIZE, AGGRESSOR = range(3)
RATE = 0
#: Rows every kind has, filled by `data.clock`. SESSION above is the number of the trading day in which the event began.
#: TIME is ``ts_event`` in seconds since 1970 UTC; LOCAL_TIME the same moment on the market's own clock, daylight saving
#: included (seconds since 1970 of what that clock shows). SESSION_OPEN and SESSION_CLOSE are the bounds, seconds since
#: 1970 UTC, of the session in which the event began: the trading day's, or the exchange's hours where they are known.
TIME, TRADES, BUY_VOLUME, REFERENCE, LOCAL_TIME, SESSION_OPEN, SESSION_CLOSE = range(6, 13)
#: Of bars only: TRADES is the number of trades (0 = unknown), BUY_VOLUME the volume that takers bought (NaN = unknown).
#: REFERENCE is the newest close of the reference instrument known at ``ts_event`` (NaN = none configured, or none yet).
N_FIELDS = 13

#: What one market is and costs; read-only during a run. Prices are ``ticks * tick_num / tick_den``.
instrument_dtype = np.dtype(
    [
        ("tick_num", _I),
        ("tick_den", _I),
        ("lot_num", _I),
        ("lot_den", _I),
        ("unit_value", _F),  # quote currency per lot per 1.0 of price: lot size x multiplier
        ("min_lots", _I),
        ("max_lots", _I),
        ("margin_initial", _F),  # share of the position's value, 1.0 = no leverage
        ("margin_maintenance", _F),
        ("is_shortable", _I),
        ("maker_bps", _F),
        ("taker_bps", _F),
        ("fee_per_unit", _F),
        ("fee_minimum", _F),  # per order, in the instrument's currency
        ("half_spread_bps", _F),
        ("slippage_bps", _F),
        ("expected_bps", _F),  # of both together, by which orders are valued beforehand
        ("costs", _I),  # address of costs_dtype[1], drawn from in place of the fixed two, which are 0 then; or 0
        ("borrow_bps_year", _F),
        ("participation", _F),  # share of bar volume or quoted size one event may fill; 0 = unlimited
        ("fx_source", _I),  # index of the instrument whose price converts the currency; -1 = none needed
        ("fx_invert", _I),
    ]
)

#: Distributions of one instrument's costs; see `core.types.execution_costs`.
costs_dtype = np.dtype(
    [
        # f8[sessions, 3 x quantiles + 2]: half spread, slippage, share of late entries, what they pay, filled share
        ("table", _I),
        ("starts", _I),  # i8[n_starts], ascending: when a session begins
        ("labels", _I),  # i8[n_starts]: its number; before the first start it is the last number there is
        ("n_starts", _I),
        ("seed", _I),
        ("impact_bps", _F),  # of an order of one lot; grows with the root of the lots
        ("draws_fills", _I),  # 1: an entry ends with the filled share that was drawn for it
    ]
)

#: An order as either side sees it, and the row it leaves in the order log.
order_dtype = np.dtype(
    [
        ("id", _I),
        ("parent", _I),  # id of the entry order that this one protects; 0 = none
        ("group", _I),  # orders of one group cancel each other (OCO); 0 = none
        ("instrument", _I),
        ("tag", _I),  # the strategy's own label; 0 = none
        ("kind", _I),
        ("side", _I),
        ("tif", _I),
        ("is_reduce_only", _I),
        ("origin", _I),
        ("lots", _I),
        ("filled", _I),
        ("limit", _F),
        ("stop", _F),
        ("trail", _F),  # distance of a trailing stop, in price
        ("watermark", _F),  # best price a trailing stop has seen
        ("stop_loss", _F),  # for the protecting stop; NaN = none
        ("take_profit", _F),
        ("trail_protect", _F),
        ("attach_unit", _I),
        ("ts_created", _I),
        ("ts_active", _I),  # when it reached the venue
        ("ts_expire", _I),
        ("ts_done", _I),
        ("status", _I),
        ("reason", _I),
        ("is_triggered", _I),
        ("is_canceling", _I),  # we asked the venue to cancel it and wait for the answer
        ("born", _I),  # within the event being matched: 0 before it, 1 at its opening price, 2 inside it
        ("reserve_micro", _I),  # value by which it could enlarge the account's exposure
        ("queue_ahead", _F),  # lots resting before it at its price, a whole number
        ("fee_raw", _F),  # commission so far, before the minimum, instrument's currency
        ("fee_charged", _F),
        ("fill_value", _F),  # sum of lots x price, for the average
    ]
)

#: What travels between our side and the venue, in both directions; each stands beside a copy of its order.
message_dtype = np.dtype(
    [
        ("verb", _I),
        ("ts_sent", _I),
        ("ts_open", _I),  # when the market event it follows from began; decides its trading day
        ("ts_due", _I),
        ("fill_lots", _I),
        ("fill_price", _F),
        ("fill_fee", _F),
        ("is_maker", _I),
        ("reason", _I),
    ]
)

#: One execution after booking.
fill_dtype = np.dtype(
    [
        ("id", _I),
        ("order", _I),
        ("parent", _I),
        ("instrument", _I),
        ("side", _I),
        ("lots", _I),
        ("price", _F),
        ("fx", _F),
        ("cash_micro", _I),  # what the account received, commission apart; negative for a buy
        ("fee_micro", _I),
        ("realized_micro", _I),
        ("position_lots", _I),  # after the fill
        ("is_maker", _I),
        ("origin", _I),
        ("event", _I),  # number of the market event it was booked at, from 0
        ("ts_event", _I),  # when the venue filled it
        ("ts_seen", _I),  # when we knew
    ]
)

#: One movement of cash; the running account is the sum of these.
ledger_dtype = np.dtype(
    [
        ("kind", _I),
        ("instrument", _I),
        ("fill", _I),  # id of the fill it belongs to; 0 = none
        ("cash_micro", _I),
        ("ts_event", _I),
    ]
)

#: One instrument's part of the account.
position_dtype = np.dtype(
    [
        ("lots", _I),
        ("units", _F),  # the same in units of the instrument
        ("is_untested", _I),  # 1: more than its price changed since its margin was tested
        ("cost_micro", _I),  # cash paid for what is open; negative for a short
        ("value_micro", _I),
        ("realized_micro", _I),
        ("fee_micro", _I),
        ("trip_micro", _I),  # result since the position was opened, commission included
        ("entry_price", _F),
        ("price", _F),  # last mark; NaN before the first
        ("bid", _F),
        ("ask", _F),
        ("fx", _F),
        ("ts_opened", _I),
        ("event_opened", _I),
        ("events", _I),  # market events of this instrument so far
        ("working", _I),  # orders in our table
        ("buy_limit", _F),  # price of our newest working limit order of each side; NaN = none
        ("sell_limit", _F),
        ("buy_unconfirmed", _I),
        ("sell_unconfirmed", _I),
        ("has_stale_limits", _I),  # 1: the four above are to be found again before anyone looks
    ]
)

#: The limits in the order path. Shares are of equity; amounts in account currency; infinity = no limit.
limits_dtype = np.dtype(
    [
        ("max_order_value", _F),
        ("max_position_value", _F),
        ("max_leverage", _F),
        ("max_open_positions", _I),
        ("intraday_loss", _F),  # share of the day's opening equity
        ("max_drawdown", _F),  # share of the highest equity
    ]
)

#: One wish of a strategy, before sizing and checks.
signal_dtype = np.dtype(
    [
        ("verb", _I),
        ("instrument", _I),  # -1 = the instrument the decision is about
        ("size", _F),
        ("size_unit", _I),
        ("is_target", _I),
        ("kind", _I),
        ("limit", _F),
        ("stop", _F),
        ("trail", _F),
        ("tif", _I),
        ("ts_expire", _I),
        ("is_reduce_only", _I),
        ("tag", _I),
        ("group", _I),
        ("stop_loss", _F),
        ("take_profit", _F),
        ("trail_protect", _F),
        ("attach_unit", _I),
    ]
)

#: The market block being processed: addresses of the event arrays. Used by both sides.
market_dtype = np.dtype(
    [
        ("n", _I),
        ("stride", _I),  # events between two rows of ``fields``
        ("fields", _I),  # f8[N_FIELDS, stride]
        ("ts_event", _I),
        ("ts_seen", _I),
        ("ts_open", _I),
        ("kind", _I),  # i8[n], or 0: all events are of ``kind_all``
        ("kind_all", _I),
        ("instrument", _I),  # i8[n], or 0: all events belong to instrument 0
        ("columns", _I),  # i8[n_features]: address of each feature's f8[n]
        ("forecasts", _I),  # f8[n, 4]: newest forecast known at each event, or 0: none
        ("forecast_ts", _I),  # i8[n]: when it was known, or 0: nobody asks
        ("day_stops", _I),  # i8[n_days + 1]: first event that might belong to each trading day, n at the end; or 0
    ]
)

#: Addresses of the verbs that are compiled by themselves and called through this table; see `core.kernel.verbs`.
verbs_dtype = np.dtype(
    [
        ("receive", _I),
        ("match_bar", _I),
        ("walk_on_quote", _I),
        ("walk_on_trade", _I),
        ("deliver", _I),
        ("start_day", _I),
        ("fund", _I),
        ("convert", _I),
        ("liquidate", _I),
        ("stop_losses", _I),
        ("check", _I),
        ("send", _I),
        ("settle", _I),
        ("post", _I),
        ("exchange", _I),
        ("flatten", _I),
        ("guard", _I),
        ("watch", _I),
        ("oversee", _I),
    ]
)

#: Our side: account, orders as we know them, limits, outputs. Addresses point at arrays of the layouts above.
session_dtype = np.dtype(
    [
        ("verbs", _I),
        ("market", _I),
        ("instruments", _I),
        ("positions", _I),
        ("orders", _I),  # order_dtype[n_instruments, n_slots]
        ("limits", _I),
        ("signals", _I),
        ("outbox", _I),
        ("outbox_orders", _I),
        ("params", _I),  # f8[n_params]
        ("rows", _I),  # f8[n_instruments, n_features]: newest feature row of each instrument, for cross-sections
        ("forecast_rows", _I),  # f8[n_instruments, 4]: newest forecast of each instrument
        ("accounts", _I),  # f8[n_instruments, fields of Account]: the snapshots for the next decision
        ("day_starts", _I),
        ("fills", _I),
        ("order_log", _I),
        ("ledger", _I),
        ("equity", _I),  # f8[capacity]: equity at each stamp, or 0: not kept
        ("exposure", _I),  # f8[capacity]: gross position value at each stamp
        ("stamps", _I),
        ("n_instruments", _I),
        ("n_slots", _I),
        ("n_signals", _I),
        ("n_outbox", _I),
        ("outbox_capacity", _I),
        ("n_features", _I),
        ("n_days", _I),
        ("day", _I),
        ("next_day", _I),
        ("n_fills", _I),
        ("n_order_log", _I),
        ("n_ledger", _I),
        ("n_equity", _I),
        ("fills_capacity", _I),
        ("order_log_capacity", _I),
        ("ledger_capacity", _I),
        ("equity_capacity", _I),
        ("keep_score", _I),
        ("now", _I),
        ("quiet_from", _I),  # first event of the block that the quiet way passed ...
        ("quiet_at", _I),  # ... and the one it is at; before the first: it has booked what it passed
        ("next_id", _I),
        ("initial_micro", _I),
        ("cash_micro", _I),
        ("value_micro", _I),  # of all open positions
        ("equity_micro", _I),
        ("gross_micro", _I),  # sum of absolute position values
        ("reserved_micro", _I),  # by working orders that could enlarge it
        ("fee_micro", _I),
        ("peak_micro", _I),
        ("day_open_micro", _I),
        ("floor_micro", _I),  # equity below which a limit is broken
        ("liquidations", _I),
        ("open_positions", _I),
        ("trading_state", _I),  # what people allow
        ("loss_state", _I),  # what the loss limits allow
        ("halt_reason", _I),
        ("guard", _I),  # guard_dtype[1], or 0: none of its controls is on
        ("decisions", _I),  # decision_dtype[capacity]: every wish with its verdict, or 0: not kept
        ("n_decisions", _I),
        ("decisions_capacity", _I),
        ("denials", _I),
        ("margin_call", _F),  # largest maintenance margin of any instrument; 0 = no liquidation
        ("margin_most", _F),  # largest initial margin of any instrument
        ("uses_fx", _I),
        ("log_reserve", _I),  # free rows each log must have before an event is processed
        ("needs_room", _I),  # 1: a log has fewer; the caller makes room before the next event
        ("trough_micro", _I),  # lowest equity since the peak
        ("max_drawdown", _F),
        ("score_n", _I),
        ("score_sum", _F),
        ("score_squares", _F),
        ("score_last_micro", _I),
        ("round_trips", _I),
        ("wins", _I),
    ]
)

#: The simulated venue: its book, its view of our position, its answers on their way to us.
venue_dtype = np.dtype(
    [
        ("verbs", _I),
        ("market", _I),
        ("instruments", _I),
        ("books", _I),
        ("orders", _I),  # order_dtype[n_instruments, n_slots]
        ("inbox", _I),  # ring of messages on their way to the venue
        ("inbox_orders", _I),
        ("answers", _I),  # ring of messages on their way to us
        ("answer_orders", _I),
        ("latency", _I),  # f8[n_latency, 2]: request and answer delay in ns, taken in turn
        ("n_latency", _I),
        ("latency_cursor", _I),
        ("n_instruments", _I),
        ("n_slots", _I),
        ("mask", _I),  # places of each ring less one; places are a power of two
        ("inbox_head", _I),
        ("inbox_tail", _I),
        ("answers_head", _I),
        ("answers_tail", _I),
        ("last_request_due", _I),
        ("last_answer_due", _I),
        ("now", _I),
        ("limit_gap_at_open", _I),  # 1: a limit jumped over by the open fills at the open, else at its own price
        ("touch_fills", _I),  # 1: trading at the limit's price is enough
        ("target_takes", _I),  # 1: a bracket's target is filled like a market order once touched, costs included
        ("protect_from_next_bar", _I),  # 1: a bracket's exits are first looked at on the bar after the entry
        ("uses_queue", _I),  # 1 or 2: a resting limit waits for the quantity before it; 2: where none is shown is none
        ("needs_room", _I),  # 1: the next event could fill a ring
        ("has_overflown", _I),
        ("opened", _I),  # when the event being matched began
        ("seen", _I),  # when we see the event being matched; no answer to it arrives before
        ("phase", _I),  # of the event being matched: 1 at the opening price, 2 inside
    ]
)

#: What the simulated venue knows of one instrument.
book_dtype = np.dtype(
    [
        ("n", _I),  # orders in the book
        ("position", _I),
        ("n_careful", _I),  # orders that every event has to look at (market, trailing, waiting, expiring)
        ("low_trigger", _F),  # no resting order can fill while the low stays above this ...
        ("high_trigger", _F),  # ... and the high below this
        ("bid", _F),
        ("ask", _F),
        ("bid_size", _F),
        ("ask_size", _F),
        ("last", _F),
        ("was_bid", _F),  # before the newest quote
        ("was_ask", _F),
        ("room_buy", _I),  # lots the newest event can still fill on each side
        ("room_sell", _I),
        ("is_room_shared", _I),  # 1: both sides draw on one volume
        ("ended", _I),  # orders that ended and still stand in the table
    ]
)

#: One round trip: from flat to flat, or to the end of the run where it is still open.
round_trip_dtype = np.dtype(
    [
        ("instrument", _I),
        ("side", _I),
        ("lots", _I),  # largest position held
        ("entry_price", _F),  # average over the fills that enlarged it
        ("exit_price", _F),  # average over the fills that reduced it; NaN while none
        ("entry_ts", _I),
        ("exit_ts", _I),
        ("pnl_micro", _I),  # net of commission; open part at the last mark
        ("fee_micro", _I),
        ("fills", _I),
        ("entry_event", _I),
        ("exit_event", _I),
        ("exit_origin", _I),
        ("is_open", _I),
    ]
)

#: A stretch of time in which something is forbidden: [start, end), ns UTC.
window_dtype = np.dtype([("start", _I), ("end", _I)])
