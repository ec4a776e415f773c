"""Readers in threads and in processes load and predict while the pointer is switched: no one ever sees a half."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from multiprocessing.synchronize import Event
from pathlib import Path

import numpy as np
import pytest
from tests.unit.rollout.conftest import AddModel
from tests.unit.rollout.made_up import rows_of

from tradewright.rollout.registry import Registry
from tradewright.rollout.serving import load_promoted, load_version
from tradewright.rollout.switching import promote_unproven, rollback

_SWITCHES = 200
_REASON = "a test of the switch under load"


def read_until(root: Path, stop: Callable[[], bool]) -> tuple[int, dict[str, list[float]], list[str]]:
    """Load the promoted model and predict with it, over and over; return loads, first forecasts by version, trouble."""
    ticks = count(1)
    registry = Registry(root, lambda: next(ticks))
    rows, loads, seen, trouble = rows_of(8), 0, dict[str, list[float]](), list[str]()
    while not stop():
        try:
            served = load_promoted(registry, "acme")
            values = served.model.predict(rows).values[:, 0].tolist()
        except Exception as error:  # noqa: BLE001 -- every kind of trouble is what this test looks for
            trouble.append(repr(error))
            break
        loads += 1
        trouble += served.problems
        if seen.setdefault(served.version.version, values) != values:
            trouble.append(f"{served.version.full_name} predicts something else than before")
    return loads, seen, trouble


def process_reader(root: Path, stop: Event, answers: multiprocessing.Queue[object]) -> None:
    answers.put(read_until(root, stop.is_set))


@pytest.mark.slow
def test_every_reader_sees_a_whole_model_while_the_pointer_is_switched(registry: Registry, add: AddModel) -> None:
    versions = [promote_unproven(registry, add(seed, edge=None), _REASON) for seed in range(2)]
    expected = {v.version: load_version(v).predict(rows_of(8)).values[:, 0].tolist() for v in versions}
    assert not np.allclose(*expected.values())
    context = multiprocessing.get_context("spawn")
    stop, answers, done = context.Event(), context.Queue(), threading.Event()
    processes = [context.Process(target=process_reader, args=(registry.root, stop, answers)) for _ in range(2)]
    for process in processes:
        process.start()
    times = []
    with ThreadPoolExecutor(2) as threads:
        readers = [threads.submit(read_until, registry.root, done.is_set) for _ in range(2)]
        try:
            for number in range(_SWITCHES):
                began = time.perf_counter()
                if number % 2:
                    promote_unproven(registry, registry.find("acme@1.1.0"), _REASON)
                else:
                    rollback(registry, "acme")
                times.append(time.perf_counter() - began)
        finally:
            done.set()
            stop.set()
        found = [r.result() for r in readers]
    found += [answers.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(60)
    for loads, seen, trouble in found:
        assert trouble == []
        assert loads > 0
        assert all(expected[version] == values for version, values in seen.items())
    assert {version for _, seen, _ in found for version in seen} == set(expected)
    # The machine may have other things to do for a moment, and stall one switch or another.
    assert np.quantile(times, 0.95) < 1.0


def test_writers_wait_for_one_another(registry: Registry, add: AddModel) -> None:
    add(0, edge=None)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda k: registry.deploy(registry.find("acme"), f"place-{k}"), range(24)))
    places = registry.find("acme").row.in_use_at
    assert places == tuple(sorted(f"place-{k}" for k in range(24)))
