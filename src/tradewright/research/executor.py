"""Where independent jobs run: here, in processes of this machine, or on a cluster; the results are the same.

A job is a function of the module level and one argument, and its result depends on nothing else. Results come in the
order of the jobs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from types import TracebackType
from typing import Protocol, Self, TypeVar

from tradewright.core.types.errors import RunError

J = TypeVar("J")
R = TypeVar("R")


class Executor(Protocol):
    """Runs jobs; entered before its first job and left after its last."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @property
    def workers(self) -> int:
        """How many jobs run at once."""

    def map(self, function: Callable[[J], R], jobs: Sequence[J]) -> Iterator[R]:
        """Run the function on each job and yield the results in the order of the jobs.

        Raises
        ------
        RunError
            If a worker was lost.
        """


class Serial:
    """One job after the other, in this process."""

    workers = 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def map(self, function: Callable[[J], R], jobs: Sequence[J]) -> Iterator[R]:
        """Run each job when its result is asked for."""
        return map(function, jobs)


class Processes:
    """A pool of processes, started afresh: a fork would copy the threads of the libraries half-way.

    Parameters
    ----------
    workers : int
        Processes, at least 1.
    """

    def __init__(self, workers: int) -> None:
        self._workers = max(workers, 1)
        self._pool: ProcessPoolExecutor | None = None

    @property
    def workers(self) -> int:
        """How many jobs run at once."""
        return self._workers

    def __enter__(self) -> Self:
        self._pool = ProcessPoolExecutor(self._workers, mp_context=get_context("spawn"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def map(self, function: Callable[[J], R], jobs: Sequence[J]) -> Iterator[R]:
        """Run the jobs in the pool; raises `RunError` where a process died."""
        if self._pool is None:
            msg = "a pool of processes runs jobs only while it is entered"
            raise RuntimeError(msg)
        try:
            yield from self._pool.map(function, jobs)
        except BrokenProcessPool as error:
            fix = "Use fewer workers: most often the machine ran out of memory."
            raise RunError("a worker process ended before its job did", where="workers", fix=fix) from error


def executor_of(workers: int) -> Executor:
    """Return the executor for so many workers on this machine."""
    return Serial() if workers <= 1 else Processes(workers)
