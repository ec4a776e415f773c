"""What a start imports: counted in modules, which a slow machine does not change."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

from tests.unit.services.cli.test_command_list import MODULES

Run = Callable[..., subprocess.CompletedProcess[str]]

_CLI = "tradewright.services.cli"
_COMMANDS = {f"{_CLI}.{module}" for module in MODULES}


def _imported(done: subprocess.CompletedProcess[str]) -> set[str]:
    """Return the modules that a process imported, from what Python says on stderr."""
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines}


def _below(modules: set[str], *packages: str) -> list[str]:
    return sorted(m for m in modules for p in packages if m == p or m.startswith(f"{p}."))


def test_help_imports_no_command_and_nothing_heavy(tw: Run) -> None:
    found = _imported(tw("--help", PYTHONPROFILEIMPORTTIME="1"))
    assert f"{_CLI}.command_list" in found
    assert not found & _COMMANDS
    heavy = ("numpy", "numba", "polars", "pydantic", "jinja2", "yaml", "rich", "asyncio", "importlib.metadata")
    assert not _below(found, *heavy)
    assert not [m for m in found if m.startswith("tradewright.") and not m.startswith("tradewright.services")]


def test_help_of_one_command_imports_that_command(tw: Run) -> None:
    found = _imported(tw("journal", "--help", PYTHONPROFILEIMPORTTIME="1"))
    assert found & _COMMANDS == {f"{_CLI}.journal"}
    assert not _below(found, "numpy", "numba", "polars")


def test_a_second_backtest_wakes_no_compiler_and_imports_no_other_command(tw: Run) -> None:
    assert tw("backtest", "run.yaml").returncode == 0
    found = _imported(tw("backtest", "run.yaml", PYTHONPROFILEIMPORTTIME="1"))
    assert found & _COMMANDS == {f"{_CLI}.backtest"}
    compiler = ("numba.np.linalg", "numba.np.arrayobj", "numba.cpython.unicode", "numba.typed.typeddict")
    assert not _below(found, *compiler, "numba.experimental")
    unused = ("scipy.linalg", "sklearn", "pandas", "plotly", "httpx", "exchange_calendars", "rich.progress", "asyncio")
    assert not _below(found, *unused)
    assert not _below(found, "tradewright.research", "tradewright.rollout", "tradewright.adapters")
