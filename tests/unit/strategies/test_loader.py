from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tradewright.core.types.errors import StrategyLoadError
from tradewright.core.types.feature import feature
from tradewright.strategies.loader import load_file

FEATURE = "from tradewright.core.types.feature import feature\n"
DECIDE = "def decide(row, forecast, account, params, signals):\n    pass\n"


@pytest.fixture
def save(tmp_path: Path) -> Callable[[str], Path]:
    def _save(content: str) -> Path:
        path = tmp_path / "mine.py"
        path.write_text(content, encoding="utf-8")
        return path

    return _save


def test_smallest_file(save: Callable[[str], Path]) -> None:
    strategy = load_file(save('"""Do nothing.\n\nMore."""\n' + DECIDE))
    assert (strategy.name, strategy.description) == ("mine", "Do nothing.")
    assert (strategy.is_compiled, strategy.is_cross_section, strategy.uses_forecast) == (True, False, False)
    assert strategy.features(strategy.params()) == {}


def test_a_changed_file_is_another_strategy(save: Callable[[str], Path]) -> None:
    first = load_file(save(DECIDE))
    second = load_file(save("COMPILED = False\nUSES_FORECAST = True\nCONFIRM_SCANS = 3\n" + DECIDE))
    assert first.source_hash != second.source_hash
    assert (second.is_compiled, second.uses_forecast) == (False, True)
    assert (first.confirm_scans, second.confirm_scans) == (1, 3)


def test_two_edits_within_a_second_are_two_strategies(
    save: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)

    def saved(period: int) -> Path:
        path = save(f"def features(params):\n    return {{'mean': feature('sma', {period})}}\n\n\n" + FEATURE + DECIDE)
        os.utime(path, (1_700_000_000, 1_700_000_000))  # Python's bytecode files go by time and size
        return path

    found = [load_file(saved(period)) for period in (10, 20)]
    asked = [strategy.features(strategy.params())["mean"] for strategy in found]
    assert asked == [feature("sma", 10), feature("sma", 20)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("x = 1\n", "defines no function `decide`"),
        ("CONFIRM_SCANS = 0\n" + DECIDE, "`CONFIRM_SCANS` is 0"),
        ("def decide(:\n", r"mine\.py:1: syntax error"),
        ("\nimport no_such_module_at_all\n", r"mine\.py:2: does not import: ModuleNotFoundError"),
        ("def decide(row, account):\n    pass\n", r"mine\.py:1: decide\(row, account\) has other arguments"),
        ("CROSS_SECTION = True\n" + DECIDE, "write `def decide.rows, forecasts, accounts, params, signals"),
        ("Params = 3\n" + DECIDE, "`Params` is not a StrategyParams"),
    ],
)
def test_what_is_wrong_is_named(save: Callable[[str], Path], content: str, message: str) -> None:
    with pytest.raises(StrategyLoadError, match=message):
        load_file(save(content))


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(StrategyLoadError, match="no such strategy file"):
        load_file(tmp_path / "none.py")
