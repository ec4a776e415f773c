"""What comes for an order that ended so long ago that it is forgotten: nothing of it is booked, and people are told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.faults.sim_disk import SimDisk
from tests.faults.world import CAPABILITIES, World, X

from tradewright.core.types.order import OrderStatus, Side
from tradewright.core.types.venue import VenueEvent, VenueFill
from tradewright.execution.journal.reading import JournalReader
from tradewright.execution.orders.client_id import client_id
from tradewright.execution.orders.recovery import recover, truth
from tradewright.execution.orders.state import OrderParams, OrdersState

_PARAMS = OrderParams(forget_after_s=600.0)


@pytest.fixture
def world() -> Iterator[World]:
    """A position of 100 lots that was opened long ago, one of 7 on top of it, and the orders of the first forgotten."""
    made = World(1)
    made.params = _PARAMS
    made.start()
    made.run(1.0)
    made.enter(100, stop=None)
    made.run(400.0)
    made.enter(7, stop=None)
    made.run(300.0)
    assert [o.intent.lots for o in made.state.orders.values()] == [7]
    assert made.state.position(X) == 107
    yield made
    made.close()


def tell(world: World, event: VenueEvent) -> None:
    world.inside(lambda: world.venue._tell(event))
    world.run(2.0)


def old(world: World) -> VenueFill:
    return world.venue.executions[0]


def is_set_aside(world: World, position: int = 107) -> bool:
    is_stopped = bool(world.state.of(X).halted) and not world.enter(1)
    pages = [a for a in world.alerts("fill quarantined") if a.is_page]
    return is_stopped and len(pages) == len(world.state.quarantine) == 1 and world.state.position(X) == position


def test_the_journal_leads_to_the_same_memory_and_the_epoch_goes_on(world: World) -> None:
    desk = world.desk
    assert desk is not None
    desk.journal.flush()
    disk = SimDisk()
    disk.files = {name: bytearray(content) for name, content in world.disk.files.items()}
    again = recover(OrdersState("A1", CAPABILITIES, _PARAMS), JournalReader(disk))
    assert truth(again) == truth(world.state)
    world.stop()
    world.start()
    world.run(60.0)
    assert world.enter(1, stop=None)
    world.settle(60.0)
    assert (world.state.position(X), world.venue.held[X]) == (108, 108)


def test_an_execution_told_again_moves_nothing(world: World) -> None:
    for _ in range(2):
        tell(world, old(world))
    assert is_set_aside(world)
    desk = world.desk
    assert desk is not None
    world.inside(lambda: desk.release(f"symbol:{X}", "a", "b", "the venue agrees"))
    tell(world, old(world))
    assert world.enter(1, stop=None), "it was looked at"


def test_an_execution_told_again_without_an_id_of_ours_moves_nothing(world: World) -> None:
    tell(world, replace(old(world), client_id=""))
    assert is_set_aside(world)
    assert not world.state.of(X).external


def test_a_late_execution_is_not_booked_and_the_position_differs(world: World) -> None:
    told = replace(world.venue.books["V1"].told, lots=5)
    world.inside(lambda: world.venue.execute(told, 5))
    world.run(100.0)
    assert is_set_aside(world)
    assert (world.state.of(X).external, world.state.of(X).mismatch) == (0, 5)


def test_an_execution_that_is_taken_back_hours_later(world: World) -> None:
    world.inside(lambda: world.venue.bust(0))
    world.run(100.0)
    assert is_set_aside(world)
    assert world.state.of(X).mismatch == -100


@pytest.mark.parametrize("status", [OrderStatus.FILLED, OrderStatus.ACCEPTED])
def test_a_report_that_is_repeated_changes_nothing(world: World, status: OrderStatus) -> None:
    before = len(world.seen.alerts)
    tell(world, replace(world.venue.books["V1"].told, status=status))
    assert not world.state.external
    assert not world.venue.cancels
    assert len(world.seen.alerts) == before
    assert world.enter(1, stop=None)


@pytest.mark.parametrize("has_id", [True, False])
def test_an_order_that_works_after_all_is_cancelled(world: World, has_id: bool) -> None:
    book = world.venue.books["V1"]
    parent, own = ("", book.told.client_id) if has_id else (book.told.client_id, "")
    book.told = replace(book.told, status=OrderStatus.ACCEPTED, client_id=own, parent=parent)
    world.venue.working["V1"] = book
    world.run(100.0)
    assert [venue_id for _, venue_id in world.venue.cancels] == ["V1"]
    assert "V1" not in world.venue.working
    assert [a.is_page for a in world.alerts("order came back")] == [True]
    assert not world.state.external
    assert not world.alerts("external order")
    assert world.state.of(X).halted


def test_what_the_watchdog_closed_is_still_somebody_elses_trade(world: World) -> None:
    name = client_id("A1", "watchdog", 0, 12345, 32)
    made = replace(old(world), trade_id="W1", client_id=name, venue_id="W", side=Side.SELL, lots=107)
    made = replace(made, ts_event=world.now_ns())
    world.venue.executions.append(made)
    world.venue.held[X] -= 107
    tell(world, made)
    world.run(40.0)
    assert not world.state.quarantine
    assert world.state.position(X) == 0
    assert len(world.alerts("closed by somebody else")) == 1


def test_an_exit_that_fills_before_it_is_reported_is_taken_for_what_it_is(world: World) -> None:
    entry = next(iter(world.state.orders))
    made = replace(old(world), trade_id="L1", client_id=f"{entry}.2", venue_id="L", side=Side.SELL, lots=7)
    tell(world, replace(made, ts_event=world.now_ns()))
    assert not world.state.quarantine


def test_in_a_quiet_market_the_newest_executions_are_old_and_asked_for_again(world: World) -> None:
    world.run(2000.0)
    assert [o.intent.lots for o in world.state.orders.values()] == [7]
    world.settle(60.0)
    assert not world.state.of(X).halted


def test_others_are_forgotten_too_and_known_by_their_time(world: World) -> None:
    world.inside(lambda: world.venue.by_hand(X, Side.BUY, 3))
    world.run(40.0)
    assert world.state.of(X).external == 3
    world.run(400.0)
    world.enter(1, stop=None)
    world.run(400.0)
    assert not world.state.others
    tell(world, next(f for f in world.venue.executions if not f.client_id))
    assert is_set_aside(world, 108)
    assert world.state.of(X).external == 3


def test_an_entry_is_remembered_while_its_exit_works(world: World) -> None:
    entry, leg = world.enter(5, stop=None), "leg"
    world.run(2.0)
    told = replace(world.venue.books["V3"].told, client_id="", venue_id=leg, parent=entry, side=Side.SELL, filled=0)
    told = replace(told, status=OrderStatus.ACCEPTED)
    world.venue.books[leg] = world.venue.working[leg] = replace(world.venue.books["V3"], told=told)
    tell(world, told)
    world.run(400.0)
    world.enter(1, stop=None)
    world.run(400.0)
    assert {entry, leg} <= world.state.orders.keys()
    assert not world.state.of(X).halted
