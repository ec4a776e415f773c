from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from tradewright.core.types.account import Account
from tradewright.core.types.dtypes import CLOSE
from tradewright.core.types.errors import ConfigError, StrategyError
from tradewright.core.types.feature import FeatureSpec, feature
from tradewright.core.types.forecast import ForecastRow, Forecasts
from tradewright.core.types.instrument import Instrument
from tradewright.data.synthetic import synthetic_bars
from tradewright.engine.backtest import run_backtest
from tradewright.engine.plan import AccountParams, BacktestPlan, plan_of_bars
from tradewright.strategies.loader import load_file
from tradewright.strategies.signals import Signals, bracket_at, market
from tradewright.strategies.strategy import Strategy, StrategyParams

PathName = Literal["loop", "session"]


def plan(
    decide: Callable[..., None],
    features: Callable[[StrategyParams], dict[str, FeatureSpec]] | None = None,
    bars: int = 50,
) -> BacktestPlan:
    strategy = Strategy("by_hand", StrategyParams, features or (lambda _: {}), decide, is_compiled=False)
    return plan_of_bars([Instrument("SYN")], [synthetic_bars(bars, 1)], strategy, StrategyParams())


def nothing(row: object, forecast: ForecastRow, account: Account, params: object, signals: Signals) -> None:
    """Wish for nothing."""


@pytest.mark.parametrize("path", ["loop", "session"])
def test_a_strategy_that_raises_is_named_with_the_event(path: PathName) -> None:
    def decide(row: object, forecast: ForecastRow, account: Account, params: object, signals: Signals) -> None:  # noqa: ARG001
        seen.append(account.price)
        if len(seen) == 7:
            raise ZeroDivisionError("oh")

    seen: list[float] = []
    with pytest.raises(StrategyError, match=r"by_hand, event 7 \(2024-01-01T00:07.*ZeroDivisionError: oh"):
        run_backtest(plan(decide), path)
    assert len(seen) == 7


@pytest.mark.parametrize("path", ["loop", "session"])
def test_a_compiled_strategy_that_raises_is_named_too(tmp_path: Path, path: PathName) -> None:
    file = tmp_path / "raises.py"
    file.write_text(
        "def decide(row, forecast, account, params, signals):\n"
        "    if account.price > 0.0:\n"
        "        raise ValueError('no')\n"
    )
    strategy = load_file(file)
    broken = plan_of_bars([Instrument("SYN")], [synthetic_bars(5, 1)], strategy, strategy.params())
    with pytest.raises(StrategyError, match=r"raises\.py, event 1 .*ValueError: no"):
        run_backtest(broken, path)


@pytest.mark.parametrize("path", ["loop", "session"])
def test_a_strategy_is_asked_once_a_bar_and_what_it_was_shown_stays(path: PathName) -> None:
    def decide(row: object, forecast: ForecastRow, account: Account, params: object, signals: Signals) -> None:  # noqa: ARG001
        rows.append(row)
        seen.append((account.now, account.price, account.position, account.held_events))
        if len(rows) in {40, 41, 170}:
            market(signals, 1.0)
        if len(rows) == wrong_at:
            raise ZeroDivisionError

    rows: list[object] = []
    seen: list[tuple[float, ...]] = []
    wrong_at = 0
    wanted = plan(decide, lambda _: {"mean": feature("sma", 3), "high": feature("high_price")}, bars=700)
    (events,) = wanted.blocks()
    result = run_backtest(wanted, path)
    closes = events.fields[CLOSE]
    assert [now for now, *_ in seen] == events.ts_seen.astype(float).tolist()
    assert [price for _, price, *_ in seen] == closes.tolist()
    lots = [float(sum(n > wish for wish in (40, 41, 170))) for n in range(1, 701)]
    assert [position for _, _, position, _ in seen] == lots
    means = [row.mean for row in rows]  # type: ignore[attr-defined]
    assert means[2:] == pytest.approx(np.convolve(closes, np.ones(3) / 3, "valid"))
    assert (len(result.fills), len(result.stamps)) == (3, 700)
    rows.clear()
    wrong_at = 300
    with pytest.raises(StrategyError, match=r"event 300 .*ZeroDivisionError"):
        run_backtest(wanted, path)


