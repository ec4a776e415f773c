"""Parity holds from an empty compile cache, the cache is used afterwards, and a changed source opens another."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.parity.random_scripts import fingerprint, random_plan

from tradewright.core.kernel import cache_folder
from tradewright.engine.backtest import run_backtest

ROOT = Path(__file__).parents[2]
SEED = 3


def _run(cache: Path) -> str:
    """Run the script in a process of its own with a compile cache of its own; return the fingerprint."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.parity.cold_run", str(SEED)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _files(cache: Path) -> dict[str, int]:
    kept = (p for p in cache.rglob("*") if p.suffix in {".nbi", ".nbc", ".o"})
    return {str(p.relative_to(cache)): p.stat().st_mtime_ns for p in kept}


@pytest.mark.slow
def test_parity_from_a_cold_cache_and_no_second_compilation(tmp_path: Path) -> None:
    cold = _run(tmp_path)
    files = _files(tmp_path)
    assert len(files) > 20, "nothing was kept"
    warm = _run(tmp_path)
    assert cold == warm == fingerprint(run_backtest(random_plan(SEED, "bars")))
    assert _files(tmp_path) == files, "the second process compiled again"


@pytest.fixture
def copied_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy of the sources that hold compiled code, taken for the package."""
    copy = tmp_path / "tradewright"
    for folder in ("core", "features", "strategies"):
        shutil.copytree(cache_folder._PACKAGE / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(cache_folder, "_PACKAGE", copy)
    return copy


def test_a_copy_of_the_same_sources_has_the_same_hash(copied_package: Path) -> None:
    copied = cache_folder.sources_hash()
    assert copied_package.is_dir()
    assert len(copied) == 16
    assert cache_folder.sources_hash() == copied


@pytest.mark.parametrize(
    "file", ["core/kernel/book_nb.py", "core/types/dtypes.py", "features/range.py", "strategies/signals.py"]
)
def test_any_change_of_compiled_sources_opens_another_cache(copied_package: Path, file: str) -> None:
    before = cache_folder.sources_hash()
    source = copied_package / file
    source.write_bytes(source.read_bytes().replace(b"1", b"2", 1))
    assert cache_folder.sources_hash() != before


def test_renaming_a_source_opens_another_cache(copied_package: Path) -> None:
    before = cache_folder.sources_hash()
    (copied_package / "core/kernel/book_nb.py").rename(copied_package / "core/kernel/books_nb.py")
    assert cache_folder.sources_hash() != before
