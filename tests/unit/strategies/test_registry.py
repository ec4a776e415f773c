from __future__ import annotations

import hashlib
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from tradewright.core.types.errors import StrategyLoadError
from tradewright.strategies.registry import built_in, names

FOLDER = Path(str(import_module("tradewright.strategies").__path__[0]))


def test_every_file_with_a_decide_is_registered() -> None:
    found = {p.stem for p in FOLDER.glob("*.py") if "\ndef decide(" in p.read_text(encoding="utf-8")}
    assert set(names()) == found
    assert list(names()) == sorted(names())


@pytest.mark.parametrize("name", names())
def test_strategy_knows_its_name_and_code(name: str) -> None:
    strategy = built_in(name)
    content = (FOLDER / f"{name}.py").read_bytes()
    assert strategy.name == name
    assert strategy.source_hash == hashlib.blake2b(content, digest_size=8).hexdigest()
    assert strategy.description.endswith(".")
    assert strategy.params() is not None


def test_flags_are_read_from_the_files() -> None:
    assert {n for n in names() if built_in(n).uses_forecast} == {
        "confidence",
        "forecast_threshold",
        "probability",
        "target_weights",
    }
    assert {n for n in names() if built_in(n).is_cross_section} == {
        "buy_and_hold",
        "momentum_rotation",
        "target_weights",
    }


@pytest.mark.parametrize(
    ("name", "hint"),
    [("ema-cross", "Did you mean ema_cross?"), ("Donchian", "Did you mean donchian_breakout?"), ("zzz", "There are")],
)
def test_unknown_name_gets_a_hint(name: str, hint: str) -> None:
    with pytest.raises(StrategyLoadError, match=f"there is no built-in strategy named '{name}'") as caught:
        built_in(name)
    assert hint in str(caught.value)
    assert caught.value.exit_code == 2


def test_asking_for_the_names_does_not_load_the_compiler() -> None:
    code = "import sys; from tradewright.strategies.registry import names; names(); print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
