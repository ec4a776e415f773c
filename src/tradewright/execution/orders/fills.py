"""Executions, each applied exactly once: the only thing that moves a position."""

from __future__ import annotations

from dataclasses import replace

from tradewright.core.types.order import OrderStatus
from tradewright.core.types.venue import OrderIntent, VenueFill
from tradewright.execution.orders.forgetting import is_past
from tradewright.execution.orders.inputs import Alert, Ask, Effect, Filled, OrderEvent, Reconcile
from tradewright.execution.orders.state import TERMINAL, LiveOrder, OrdersState


def fill_key(state: OrdersState, fill: VenueFill) -> str:
    """Return what makes an execution one: its trade id within its scope, or all it says where there is none."""
    scope = state.capabilities.trade_id_scope
    if fill.trade_id and scope != "none":
        return f"{fill.instrument}/{fill.trade_id}" if scope == "instrument" else fill.trade_id
    parts = (fill.venue_id or fill.client_id, fill.instrument, fill.side.name, fill.lots, fill.price, fill.ts_event)
    return "composite:" + "/".join(map(str, parts))


def on_filled(state: OrdersState, told: Filled) -> list[Effect]:
    """Apply an execution, or its correction; a repetition changes nothing but a fee that was not known."""
    fill = told.fill
    key = fill_key(state, fill)
    known = state.fills.get(key)
    if known is not None:
        return _again(state, key, known, fill)
    state.watermark = max(state.watermark, fill.ts_event)
    if fill.busts:
        return _bust(state, key, fill)
    order = state.orders.get(fill.client_id) or state.orders.get(state.by_venue_id.get(fill.venue_id, ""))
    if order is None:
        if is_past(state, fill):
            return _quarantined(state, fill, "it is of a time, or of an order, that is over for long")
        state.fills[key], state.others[key] = fill, state.heard
        state.of(fill.instrument).unbooked += fill.side * fill.lots
        return [Reconcile("an execution that is not ours")]
    intent = order.intent
    is_other = (fill.instrument, fill.side) != (intent.instrument, intent.side)
    if is_other or fill.lots <= 0 or order.filled - order.taken_back + fill.lots > intent.lots:
        why = "it is about another instrument or side" if is_other else f"more than the order's {intent.lots} lots"
        return _quarantined(state, fill, why)
    state.fills[key] = fill
    order.executions.append(key)
    return _applied(state, order, fill)


def _again(state: OrdersState, key: str, known: VenueFill, fill: VenueFill) -> list[Effect]:
    state.duplicates += 1
    same = (known.instrument, known.side, known.lots, known.price, known.busts)
    if same != (fill.instrument, fill.side, fill.lots, fill.price, fill.busts):
        return _quarantined(state, fill, "the venue gave two contents to one trade id")
    if fill.fee is not None and known.fee != fill.fee:  # a commission that came late
        state.fills[key] = replace(known, fee=fill.fee, fee_currency=fill.fee_currency)
    return []


def _quarantined(state: OrdersState, fill: VenueFill, why: str) -> list[Effect]:
    """Keep an execution that contradicts what we know, change no position by it, and let nobody trade on."""
    if fill in state.quarantine:
        return []
    state.quarantine.append(fill)
    state.of(fill.instrument).halted = f"an execution contradicts the journal: {why}"
    text = f"{fill.instrument}: execution {fill.trade_id or '(no id)'} of {fill.lots} lots is set aside: {why}"
    return [Alert("fill quarantined", text, is_page=True), Reconcile("a contradictory execution")]


