"""Whoever waits for the disk is told when his record is there, together with the others, and when it never will be."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from tests.faults.sim_disk import SimDisk

from tradewright.execution.journal.disk import FolderDisk
from tradewright.execution.journal.errors import JournalUnavailableError
from tradewright.execution.journal.flushing import Flusher, FlushThread
from tradewright.execution.journal.reading import JournalReader, segments_of
from tradewright.execution.journal.writing import Journal, JournalParams


class Elsewhere:
    """Keeps what it is given until the test lets it happen."""

    def __init__(self) -> None:
        self.flights: list[tuple[Callable[[], None], asyncio.Future[None]]] = []

    def __call__(self, work: Callable[[], None]) -> asyncio.Future[None]:
        self.flights.append((work, asyncio.get_running_loop().create_future()))
        return self.flights[-1][1]

    def land(self, trouble: OSError | None = None) -> None:
        work, flight = self.flights.pop(0)
        work()
        flight.set_result(None) if trouble is None else flight.set_exception(trouble)


async def turn() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_one_flush_serves_all_who_wait_and_none_who_came_later() -> None:
    async def play() -> None:
        disk, elsewhere = SimDisk(), Elsewhere()
        journal = Journal(disk, lambda: 0)
        flusher = Flusher(journal, elsewhere)
        early = [asyncio.create_task(flusher.upto(journal.append("intent", {}, 0, 0), 1.0)) for _ in range(3)]
        await turn()
        assert len(elsewhere.flights) == 1
        late = asyncio.create_task(flusher.upto(journal.append("intent", {}, 0, 0), 1.0))
        early[0].cancel()  # nobody else's flush ends with it
        await turn()
        assert len(elsewhere.flights) == 1
        elsewhere.land()
        await turn()
        assert [t.done() for t in (*early, late)] == [True, True, True, False]
        assert journal.durable == 3
        elsewhere.land()
        await turn()
        assert late.done()
        assert journal.durable == journal.sequence == 4

    asyncio.run(play())


def test_what_the_disk_refuses_is_told_to_all_and_ends_the_journal() -> None:
    async def play() -> None:
        elsewhere = Elsewhere()
        journal = Journal(SimDisk(), lambda: 0)
        flusher = Flusher(journal, elsewhere)
        waiting = [asyncio.create_task(flusher.upto(journal.append("intent", {}, 0, 0), 1.0)) for _ in range(2)]
        await turn()
        elsewhere.land(OSError(errno.EIO, os.strerror(errno.EIO)))
        told = await asyncio.gather(*waiting)
        assert ["Input/output error" in t for t in told] == [True, True]
        assert journal.durable == 0
        with pytest.raises(JournalUnavailableError):
            journal.append("order", {}, 0, 0)
        assert await flusher.upto(1, 1.0)

    asyncio.run(play())


def test_a_disk_that_hangs_is_told_in_time_and_may_come_back() -> None:
    async def play() -> None:
        elsewhere = Elsewhere()
        journal = Journal(SimDisk(), lambda: 0)
        flusher = Flusher(journal, elsewhere)
        journal.append("intent", {}, 0, 0)
        assert "did not answer within 0.01 s" in await flusher.upto(1, 0.01)
        assert len(elsewhere.flights) == 1
        again = asyncio.create_task(flusher.upto(1, 1.0))
        await turn()
        elsewhere.land()
        assert await again == ""

    asyncio.run(play())


def test_who_comes_between_the_end_of_a_flush_and_its_news_waits_for_the_news() -> None:
    async def play() -> None:
        elsewhere = Elsewhere()
        journal = Journal(SimDisk(), lambda: 0)
        flusher = Flusher(journal, elsewhere)
        first = asyncio.create_task(flusher.upto(journal.append("intent", {}, 0, 0), 1.0))
        await turn()
        elsewhere.land()
        assert await flusher.upto(1, 1.0) == ""
        assert await first == ""

    asyncio.run(play())


@pytest.mark.parametrize("patience_s", [0.0, 5.0])
def test_a_thread_is_waited_for_a_moment_and_what_it_raises_is_told(patience_s: float) -> None:
    async def play(thread: FlushThread) -> None:
        may_end = threading.Event()
        slow = thread(may_end.wait if patience_s == 0 else bool)  # type: ignore[arg-type]
        assert slow.done() is (patience_s > 0)
        may_end.set()
        await slow
        refused = thread(partial(os.fsync, 1_000_000))
        with pytest.raises(OSError, match="Bad file descriptor"):
            await refused

    with closing(FlushThread(patience_s)) as thread:
        asyncio.run(play(thread))


def test_without_anywhere_else_it_is_done_at_once() -> None:
    disk = SimDisk()
    journal = Journal(disk, lambda: 0)
    journal.append("bar", {}, 0, 0)
    assert asyncio.run(Flusher(journal).upto(1, 1.0)) == ""
    assert journal.durable == 1
    assert disk.synced == {n: len(c) for n, c in disk.files.items()}


def test_segments_end_while_a_thread_flushes(tmp_path: Path) -> None:
    disk = FolderDisk(tmp_path / "journal")

    async def play(pool: ThreadPoolExecutor) -> int:
        loop = asyncio.get_running_loop()
        journal = Journal(disk, lambda: 0, JournalParams(segment_bytes=1024))
        flusher = Flusher(journal, lambda work: loop.run_in_executor(pool, work))
        waiting = []
        for k in range(200):
            waiting.append(asyncio.create_task(flusher.upto(journal.append("intent", {"k": k}, 0, 0), 60.0)))
            if k % 3 == 0:
                await asyncio.sleep(0)
        assert set(await asyncio.gather(*waiting)) == {""}
        durable = journal.durable
        journal.close()
        return durable

    with ThreadPoolExecutor(1) as pool:
        assert asyncio.run(play(pool)) == 200
    assert len(segments_of(disk)) > 10
    assert [r.payload["k"] for r in JournalReader(disk)] == list(range(200))


def test_a_flush_that_failed_in_one_thread_is_not_made_good_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    troubles = [OSError(errno.EIO, os.strerror(errno.EIO))]

    def once(_: int) -> None:
        if troubles:
            raise troubles.pop()

    monkeypatch.setattr("tradewright.execution.journal.disk._flush", once)
    file = FolderDisk(tmp_path).append("00000001.journal")
    for _ in range(2):
        with pytest.raises(OSError, match="Input/output"):
            file.sync()
    file.close()
