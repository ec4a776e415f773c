"""What a strategy wishes for, before sizing and checks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class SignalVerb(IntEnum):
    """What to do. 0 marks an empty place in the signal table."""

    NONE = 0
    ORDER = 1
    CANCEL = 2  # the working order that carries the tag
    CANCEL_ALL = 3  # every working order of the instrument
    REPLACE = 4  # price and size of the working order that carries the tag


class SizeUnit(IntEnum):
    """How ``size`` is meant."""

    UNITS = 1  # shares, coins, contracts
    VALUE = 2  # account currency
    WEIGHT = 3  # share of equity


class AttachUnit(IntEnum):
    """How the prices of a bracket's exits are meant."""

    PRICE = 1
    FRACTION = 2  # of the entry's fill price


@dataclass(frozen=True, slots=True)
class Signal:
    """One wish: a size with a direction (positive = buy) and how to get it."""

    instrument: str
    verb: SignalVerb
    size: float
    size_unit: SizeUnit
    is_target: bool
    ts_event: int
