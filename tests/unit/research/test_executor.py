from __future__ import annotations

import os
import socket

import pytest

from tradewright.adapters.ray.executor import RayExecutor
from tradewright.core.types.errors import ModelError, RunError, UsageError
from tradewright.research.executor import Executor, Processes, Serial, executor_of


def square(number: int) -> int:
    return number * number


def refuse(number: int) -> int:
    if number == 2:
        raise ModelError("two is refused", where="job", fix="Give another.")
    return number


def end(_: int) -> int:
    os._exit(3)


def test_results_come_in_the_order_of_the_jobs_wherever_they_run() -> None:
    jobs = list(range(20))
    for executor in (Serial(), Processes(2)):
        with executor as pool:
            assert list(pool.map(square, jobs)) == [n * n for n in jobs]


def test_what_a_job_raises_is_raised_whole() -> None:
    for executor in (Serial(), Processes(1)):
        with executor as pool, pytest.raises(ModelError, match=r"job: two is refused\. Give another\."):
            list(pool.map(refuse, [1, 2, 3]))


def test_a_worker_that_dies_is_told() -> None:
    with Processes(1) as pool, pytest.raises(RunError, match="ended before its job did"):
        list(pool.map(end, [1]))


def test_one_worker_needs_no_process() -> None:
    assert isinstance(executor_of(1), Serial)
    assert executor_of(3).workers == 3


def test_a_pool_that_is_not_open_runs_nothing() -> None:
    with pytest.raises(RuntimeError, match="entered"):
        list(Processes(2).map(square, [1]))


def test_an_address_where_no_cluster_is_is_told_at_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with (
        pytest.raises(RunError, match=f"no Ray cluster answers at 127.0.0.1:{port}"),
        RayExecutor(f"127.0.0.1:{port}", 1),
    ):
        pass
    with pytest.raises(UsageError, match="no address of a cluster"), RayExecutor("cluster", 1):
        pass


@pytest.mark.slow
def test_ray_gives_the_same_results_and_errors() -> None:
    executor: Executor = RayExecutor("", 2)
    with executor as pool:
        assert list(pool.map(square, list(range(8)))) == [n * n for n in range(8)]
        with pytest.raises(ModelError, match="two is refused"):
            list(pool.map(refuse, [1, 2, 3]))
