"""Limits that people change while a session runs: the file on the disk, and what the session goes by."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from tradewright.core.types.errors import StoreError
from tradewright.core.types.order import KillLevel
from tradewright.engine.commands import Command
from tradewright.engine.live.runtime import Runtime
from tradewright.execution.orders.state import ALL
from tradewright.risk.limit_changes import LimitBook
from tradewright.risk.limits import Limits

_LOOK_NS = 250_000_000


class LimitWatch:
    """Looks at an account's limits a few times a second, and passes on what has changed.

    A file that cannot be trusted stops new risk: nobody then knows the limits.

    Parameters
    ----------
    path : Path
        The account's file of limits; without one the configuration's are in force.
    limits : Limits
        The configuration.
    runtime : Runtime
        The session.
    now_ns : callable
        ns UTC.
    """

    def __init__(self, path: Path, limits: Limits, runtime: Runtime, now_ns: Callable[[], int]) -> None:
        self._path, self._book, self._runtime, self._now_ns = path, LimitBook(path, limits), runtime, now_ns
        self._looked_ns = 0
        self._stamp: int | None = -1

    def look(self) -> None:
        """Pass on what has changed since the last look; cheap where nothing has."""
        now = self._now_ns()
        if now - self._looked_ns < _LOOK_NS:
            return
        self._looked_ns = now
        try:
            stamp = self._path.stat().st_mtime_ns
        except FileNotFoundError:
            stamp = None
        if stamp != self._stamp:
            self._stamp = stamp
            self._apply()

    def _apply(self) -> None:
        try:
            wanted = self._book.read().limits
        except StoreError as error:
            self._runtime.kill(KillLevel.BLOCK_NEW, ALL, "limits", error.what)
            return
        in_force = self._runtime.conductor.run.memory.arrays["limits"]
        for name, value in sorted(wanted.items()):
            known = float(in_force[name][0])
            if value != known and not (math.isinf(known) and math.isinf(value)):
                self._runtime.command(Command[name.upper()], value)
