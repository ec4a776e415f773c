"""The simulated venue as an object: messages in, market events, messages out."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from tradewright.core.kernel.records import instrument_records, single_event
from tradewright.core.types.dtypes import message_dtype, order_dtype
from tradewright.core.types.events import EventKind, MarketEvents
from tradewright.core.types.instrument import Instrument
from tradewright.core.types.message import VenueMessage
from tradewright.core.types.order import OrderKind, OrderStatus, TimeInForce, Verb
from tradewright.execution.sim_venue import LatencyParams, SimVenue, SimVenueParams, VenueMemory

NS = 1_000_000_000


def command(verb: Verb, order_id: int, ts: int, *, lots: int = 1, limit: float = np.nan) -> VenueMessage:
    header, order = np.zeros(1, message_dtype), np.zeros(1, order_dtype)
    header["verb"], header["ts_sent"], header["ts_due"] = verb, ts, ts
    for name in order_dtype.names or ():
        if order_dtype[name].kind == "f":
            order[name] = 0.0 if name.startswith("fee_") or name == "fill_value" else np.nan
    order["id"], order["side"], order["lots"], order["tif"] = order_id, 1, lots, TimeInForce.GTC
    order["kind"] = OrderKind.MARKET if np.isnan(limit) else OrderKind.LIMIT
    order["limit"], order["ts_expire"], order["ts_created"] = limit, 2**63 - 1, ts
    return VenueMessage(header, order)


class Quotes:
    """A venue with one instrument and its stream of quotes."""

    def __init__(self, params: SimVenueParams) -> None:
        self.event: MarketEvents = single_event()
        self.venue = SimVenue(params, instrument_records([Instrument("X")], "USD"), self.event)

    def quote(self, ts: int, bid: float, ask: float) -> list[VenueMessage]:
        assert self.event.kind is not None
        self.event.fields[:4, 0] = bid, ask, 100.0, 100.0
        self.event.kind[0] = EventKind.QUOTE
        for array in (self.event.ts_open, self.event.ts_event, self.event.ts_seen):
            array[0] = ts
        return self.venue.on_market()


def test_an_order_is_accepted_then_filled_at_the_quote() -> None:
    market = Quotes(SimVenueParams())
    market.quote(1 * NS, 99.0, 100.0)
    market.venue.submit(command(Verb.SUBMIT_ORDER, 8, 1 * NS, lots=3))
    accepted, filled = market.quote(2 * NS, 99.5, 101.0)
    assert (accepted.verb, accepted.status) == (Verb.ORDER_ACCEPTED, OrderStatus.ACCEPTED)
    assert (filled.verb, filled.status, filled.order_id) == (Verb.ORDER_FILLED, OrderStatus.FILLED, 8)
    assert filled.header["fill_lots"][0] == 3
    # it arrived at once, so it met the quote it was sent at
    assert filled.header["fill_price"][0] == 100.0


def test_an_order_meets_the_quote_of_its_arrival_and_its_answer_takes_time() -> None:
    latency = LatencyParams(request_ms=1_500.0, answer_ms=2_000.0)
    market = Quotes(SimVenueParams(latency=latency))
    market.quote(1 * NS, 99.0, 100.0)
    market.venue.submit(command(Verb.SUBMIT_ORDER, 8, 1 * NS))
    assert market.quote(2 * NS, 100.0, 101.0) == []
    assert market.quote(3 * NS, 101.0, 102.0) == []
    answers = market.quote(5 * NS, 102.0, 103.0)
    assert [a.verb for a in answers] == [Verb.ORDER_ACCEPTED, Verb.ORDER_FILLED]
    assert answers[1].header["fill_price"][0] == 101.0
    assert answers[1].header["ts_sent"][0] == 2.5 * NS
    assert answers[1].header["ts_due"][0] == 4.5 * NS


def test_measured_latencies_are_taken_in_turn() -> None:
    market = Quotes(SimVenueParams(latency=LatencyParams(table=((1_000.0, 0.0), (3_000.0, 0.0)))))
    market.quote(1 * NS, 99.0, 100.0)
    market.venue.submit(command(Verb.SUBMIT_ORDER, 8, 1 * NS))
    market.venue.submit(command(Verb.SUBMIT_ORDER, 16, 1 * NS))
    fills = [a for a in market.quote(10 * NS, 99.0, 100.0) if a.verb is Verb.ORDER_FILLED]
    assert [int(a.header["ts_sent"][0]) for a in fills] == [2 * NS, 4 * NS]


def test_messages_do_not_overtake_each_other() -> None:
    market = Quotes(SimVenueParams(latency=LatencyParams(table=((3_000.0, 0.0), (0.0, 0.0), (0.0, 0.0)))))
    market.quote(1 * NS, 99.0, 100.0)
    market.venue.submit(command(Verb.SUBMIT_ORDER, 8, 1 * NS, limit=50.0))
    market.venue.submit(command(Verb.CANCEL_ORDER, 8, 2 * NS))
    answers = market.quote(10 * NS, 99.0, 100.0)
    assert [a.verb for a in answers] == [Verb.ORDER_ACCEPTED, Verb.ORDER_CANCELED]


def test_cancelling_what_is_not_there_is_not_answered() -> None:
    market = Quotes(SimVenueParams())
    market.quote(1 * NS, 99.0, 100.0)
    market.venue.submit(command(Verb.CANCEL_ORDER, 8, 1 * NS))
    assert market.quote(2 * NS, 99.0, 100.0) == []


def test_a_full_book_rejects() -> None:
    market = Quotes(SimVenueParams(slots=4))
    market.quote(1 * NS, 99.0, 100.0)
    for n in range(12):
        market.venue.submit(command(Verb.SUBMIT_ORDER, 8 * (n + 1), 1 * NS, limit=50.0))
    verbs = [a.verb for a in market.quote(2 * NS, 99.0, 100.0)]
    assert verbs == [Verb.ORDER_ACCEPTED] * 9 + [Verb.ORDER_REJECTED] * 3


def test_rings_grow_without_losing_what_is_on_its_way() -> None:
    venue = VenueMemory(SimVenueParams(), instrument_records([Instrument("X")], "USD"), ring=2)
    record = venue.record
    for place in range(2):
        venue._rings["answers"]["ts_due"][place] = place
    record["answers_head"], record["answers_tail"] = 1, 3
    venue._rings["answers"]["ts_due"] = [7, 5]  # place 1 is first, place 0 second
    venue.grow_rings()
    assert int(record["mask"][0]) == 1, "there was room"
    record["needs_room"] = 1
    venue.grow_rings()
    assert venue.places & (venue.places - 1) == 0, "a power of two"
    assert venue.places > 4 * int(record["n_slots"][0]), "one event cannot fill it"
    assert [int(m.header["ts_due"][0]) for m in venue.take_answers(100)] == [5, 7]


@pytest.mark.parametrize("field", ["request_ms", "answer_ms"])
def test_latency_is_not_negative(field: str) -> None:
    with pytest.raises(ValidationError, match=field):
        LatencyParams.model_validate({field: -1.0})


def test_no_latency_needs_no_table() -> None:
    assert LatencyParams().to_table().shape == (0, 2)
    assert LatencyParams(request_ms=1.5).to_table().tolist() == [[1.5e6, 0.0]]


@pytest.mark.parametrize("slots", [3, 5_000])
def test_slots_have_bounds(slots: int) -> None:
    with pytest.raises(ValidationError, match="slots"):
        SimVenueParams(slots=slots)
