"""Inputs as journal records, and the state that a journal leads to."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from tradewright.core.types.journal import JournalRecord
from tradewright.execution.orders.inputs import (
    Absent,
    CancelWanted,
    Claimed,
    Failed,
    Filled,
    Input,
    Intended,
    Killed,
    Released,
    Reported,
    Sent,
    Started,
    Viewed,
)
from tradewright.execution.orders.machine import step
from tradewright.execution.orders.state import LiveOrder, OrdersState

#: Journal kind of each input; `JournalLost` and `Ticked` have none.
KINDS: dict[str, type[Input]] = {
    "started": Started,
    "intent": Intended,
    "sent": Sent,
    "order": Reported,
    "fill": Filled,
    "failed": Failed,
    "absent": Absent,
    "cancel": CancelWanted,
    "view": Viewed,
    "claim": Claimed,
    "kill": Killed,
    "release": Released,
}
_NAMES = {kind: name for name, kind in KINDS.items()}


@cache
def _adapter(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(KINDS[kind])


def kind_of(told: Input) -> str | None:
    """Return the journal kind of an input, or None where it has none."""
    return _NAMES.get(type(told))


def to_payload(told: Input) -> dict[str, object]:
    """Return an input as a journal payload."""
    payload: dict[str, object] = _adapter(_NAMES[type(told)]).dump_python(told, mode="json")
    return payload


def from_record(record: JournalRecord) -> Input | None:
    """Return the input that a record holds, or None where it is about something else."""
    if record.kind not in KINDS:
        return None
    told: Input = _adapter(record.kind).validator.validate_python(record.payload)
    return told


def recover(state: OrdersState, records: Iterable[JournalRecord]) -> OrdersState:
    """Bring a fresh state to where a journal ends; what it asked for then has been done or will be asked for again."""
    for record in records:
        told = from_record(record)
        if told is not None:
            step(state, told)
    return state


def truth(state: OrdersState) -> dict[str, Any]:
    """Return what a restart has to bring back: all but the schedule of questions, which begins anew."""
    return {
        "orders": {k: _order_truth(o) for k, o in state.orders.items()},
        "instruments": {
            name: (
                (i.position, i.external, i.stop_price, i.target_price, i.strategy, i.stops_lost),
                (i.halted, i.mismatch, i.mismatches),
            )
            for name, i in state.instruments.items()
        },
        "fills": state.fills,
        "busted": state.busted,
        "quarantine": state.quarantine,
        "external": state.external,
        "claims": state.claims,
        "kills": state.kills,
        "paused": state.paused,
        "next": (state.epoch, state.next_sequence, state.watermark),
        "past": (list(state.ended.items()), list(state.others.items()), state.horizon, state.heard),
    }


def _order_truth(order: LiveOrder) -> tuple[object, ...]:
    return (
        order.intent,
        order.status,
        order.venue_id,
        order.filled,
        order.reported,
        order.value,
        order.is_cancel_wanted,
        order.negatives,
    )
