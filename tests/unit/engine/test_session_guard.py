"""The guard in a session driven by hand: what only the outside knows, what people say, and what must fail closed."""

from __future__ import annotations

from collections.abc import Callable

import numba
import numpy as np
import pytest
from numba import int64

from tradewright.core.kernel.records import instrument_records, single_event
from tradewright.core.types.events import EventKind
from tradewright.core.types.instrument import Instrument
from tradewright.core.types.message import VenueMessage
from tradewright.core.types.order import LossState, OrderStatus, Reason, TradingState, Verb
from tradewright.engine.binding import param_values
from tradewright.engine.commands import Command
from tradewright.engine.interpreted import interpreted_path
from tradewright.engine.memory import AccountStart, SessionMemory, Shape
from tradewright.engine.session import Session
from tradewright.execution.sim_venue import SimVenue, SimVenueParams
from tradewright.features import FeatureSet
from tradewright.risk.guard import Guard, GuardPlace
from tradewright.risk.limits import Limits
from tradewright.strategies.signals import Signals, cancel, limit, market, reduce_only, stop, tagged
from tradewright.strategies.strategy import Strategy, StrategyParams

NS = 1_000_000_000
DAY = 86_400 * NS
NAN = float("nan")
INSTRUMENT = Instrument("X", margin_initial=0.1, margin_maintenance=0.0)

Wish = Callable[[Signals], object]


class Desk:
    """One instrument, its session and its venue, and the wishes of each bar."""

    def __init__(self, **limits: object) -> None:
        self.wishes: list[Wish] = []

        def decide(row: object, forecast: object, account: object, params: object, signals: Signals) -> None:
            del row, forecast, account, params
            for wish in self.wishes:
                wish(signals)
            self.wishes.clear()

        strategy = Strategy("by_hand", StrategyParams, lambda _: {}, decide, is_compiled=False)
        records = instrument_records([INSTRUMENT], "USD")
        allowed = Limits.model_validate(limits)
        guard = Guard(allowed, GuardPlace((INSTRUMENT,), 10_000.0, 0, 100 * DAY)) if allowed.has_guard else None
        days = np.array([0, DAY, 2 * DAY, 2**62], np.int64)
        start = AccountStart(10_000.0, allowed, param_values(StrategyParams()), days, guard)
        self.memory = SessionMemory(Shape(1, 0, 16), start, records)
        self.event = single_event()
        self.venue = SimVenue(SimVenueParams(), records, self.event)
        path = interpreted_path(strategy, [], self.memory, has_forecasts=False)
        self.session = Session(path, self.memory, FeatureSet({}), self.event)
        self.price = 100.0
        self.now = 0

    def bar(self, *wishes: Wish, seconds: int = 1, forecast: tuple[float, int] | None = None) -> list[VenueMessage]:
        """Let a bar pass, the strategy wish, and the venue hear of it."""
        assert self.event.kind is not None
        self.wishes.extend(wishes)
        price, self.event.ts_open[0] = self.price, self.now
        self.now += seconds * NS
        self.event.fields[:5, 0] = price, price, price, price, 1_000.0
        self.event.kind[0] = EventKind.BAR
        self.event.ts_event[0] = self.event.ts_seen[0] = self.now
        for answer in self.venue.on_market():
            self.session.on_order_event(answer)
        known = None if forecast is None else np.array([forecast[0], 1.0 - forecast[0], 0.0, 0.0])
        commands = self.session.on_market(known, None if forecast is None else forecast[1])
        for command in commands:
            self.venue.submit(command)
        return commands

    def tell(self, command: Command, value: float = NAN) -> list[VenueMessage]:
        """Give a command, and the venue what it leads to."""
        commands = self.session.on_command(command, value)
        for message in commands:
            self.venue.submit(message)
        return commands

    @property
    def reasons(self) -> list[str]:
        """Reasons in the guard's log; a dot where the wish went through."""
        log = self.memory.taken("decisions", "n_decisions")
        return [Reason(int(r)).name if r else "." for r in log["reason"]]

    @property
    def position(self) -> int:
        """Lots held."""
        return int(self.memory.arrays["positions"]["lots"][0])


def buy(size: float = 1.0) -> Wish:
    return lambda s: market(s, size)


# ------------------------------------------------------------------------------------------------- C14, C24: figures
def test_an_unknown_clock_drift_refuses_and_one_at_the_limit_does_not() -> None:
    desk = Desk(max_clock_drift_ms=500)
    desk.bar(buy())
    for drift in (500.0, -500.0, 500.001, -500.001, NAN):
        desk.tell(Command.CLOCK_DRIFT, drift)
        desk.bar(buy())
    drifted = "CLOCK_DRIFT"
    assert desk.reasons == [drifted, ".", ".", drifted, drifted, drifted]


