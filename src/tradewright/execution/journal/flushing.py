"""Waiting until a record is on the disk, while the event loop goes on: one flush serves all who wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial

from tradewright.execution.journal.errors import JournalUnavailableError
from tradewright.execution.journal.writing import Journal

#: Runs a call that blocks beside the event loop; what it returns may be over already.
Beside = Callable[[Callable[[], None]], asyncio.Future[None]]


class FlushThread:
    """A thread for flushes.

    Parameters
    ----------
    patience_s : float
        So long everything waits for a flush: most disks are quicker than it takes to go on with something else and to
        come back. A disk that is slower holds nothing up for longer than this.
    """

    def __init__(self, patience_s: float = 0.001) -> None:
        self._pool, self._patience_s = ThreadPoolExecutor(1, "journal"), patience_s

    def __call__(self, work: Callable[[], None]) -> asyncio.Future[None]:
        """Run a flush; what it raises is in the future."""
        flight = self._pool.submit(work)
        wait([flight], self._patience_s)
        if not flight.done():
            return asyncio.wrap_future(flight)
        landed, trouble = asyncio.get_running_loop().create_future(), flight.exception()
        landed.set_result(None) if trouble is None else landed.set_exception(trouble)
        return landed

    def close(self) -> None:
        """Wait for the flush that is under way, and end."""
        self._pool.shutdown()


class Flusher:
    """Makes a journal durable, one flush at a time (group commit).

    Parameters
    ----------
    journal : Journal
        Open for writing.
    beside : callable, optional
        Runs the flush, for instance `FlushThread`; None: at once, and everything waits for the disk.
    """

    def __init__(self, journal: Journal, beside: Beside | None = None) -> None:
        self._journal, self._beside = journal, beside
        self._flight: asyncio.Future[None] | None = None

    async def upto(self, sequence: int, within_s: float) -> str:
        """Return when the record of that number is on the disk: "", or why nobody may count on it."""
        clock = asyncio.get_running_loop().time
        by = clock() + within_s
        try:
            while self._journal.durable < sequence:
                if self._beside is None:
                    self._journal.flush()
                elif self._flight is None:
                    self._take_off(self._beside)
                elif not (await asyncio.wait([self._flight], timeout=by - clock()))[0]:
                    return f"the disk did not answer within {within_s:g} s"
        except JournalUnavailableError as error:
            return error.what
        return ""

    def _take_off(self, beside: Beside) -> None:
        sequence, sync = self._journal.begin_flush()
        flight = beside(sync)
        if flight.done():
            self._landed(sequence, flight)
        else:
            self._flight = flight
            flight.add_done_callback(partial(self._landed, sequence))

    def _landed(self, sequence: int, flight: asyncio.Future[None]) -> None:
        """Note what is durable; the first callback of a flight, so that whoever waits finds it noted."""
        self._flight = None
        if not flight.cancelled():
            self._journal.end_flush(sequence, flight.exception())
