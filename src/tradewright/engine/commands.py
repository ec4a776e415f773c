"""What people, and the machinery around a session, may tell it beside the market and the venue."""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import IntEnum

from tradewright.core.kernel.commands_nb import cancel_entries_nb, set_floor_alone_nb
from tradewright.core.kernel.verbs import call_verb_nb
from tradewright.core.types.errors import ConfigError
from tradewright.core.types.order import LossState, Origin, Reason, TradingState
from tradewright.engine.memory import SessionMemory

_MS = 1e6


class Command(IntEnum):
    """What a session may be told. Numbers are stable: they stand in journals. The second group carries a figure."""

    HALT = 1  # no new order at all; keep positions and their protection
    FLATTEN = 2  # kill, and close everything
    RESUME = 3  # back to ACTIVE; what a loss limit stopped stays stopped
    REDUCE = 4  # nothing but what makes positions smaller
    KILL = 5  # no new order at all, and cancel every entry that works
    RESET_DAY = 6  # a person has looked at the day's broken loss limit: the next day may lift it
    ENABLE = 7  # a person has looked at a strategy that its own fills disabled
    CLOCK_DRIFT = 32  # our clock less the venue's, ms
    MODEL_DRIFT = 33  # 1: the model's drift alarm is on, 0: it is off
    HALT_INSTRUMENT = 34  # 1: the instrument is halted, 0: it is not
    MAX_ORDER_VALUE = 48  # a limit in its new size; how it may be raised: `risk.limit_changes`
    MAX_POSITION_VALUE = 49
    MAX_LEVERAGE = 50
    INTRADAY_LOSS = 51
    MAX_DRAWDOWN = 52


_STATES = {
    Command.HALT: TradingState.HALTED,
    Command.FLATTEN: TradingState.KILLED,
    Command.RESUME: TradingState.ACTIVE,
    Command.REDUCE: TradingState.REDUCING,
    Command.KILL: TradingState.KILLED,
}


def obey(memory: SessionMemory, command: Command, value: float, instrument: int) -> None:
    """Do what a command asks; what it wants sent stands in the outbox."""
    if command in _STATES:
        memory.record["trading_state"] = _STATES[command]
        if command is Command.KILL:
            cancel_entries_nb(memory.address, int(Reason.TRADING_KILLED))
        elif command is Command.FLATTEN:
            flatten = int(memory.verbs["flatten"][0])
            call_verb_nb(flatten, memory.address, int(Origin.RISK), int(Reason.CANCELED_BY_RISK))
    elif command >= Command.MAX_ORDER_VALUE:
        _limit(memory, command, value)
    elif command >= Command.CLOCK_DRIFT:
        _FIGURES[command](memory, value, instrument)
    else:
        _person(memory, command)


def _person(memory: SessionMemory, command: Command) -> None:
    """Lift what only a person lifts; without a guard nothing of the kind is ever set."""
    if memory.guard is None:
        return
    guard, record = memory.guard.record, memory.record
    if command is Command.ENABLE:
        guard["disabled"] = 0
        return
    guard["is_reset"] = 1
    if record["loss_state"][0] == LossState.OUT_FOR_DAY and record["day"][0] > guard["halt_day"][0]:
        record["loss_state"], record["halt_reason"] = LossState.CLEAR, Reason.NONE


def _clock_drift(memory: SessionMemory, value: float, _instrument: int) -> None:
    if memory.guard is not None:
        memory.guard.record["drift_ns"] = value * _MS  # NaN stays NaN, which refuses


def _model_drift(memory: SessionMemory, value: float, _instrument: int) -> None:
    if memory.guard is not None:
        memory.guard.record["has_drifted"] = value != 0.0  # a flag; NaN counts as an alarm


def _halt_instrument(memory: SessionMemory, value: float, instrument: int) -> None:
    count = len(memory.arrays["positions"])
    if not 0 <= instrument < count:
        raise ConfigError(f"there is no instrument {instrument}", where="command", fix=f"Give 0 to {count - 1}.")
    if memory.guard is None:
        what, fix = "this session has no guard that could halt one instrument", "Set any control in limits."
        raise ConfigError(what, where="command", fix=fix)
    memory.guard.arrays["instruments"]["is_halted"][instrument] = value != 0.0


_FIGURES: dict[Command, Callable[[SessionMemory, float, int], None]] = {
    Command.CLOCK_DRIFT: _clock_drift,
    Command.MODEL_DRIFT: _model_drift,
    Command.HALT_INSTRUMENT: _halt_instrument,
}


def _limit(memory: SessionMemory, command: Command, value: float) -> None:
    """Set one of the account's limits."""
    name = command.name.lower()
    most = 1.0 if command in {Command.INTRADAY_LOSS, Command.MAX_DRAWDOWN} else math.inf
    if not 0.0 < value <= most or math.isinf(value):
        raise ConfigError(f"{value} is no {name}", where="command", fix=f"Give a number above 0, at most {most:g}.")
    memory.arrays["limits"][name] = value
    set_floor_alone_nb(memory.address)
