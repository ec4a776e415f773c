"""A circuit: after some failures in a row nothing is tried for a while, then one attempt decides."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum


class CircuitState(StrEnum):
    """Whether attempts are made."""

    CLOSED = "closed"  # yes
    OPEN = "open"  # no: the last ones failed
    TRIAL = "trial"  # one is under way, the rest wait for its outcome


class Circuit:
    """Counts failures in a row.

    Parameters
    ----------
    failures_to_open : int
        After so many nothing is tried.
    open_s : float
        For so long, seconds.
    now_ns : callable
        A clock that does not run backwards, ns.
    """

    def __init__(self, failures_to_open: int, open_s: float, now_ns: Callable[[], int]) -> None:
        self.state = CircuitState.CLOSED
        self._failures_to_open = failures_to_open
        self._open_ns = int(open_s * 1e9)
        self._now_ns = now_ns
        self._failures = 0
        self._retry_at = 0

    def allows(self) -> bool:
        """Return whether to make an attempt now; whoever is told so must report how it went."""
        if self.state is CircuitState.CLOSED:
            return True
        now = self._now_ns()
        if now < self._retry_at:
            return False
        # A trial whose outcome is never reported (its task was cancelled) gives way to the next one.
        self.state, self._retry_at = CircuitState.TRIAL, now + self._open_ns
        return True

    def succeeded(self) -> None:
        """Report an attempt that went well."""
        self.state, self._failures = CircuitState.CLOSED, 0

    def failed(self) -> None:
        """Report an attempt that failed."""
        self._failures += 1
        if self.state is CircuitState.TRIAL or self._failures >= self._failures_to_open:
            self.state, self._retry_at = CircuitState.OPEN, self._now_ns() + self._open_ns