def test_an_unknown_feature_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"unknown feature 'emma'.*ema"):
        run_backtest(plan(nothing, lambda _: {"x": feature("emma", 3)}))


def test_arguments_a_feature_refuses_are_named() -> None:
    with pytest.raises(ConfigError, match=r"feature 'x'.*ema"):
        run_backtest(plan(nothing, lambda _: {"x": feature("ema", -3)}))


@pytest.mark.parametrize("cash", [0.0, -5.0, 1e13, float("nan")])
def test_cash_out_of_range_is_refused(cash: float) -> None:
    with pytest.raises(ConfigError, match="initial cash"):
        run_backtest(replace(plan(nothing), account=AccountParams(cash)))


def test_a_currency_nobody_converts_is_refused() -> None:
    with pytest.raises(ConfigError, match="add USDCHF or CHFUSD"):
        run_backtest(replace(plan(nothing), account=AccountParams(currency="CHF")))


@pytest.mark.parametrize("path", ["loop", "session"])
def test_no_events_give_an_empty_result(path: PathName) -> None:
    result = run_backtest(plan(nothing, bars=0), path)
    assert (len(result.fills), len(result.stamps), result.final_equity) == (0, 0, result.initial_cash)


@pytest.mark.parametrize("path", ["loop", "session"])
def test_a_decision_sees_a_forecast_only_once_it_was_known(path: PathName) -> None:
    def decide(row: object, forecast: ForecastRow, account: Account, params: object, signals: Signals) -> None:  # noqa: ARG001
        seen.append(forecast.p_up)

    seen: list[float] = []
    base = plan(decide, bars=6)
    (events,) = base.blocks()
    known = np.array([events.ts_seen[2], events.ts_seen[3] + 1], np.int64)
    run_backtest(replace(base, forecasts=(Forecasts("SYN", known, np.array([[0.25, 0.75]] * 4)),)), path)
    assert np.array_equal(seen, [np.nan, np.nan, 0.25, 0.25, 0.75, 0.75], equal_nan=True)


@pytest.mark.parametrize("path", ["loop", "session"])
def test_progress_counts_every_event(path: PathName) -> None:
    counted: list[int] = []
    run_backtest(plan(nothing), path, counted.append)
    assert sum(counted) == 50


def test_a_run_without_logs_comes_to_the_same_end() -> None:
    def decide(row: object, forecast: ForecastRow, account: Account, params: object, signals: Signals) -> None:  # noqa: ARG001
        if account.held_events >= 3.0:
            market(signals, -account.position)
        elif account.position == 0.0:
            market(signals, 100.0)

    kept = run_backtest(plan(decide))
    bare = run_backtest(replace(plan(decide), keeps_logs=False, keeps_equity=False))
    assert bare.final_equity == kept.final_equity
    assert bare.counters == kept.counters
    assert (len(bare.fills), len(bare.stamps)) == (0, 0)
    assert len(kept.fills) == kept.counters["fills"] > 0


@pytest.mark.parametrize("path", ["loop", "session"])
def test_a_stop_loss_on_the_wrong_side_makes_no_money(path: PathName) -> None:
    def decide(row: object, forecast: ForecastRow, account: Account, params: object, signals: Signals) -> None:  # noqa: ARG001
        if account.position == 0.0 and account.working == 0.0:
            bracket_at(signals, market(signals, 100.0), stop_loss=2.0 * account.price)

    base = plan(decide, bars=3)
    (events,) = base.blocks()
    result = run_backtest(base, path)
    assert len(result.fills) > 0
    assert result.fills["price"].max() <= events.fields[:4].max()
