"""What a start imports: counted in modules, which a slow machine does not change."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.e2e.conftest import clean_environment
from tests.unit.services.cli.test_command_list import MODULES

_PROGRAM = """
import atexit, sys
atexit.register(lambda: sys.stderr.write(" ".join(["", "modules:", *sys.modules])))
from tradewright.services.cli.app import main
main()
"""
_CLI = "tradewright.services.cli"
_COMMANDS = {f"{_CLI}.{module}" for module in MODULES}


def _imported(place: Path, *words: str) -> set[str]:
    """Return the modules that a command has imported when it ends."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *words],
        cwd=place,
        env=clean_environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.partition(" modules: ")[2].split())


def _below(modules: set[str], *packages: str) -> list[str]:
    return sorted(m for m in modules for p in packages if m == p or m.startswith(f"{p}."))


def test_help_imports_no_command_and_nothing_heavy(place: Path) -> None:
    found = _imported(place, "--help")
    assert f"{_CLI}.command_list" in found
    assert not found & _COMMANDS
    heavy = ("numpy", "numba", "polars", "pydantic", "jinja2", "yaml", "rich", "asyncio", "importlib.metadata")
    assert not _below(found, *heavy)
    ours = {"tradewright", "tradewright.core", "tradewright.core.types", "tradewright.core.types.errors"}
    assert set(_below(found, "tradewright")) - set(_below(found, "tradewright.services")) == ours


def test_help_of_one_command_imports_that_command(place: Path) -> None:
    found = _imported(place, "journal", "--help")
    assert found & _COMMANDS == {f"{_CLI}.journal"}
    assert not _below(found, "numpy", "numba", "polars")


def test_a_second_backtest_wakes_no_compiler_and_imports_no_other_command(place: Path) -> None:
    _imported(place, "backtest", "run.yaml")
    found = _imported(place, "backtest", "run.yaml")
    assert found & _COMMANDS == {f"{_CLI}.backtest"}
    compiler = ("numba.np.linalg", "numba.np.arrayobj", "numba.cpython.unicode", "numba.typed.typeddict")
    assert not _below(found, *compiler)
    unused = ("scipy.linalg", "sklearn", "pandas", "plotly", "httpx", "exchange_calendars", "rich.progress", "asyncio")
    assert not _below(found, *unused)
    assert not _below(found, "tradewright.research", "tradewright.rollout", "tradewright.adapters")
