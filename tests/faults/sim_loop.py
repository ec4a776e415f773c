"""An event loop whose clock jumps to the next timer: hours in milliseconds, and the same order every time."""

from __future__ import annotations

import asyncio
from typing import Any

START_NS = 1_750_000_000_000_000_000


class SimLoop(asyncio.BaseEventLoop):
    """Runs callbacks in the order of their times, ties in the order they were asked for; there are no sockets."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = self
        self._now = 0.0
        self.set_exception_handler(lambda _loop, _context: None)

    def time(self) -> float:
        return self._now

    def now_ns(self) -> int:
        return START_NS + round(self._now * 1e9)

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("nothing will ever happen again: the simulated world has come to a stop")
        self._now += timeout
        return []

    def _process_events(self, event_list: list[Any]) -> None:
        pass

    def _write_to_self(self) -> None:
        pass
