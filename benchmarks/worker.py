"""One engine, one workload, one process: run for the check, wait for the word, then time and report.

Started by ``benchmarks.harness`` with ``python -m benchmarks.worker``. It writes one JSON line after the
first run (``ready``) and one at the end (times in seconds, memory in bytes).
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import importlib.metadata
import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import TextIO

from benchmarks.data import load_data
from benchmarks.spec import BarRules, Engine, save_run

MAX_SECONDS = 60.0  # an engine that needs longer than this for its repeats gets fewer of them


def peak_rss() -> int:
    """Largest resident size of this process so far, in bytes.

    On Linux from the process status: ``ru_maxrss`` there starts at the size of the parent that forked us.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def say(pipe: TextIO, **message: object) -> None:
    """One JSON line to the harness."""
    pipe.write(json.dumps(message) + "\n")
    pipe.flush()


def main(arguments: list[str] | None = None) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="benchmarks.worker")
    parser.add_argument("--engine", required=True, help="module with ENGINE")
    parser.add_argument("--workload", required=True)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--rules", default="{}")
    parser.add_argument("--repeats", type=int, default=5, help="0: check only")
    options = parser.parse_args(arguments)
    pipe = os.fdopen(os.dup(1), "w")
    # Libraries may print; only our messages belong on the pipe.
    with contextlib.redirect_stdout(sys.stderr):
        return run(options, pipe)


def run(options: argparse.Namespace, pipe: TextIO) -> int:
    """Check run, then the timed runs."""
    try:
        engine: Engine = importlib.import_module(options.engine).ENGINE
    except ImportError as error:
        say(pipe, missing=str(error))
        return 0
    version = importlib.metadata.version(engine.distribution)
    prepare = engine.jobs.get(options.workload)
    if prepare is None:
        say(pipe, missing="not offered")
        return 0
    data = load_data(options.data, options.workload)
    job = prepare(data, BarRules(**json.loads(options.rules)))
    loaded = peak_rss()
    started = time.perf_counter()
    answer = (job.check or job.run)()
    first = time.perf_counter() - started
    save_run(str(options.out), job.collect(answer))
    del answer
    if job.check is not None:
        job.run()
    say(pipe, ready=True, version=version, note=job.note, first=first)
    if options.repeats == 0 or sys.stdin.readline().strip() != "go":
        return 0
    times: list[float] = []
    while len(times) < options.repeats and (not times or sum(times) < MAX_SECONDS):
        gc.collect()
        started = time.perf_counter()
        answer = job.run()
        times.append(time.perf_counter() - started)
        del answer
    say(pipe, times=times, peak_rss=peak_rss(), loaded_rss=loaded)
    return 0


if __name__ == "__main__":
    sys.exit(main())
