"""What one process compiled, the next one loads: the same answers, and the compiler stays asleep."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tradewright.core.kernel import cache_folder
from tradewright.core.kernel.by_address import address_of
from tradewright.core.kernel.linking import object_name
from tradewright.core.kernel.verbs import _VERBS, verb_table

ROOT = Path(__file__).parents[3]
SCRIPT = "tests.unit.core.kept_code"
ANSWERS = {
    "product": 50,
    "refused below": 1,
    "refused above": ["not", 5],
    "reading": 77,
    "weighed": 30.0,
    "fallen": [0.5, 0.5],
}
#: What is compiled for two callers: small functions of others always, those of the package once for all.
FIRST, NEXT = ["once", "halved", "drawdown_nb", "twice"], ["once", "halved", "twice"]


def _run(cache: Path) -> dict[str, Any]:
    """Return what a process with this compile cache says."""
    done = subprocess.run(
        [sys.executable, "-m", SCRIPT],
        cwd=ROOT,
        env={**os.environ, "NUMBA_CACHE_DIR": str(cache)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cache that one process has filled."""
    folder = tmp_path_factory.mktemp("cache")
    assert _run(folder) == {**ANSWERS, "is woken": True, "compiled": FIRST}
    return folder


def _objects(cache: Path) -> list[Path]:
    return sorted(cache.rglob("*.o"))


def test_the_next_process_gets_the_same_without_the_compiler(cache: Path) -> None:
    assert _run(cache) == {**ANSWERS, "is woken": False, "compiled": NEXT}


def test_code_that_refers_to_this_process_is_not_kept(cache: Path) -> None:
    assert [path.name.partition("-")[0].rpartition(".")[2] for path in _objects(cache)] == ["product"]


@pytest.mark.parametrize("damage", [b"", b"x" * 5, None])
def test_a_damaged_object_is_compiled_again(cache: Path, damage: bytes | None) -> None:
    (path,) = _objects(cache)
    sound = path.read_bytes()
    path.write_bytes(sound[:-100] if damage is None else damage)
    assert _run(cache) == {**ANSWERS, "is woken": True, "compiled": NEXT}
    assert len(path.read_bytes()) == len(sound)


def test_every_verb_is_kept() -> None:
    verb_table()
    for verb in _VERBS.values():
        name = object_name(f"{verb.__module__}.{verb.__qualname__}")
        assert cache_folder.kept(name), name


def test_a_folder_that_cannot_be_written_only_costs_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for nowhere in (tmp_path / "nowhere", None):
        monkeypatch.setattr(cache_folder, "cache_folder", lambda nowhere=nowhere: nowhere)
        cache_folder.keep("a", b"b")
        assert cache_folder.kept("a") is None
    assert address_of(_VERBS["post"])
