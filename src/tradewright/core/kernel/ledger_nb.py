"""Our books: every movement of cash, and what positions are worth.

All amounts are whole millionths of the account currency, so sums are exact:
``cash = initial + realized - commission - cost of what is open``, always, to the last digit.
"""

from __future__ import annotations

import numpy as np

from tradewright.core.kernel import codes as c
from tradewright.core.kernel.compiled import compiled, inlined
from tradewright.core.kernel.memory_nb import entry_at_nb, fill_at_nb, position_nb, session_nb, terms_nb


@inlined
def micro_nb(amount: float) -> int:
    """Round an amount to whole millionths, halves to even."""
    return int(np.rint(amount * c.MICRO))


@inlined
def value_nb(lots: int, unit_value: float, price: float, fx: float) -> int:
    """Value of a position in millionths of the account currency."""
    return micro_nb(lots * unit_value * price * fx)


@inlined
def revalue_nb(session: int, j: int) -> None:
    """Value one position at its last price; account value and gross exposure follow."""
    s = session_nb(session)[0]
    position = position_nb(s, j)
    value = 0
    if position.lots != 0:
        terms = terms_nb(s, j)
        value = value_nb(position.lots, terms.unit_value, position.price, position.fx)
    s.value_micro += value - position.value_micro
    s.gross_micro += abs(value) - abs(position.value_micro)
    position.value_micro = value
    s.equity_micro = s.cash_micro + s.value_micro


@compiled
def enter_nb(session: int, kind: int, j: int, cash_micro: int, fill: int, ts: int) -> None:
    """Move cash and write the ledger line that says why."""
    s = session_nb(session)[0]
    s.cash_micro += cash_micro
    if s.ledger == 0:
        return
    entry = entry_at_nb(s.ledger, s.n_ledger)
    entry.kind = kind
    entry.instrument = j
    entry.fill = fill
    entry.cash_micro = cash_micro
    entry.ts_event = ts
    s.n_ledger += 1
    if s.n_ledger + s.log_reserve > s.ledger_capacity:
        s.needs_room = 1


@inlined
def move_position_nb(session: int, j: int, lots: int, price: float, flow_micro: int) -> int:
    """Book signed lots into a position; return what was realised, commission apart, in millionths.

    A fill that crosses zero closes the old position with its share of the cash and opens a new one with the rest.
    """
    s = session_nb(session)[0]
    position = position_nb(s, j)
    held = position.lots
    terms = terms_nb(s, j)
    position.lots = held + lots
    position.units = position.lots * terms.lot_num / terms.lot_den
    position.is_untested = 1
    if held == 0 or (held > 0) == (lots > 0):
        known = position.entry_price if held != 0 else 0.0
        position.entry_price = (known * abs(held) + price * abs(lots)) / (abs(held) + abs(lots))
        position.cost_micro -= flow_micro
        if held == 0:
            s.open_positions += 1
            position.trip_micro = 0
            position.ts_opened = s.now
            position.event_opened = position.events
        return 0
    closing = min(abs(lots), abs(held))
    removed = position.cost_micro
    if closing < abs(held):
        removed = int(np.rint(position.cost_micro * (closing / abs(held))))
    closing_flow = flow_micro
    if closing < abs(lots):
        closing_flow = int(np.rint(flow_micro * (closing / abs(lots))))
    position.cost_micro -= removed
    if position.lots == 0:
        s.open_positions -= 1
        position.entry_price = np.nan
    elif closing < abs(lots):
        position.cost_micro -= flow_micro - closing_flow
        position.entry_price = price
        position.ts_opened = s.now
        position.event_opened = position.events
    return int(closing_flow - removed)


@inlined
def count_trip_nb(session: int, j: int, held_before: int) -> None:
    """Count a finished round trip for the score."""
    s = session_nb(session)[0]
    position = position_nb(s, j)
    if held_before != 0 and (position.lots == 0 or (held_before > 0) != (position.lots > 0)):
        s.round_trips += 1
        if position.trip_micro > 0:
            s.wins += 1
        position.trip_micro = 0


@inlined
def book_fill_nb(session: int, j: int, side: int, lots: int, price: float, fee: float) -> int:
    """Book one execution: cash, commission, position; return its fill id.

    The rate of the moment converts an instrument's currency into the account's.
    """
    s = session_nb(session)[0]
    position = position_nb(s, j)
    terms = terms_nb(s, j)
    flow = -side * micro_nb(lots * terms.unit_value * price * position.fx)
    fee_micro = micro_nb(fee * position.fx)
    held = position.lots
    s.n_fills += 1
    fill_id = s.n_fills
    enter_nb(session, c.TRADED, j, flow, fill_id, s.now)
    if fee_micro != 0:
        enter_nb(session, c.COMMISSION, j, -fee_micro, fill_id, s.now)
    realized = move_position_nb(session, j, side * lots, price, flow)
    position.realized_micro += realized
    position.fee_micro += fee_micro
    position.trip_micro += realized - fee_micro
    s.fee_micro += fee_micro
    count_trip_nb(session, j, held)
    if np.isnan(position.price):
        position.price = price
    revalue_nb(session, j)
    if s.fills != 0:
        fill = fill_at_nb(s.fills, fill_id - 1)
        fill.id = fill_id
        fill.instrument = j
        fill.side = side
        fill.lots = lots
        fill.price = price
        fill.fx = position.fx
        fill.cash_micro = flow
        fill.fee_micro = fee_micro
        fill.realized_micro = realized
        fill.position_lots = position.lots
        fill.event = position.events
        fill.ts_seen = s.now
        if fill_id + s.log_reserve > s.fills_capacity:
            s.needs_room = 1
    return int(fill_id)