def _applied(state: OrdersState, order: LiveOrder, fill: VenueFill) -> list[Effect]:
    intent, known = order.intent, state.of(fill.instrument)
    before = known.position
    _put_in_place(order, fill.lots)
    is_expected = order.filled + fill.lots <= order.reported
    order.filled += fill.lots
    order.reported = max(order.reported, order.filled)
    order.value += fill.lots * fill.price
    if fill.venue_id and not order.venue_id:
        order.venue_id = fill.venue_id
        state.by_venue_id[fill.venue_id] = intent.client_id
    known.position += fill.side * fill.lots
    effects: list[Effect] = []
    if order.status in TERMINAL and not is_expected:
        effects += _corrected(state, order)
    elif order.filled == intent.lots:
        order.status = OrderStatus.FILLED
    elif order.status in TERMINAL:
        pass  # the report that ended it counted this execution
    elif order.status is not OrderStatus.UNKNOWN:  # the rest of an unknown order stays unknown
        order.status = OrderStatus.PARTIALLY_FILLED
    order.ts_changed = state.now
    state.index(order)
    if not intent.is_reduce_only:
        if before * known.position < 0:  # turned: what closed the old position does not close the new one
            known.stop_price = known.target_price = None
        if intent.stop_loss is not None:
            known.stop_price = _exit_price(intent, fill, -intent.stop_loss)
        if intent.take_profit is not None:
            known.target_price = _exit_price(intent, fill, intent.take_profit)
        if before * known.position <= 0:  # another position begins
            known.strategy, known.stops_lost, known.naked_since, known.next_exit = intent.strategy, 0, 0, 0
    elif before * known.position < 0 or (before == 0 and known.position):
        known.must_exit = True  # two exits filled where one was meant
        effects.append(Alert("exit turned the position", f"{fill.instrument}: now {known.position} lots", is_page=True))
    if known.position == 0:
        known.must_exit = False
    told = OrderEvent(
        intent.client_id, order.status, order.filled, fill.lots, fill.price, unseen=order.unseen, fill=fill
    )
    effects.append(told)
    return effects


def _exit_price(intent: OrderIntent, fill: VenueFill, away: float) -> float:
    """Return the price of an exit: ``away`` itself, its sign apart, or that share of the fill's price from it."""
    return fill.price * (1.0 + intent.side * away) if intent.are_fractions else abs(away)


def _put_in_place(order: LiveOrder, lots: int) -> None:
    """Let an execution stand for one that was taken back: a correction is a pair of both."""
    lots = min(lots, order.taken_back)
    order.taken_back -= lots
    order.filled -= lots


def _corrected(state: OrdersState, order: LiveOrder) -> list[Effect]:
    """Let an order that had ended, as the venue itself or two of its sources told us, have its late execution."""
    was = order.status
    state.corrections += 1
    text = f"{order.intent.client_id} was {was.name} and has filled"
    if order.filled == order.intent.lots:
        order.status = OrderStatus.FILLED
    elif was is not OrderStatus.CANCELED and was is not OrderStatus.EXPIRED:  # it lives after all
        become_unknown(state, order)
        return [Alert("corrected", text, is_page=True), Ask(order.intent.client_id)]
    return [Alert("corrected", text, is_page=True)]


def become_unknown(state: OrdersState, order: LiveOrder) -> None:
    """Nobody knows what the venue did with an order; only its word ends that."""
    order.status = OrderStatus.UNKNOWN
    order.ts_unknown = order.next_ask = order.ts_changed = state.now
    order.asks = 0
    order.is_canceling = False
    order.negatives.clear()
    order.silences.clear()
    state.index(order)


def _bust(state: OrdersState, key: str, fill: VenueFill) -> list[Effect]:
    """Take an execution back, once; the order stays what it is, the position and the result do not."""
    target = fill_key(state, replace(fill, trade_id=fill.busts, busts=""))
    known = state.fills.get(target)
    if known is None or target in state.busted:
        return _quarantined(state, fill, "it takes back an execution that we do not have")
    state.fills[key], state.busted[target] = fill, key
    order = state.orders.get(known.client_id) or state.orders.get(state.by_venue_id.get(known.venue_id, ""))
    if order is None:
        state.others[key] = state.heard
        state.of(fill.instrument).unbooked -= known.side * known.lots
        return [Reconcile("a correction that is not ours")]
    state.of(fill.instrument).position -= known.side * known.lots
    order.taken_back += known.lots
    order.value -= known.lots * known.price
    order.executions.append(key)
    state.index(order)
    state.corrections += 1
    told = OrderEvent(
        order.intent.client_id, order.status, order.filled, -known.lots, known.price, "taken back", fill=known
    )
    return [Alert("trade busted", f"{fill.instrument}: execution {fill.busts} was taken back", is_page=True), told]
