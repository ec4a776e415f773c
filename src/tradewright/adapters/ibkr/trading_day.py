"""When a contract's trading day begins, from what the interface says about the contract."""

from __future__ import annotations

import re
from datetime import time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tradewright.core.types.calendar import Calendar
from tradewright.core.types.errors import SourceError

_SESSION = re.compile(r"(\d{8}):(\d{2})(\d{2})-(\d{8}):(\d{2})(\d{2})")
_NOON = 12
#: Names of older gateways that the time-zone database spells otherwise.
_OLD_NAMES = {"EST": "America/New_York", "CST": "America/Chicago", "JST": "Asia/Tokyo", "GMT": "Europe/London"}


def trading_day(zone: str, hours: str, label: str) -> Calendar:
    """Return the calendar that places dates of daily bars.

    The zone is the contract's own (``timeZoneId``). The day begins at local midnight, unless the contract trades
    overnight: a session that opens at noon or later and closes on a later date (``20261211:1700-20261212:1600``)
    belongs to the day it closes on, and its opening time begins the day.

    Parameters
    ----------
    zone, hours : str
        ``timeZoneId`` and ``tradingHours`` of the contract.
    label : str
        The contract, for messages.

    Raises
    ------
    SourceError
        If the zone is missing or unknown; a guess would move the bars.
    """
    name = _OLD_NAMES.get(zone, zone)
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        what = f"the contract's time zone '{zone}' is unknown, so its bars cannot be placed"
        raise SourceError(what, where=f"ibkr {label}", fix="Give the setting calendar.") from error
    for first, hour, minute, last, _, _ in _SESSION.findall(hours):
        if last > first and int(hour) >= _NOON:
            return Calendar(f"ibkr {label}", name, time(int(hour), int(minute)))
    return Calendar(f"ibkr {label}", name)
