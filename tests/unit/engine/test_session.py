"""The session's four inputs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tradewright.core.kernel.records import instrument_records, single_event
from tradewright.core.types.account import Account
from tradewright.core.types.dtypes import message_dtype
from tradewright.core.types.events import EventKind, MarketEvents
from tradewright.core.types.feature import Floats
from tradewright.core.types.forecast import ForecastRow
from tradewright.core.types.instrument import Instrument
from tradewright.core.types.message import VenueMessage, blank_order
from tradewright.core.types.order import OrderStatus, Origin, Reason, TradingState, Verb
from tradewright.engine.binding import compiled_path, param_values
from tradewright.engine.commands import Command
from tradewright.engine.interpreted import interpreted_path
from tradewright.engine.memory import AccountStart, SessionMemory, Shape
from tradewright.engine.session import Session
from tradewright.execution.sim_venue import SimVenue, SimVenueParams
from tradewright.features import FeatureSet
from tradewright.risk.limits import Limits
from tradewright.strategies.registry import built_in
from tradewright.strategies.signals import Signals, limit, market, on_instrument
from tradewright.strategies.strategy import Strategy, StrategyParams

NS = 1_000_000_000


class Desk:
    """One instrument, its session and its venue, driven by hand."""

    def __init__(self, decide: Callable[..., None], *, is_cross_section: bool = False) -> None:
        strategy = Strategy(
            "by_hand", StrategyParams, lambda _: {}, decide, is_compiled=False, is_cross_section=is_cross_section
        )
        instruments = instrument_records([Instrument("X", margin_maintenance=0.0)], "USD")
        start = AccountStart(10_000.0, Limits(), param_values(StrategyParams()), np.array([0, 2**62], np.int64))
        self.memory = SessionMemory(Shape(1, 0, 16), start, instruments)
        self.event: MarketEvents = single_event()
        self.venue = SimVenue(SimVenueParams(), instruments, self.event)
        self.session = Session(
            interpreted_path(strategy, [], self.memory, has_forecasts=False), self.memory, FeatureSet({}), self.event
        )

    def bar(self, number: int, price: float) -> list[VenueMessage]:
        assert self.event.kind is not None
        self.event.fields[:5, 0] = price, price + 1.0, price - 1.0, price, 1_000.0
        self.event.kind[0] = EventKind.BAR
        self.event.ts_open[0] = number * NS
        self.event.ts_event[0] = self.event.ts_seen[0] = (number + 1) * NS
        for answer in self.venue.on_market():
            self.session.on_order_event(answer)
        commands = self.session.on_market()
        self.send(commands)
        return commands

    def send(self, commands: list[VenueMessage]) -> None:
        for command in commands:
            self.venue.submit(command)

    @property
    def position(self) -> int:
        return int(self.memory.arrays["positions"]["lots"][0])

    @property
    def denied(self) -> list[int]:
        log = self.memory.taken("order_log", "n_order_log")
        return [int(reason) for reason in log["reason"][log["status"] == 10]]


def buy_once(row: object, forecast: ForecastRow, account: Account, params: object, signals: Signals) -> None:  # noqa: ARG001
    if account.position == 0.0 and account.working == 0.0:
        market(signals, 5.0)


def test_no_event_waits_for_a_compiler() -> None:
    strategy = built_in("ema_cross")
    path = compiled_path(strategy, ["fast", "slow"], keeps_curve=False, keeps_score=False)
    desk = Desk(buy_once)
    Session(path, desk.memory, FeatureSet({}), desk.event)
    assert [str(kinds) for kinds in getattr(path.on_event, "signatures", ())] == ["(int64, int64)"]


def test_a_market_event_leads_to_commands_and_answers_to_a_position() -> None:
    desk = Desk(buy_once)
    (command,) = desk.bar(0, 100.0)
    assert command.verb is Verb.SUBMIT_ORDER
    assert desk.position == 0
    assert desk.bar(1, 101.0) == []
    assert desk.position == 5
    fill = desk.memory.taken("fills", "n_fills")[0]
    assert (fill["price"], fill["ts_event"]) == (101.0, 2 * NS)


def test_an_answer_alone_changes_the_books() -> None:
    desk = Desk(buy_once)
    desk.bar(0, 100.0)
    desk.event.ts_open[0], desk.event.ts_event[0], desk.event.ts_seen[0] = NS, 2 * NS, 2 * NS
    accepted, filled = desk.venue.on_market()
    desk.session.on_order_event(accepted)
    assert desk.position == 0
    desk.session.on_order_event(filled)
    assert desk.position == 5


def test_a_timer_completes_a_timestamp_for_a_cross_section() -> None:
    asked: list[int] = []

    def decide(rows: Floats, forecasts: Floats, accounts: Floats, params: object, signals: Signals) -> None:  # noqa: ARG001
        asked.append(len(rows))
        on_instrument(signals, market(signals, 1.0), 0)

    desk = Desk(decide, is_cross_section=True)
    assert desk.bar(0, 100.0) == []
    assert asked == []
    (command,) = desk.session.on_timer(NS)
    assert command.verb is Verb.SUBMIT_ORDER
    assert asked == [1]


def test_a_timer_never_turns_time_back() -> None:
    desk = Desk(buy_once)
    desk.bar(3, 100.0)
    desk.session.on_timer(1)
    assert int(desk.memory.record["now"][0]) == 4 * NS
    desk.session.on_timer(9 * NS)
    assert int(desk.memory.record["now"][0]) == 9 * NS


def test_halt_keeps_the_position_and_opens_nothing_more() -> None:
    def decide(row: object, forecast: ForecastRow, account: Account, params: object, signals: Signals) -> None:  # noqa: ARG001
        market(signals, 5.0)

    desk = Desk(decide)
    desk.bar(0, 100.0)
    desk.bar(1, 100.0)
    assert desk.position == 5
    assert desk.session.on_command(Command.HALT) == []
    assert int(desk.memory.record["trading_state"][0]) == TradingState.HALTED
    desk.bar(2, 100.0)  # what was on its way still fills; nothing new is sent
    assert desk.denied == [Reason.TRADING_HALTED]
    desk.bar(3, 100.0)
    assert desk.position == 10


def test_flatten_cancels_and_closes_without_a_market_event() -> None:
    def decide(row: object, forecast: ForecastRow, account: Account, params: object, signals: Signals) -> None:  # noqa: ARG001
        if account.position == 0.0 and account.working == 0.0:
            market(signals, 5.0)
            limit(signals, 5.0, 50.0)

    desk = Desk(decide)
    desk.bar(0, 100.0)
    desk.bar(1, 100.0)
    assert desk.position == 5
    commands = desk.session.on_command(Command.FLATTEN)
    assert [c.verb for c in commands] == [Verb.CANCEL_ORDER, Verb.SUBMIT_ORDER]
    assert int(commands[1].order["origin"][0]) == Origin.RISK
    assert int(commands[1].order["is_reduce_only"][0]) == 1
    assert desk.session.on_command(Command.FLATTEN) == []  # asking twice closes once
    desk.send(commands)
    desk.bar(2, 100.0)
    assert desk.position == 0
    desk.bar(3, 100.0)
    assert desk.position == 0
    assert int(desk.memory.record["trading_state"][0]) == TradingState.KILLED


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (Command.HALT, Reason.TRADING_HALTED),
        (Command.FLATTEN, Reason.TRADING_KILLED),
        (Command.KILL, Reason.TRADING_KILLED),
        (Command.REDUCE, Reason.TRADING_REDUCING),
    ],
)
def test_commands_before_the_first_event_are_safe(command: Command, reason: Reason) -> None:
    desk = Desk(buy_once)
    assert desk.session.on_command(command) == []
    assert desk.bar(0, 100.0) == []
    assert desk.denied == [reason]
    desk.session.on_command(Command.RESUME)
    assert len(desk.bar(1, 100.0)) == 1


def rest_often(row: object, forecast: ForecastRow, account: Account, params: object, signals: Signals) -> None:  # noqa: ARG001
    for _ in range(4):
        limit(signals, 1.0, 50.0)


def test_what_fills_is_booked_though_no_place_is_left_for_its_order() -> None:
    desk = Desk(rest_often)
    for number in range(8):
        desk.bar(number, 100.0)
    positions = desk.memory.arrays["positions"]
    positions["working"][0] = desk.memory.arrays["orders"].shape[1]  # the place kept for flattening is taken, too
    header, order = np.zeros(1, message_dtype), blank_order(None, 99.0, None)
    order["id"], order["side"], order["lots"], order["filled"] = -77, 1, 3, 3
    order["status"], order["origin"], order["is_reduce_only"] = int(OrderStatus.FILLED), int(Origin.STOP_LOSS), 1
    header["verb"], header["fill_lots"], header["fill_price"] = int(Verb.ORDER_FILLED), 3, 99.0
    cash = int(desk.memory.record["cash_micro"][0])
    desk.session.on_order_event(VenueMessage(header, order))
    assert desk.position == 3
    assert int(desk.memory.record["cash_micro"][0]) == cash - 297_000_000
    assert desk.memory.taken("fills", "n_fills")["order"].tolist() == [-77]
