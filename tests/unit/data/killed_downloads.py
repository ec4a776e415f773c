"""Kill downloads, and say on stdout what they left; a program of its own, because it forks.

Every run is a fork of this process, which has imported everything and used none of it: threads of a data-frame library
do not survive a fork. A run is killed by SIGKILL at a random file operation of its own, or at a random moment from
outside. Usage: killed_downloads.py FOLDER RUNS
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from tests.unit.data.scripted_history import DAY, HOUR, START, ScriptedHistory

from tradewright.data import download as downloads
from tradewright.data.download import download
from tradewright.data.instruments import InstrumentParams
from tradewright.data.kinds import Kind
from tradewright.data.ports import Wanted
from tradewright.data.store import BarStore

downloads.PART_ROWS = 40  # a commit has several parts
PARAMS = InstrumentParams(symbol="ACME", tick_size="0.01")
WHOLE = Wanted("ACME", Kind.BARS, "1h", START, START + 5 * DAY)
FIRST = replace(WHOLE, end=START + DAY * 3 // 2)  # half of its second day is not final
AT_ANY_MOMENT = -1
FILE_EVENTS = {"open", "os.listdir", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.scandir", "shutil.rmtree"}


@dataclass
class Left:
    """What a store holds."""

    digest: str
    damaged: list[str]
    sources: list[str]
    staged: list[str]


def fetch(store: Path, wanted: Wanted) -> None:
    source = ScriptedHistory(now=FIRST.end - 6 * HOUR if wanted == FIRST else WHOLE.end)
    asyncio.run(download(source, wanted, BarStore(store), PARAMS))


def look(store: Path) -> Left:
    entry = BarStore(store).describe("ACME", "1h")
    staged = sorted(p.name for p in (store / ".fetch").rglob("*") if p.is_file() and p.name != "lock")
    sources = [s.model_dump_json() for s in entry.sources]
    return Left(entry.digest, list(BarStore(store).damaged(entry)), sources, staged)


def die_at(point: int, store: Path, log: Path | None = None) -> None:
    """Kill this process at its ``point``-th file operation below ``store``; with a log, count them."""
    seen = 0

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal seen
        if event in FILE_EVENTS and any(str(store) in str(a) for a in arguments):
            seen += 1
            if seen == point:
                os.kill(os.getpid(), signal.SIGKILL)
            if log is not None and event != "open":
                log.write_bytes(str(seen).encode())

    sys.addaudithook(hook)


def start(work: Callable[[], None]) -> int:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return child


def doomed(store: Path, point: int, delay_s: float) -> int:
    """Start a download that dies at a file operation of its own, or after a delay."""

    def work() -> None:
        if point != AT_ANY_MOMENT:
            die_at(point, store)
        fetch(store, WHOLE)

    child = start(work)
    if point == AT_ANY_MOMENT:
        time.sleep(delay_s)
        os.kill(child, signal.SIGKILL)
    return child


def ended(child: int) -> bool:
    """Wait; return whether it was killed. Any other end but a good one stops everything."""
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return True
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"a run failed with status {status}")
    return False


def told(work: Callable[[], Left], path: Path) -> Left:
    def tell() -> None:
        path.write_text(json.dumps(asdict(work())), encoding="utf-8")

    ended(start(tell))
    return Left(**json.loads(path.read_text(encoding="utf-8")))


def main(folder: Path, runs: int) -> None:
    random = np.random.default_rng(20240101)
    base, clean, answer = folder / "base", folder / "clean", folder / "answer.json"
    ended(start(partial(fetch, base, FIRST)))
    before = told(partial(look, base), answer)
    shutil.copytree(base, clean)

    def counted() -> None:
        die_at(-1, clean, folder / "count")
        fetch(clean, WHOLE)

    began = time.monotonic()
    ended(start(counted))
    lasts = time.monotonic() - began
    points = int((folder / "count").read_text(encoding="utf-8"))
    after = told(partial(look, clean), answer)

    # One point of each equal stretch, so that no part of the work is missed; the others die at a random moment.
    stretches = runs - runs // 5
    plan = [1 + int(points * (i + random.random()) / stretches) for i in range(stretches)]
    wrong: list[str] = []
    stops = {"before": 0, "after": 0}
    killed = attempt = 0
    while killed < runs and attempt < 5 * runs:
        first = plan[attempt] if attempt < len(plan) else AT_ANY_MOMENT
        attempt += 1
        store = folder / "store"
        shutil.rmtree(store, ignore_errors=True)
        shutil.copytree(base, store)
        # Every other one is killed again while it goes on.
        for point in [first, int(random.integers(1, points + 1))][: 1 + attempt % 2]:
            if not ended(doomed(store, point, float(random.uniform(0.0, min(0.15, lasts))))):
                continue
            killed += point == first
            left = told(partial(look, store), answer)
            stops["before" if left.digest == before.digest else "after"] += 1
            if left.digest not in {before.digest, after.digest} or left.damaged:
                wrong.append(f"run {attempt}, point {point}: left {left}")
        ended(start(partial(fetch, store, WHOLE)))
        end = told(partial(look, store), answer)
        if end != after or end.staged:
            wrong.append(f"run {attempt}: ended with {end}")
    result = {"killed": killed, "before_commit": stops["before"], "after_commit": stops["after"], "wrong": wrong}
    print(json.dumps(result | {"points": points, "lasts": lasts}))  # noqa: T201  what the test reads


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
