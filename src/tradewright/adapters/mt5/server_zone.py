"""A trade server's clock: it shows local time, and tells it as if that were UTC.

Most brokers of currencies keep New York's time and seven hours more, so that their day ends at 17:00 in New York;
others Athens' or none that changes. Nothing that a terminal says names the rule.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Self
from zoneinfo import ZoneInfo

from tradewright.execution.venue import VenueRejectedError

HOUR_MS = 3_600_000
#: So far may clocks of the same zone be apart.
SKEW_MS = 60_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_AHEAD = re.compile(r"(.+?)([+-](?:\d|1[0-4]))")
#: Whose clocks servers go by that are moved twice a year.
_MOVED = (ZoneInfo("America/New_York"), ZoneInfo("Europe/Athens"))


@dataclass(frozen=True, slots=True)
class ServerZone:
    """The local time of a zone, and so much more. ``name`` is how it was written."""

    name: str
    zone: ZoneInfo
    ahead_ms: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the zone of a text: ``Europe/Athens``, ``UTC+3``, ``America/New_York+7`` (hours more than there).

        Raises
        ------
        ValueError
            If it is none.
        """
        try:
            return cls(text, ZoneInfo(text))
        except (KeyError, OSError, ValueError):
            pass
        found = _AHEAD.fullmatch(text)
        try:
            if found is not None:
                return cls(text, ZoneInfo(found[1]), int(found[2]) * HOUR_MS)
        except (KeyError, OSError, ValueError):
            pass
        msg = f"'{text}' is no zone; write America/New_York+7, Europe/Athens or UTC+3"
        raise ValueError(msg)

    def utc_ms(self, server_ms: int) -> int:
        """Return the time, ms UTC, at which the server shows one; of an hour that it shows twice, in the first."""
        shown = _EPOCH + (server_ms - self.ahead_ms) * _MS
        return (shown.replace(tzinfo=self.zone).astimezone(UTC) - _EPOCH) // _MS

    def span_ms(self, server_ms: int, length_ms: int) -> tuple[int, int]:
        """Return when a bar that begins at a time of the server's begins and ends.

        Raises
        ------
        VenueRejectedError
            If its clock never shows that: it is another zone.
        """
        found = self.utc_ms(server_ms)
        if self.server_ms(found) != server_ms:
            raise self._wrong(server_ms, f"a clock of {self.name} never does")
        return found, self.utc_ms(server_ms + length_ms)

    def check(self, server_ms: int, utc_ms: int) -> None:
        """Raise VenueRejectedError if what the server shows at a time is not within a minute of this zone's."""
        if abs(self.server_ms(utc_ms) - server_ms) > SKEW_MS:
            raise self._wrong(server_ms, f"it is {_EPOCH + self.server_ms(utc_ms) * _MS:%H:%M} in {self.name}")

    def server_ms(self, utc_ms: int) -> int:
        """Return what the server shows at a time, ms UTC."""
        shown = (_EPOCH + utc_ms * _MS).astimezone(self.zone).replace(tzinfo=UTC)
        return (shown - _EPOCH) // _MS + self.ahead_ms

    def _wrong(self, server_ms: int, told: str) -> VenueRejectedError:
        what = f"the server's clock shows {_EPOCH + server_ms * _MS:%Y-%m-%d %H:%M}, and {told}"
        return VenueRejectedError(what, where="mt5", fix="Correct server_zone.")


def last_change_ms(now_ms: int) -> int:
    """Return when, ms UTC, clocks that servers go by were last moved: what is measured now holds since then."""
    return _last_change(now_ms // HOUR_MS) * HOUR_MS


@lru_cache(maxsize=16)
def _last_change(hour: int) -> int:
    offsets = _offsets(hour)
    while _offsets(hour - 1) == offsets:
        hour -= 1
    return hour


def _offsets(hour: int) -> list[timedelta | None]:
    at = _EPOCH + timedelta(hours=hour)
    return [at.astimezone(zone).utcoffset() for zone in _MOVED]