def test_a_forecast_grows_too_old() -> None:
    # Known at second 1, 60 seconds allowed: at second 61 it is just young enough, at 62 too old.
    desk = Desk(model={"max_age_seconds": 60})
    desk.bar(buy())
    assert desk.reasons == ["MODEL_STALE"]  # none is known
    desk = Desk(model={"max_age_seconds": 60})
    desk.bar(buy(), forecast=(0.9, NS))
    desk.bar(buy(), seconds=60)
    desk.bar(buy())
    assert desk.reasons == [".", ".", "MODEL_STALE"]


def test_a_forecast_of_unknown_age_is_too_old() -> None:
    desk = Desk(model={"max_age_seconds": 60})
    desk.wishes.append(buy())
    desk.event.fields[:5, 0] = 100.0
    desk.event.ts_event[0] = desk.event.ts_seen[0] = NS
    desk.session.on_market(np.array([0.9, 0.1, 0.0, 0.0]))
    assert desk.reasons == ["MODEL_STALE"]


def test_confidence_of_either_side_counts() -> None:
    desk = Desk(model={"min_confidence": 0.6})
    for p_up in (0.6, 0.4, 0.59, 0.41, NAN):
        desk.bar(buy(), forecast=(p_up, 0))
    unsure = "MODEL_CONFIDENCE"
    assert desk.reasons == [".", ".", unsure, unsure, unsure]


def test_a_drift_alarm_stops_new_risk_until_it_is_off() -> None:
    desk = Desk(model={})
    for alarm in (0.0, 1.0, NAN, 0.0):
        desk.tell(Command.MODEL_DRIFT, alarm)
        desk.bar(buy())
    assert desk.reasons == [".", "MODEL_DRIFT", "MODEL_DRIFT", "."]


def test_signals_per_hour_by_tier_of_confidence() -> None:
    # One an hour below 0.7, three above; each tier counts its own. Nothing below 0.5, NaN included.
    desk = Desk(signals_per_hour=[{"confidence": 0.5, "per_hour": 1}, {"confidence": 0.7, "per_hour": 2}])
    for p_up in (0.5, 0.6, 0.7, 0.8, 0.9, NAN):
        desk.bar(buy(), forecast=(p_up, 0))
    often = "SIGNALS_PER_HOUR"
    assert desk.reasons == [".", often, ".", ".", often, often]


# ---------------------------------------------------------------------------------------- C05: orders nobody knows of
def test_an_order_in_doubt_counts_at_its_worst() -> None:
    # Ten allowed, six in doubt: four more may be asked for, five may not.
    desk = Desk(max_position_size=10, max_gross_value=1000)
    desk.session.on_market()  # nothing wished
    desk.wishes.append(lambda s: limit(s, 6, 100))
    desk.event.fields[:5, 0] = 100.0
    desk.event.ts_event[0] = desk.event.ts_seen[0] = NS
    desk.session.on_market()  # sent, and no answer comes
    desk.memory.arrays["orders"]["status"][0, 0] = OrderStatus.UNKNOWN
    desk.event.ts_event[0] = desk.event.ts_seen[0] = 2 * NS
    desk.wishes += [buy(5), buy(4), buy(1)]
    desk.session.on_market()
    assert desk.reasons == [".", "MAX_POSITION", ".", "MAX_POSITION"]
    assert desk.memory.record["reserved_micro"][0] == 1_000_000_000


# ------------------------------------------------------------------------------------------------- C09, C20: people
def test_a_disabled_strategy_waits_for_a_person_and_may_leave() -> None:
    desk = Desk(repeated_execution={"fills": 2, "seconds": 60})
    for _ in range(3):
        desk.bar(buy())
    desk.bar(lambda s: reduce_only(s, market(s, -1)), buy(), seconds=1_000)
    assert desk.reasons == [".", ".", "REPEATED_EXECUTION", ".", "REPEATED_EXECUTION"]
    desk.tell(Command.ENABLE)
    desk.bar(buy())
    assert desk.reasons[-1] == "."


def test_a_days_loss_needs_the_next_day_and_a_person() -> None:
    desk = Desk(intraday_loss=0.01, intraday_loss_needs_reset=True)
    desk.bar(buy(20))
    desk.bar()
    desk.price = 90.0
    desk.bar()
    desk.bar(seconds=10)
    assert desk.position == 0
    desk.tell(Command.RESET_DAY)  # too early by itself: the day is not over
    desk.bar(buy())
    assert desk.reasons[-1] == "INTRADAY_LOSS"
    desk.bar(buy(), seconds=86_400)
    desk.bar(buy())
    assert desk.reasons[-1] == "."


