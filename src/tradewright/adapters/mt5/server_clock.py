"""What is known of a trade server's clock: its zone, or how far it was ahead of UTC when a fresh quote was seen."""

from __future__ import annotations

import math

from tradewright.adapters.mt5.server_zone import SKEW_MS, ServerZone, last_change_ms
from tradewright.execution.venue import VenueUnavailableError

_HALF_HOUR_MS = 30 * 60_000  # servers' zones are multiples of it


class ServerClock:
    """Between the server's times and UTC, ms both.

    Parameters
    ----------
    zone : ServerZone, optional
        The server's, if it is known.
    offset_s : int, optional
        How far it is ahead now, in place of what would be measured.
    """

    def __init__(self, zone: ServerZone | None = None, offset_s: int | None = None) -> None:
        self._zone = zone
        self._offset_ms = None if offset_s is None else offset_s * 1_000
        self._seen_ms = -math.inf if offset_s is None else math.inf  # our time of the newest comparison

    @property
    def knows_zone(self) -> bool:
        """Whether times of other seasons can be told."""
        return self._zone is not None

    @property
    def is_compared(self) -> bool:
        """Whether a fresh quote has been looked for, or none is needed."""
        return self._seen_ms > -math.inf

    def is_good(self, now_ms: int) -> bool:
        """Return whether clocks have not been moved since the comparison; that of a known zone is always."""
        return self._seen_ms >= last_change_ms(now_ms)

    def compare(self, server_ms: int, now_ms: int) -> None:
        """Learn from a quote that has just come; raises VenueRejectedError if it speaks against the zone."""
        if self._zone is not None:
            self._zone.check(server_ms, now_ms)
            return
        ahead = server_ms - now_ms
        nearest = round(ahead / _HALF_HOUR_MS) * _HALF_HOUR_MS
        if abs(ahead - nearest) <= SKEW_MS:
            self._offset_ms, self._seen_ms = nearest, now_ms

    def trust(self) -> None:
        """Take in that a fresh quote has been looked for: one that stands says nothing against a zone."""
        if self._zone is not None:
            self._seen_ms = math.inf

    def utc_ms(self, server_ms: int) -> int:
        """Return the time of a server's; raises VenueUnavailableError while nothing is known."""
        return int(server_ms) - self._offset() if self._zone is None else self._zone.utc_ms(int(server_ms))

    def span_ms(self, server_ms: int, length_ms: int) -> tuple[int, int]:
        """Return beginning and end of a bar; errors as of `utc_ms` and `ServerZone.span_ms`."""
        if self._zone is not None:
            return self._zone.span_ms(server_ms, length_ms)
        return self.utc_ms(server_ms), self.utc_ms(server_ms + length_ms)

    def server_ms(self, utc_ms: int) -> int:
        """Return what the server shows at a time; errors as of `utc_ms`."""
        return utc_ms + self._offset() if self._zone is None else self._zone.server_ms(utc_ms)

    def unknown(self) -> VenueUnavailableError:
        """Return the error for a clock of which nothing is known."""
        what = "the zone of the server is not known: no quote moves, or this machine's clock is off by minutes"
        fix = "Set the clock, wait for quotes, or say which zone the server's clock shows (server_zone)."
        return VenueUnavailableError(what, where="mt5", fix=fix)

    def _offset(self) -> int:
        if self._offset_ms is None:
            raise self.unknown()
        return self._offset_ms
