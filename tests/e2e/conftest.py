"""The real command in a process of its own, in a folder of its own, on a small store."""

from __future__ import annotations

import atexit
import itertools
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from tests.e2e.preloaded import MAIN, Preloaded

Run = Callable[..., subprocess.CompletedProcess[str]]

PROGRAM = (sys.executable, "-c", MAIN)
HEADER = "time,open,high,low,close,volume"


def bar_lines(n: int = 240) -> list[str]:
    """Return hourly bars of a slow wave, as lines of a CSV file."""
    start = datetime(2024, 1, 1, tzinfo=UTC)
    lines = []
    for i in range(n):
        close = 100 + 5 * math.sin(i / 9)
        time = (start + timedelta(hours=i)).strftime("%Y-%m-%dT%H:%M:%SZ")
        lines.append(f"{time},{close:.2f},{close + 1:.2f},{close - 1:.2f},{close:.2f},10")
    return lines


def walk_lines(n: int, wild_from: int = 10**9) -> list[str]:
    """Return hourly bars of a random walk, as lines of a CSV file; from a row on it is four times as wild."""
    steps = np.random.default_rng(4).normal(0.0, 0.004, n)
    steps[wild_from:] *= 4.0
    start = datetime(2024, 1, 1, tzinfo=UTC)
    lines = []
    for i, price in enumerate((100.0 * np.exp(np.cumsum(steps))).tolist()):
        time = (start + timedelta(hours=i)).strftime("%Y-%m-%dT%H:%M:%SZ")
        lines.append(f"{time},{price:.2f},{price + 0.3:.2f},{price - 0.3:.2f},{price:.2f},10")
    return lines


def clean_environment(**more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("APCA_", "TRADEWRIGHT_"))}
    return kept | {"COLUMNS": "200"} | more


@cache
def _preloaded() -> Iterator[Preloaded]:
    """Return two processes that fork, in turns."""
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")  # a fork has only one thread
    both = Preloaded(clean_environment(**single)), Preloaded(clean_environment(**single))
    for each in both:
        atexit.register(each.close)
    return itertools.cycle(both)


def run_in(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    if Path("/proc/self/task").is_dir():  # Linux; elsewhere a fork of a loaded process may not live
        return next(_preloaded()).run(words, folder, clean_environment(**environment), 300)
    return subprocess.run(
        [*PROGRAM, *words],
        cwd=folder,
        env=clean_environment(**environment),
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="session")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose store holds one instrument, ACME; only to be copied."""
    folder = tmp_path_factory.mktemp("stocked")
    (folder / "acme.csv").write_text("\n".join([HEADER, *bar_lines()]) + "\n", encoding="utf-8")
    done = run_in(folder, "data", "import", "acme.csv", "--symbol", "ACME", "--fees", "crypto_spot")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def place(stocked: Path, tmp_path: Path) -> Path:
    """A folder of this test's own, with the store."""
    folder = tmp_path / "place"
    shutil.copytree(stocked, folder)
    (folder / "run.yaml").write_text(
        "strategy:\n  name: ema_cross\n  params: {fast: 3, slow: 8}\ndata:\n  symbols: [ACME]\n", encoding="utf-8"
    )
    return folder


@pytest.fixture
def tw(place: Path) -> Run:
    """Run the command in `place`."""

    def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return run_in(place, *words, **environment)

    return run
