"""Errors say what was wrong, where, and what to do."""

from __future__ import annotations

import pytest

from tradewright.core.types.errors import (
    ConfigError,
    DataError,
    StoreError,
    StrategyError,
    StrategyLoadError,
    TradewrightError,
)


@pytest.mark.parametrize(
    ("where", "fix", "text"),
    [
        ("", "", "bad"),
        ("a.yaml: cash", "", "a.yaml: cash: bad"),
        ("", "give a number", "bad. give a number"),
        ("a.yaml: cash", "give a number", "a.yaml: cash: bad. give a number"),
    ],
)
def test_one_line(where: str, fix: str, text: str) -> None:
    error = TradewrightError("bad", where=where, fix=fix)
    assert str(error) == text
    assert (error.what, error.where, error.fix) == ("bad", where, fix)


@pytest.mark.parametrize("kind", [ConfigError, StrategyLoadError])
def test_a_wrong_call_exits_with_2(kind: type[TradewrightError]) -> None:
    assert kind("x").exit_code == 2


@pytest.mark.parametrize("kind", [DataError, StrategyError, StoreError])
def test_work_that_could_not_be_finished_exits_with_1(kind: type[TradewrightError]) -> None:
    assert kind("x").exit_code == 1
