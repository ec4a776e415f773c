"""Prop-firm rules as compiled code knows them: what limits are measured from, and what became of an account."""

from __future__ import annotations

from enum import IntEnum


class Anchor(IntEnum):
    """What a daily limit is measured from, taken at each reset."""

    NONE = 0  # there is no daily limit
    BALANCE = 1
    EQUITY = 2
    MAX_BALANCE_EQUITY = 3
    INITIAL = 4


class Trailing(IntEnum):
    """What the floor under an account follows upwards."""

    NONE = 0  # nothing: it stands still
    EOD_BALANCE = 1  # the balance at resets
    INTRADAY_EQUITY = 2  # every new highest equity, floating profit included
    INTRADAY_REALISED = 3  # every new highest balance


class DayCount(IntEnum):
    """Which days count towards the minimum."""

    NONE = 0
    DISTINCT_OPEN_DATE = 1  # a position was opened
    PROFITABLE_DAY = 2  # the balance rose by a share of the initial one


class ShareOf(IntEnum):
    """What the best day is compared with."""

    NET_TOTAL = 1
    SUM_POSITIVE_DAYS = 2
    PROFIT_TARGET = 3


class AccountFlag(IntEnum):
    """Bits that an event carries beside balance and equity."""

    IS_OPEN = 1  # a position is open after it
    OPENED = 2  # it opened a position


class RuleStatus(IntEnum):
    """What became of an account under one rule set. Numbers are stable; from PASSED on nothing changes it."""

    RUNNING = 0
    PAUSED_BY_DAILY_LOSS = 1  # a soft limit: nothing may be opened until the next reset
    PAUSED_BY_MAX_LOSS = 2
    PASSED = 3
    DAILY_LOSS = 4
    MAX_LOSS = 5
    TIME_LIMIT = 6
    CLOCK_ENDED = 7  # no further reset is known, so no floor can be trusted
