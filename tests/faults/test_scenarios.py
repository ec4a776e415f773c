"""Every fault of the field's catalogue, in a few worlds each; `make soak` plays a thousand of each."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.faults.exits import EXITS, play_any
from tests.faults.flushes import FLUSHES
from tests.faults.long_day import live
from tests.faults.scenarios import ELSEWHERE, SCENARIOS, play
from tests.faults.tables import page

_MISSING = {
    3,
    10,
    14,
    19,
    21,
    25,
    28,
    35,
    41,
    45,
    52,
    55,
    58,
    61,
}  # numbers the catalogue does not have; F10: the sweep


def test_every_fault_is_held_somewhere() -> None:
    known = {f"F{n:02d}" for n in range(1, 69)} - {f"F{n:02d}" for n in _MISSING - {10, 55}}
    assert set(SCENARIOS) | set(ELSEWHERE) | {"F10"} == known
    assert not set(SCENARIOS) & set(ELSEWHERE)
    assert all((Path(__file__).parents[2] / where).exists() for _, where in ELSEWHERE.values())


def test_the_page_for_people_tells_of_every_fault_and_every_mistake() -> None:
    told = [line.partition(" | 0 | 0 |")[0] for line in page([])]  # but for how often each was played
    written = (Path(__file__).parents[2] / "docs/faults.md").read_text(encoding="utf-8")
    missing = [line for line in told if line not in written]
    assert missing == [], "python -m tests.faults.tables soak.jsonl > docs/faults.md"


@pytest.mark.parametrize("name", [*SCENARIOS, *EXITS, *FLUSHES])
def test_scenario(name: str) -> None:
    for seed in range(3):
        play_any(name, seed)


def test_one_seed_gives_one_trace_whatever_the_hash_seed() -> None:
    code = (
        "from tests.faults.scenarios import play; from tests.faults.long_day import live\n"
        "print(play('F01', 5), play('F44', 5), live(8, 80).trace())"
    )
    root = Path(__file__).resolve().parents[2]
    traces = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    world = live(8, 80)
    here = f"{play('F01', 5)} {play('F44', 5)} {world.trace()}\n"
    world.close()
    assert traces == {here}


def test_another_seed_gives_another_trace() -> None:
    assert len({play("F01", seed) for seed in range(4)}) == 4
