"""Times as Alpaca writes them, RFC 3339 with up to nine digits, to and from int64 ns UTC without rounding."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from tradewright.data.timeframe import SECOND

NEW_YORK = "America/New_York"

_FORM = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ONE_SECOND = timedelta(seconds=1)


def ns_of(text: str) -> int:
    """Return the ns UTC of an RFC 3339 time; digits after the point are taken as they stand, without a float.

    Raises
    ------
    ValueError
        If it is not such a time, or has more than nine digits after the point.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        msg = f"'{text}' is not an RFC 3339 time"
        raise ValueError(msg)
    day, clock, digits, zone = match.groups()
    return _whole_seconds(f"{day}T{clock}", zone) * SECOND + (int(digits.ljust(9, "0")) if digits else 0)


@lru_cache(maxsize=8192)  # rows of one second follow each other
def _whole_seconds(moment: str, zone: str) -> int:
    offset = "+00:00" if zone in {"Z", "z"} else zone
    return (datetime.fromisoformat(moment + offset) - _EPOCH) // _ONE_SECOND


def text_of(ts: int) -> str:
    """Return ns UTC as RFC 3339, with nine digits where it is not a whole second."""
    seconds, rest = divmod(ts, SECOND)
    moment = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{moment}.{rest:09d}Z" if rest else f"{moment}Z"


@lru_cache(maxsize=8192)
def midnight_after(ts: int, days: int, zone: str = NEW_YORK) -> int | None:
    """Return the ns UTC of the midnight ``days`` days after the one at ``ts``, in a zone.

    Days are as long as the clock says: 23 or 25 hours when it changes. None where ``ts`` is no midnight there.
    """
    seconds, rest = divmod(ts, SECOND)
    local = (_EPOCH + timedelta(seconds=seconds)).astimezone(ZoneInfo(zone))
    if rest or local.hour or local.minute or local.second:
        return None
    end = local.replace(tzinfo=None) + timedelta(days=days)
    return (end.replace(tzinfo=ZoneInfo(zone)) - _EPOCH) // _ONE_SECOND * SECOND
