"""The contracts of pyproject.toml hold, and would notice if they did not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PACKAGES = [
    "adapters",
    "analytics",
    "core",
    "data",
    "engine",
    "execution",
    "features",
    "forensics",
    "models",
    "research",
    "risk",
    "rollout",
    "services",
    "strategies",
]


def lint(folder: Path, config: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the package `tradewright` that lies in a folder."""
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        "from importlinter.cli import lint_imports;"
        "sys.exit(lint_imports(config_filename=sys.argv[2], no_cache=True))"
    )
    return subprocess.run(
        [sys.executable, "-P", "-c", program, str(folder), str(config)],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )


def make_house(folder: Path) -> Path:
    """Write an empty package with every storey, and return its folder."""
    top = folder / "tradewright"
    for name in (*PACKAGES, "core/types", "core/kernel"):
        (top / name).mkdir(parents=True, exist_ok=True)
        (top / name / "__init__.py").touch()
    (top / "__init__.py").touch()
    return top


def test_contracts_hold(root: Path) -> None:
    done = lint(root / "src", root / "pyproject.toml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_contracts_hold_for_an_empty_house(root: Path, tmp_path: Path) -> None:
    make_house(tmp_path)
    done = lint(tmp_path, root / "pyproject.toml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("core/types/bar.py", "import tradewright.data"),
        ("core/types/bar.py", "import tradewright.core.kernel"),
        ("core/types/bar.py", "import polars"),
        ("core/kernel/match_nb.py", "import time"),
        ("core/kernel/match_nb.py", "from os import environ"),
        ("core/kernel/match_nb.py", "import logging"),
        ("risk/limits.py", "import tradewright.execution"),
        ("strategies/cross.py", "import tradewright.engine"),
        ("adapters/broker.py", "import tradewright.engine"),
        ("engine/session.py", "import tradewright.services"),
        ("engine/session.py", "import typer"),
        ("utils/__init__.py", ""),
    ],
)
def test_a_breach_is_noticed(root: Path, tmp_path: Path, module: str, line: str) -> None:
    path = make_house(tmp_path) / module
    path.parent.mkdir(exist_ok=True)
    path.write_text(line + "\n", encoding="utf-8")
    done = lint(tmp_path, root / "pyproject.toml")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "BROKEN" in done.stdout
