"""A step's identity changes with everything that its compiled code depends on."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tradewright.features import ema, sma
from tradewright.features.step_identity import step_identity

STEP = """
from other import K, f
import other
def step(state, params, fields, i):
    return f(state) * K + 2.0 + other.g(state)
"""
OTHER = """
K = 3.0
def f(x):
    return x[0]
def g(x):
    return 1.0
"""


def load(folder: Path, name: str, text: str) -> ModuleType:
    """Write a module and import it."""
    path = folder / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def identity(folder: Path, step: str, other: str) -> str:
    """Return the identity of the step written in ``step``, which imports ``other``."""
    folder.mkdir()
    before = dict(sys.modules)
    try:
        load(folder, "other", other)
        return step_identity(load(folder, "user", step).step)
    finally:
        for name in set(sys.modules) - set(before):
            del sys.modules[name]


def test_equal_text_has_equal_identity(tmp_path: Path) -> None:
    assert identity(tmp_path / "a", STEP, OTHER) == identity(tmp_path / "b", STEP, OTHER)


@pytest.mark.parametrize(
    ("old", "new"),
    [("2.0", "2.5"), ("* K", "- K"), ("K = 3.0", "K = 4.0"), ("x[0]", "x[1]"), ("return 1.0", "return 1.5")],
    ids=["constant", "operation", "imported constant", "imported function", "function of an imported module"],
)
def test_a_change_anywhere_changes_it(tmp_path: Path, old: str, new: str) -> None:
    changed = identity(tmp_path / "b", STEP.replace(old, new), OTHER.replace(old, new))
    assert identity(tmp_path / "a", STEP, OTHER) != changed


def test_steps_differ() -> None:
    assert step_identity(ema(5).step) == step_identity(ema(6).step)
    assert step_identity(ema(5).step) != step_identity(sma(5).step)
