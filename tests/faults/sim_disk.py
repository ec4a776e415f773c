"""A disk in memory that fails, loses power and is killed on command."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable
from typing import NoReturn

import numpy as np

_SECTOR = 512


class Crash(BaseException):
    """The process is gone at this very instruction; only a simulated world may catch it."""


class SimDisk:
    """Files with a synced part; ``crash_at`` and ``fail_at`` count writes and syncs from 1.

    ``crash_at``: the process dies before that operation; with ``tears`` a part of a write is done first.
    ``fail_at``: from that operation on every one raises ``error``; a failing write leaves a part behind.
    """

    def __init__(self, seed: int = 0) -> None:
        self.files: dict[str, bytearray] = {}
        self.synced: dict[str, int] = {}
        self.operations = 0
        self.crash_at = 0
        self.tears = False
        self.fail_at = 0
        self.error = errno.ENOSPC
        self.is_dead = False  # the process is; its disk waits for the next one
        self.on_crash: Callable[[], None] = lambda: None
        self._rng = np.random.default_rng(seed)

    def names(self) -> list[str]:
        return sorted(self.files)

    def read(self, name: str) -> bytes:
        return bytes(self.files[name])

    def append(self, name: str) -> SimFile:
        self.files.setdefault(name, bytearray())
        self.synced.setdefault(name, 0)
        return SimFile(self, name)

    def truncate(self, name: str, size: int) -> None:
        del self.files[name][size:]
        self.synced[name] = size

    def remove(self, name: str) -> None:
        del self.files[name], self.synced[name]

    def write(self, name: str, data: bytes) -> None:
        part = data[: int(self._rng.integers(0, len(data)))] if len(data) > 1 else b""
        if self._is_crash():
            self.files[name] += part if self.tears else b""
            self._die()
        if self._fails():
            self.files[name] += part
            raise OSError(self.error, os.strerror(self.error))
        self.files[name] += data

    def sync(self, name: str) -> None:
        if self._is_crash():
            self._die()
        if self._fails():
            raise OSError(self.error, os.strerror(self.error))
        self.synced[name] = len(self.files[name])

    def restart(self, *, loses_power: bool) -> None:
        """Begin again after a crash: power takes what was not synced, or parts of it."""
        self.crash_at = self.fail_at = 0
        self.is_dead = False
        if not loses_power:
            return
        for name, content in self.files.items():
            first = self.synced[name]
            keep = first + int(self._rng.integers(0, len(content) - first + 1))
            del content[keep:]
            for start in range(first - first % _SECTOR, keep, _SECTOR):
                if self._rng.random() < 0.3:  # this block never reached the disk
                    begin, end = max(start, first), min(start + _SECTOR, keep)
                    content[begin:end] = bytes(end - begin)

    def _die(self) -> NoReturn:
        self.is_dead = True
        self.on_crash()
        raise Crash

    def _is_crash(self) -> bool:
        if self.is_dead:
            raise Crash
        self.operations += 1
        return self.operations == self.crash_at

    def _fails(self) -> bool:
        return 0 < self.fail_at <= self.operations


class SimThread:
    """Where the client's flushes run. They cover what was written before, or while, they ran, and take a while, or not.

    ``lasts_s``: None = by seed; ``fails``: the disk takes what is written, and its flushes are refused.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, seed: int) -> None:
        self.lasts_s: float | None = None
        self.fails = False
        self._loop, self._rng = loop, np.random.default_rng(seed)
        self._under_way: list[asyncio.TimerHandle] = []

    def __call__(self, work: Callable[[], None]) -> asyncio.Future[None]:
        """Do it now or at the end, and say so at the end, which may be now."""
        flight, trouble = self._loop.create_future(), list[OSError]()
        is_late = bool(self._rng.random() < 0.5)
        drawn = float(self._rng.choice([0.0, 0.001, 0.02, 0.3], p=[0.5, 0.3, 0.15, 0.05]))

        def do() -> None:
            try:
                if self.fails:
                    raise OSError(errno.EIO, os.strerror(errno.EIO))
                work()
            except OSError as error:
                trouble.append(error)

        def land() -> None:
            if is_late:
                do()
            if not flight.done():
                flight.set_exception(trouble[0]) if trouble else flight.set_result(None)

        lasts = drawn if self.lasts_s is None else self.lasts_s
        if not is_late:
            do()
        if not is_late and lasts == 0:
            land()
            return flight
        self._under_way = [h for h in self._under_way if h.when() >= self._loop.time()]
        self._under_way.append(self._loop.call_later(lasts, land))
        return flight

    def stop(self) -> None:
        """End with the process: what is under way is not done any more."""
        for handle in self._under_way:
            handle.cancel()


class SimFile:
    def __init__(self, disk: SimDisk, name: str) -> None:
        self._disk = disk
        self._name = name

    def write(self, data: bytes) -> None:
        self._disk.write(self._name, data)

    def sync(self) -> None:
        self._disk.sync(self._name)

    def close(self) -> None:
        pass
