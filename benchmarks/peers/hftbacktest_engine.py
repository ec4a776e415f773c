"""hftbacktest on W3: NoPartialFillExchange, RiskAdverseQueueModel, constant latency of orders only."""

from __future__ import annotations

import numpy as np
from hftbacktest import (
    BUY_EVENT,
    DEPTH_EVENT,
    EXCH_EVENT,
    FILLED,
    GTC,
    LIMIT,
    LOCAL_EVENT,
    SELL_EVENT,
    TRADE_EVENT,
    BacktestAsset,
    ROIVectorMarketDepthBacktest,
)
from hftbacktest.types import event_dtype
from numba import njit

from benchmarks import spec
from benchmarks.spec import I8, BarRules, Engine, Foreign, Job, QuoteRun, TickData

TICK, LOT = spec.TICK, spec.LOT
DISTANCE, MAX_LOTS, LOTS = spec.DISTANCE_TICKS, spec.MAX_POSITION_LOTS, spec.ORDER_LOTS
QUIET_NS = 10_000_000
HOUR_NS = 3_600_000_000_000


def feed_rows(data: TickData) -> Foreign:
    """The events as hftbacktest rows: a trade is one row, a changed size one, a changed price two.

    A changed price first sets the new level and then clears the old one, both at the same time, so that the
    book is never empty and never crossed on the way.
    """
    rows = _rows_nb(
        (data.ts, data.kind, data.bid, data.bid_lots, data.ask, data.ask_lots, data.trade_tick,
         data.trade_lots, data.trade_side)
    )  # fmt: skip
    out = np.zeros(len(rows), dtype=event_dtype)
    out["ev"] = rows[:, 0].astype(np.uint64) | np.uint64(EXCH_EVENT | LOCAL_EVENT)
    out["exch_ts"] = out["local_ts"] = rows[:, 1]
    out["px"] = rows[:, 2] * TICK
    out["qty"] = rows[:, 3] * LOT
    return out


@njit(cache=False)
def _rows_nb(columns: tuple[I8, ...]) -> I8:
    ts, kind, bid, bid_lots, ask, ask_lots, tick, lots, side = columns
    rows = np.empty((4 * len(ts), 4), dtype=np.int64)
    m = 0
    was_bid, was_bid_lots, was_ask, was_ask_lots = 0, 0, 0, 0
    for i in range(len(ts)):
        if kind[i] == 1:
            flag = BUY_EVENT if side[i] > 0 else SELL_EVENT
            rows[m] = (TRADE_EVENT | flag, ts[i], tick[i], lots[i])
            m += 1
            continue
        ask_changed = ask[i] != was_ask or ask_lots[i] != was_ask_lots
        # A quote that repeats the book still wakes the strategy, so it still needs a row.
        if bid[i] != was_bid or bid_lots[i] != was_bid_lots or not ask_changed:
            rows[m] = (DEPTH_EVENT | BUY_EVENT, ts[i], bid[i], bid_lots[i])
            m += 1
            if bid[i] != was_bid and was_bid > 0:
                rows[m] = (DEPTH_EVENT | BUY_EVENT, ts[i], was_bid, 0)
                m += 1
        if ask_changed:
            rows[m] = (DEPTH_EVENT | SELL_EVENT, ts[i], ask[i], ask_lots[i])
            m += 1
            if ask[i] != was_ask and was_ask > 0:
                rows[m] = (DEPTH_EVENT | SELL_EVENT, ts[i], was_ask, 0)
                m += 1
        was_bid, was_bid_lots, was_ask, was_ask_lots = bid[i], bid_lots[i], ask[i], ask_lots[i]
    return rows[:m]


