from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Source:
    """One parsed source file of the package."""

    where: str
    package: str
    text: str
    tree: ast.Module


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def sources() -> list[Source]:
    """Every source file of the package; `package` is the first folder below it, or "" at the top."""
    top = ROOT / "src" / "tradewright"
    found = []
    for path in sorted(top.rglob("*.py")):
        inside = path.relative_to(top)
        text = path.read_text(encoding="utf-8")
        package = inside.parts[0] if len(inside.parts) > 1 else ""
        found.append(Source(inside.as_posix(), package, text, ast.parse(text, filename=str(path))))
    assert len(found) > 10, "the tests of this folder look at nothing"
    return found
