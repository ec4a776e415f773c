"""One decision of a built-in strategy, asked for by hand."""

from __future__ import annotations

import math
from collections import namedtuple
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import pytest

from tradewright.core.types.account import Account
from tradewright.core.types.dtypes import signal_dtype
from tradewright.core.types.forecast import ForecastRow
from tradewright.strategies.registry import built_in

Wish: TypeAlias = dict[str, Any]
Given: TypeAlias = Any
Ask = Callable[..., list[Wish]]
AskAll = Callable[..., list[Wish]]

_FLAT = Account._make([0.0] * len(Account._fields))._replace(entry_price=math.nan, price=100.0, equity=1e5, cash=1e5)
_BLIND = ForecastRow(math.nan, math.nan, math.nan, math.nan)


def _wishes(signals: Given) -> list[Wish]:
    return [dict(zip(signal_dtype.names or (), s.item(), strict=True)) for s in signals if s["verb"]]


def _settings(name: str, params: dict[str, Any]) -> Given:
    values = built_in(name).params.model_validate(params).model_dump()
    return _named("Params", {name: float(value) for name, value in values.items()})


def _named(name: str, values: dict[str, float]) -> Given:
    make: Any = namedtuple  # the fields are known only now
    return make(name, list(values))._make(values.values())


@pytest.fixture
def ask() -> Ask:
    """Return ``ask(name, row, forecast=..., params=..., **account)``: the signals for one instrument."""

    def _ask(
        name: str,
        row: dict[str, float] | None = None,
        forecast: ForecastRow = _BLIND,
        params: dict[str, Any] | None = None,
        **account: float,
    ) -> list[Wish]:
        values = row or {"none_": math.nan}
        signals = np.zeros(16, signal_dtype)
        given = _named("Row", values)
        built_in(name).decide(given, forecast, _FLAT._replace(**account), _settings(name, params or {}), signals)
        return _wishes(signals)

    return _ask


@pytest.fixture
def ask_all() -> AskAll:
    """Return ``ask_all(name, rows, accounts, **params)``: the signals for all instruments, accounts as changes."""

    def _ask_all(name: str, rows: Given, accounts: list[dict[str, float]], **params: float) -> list[Wish]:
        signals = np.zeros(16 + 4 * len(accounts), signal_dtype)
        table = np.array([_FLAT._replace(**account) for account in accounts])
        forecasts = np.full((len(accounts), 4), math.nan)
        built_in(name).decide(np.array(rows), forecasts, table, _settings(name, params), signals)
        return _wishes(signals)

    return _ask_all
