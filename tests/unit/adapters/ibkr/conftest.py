"""Time that passes only when something sleeps."""

from __future__ import annotations

import asyncio

import pytest


class FakeTime:
    """A clock in seconds; ``slept`` holds every sleep."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)
        await asyncio.sleep(0)


@pytest.fixture
def fake_time() -> FakeTime:
    return FakeTime()