def _loop(record: bool) -> Foreign:
    """The strategy; ``record`` adds the fill log that only the equality check needs."""

    @njit(cache=False)
    def trade_nb(hbt: Foreign, last: Foreign, log: Foreign) -> int:
        working = np.zeros(2, dtype=np.uint64)
        ticks = np.zeros(2, dtype=np.int64)
        count, filled = np.uint64(1), 0
        orders = hbt.orders(0)
        depth = hbt.depth(0)
        quantity = LOTS * LOT
        limit = (MAX_LOTS + 0.5) * LOT
        while hbt.wait_next_feed(False, HOUR_NS) == 2:
            if record:
                values = orders.values()
                while values.has_next():
                    order = values.get()
                    if order.status == FILLED:
                        log[filled, 0] = order.exch_timestamp
                        log[filled, 1] = order.side
                        log[filled, 2] = round(order.exec_price / TICK)
                        log[filled, 3] = round(order.exec_qty / LOT)
                        filled += 1
                hbt.clear_inactive_orders(0)
            ts = hbt.current_timestamp
            if ts > last:
                continue
            middle = depth.best_bid_tick + depth.best_ask_tick
            position = hbt.position(0)
            dirty = False
            for k in range(2):
                target = middle // 2 - DISTANCE if k == 0 else (middle + 1) // 2 + DISTANCE
                wanted = abs(position + (quantity if k == 0 else -quantity)) <= limit
                if working[k] != 0:
                    order = orders.get(working[k])
                    if order is None or order.status > 1:  # expired, filled, cancelled
                        working[k] = 0
                    elif order.cancellable and (not wanted or ticks[k] != target):
                        hbt.cancel(0, working[k], False)
                        working[k] = 0
                if working[k] == 0 and wanted:
                    working[k] = count
                    ticks[k] = target
                    if k == 0:
                        hbt.submit_buy_order(0, count, target * TICK, quantity, GTC, LIMIT, False)
                    else:
                        hbt.submit_sell_order(0, count, target * TICK, quantity, GTC, LIMIT, False)
                    count += np.uint64(1)
                    dirty = True
            if dirty and not record:
                hbt.clear_inactive_orders(0)
        return filled

    return trade_nb


def prepare_w3(data: TickData, _rules: BarRules) -> Job:
    """Feed rows are built beforehand; the clock sees the build of the backtest and the run."""
    rows = feed_rows(data)
    low, high = data.bid.min() * TICK - 100.0, data.ask.max() * TICK + 100.0
    last = int(data.ts[-1]) - QUIET_NS
    timed, logged = _loop(record=False), _loop(record=True)
    empty = np.zeros((0, 4), dtype=np.int64)

    def backtest() -> Foreign:
        asset = (
            BacktestAsset()
            .data(rows)
            .linear_asset(1.0)
            .constant_order_latency(spec.ENTRY_LATENCY_NS, spec.RESPONSE_LATENCY_NS)
            .risk_adverse_queue_model()
            .no_partial_fill_exchange()
            .trading_value_fee_model(spec.MAKER_FEE, spec.TAKER_FEE)
            .tick_size(TICK)
            .lot_size(LOT)
            .roi_lb(low)
            .roi_ub(high)
            .last_trades_capacity(0)
        )
        return ROIVectorMarketDepthBacktest([asset])

    def play(loop: Foreign, log: Foreign) -> Foreign:
        hbt = backtest()
        filled = loop(hbt, last, log)
        values = hbt.state_values(0)
        end = (values.position, values.balance, values.fee)
        hbt.close()
        return log[:filled], end

    def collect(answer: Foreign) -> QuoteRun:
        log, (position, balance, fees) = answer
        order = np.lexsort((log[:, 2], log[:, 1], log[:, 0]))
        log = log[order]
        ts, side, tick, lots = (np.ascontiguousarray(log[:, k]) for k in range(4))
        return QuoteRun(ts, side, tick, lots, round(position / LOT), float(balance), float(fees))

    note = f"{len(rows):,} feed rows for {len(data):,} events"
    return Job(
        lambda: play(timed, empty),
        collect,
        lambda: play(logged, np.zeros((len(data), 4), dtype=np.int64)),
        note,
    )


ENGINE = Engine("hftbacktest", "hftbacktest", {"W3": prepare_w3}, {})
