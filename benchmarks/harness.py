"""Runs engines in processes of their own, checks their answers before it times them, and compares."""

from __future__ import annotations

import functools
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import spec
from benchmarks.data import load_data, make_data, save_data
from benchmarks.equality import EQUAL, compare
from benchmarks.reference import reference_bars, reference_sweep
from benchmarks.reference_quotes import reference_quotes
from benchmarks.spec import BarRules, Run, TickData, load_run

ROOT = Path(__file__).resolve().parent.parent
OURS = "benchmarks.ours"
PEERS = {
    "vectorbt": "benchmarks.peers.vectorbt_engine",
    "vectorbt-rust": "benchmarks.peers.vectorbt_rust_engine",
    "raptorbt": "benchmarks.peers.raptorbt_engine",
    "backtesting.py": "benchmarks.peers.backtestingpy_engine",
    "hftbacktest": "benchmarks.peers.hftbacktest_engine",
}
# Which peers do which workload under which rules. Here, because this process may not have the peers.
_NEXT_BAR = BarRules(first_check="next_bar")
PEER_RULES: dict[str, dict[str, BarRules]] = {
    "W1": {
        "vectorbt": _NEXT_BAR,
        "vectorbt-rust": _NEXT_BAR,
        "raptorbt": BarRules(target_gap="limit"),
        "backtesting.py": BarRules(first_check="next_bar", exit_slippage=False),
    },
    "W2": {
        "vectorbt": BarRules(first_check="next_bar", market_exit_first=False),
        "vectorbt-rust": BarRules(first_check="next_bar", market_exit_first=False),
        "raptorbt": BarRules(target_gap="limit"),
    },
    "W3": {"hftbacktest": BarRules()},
    "W4": {
        "vectorbt": _NEXT_BAR,
        "raptorbt": BarRules(target_gap="limit"),
        "backtesting.py": BarRules(first_check="next_bar", exit_slippage=False),
    },
}
PEER_RULES["W2S"] = PEER_RULES["W2"]


@dataclass
class Row:
    """One engine's line in a table. Times in seconds, memory in bytes."""

    engine: str
    version: str = ""
    missing: str = ""
    reference: str = ""
    ours: str = ""
    best: float = 0.0
    median: float = 0.0
    first: float = 0.0
    repeats: int = 0
    peak_rss: int = 0
    loaded_rss: int = 0
    note: str = ""
    rules: dict[str, Any] = field(default_factory=dict)


class Bench:
    """One invocation: its data and answers live in a temporary folder.

    Parameters
    ----------
    folder
        Where data and answers are written.
    repeats
        Timed runs of each engine, after the run that is checked.
    peers_python
        Interpreter that has the peers.
    """

    def __init__(self, folder: Path, repeats: int, peers_python: str) -> None:
        self.folder = folder
        self.repeats = repeats
        self.peers_python = peers_python

    def workload(self, name: str, only: set[str]) -> list[Row]:
        """All engines' rows of one workload, ours first; ``only`` empty means every engine."""
        data = self.folder / f"data-{name}.npz"
        save_data(data, make_data(name))
        rows: list[Row] = []
        if not only or "ours" in only:
            rows.append(self._engine(name, "ours", OURS, spec.DEFAULT_RULES))
        for peer, rules in PEER_RULES[name].items():
            if not only or peer in only:
                row = self._engine(name, peer, PEERS[peer], rules)
                row.ours = self._against_ours(name, peer, rules, rows, row)
                rows.append(row)
        return rows

    def _against_ours(self, name: str, peer: str, rules: BarRules, rows: list[Row], row: Row) -> str:
        """Compare a peer's answer with ours under the peer's rules (our run for it is not timed)."""
        if row.missing or not rows or rows[0].engine != "ours" or rows[0].missing:
            return ""
        out = self.folder / f"{name}-ours-as-{peer}.npz"
        with Worker(sys.executable, OURS, name, self.folder, out, rules, 0) as worker:
            answer = worker.read()
        if "missing" in answer:
            return f"missing: {answer['missing']}"
        return compare(load_run(str(out), name), self._answer(name, peer))

    def _answer(self, name: str, engine: str) -> Run:
        return load_run(str(self.folder / f"{name}-{engine}.npz"), name)

    def _engine(self, name: str, engine: str, module: str, rules: BarRules) -> Row:
        row = Row(engine, rules=asdict(rules) if name != "W3" else {})
        python = sys.executable if module == OURS else self.peers_python
        out = self.folder / f"{name}-{engine}.npz"
        with Worker(python, module, name, self.folder, out, rules, self.repeats) as worker:
            ready = worker.read()
            if "missing" in ready:
                row.missing = str(ready["missing"])
                return row
            row.version, row.note, row.first = ready["version"], ready["note"], ready["first"]
            row.reference = compare(self._answer(name, engine), reference(name, self.folder, rules))
            worker.go()
            timed = worker.read()
        if "missing" in timed:
            row.missing = str(timed["missing"])
            return row
        times = timed["times"]
        row.best, row.median, row.repeats = min(times), statistics.median(times), len(times)
        row.peak_rss, row.loaded_rss = timed["peak_rss"], timed["loaded_rss"]
        return row


@functools.cache
def reference(name: str, folder: Path, rules: BarRules) -> Run:
    """The plain simulation's answer to a workload under ``rules``."""
    data = load_data(folder / f"data-{name}.npz", name)
    if isinstance(data, TickData):
        return reference_quotes(data)
    return reference_sweep(data, rules) if name in ("W2", "W2S") else reference_bars(data, rules)


class Worker:
    """A worker process and its pipe."""

    def __init__(
        self, python: str, module: str, workload: str, folder: Path, out: Path, rules: BarRules, repeats: int
    ) -> None:
        command = [
            python, "-m", "benchmarks.worker", "--engine", module, "--workload", workload,
            "--data", str(folder / f"data-{workload}.npz"), "--out", str(out),
            "--rules", json.dumps(asdict(rules)), "--repeats", str(repeats),
        ]  # fmt: skip
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed in __exit__
        environment = {**os.environ, "RAPTORBT_NO_VERSION_CHECK": "1"}
        try:
            self._process: subprocess.Popen[str] | None = subprocess.Popen(
                command, cwd=ROOT, text=True, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=self._errors,
            )  # fmt: skip
        except FileNotFoundError:
            self._process = None

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.communicate()
        self._errors.close()

    def read(self) -> dict[str, Any]:
        """The next message; an engine that died is reported with its last line of error output."""
        if self._process is None or self._process.stdout is None:
            return {"missing": "no such interpreter"}
        line = self._process.stdout.readline()
        if line:
            message: dict[str, Any] = json.loads(line)
            return message
        self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().strip().splitlines()
        return {"missing": lines[-1] if lines else f"stopped with exit code {self._process.returncode}"}

    def go(self) -> None:
        """Tell the worker to start its timed runs."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write("go\n")
            self._process.stdin.flush()


def is_proven(row: Row) -> bool:
    """Whether the row's answer was equal to the plain simulation under its own rules."""
    return not row.missing and row.reference == EQUAL
