"""Waiting until a record is on the disk, while the event loop goes on: one flush serves all who wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from tradewright.execution.journal.errors import JournalUnavailableError
from tradewright.execution.journal.writing import Journal

#: Runs a call that blocks beside the event loop.
Beside = Callable[[Callable[[], None]], asyncio.Future[None]]


class Flusher:
    """Makes a journal durable, one flush at a time (group commit).

    Parameters
    ----------
    journal : Journal
        Open for writing.
    beside : callable, optional
        Runs the flush, for instance in a thread; None: at once, and everything waits for the disk.
    """

    def __init__(self, journal: Journal, beside: Beside | None = None) -> None:
        self._journal, self._beside = journal, beside
        self._flight: asyncio.Future[None] | None = None

    async def upto(self, sequence: int, within_s: float) -> str:
        """Return when the record of that number is on the disk: "", or why nobody may count on it."""
        try:
            async with asyncio.timeout(within_s):
                while self._journal.durable < sequence:
                    if self._beside is None:
                        self._journal.flush()
                    else:
                        await asyncio.wait([self._flight or self._take_off(self._beside)])
        except JournalUnavailableError as error:
            return error.what
        except TimeoutError:
            return f"the disk did not answer within {within_s:g} s"
        return ""

    def _take_off(self, beside: Beside) -> asyncio.Future[None]:
        sequence, sync = self._journal.begin_flush()
        self._flight = beside(sync)
        self._flight.add_done_callback(partial(self._landed, sequence))
        return self._flight

    def _landed(self, sequence: int, flight: asyncio.Future[None]) -> None:
        """Note what is durable; the first callback of a flight, so that whoever waits finds it noted."""
        self._flight = None
        if not flight.cancelled():
            self._journal.end_flush(sequence, flight.exception())
