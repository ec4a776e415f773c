"""Each bad input gives one clear message with the place and the fix, the right exit code, and nothing half-written."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
Rows = list[str]

#: A shell that starts the tests in the background lets its children ignore Ctrl-C; this one shall not.
LISTENING = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
PROGRAM = (sys.executable, "-c", f"{LISTENING}; from tradewright.services.cli.app import main; main()")
DECIDE = "def decide(row, forecast, account, params, signals):\n"
SLOW = f"COMPILED = False\nimport time\n{DECIDE}    time.sleep(0.05)\n"


def everything(folder: Path) -> set[str]:
    caches = {"__pycache__", ".checks"}  # of compiled Python, and of what the gate found
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if not caches & set(p.parts)}


def assert_one_block(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert sum(line.startswith("error: ") for line in done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr, done.stderr


def changed(row: int, column: int, value: str) -> Callable[[Rows], Rows]:
    def change(lines: Rows) -> Rows:
        cells = lines[row].split(",")
        cells[column] = value
        return [*lines[:row], ",".join(cells), *lines[row + 1 :]]

    return change


@pytest.mark.parametrize(
    ("damage", "code", "words"),
    [
        pytest.param(lambda _: [], 1, ["bad.csv", "empty", "Give a file"], id="empty"),
        pytest.param(
            lambda rows: [r.rsplit(",", 2)[0] for r in rows],
            1,
            ["no column for close", "--column"],
            id="missing column",
        ),
        pytest.param(
            lambda rows: [*rows[:5], rows[4], *rows[5:]], 1, ["row 6", "twice", "--drop-duplicates"], id="duplicate"
        ),
        pytest.param(lambda rows: [rows[0], rows[2], rows[1]], 1, ["row 3", "later time", "--sort"], id="unsorted"),
        pytest.param(changed(4, 4, "nan"), 1, ["row 5", "field close", "not a finite number"], id="nan"),
        pytest.param(changed(4, 3, "-1"), 1, ["row 5", "field low", "not positive"], id="negative"),
        pytest.param(changed(4, 2, "1"), 1, ["row 5", "field high", "below low"], id="high below low"),
        pytest.param(
            changed(4, 0, "2024-01-01T03:00:00+02:00"), 1, ["row 5", "mixed time zones", "one zone"], id="mixed zones"
        ),
        pytest.param(lambda rows: [r.replace("Z", "") for r in rows], 2, ["no time zone", "--timezone"], id="no zone"),
    ],
)
def test_bad_rows(tw: Run, place: Path, damage: Callable[[Rows], Rows], code: int, words: list[str]) -> None:
    good = (place / "acme.csv").read_text(encoding="utf-8").splitlines()
    lines = damage(good)
    (place / "bad.csv").write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    before = everything(place)
    assert_one_block(tw("data", "import", "bad.csv", "--symbol", "BAD"), code, *words)
    assert everything(place) == before


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["run.yaml", "--data", "ACM"], 2, ["--data", "unknown instrument 'ACM'", "Did you mean ACME?"]),
        (["run.yaml", "--data", "ACME@5m"], 2, ["no 5m bars of ACME", "The store has: 1h"]),
        (["run.yaml", "--set", "fast=0"], 2, ["--set fast", "0 is not allowed", "at least 1"]),
        (["run.yaml", "--set", "fsat=5"], 2, ["unknown key 'fsat'", "Did you mean 'fast'?"]),
        (["run.yaml", "--out", "acme.csv/run"], 1, ["acme.csv/run", "cannot be written", "--out"]),
        (["run.yaml", "--out", "."], 2, ["something in this place"]),
        (["run.yaml", "--strategy", "ema_crss"], 2, ["ema_crss", "Did you mean ema_cross?"]),
        (["nothing.yaml"], 2, ["nothing.yaml", "no such configuration file"]),
        ([], 2, ["nothing says what to run", "--strategy"]),
    ],
)
def test_bad_calls(tw: Run, place: Path, words: list[str], code: int, message: list[str]) -> None:
    before = everything(place)
    assert_one_block(tw("backtest", *words), code, *message)
    assert everything(place) == before


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        pytest.param("import nothing_of_that_name\n", 2, ["own.py", "nothing_of_that_name"], id="does not import"),
        pytest.param("def decide(:\n", 2, ["own.py:1", "syntax error"], id="syntax"),
        pytest.param(f"{DECIDE}    open('x')\n", 2, ["own.py", "does not compile", "COMPILED = False"], id="not numba"),
        pytest.param(
            f"{DECIDE}    if account.price > 104.9:\n        raise ValueError('too high')\n",
            1,
            ["own.py, event 14 (2024-01-01T14:00", "ValueError: too high"],
            id="raises, compiled",
        ),
        pytest.param(
            f"COMPILED = False\n{DECIDE}    if account.price > 104.9:\n        raise ValueError('too high')\n",
            1,
            ["own.py, event 14 (2024-01-01T14:00", "ValueError: too high"],
            id="raises, plain",
        ),
    ],
)
def test_bad_strategies(tw: Run, place: Path, text: str, code: int, words: list[str]) -> None:
    (place / "own.py").write_text(text, encoding="utf-8")
    before = everything(place)
    assert_one_block(tw("backtest", "--strategy", "own.py", "--data", "ACME"), code, *words)
    assert everything(place) == before


@pytest.mark.parametrize("path", ["loop", "session"])
def test_ctrl_c_leaves_nothing(place: Path, path: str) -> None:
    (place / "slow.py").write_text(SLOW, encoding="utf-8")
    before = everything(place)
    words = ("backtest", "--strategy", "slow.py", "--data", "ACME", "--path", path)
    with subprocess.Popen([*PROGRAM, *words], cwd=place, stderr=subprocess.PIPE, encoding="utf-8") as process:
        deadline = time.monotonic() + 200
        # The draft of the run folder is there: the run has begun, and takes 12 seconds.
        while not list(place.glob("runs/.*.writing-*")) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1, errors
    assert "Interrupted" in errors
    assert "Traceback" not in errors
    assert everything(place) == before