def test_without_a_person_the_days_loss_stays() -> None:
    desk = Desk(intraday_loss=0.01, intraday_loss_needs_reset=True)
    desk.bar(buy(20))
    desk.bar()
    desk.price = 90.0
    desk.bar()
    desk.bar(seconds=86_400)
    desk.bar()
    desk.bar(buy())
    assert desk.reasons[-1] == "INTRADAY_LOSS"
    desk.tell(Command.RESET_DAY)
    assert desk.memory.record["loss_state"][0] == LossState.CLEAR
    desk.bar(buy())
    assert desk.reasons[-1] == "."


# ------------------------------------------------------------------------------------------------- C26: trading state
def test_reducing_lets_out_and_not_in() -> None:
    desk = Desk()
    desk.bar(buy(5), lambda s: tagged(s, limit(s, 1, 90), 7))
    desk.bar()
    desk.tell(Command.REDUCE)
    sent = desk.bar(buy(), lambda s: market(s, -6), lambda s: market(s, -2), lambda s: reduce_only(s, limit(s, -3, 99)))
    assert [int(m.order["lots"][0]) for m in sent] == [2, 3]
    desk.bar()
    assert desk.position == 0
    log = desk.memory.taken("order_log", "n_order_log")
    assert {Reason(int(r)) for r in log["reason"] if r} == {Reason.TRADING_REDUCING}


def test_halted_sends_no_order_and_still_cancels() -> None:
    desk = Desk()
    desk.bar(buy(5), lambda s: tagged(s, limit(s, 1, 90), 7))
    desk.bar(lambda s: reduce_only(s, stop(s, -5, 80)))
    desk.tell(Command.HALT)
    (sent,) = desk.bar(buy(), lambda s: market(s, -5), lambda s: cancel(s, 7))
    assert sent.verb is Verb.CANCEL_ORDER
    desk.bar(seconds=86_400)
    desk.bar()
    assert desk.position == 5, "a halt keeps what is held"
    assert desk.memory.arrays["positions"]["working"][0] == 1, "and what protects it"


def test_kill_cancels_entries_and_keeps_protection() -> None:
    desk = Desk()
    desk.bar(buy(5), lambda s: limit(s, 1, 90))
    desk.bar(lambda s: reduce_only(s, stop(s, -5, 80)))
    (sent,) = desk.tell(Command.KILL)
    assert sent.verb is Verb.CANCEL_ORDER
    assert desk.memory.record["trading_state"][0] == TradingState.KILLED
    assert desk.tell(Command.KILL) == []
    assert desk.bar(buy()) == []
    assert desk.position == 5


def test_an_instrument_is_halted_by_itself() -> None:
    desk = Desk(allowed=["X"])
    for flag in (1.0, 0.0):
        desk.tell(Command.HALT_INSTRUMENT, flag)
        desk.bar(buy())
    assert desk.reasons == ["INSTRUMENT_HALTED", "."]


def test_limits_change_at_once() -> None:
    desk = Desk(max_order_value=1000.0)
    desk.bar(buy(10))
    desk.tell(Command.MAX_ORDER_VALUE, 999.0)
    desk.bar(buy(10), buy(9))
    desk.tell(Command.MAX_DRAWDOWN, 0.01)
    desk.price = 80.0
    desk.bar()
    assert desk.memory.record["loss_state"][0] == LossState.OUT_FOR_GOOD
    assert desk.reasons[:3] == [".", "MAX_ORDER_VALUE", "."]


# ---------------------------------------------------------------------------------------------------- fail closed
def _broken(session: int, j: int, code: int) -> int:
    """Stand for a guard that breaks off: what is left of it is 0."""
    return session * 0 + j * 0 + code * 0


def test_a_guard_that_breaks_off_refuses() -> None:
    desk = Desk(max_order_size=10)
    verb = numba.cfunc(int64(int64, int64, int64))(_broken)
    verbs = desk.memory.verbs.copy()
    verbs["guard"] = verb.address
    desk.memory.record["verbs"] = verbs.ctypes.data
    assert desk.bar(buy()) == []
    assert desk.reasons == ["GUARD_ERROR"]


@pytest.mark.parametrize(
    ("limits", "field", "reason"),
    [
        ({"max_volume_share": 0.5}, 4, "MAX_ORDER_SIZE"),
        ({"data": {"max_jump": 0.5}}, 3, "UNREASONABLE_DATA"),
        ({"collar": {"atr": 2.0}}, 1, "PRICE_COLLAR"),
    ],
)
def test_a_missing_figure_refuses(limits: dict[str, object], field: int, reason: str) -> None:
    desk = Desk(**limits)
    for _ in range(20):
        desk.bar()
    desk.wishes.append(buy())
    desk.event.fields[field, 0] = NAN
    desk.now += NS
    desk.event.ts_event[0] = desk.event.ts_seen[0] = desk.now
    assert desk.session.on_market() == []
    assert desk.reasons == [reason]
