"""Runs jobs on Ray. It satisfies `research.executor.Executor`; results come in the order of the jobs."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import ray
from ray.exceptions import RayError

from tradewright.core.types.errors import RunError, TradewrightError, UsageError

J = TypeVar("J")
R = TypeVar("R")

#: Memory for what jobs are sent and return, bytes; more than that Ray keeps on disk.
_OBJECTS = 200_000_000
_PATIENCE = 10.0


class RayExecutor:
    """A cluster that is joined on entering and left on leaving.

    Parameters
    ----------
    address : str
        ``HOST:PORT`` of a running cluster, ``ray://HOST:PORT`` of its client port; empty: an embedded one is started.
    workers : int
        Processor cores of the embedded one; of a cluster, what it has.
    """

    def __init__(self, address: str, workers: int) -> None:
        self._address = address
        self._workers = max(workers, 1)

    @property
    def workers(self) -> int:
        """How many jobs run at once."""
        return self._workers

    def __enter__(self) -> Self:
        """Start or join.

        Raises
        ------
        UsageError
            If the address is none.
        RunError
            If nothing answers there, or an embedded cluster cannot start.
        """
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
        where = f"--ray {self._address or 'local'}"
        try:
            if self._address:
                self._knock(where)
                ray.init(address=self._address, **quiet)
                self._workers = max(int(self._cores()), 1)
            else:
                ray.init(num_cpus=self._workers, include_dashboard=False, object_store_memory=_OBJECTS, **quiet)
        except TradewrightError:
            raise
        except Exception as error:  # it raises whatever its layers do
            reason = str(error).strip().split("\n", 1)[0]
            fix = "Check that the cluster runs and is of the same version; --workers N needs no Ray."
            raise RunError(f"Ray cannot be used: {reason}", where=where, fix=fix) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        ray.shutdown()

    def map(self, function: Callable[[J], R], jobs: Sequence[J]) -> Iterator[R]:
        """Run the jobs on the cluster; what a job raises is raised here.

        Raises
        ------
        RunError
            If a worker was lost.
        """
        remote: Any = ray.remote(max_retries=2)(_call)
        pending = [remote.remote(function, job) for job in jobs]
        for answer in pending:
            try:
                found: R = ray.get(answer)
            except RayError as error:
                cause = getattr(error, "cause", None)
                if isinstance(cause, TradewrightError):
                    raise cause from None
                reason = str(error).strip().rsplit("\n", 1)[-1]
                fix = "See Ray's own logs; most often a machine ran out of memory."
                raise RunError(f"a job on Ray failed: {reason}", where="--ray", fix=fix) from error
            yield found

    def _cores(self) -> float:
        resources: Any = ray.cluster_resources  # it has no types
        return float(resources().get("CPU", 1))

    def _knock(self, where: str) -> None:
        """Refuse an address where nothing listens: Ray itself would wait for minutes."""
        host, colon, port = self._address.removeprefix("ray://").rpartition(":")
        if not colon or not host or not port.isdecimal():
            what = f"'{self._address}' is no address of a cluster"
            raise UsageError(what, where=where, fix="Write local, HOST:PORT, or ray://HOST:PORT.")
        try:
            with socket.create_connection((host, int(port)), timeout=_PATIENCE):
                return
        except OSError as error:
            what = f"no Ray cluster answers at {host}:{port}: {error.strerror or error}"
            fix = "Start one there (`ray start --head`), or use --ray local, or --workers N."
            raise RunError(what, where=where, fix=fix) from error


def _call(function: Callable[[J], R], job: J) -> R:
    return function(job)
