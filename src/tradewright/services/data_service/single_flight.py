"""Many who want the same thing at the same time: one makes it, all get it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Work under way by key, of one event loop."""

    def __init__(self) -> None:
        self._tasks: dict[Hashable, asyncio.Task[T]] = {}

    def __contains__(self, key: Hashable) -> bool:
        """Return whether work for the key is under way."""
        return key in self._tasks

    async def do(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """Return what ``make`` returns, or what a call for the same key that is under way will.

        An exception goes to all who wait, and is not kept. Work goes on when those who wait are cancelled.
        """
        return await asyncio.shield(self.start(key, make))

    def start(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> asyncio.Task[T]:
        """Return the task of a key, begun here unless it is under way."""
        task = self._tasks.get(key)
        if task is None:
            task = self._tasks[key] = asyncio.create_task(_run(make))
            task.add_done_callback(lambda done: self._end(key, done))
        return task

    async def drain(self) -> None:
        """Wait for everything under way."""
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _end(self, key: Hashable, task: asyncio.Task[T]) -> None:
        del self._tasks[key]
        if not task.cancelled():
            task.exception()  # all who wait may be gone; their error is not to be reported as forgotten


async def _run(make: Callable[[], Awaitable[T]]) -> T:
    return await make()
