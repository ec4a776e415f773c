"""Programs that run beside a test: what they say is in files, and they are waited for without a clock of their own."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.conftest import PROGRAM, clean_environment

from tradewright.services.trading.folder import AccountFolder

#: Longest wait for anything that has to happen; a machine that is busy with other work compiles for minutes.
PATIENCE_S = 300.0


def status(folder: AccountFolder) -> dict[str, Any]:
    """Return what a session says of itself; nothing before it does."""
    try:
        found: dict[str, Any] = json.loads(folder.status.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def fills(folder: AccountFolder) -> int:
    """Return how many fills a session says that it has measured."""
    return sum(row["count"] for row in status(folder).get("execution", []) if row["quantity"] == "shortfall_bps")


@dataclass
class Program:
    """A `tradewright` that runs."""

    process: subprocess.Popen[bytes]
    out: Path
    err: Path

    @property
    def said(self) -> str:
        return self.err.read_text(encoding="utf-8")

    def wait_until(self, what: str, holds: Callable[[], object], meanwhile: Callable[[], object] = str) -> None:
        """Wait until something holds while it runs; ``meanwhile`` is called now and then."""
        until = time.monotonic() + PATIENCE_S
        while not holds():
            assert self.process.poll() is None, f"{what}: it has ended: {self.said}"
            assert time.monotonic() < until, f"{what}: {self.said}"
            meanwhile()
            time.sleep(0.05)

    def end(self, number: int = 0, meanwhile: Callable[[], object] = str) -> int:
        """Wait until it has ended, of itself or by a signal; return the exit code."""
        if number:
            self.process.send_signal(number)
        until = time.monotonic() + PATIENCE_S
        while self.process.poll() is None:
            assert time.monotonic() < until, self.said
            meanwhile()
            time.sleep(0.05)
        return self.process.returncode


@contextmanager
def running(place: Path, *words: str, **environment: str) -> Iterator[Program]:
    """Run the command in a folder; whatever happens, it is gone afterwards."""
    out, err = (place / f"{words[0]}-{time.monotonic_ns()}.{name}" for name in ("out", "err"))
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = subprocess.Popen(
            [*PROGRAM, *words], cwd=place, env=clean_environment(**environment), stdout=stdout, stderr=stderr
        )
    try:
        yield Program(process, out, err)
    finally:
        process.kill()
        process.wait()
