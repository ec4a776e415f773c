"""Plain simulation of W3 with hftbacktest's fill rules written out (see README.md, "W3")."""

from __future__ import annotations

import numba
import numpy as np
from numba.typed import List

from benchmarks import spec
from benchmarks.spec import F8, I8, Foreign, QuoteRun, TickData

QUIET_NS = 10_000_000  # the strategy sends nothing in the last 10 ms, so that every message is answered
# Columns of the order table. State: 0 on its way, 1 resting, 2 over; Seen: what the strategy knows of it.
SIDE, TICK_AT, STATE, SEEN, FRONT = range(5)
NEW, CANCEL = 0, 1


def reference_quotes(data: TickData) -> QuoteRun:
    """W3, order by order."""
    book = np.column_stack(
        (data.ts, data.kind, data.bid, data.bid_lots, data.ask, data.ask_lots, data.trade_tick,
         data.trade_lots, data.trade_side)
    )  # fmt: skip
    fills = _quotes_nb(book)
    taker = fills[:, 4] == 1
    value = fills[:, 2] * spec.TICK * (fills[:, 3] * spec.LOT)
    fees: F8 = value * np.where(taker, spec.TAKER_FEE, spec.MAKER_FEE)
    return QuoteRun(
        fills[:, 0].copy(),
        fills[:, 1].copy(),
        fills[:, 2].copy(),
        fills[:, 3].copy(),
        int((fills[:, 1] * fills[:, 3]).sum()),
        float(-(value * fills[:, 1]).sum()),
        float(fees.sum()),
    )


@numba.njit(cache=False)
def _fill_nb(
    orders: Foreign,
    fills: Foreign,
    replies: Foreign,
    order: Foreign,
    ts: Foreign,
    tick: Foreign,
    taker: Foreign,
) -> None:
    orders[order, STATE] = 2
    fills.append((ts, orders[order, SIDE], tick, 10, taker))
    replies.append((ts + 1_000_000, order, 2, orders[order, SIDE] * 10))


@numba.njit(cache=False)
def _arrive_nb(
    orders: Foreign, live: Foreign, fills: Foreign, replies: Foreign, message: Foreign, top: Foreign
) -> None:
    """A message reaches the venue; ``top`` = bid, bid lots, ask, ask lots there now."""
    ts, kind, order = message
    side, tick = orders[order, SIDE], orders[order, TICK_AT]
    if kind == CANCEL:
        if orders[order, STATE] == 1:
            orders[order, STATE] = 2
            replies.append((ts + 1_000_000, order, 2, 0))
        else:
            replies.append((ts + 1_000_000, order, -1, 0))
    elif (side > 0 and tick >= top[2]) or (side < 0 and tick <= top[0]):
        _fill_nb(orders, fills, replies, order, ts, top[2] if side > 0 else top[0], 1)
    else:
        orders[order, STATE] = 1
        best, lots = (top[0], top[1]) if side > 0 else (top[2], top[3])
        orders[order, FRONT] = lots if tick == best else 0
        live.append(order)
        replies.append((ts + 1_000_000, order, 1, 0))


@numba.njit(cache=False)
def _market_nb(orders: Foreign, live: Foreign, fills: Foreign, replies: Foreign, row: Foreign, top: Foreign) -> None:
    """A market event meets the resting orders; ``top`` is the book before it."""
    ts, kind, bid, bid_lots, ask = row[0], row[1], row[2], row[3], row[4]
    ask_lots, trade_tick, lots, aggressor = row[5], row[6], row[7], row[8]
    for k in range(len(live)):
        order = live[k]
        side, tick = orders[order, SIDE], orders[order, TICK_AT]
        if orders[order, STATE] != 1:
            continue
        if kind == 1:
            if side == aggressor:
                continue
            beyond = tick > trade_tick if side > 0 else tick < trade_tick
            if beyond:
                _fill_nb(orders, fills, replies, order, ts, tick, 0)
            elif tick == trade_tick:
                orders[order, FRONT] -= lots
                if orders[order, FRONT] < 0:
                    _fill_nb(orders, fills, replies, order, ts, tick, 0)
            continue
        if (side > 0 and ask < top[2] and ask <= tick) or (side < 0 and bid > top[0] and bid >= tick):
            _fill_nb(orders, fills, replies, order, ts, tick, 0)
            continue
        best, size, was = (bid, bid_lots, top[0]) if side > 0 else (ask, ask_lots, top[2])
        changed = best != was or size != (top[1] if side > 0 else top[3])
        if changed and tick == best:
            orders[order, FRONT] = min(orders[order, FRONT], size)
        elif best != was and tick == was:
            orders[order, FRONT] = min(orders[order, FRONT], 0)
    for k in range(len(live) - 1, -1, -1):
        if orders[live[k], STATE] == 2:
            live.pop(k)


@numba.njit(cache=False)
def _quotes_nb(book: I8) -> I8:
    n = len(book)
    orders = np.zeros((n * 2, 5), dtype=np.int64)
    count, position, head, reply_head = 1, 0, 0, 0
    live = List([np.int64(0)])
    live.pop()
    sent = List([(np.int64(0), np.int64(0), np.int64(0))])
    sent.pop()
    replies = List([(np.int64(0), np.int64(0), np.int64(0), np.int64(0))])
    replies.pop()
    fills = List([(np.int64(0), np.int64(0), np.int64(0), np.int64(0), np.int64(0))])
    fills.pop()
    working = np.zeros(2, dtype=np.int64)
    top = np.zeros(4, dtype=np.int64)
    top[2] = 1 << 60
    last = book[n - 1, 0] - 10_000_000
    for i in range(n):
        ts = book[i, 0]
        while head < len(sent) and sent[head][0] < ts:
            _arrive_nb(orders, live, fills, replies, sent[head], top)
            head += 1
        row = book[i]
        _market_nb(orders, live, fills, replies, row, top)
        top[:] = row[2:6]
        while head < len(sent) and sent[head][0] == ts:
            _arrive_nb(orders, live, fills, replies, sent[head], top)
            head += 1
        while reply_head < len(replies) and replies[reply_head][0] <= ts:
            _, order, seen, bought = replies[reply_head]
            reply_head += 1
            position += bought
            if seen >= 0:
                orders[order, SEEN] = seen
        if ts > last:
            continue
        middle = row[2] + row[4]
        for k in range(2):
            side = 1 - 2 * k
            target = middle // 2 - 1 if side > 0 else (middle + 1) // 2 + 1
            wanted = abs(position + side * 10) <= 100
            order = working[k]
            if order > 0 and orders[order, SEEN] == 2:
                order = 0
            if order > 0 and orders[order, SEEN] == 1 and (not wanted or orders[order, TICK_AT] != target):
                sent.append((ts + 1_000_000, np.int64(CANCEL), order))
                order = 0
            if order == 0 and wanted:
                order = count
                count += 1
                orders[order, SIDE], orders[order, TICK_AT] = side, target
                sent.append((ts + 1_000_000, np.int64(NEW), order))
            working[k] = order
    out = np.zeros((len(fills), 5), dtype=np.int64)
    for k in range(len(fills)):
        fill = fills[k]
        out[k, 0], out[k, 1], out[k, 2], out[k, 3], out[k, 4] = fill[0], fill[1], fill[2], fill[3], fill[4]
    return out
