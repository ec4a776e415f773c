"""Every strategy of the package and of the examples satisfies the contract, alone and in whole runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

from tradewright.core.types.bar import Bars
from tradewright.core.types.dtypes import CLOSE, HIGH, LOW, OPEN
from tradewright.core.types.feature import feature
from tradewright.core.types.forecast import Forecasts
from tradewright.core.types.instrument import FeeModel, Instrument
from tradewright.core.types.order import Origin
from tradewright.data.synthetic import WalkParams, synthetic_bars
from tradewright.engine.backtest import BacktestResult, run_backtest
from tradewright.engine.binding import resolve_features
from tradewright.engine.plan import BacktestPlan, plan_of_bars
from tradewright.strategies.contract import StrategyContractError, check_strategy
from tradewright.strategies.loader import load_file
from tradewright.strategies.registry import built_in, names
from tradewright.strategies.signals import WEIGHT, market, on_instrument, target
from tradewright.strategies.strategy import Strategy, StrategyParams

Given: TypeAlias = Any  # named tuples and record arrays, as `decide` gets them

EXAMPLES = Path(__file__).parents[2] / "examples" / "strategies"
SYMBOLS = ("AAA", "BBB", "CCC")
BARS = 400
CUT = 250

#: Short periods and near stops, so that a few hundred bars hold many trades.
PARAMS: dict[str, dict[str, Any]] = {
    "buy_and_hold": {},
    "confidence": {"stop_loss": 0.002, "low": 0.4, "medium": 0.5, "high": 0.6},
    "donchian_breakout": {"entry_bars": 12, "exit_bars": 6, "atr_bars": 8, "allow_short": True},
    "ema_cross": {"fast": 4, "slow": 12, "stop_loss": 0.002, "take_profit": 0.004, "allow_short": True},
    "forecast_threshold": {"stop_loss": 0.002, "take_profit": 0.003, "max_hours": 0.2},
    "momentum_rotation": {"top": 2, "window": 10, "hold_bars": 5},
    "probability": {"stop_loss": 0.002, "take_profit": 0.003, "trend_bars": 5, "trend_slope": 1e-6, "costs": 0.001},
    "target_weights": {"band": 0.05, "leverage": 0.5},
    "vwap_reversion": {"window": 10, "entry_z": 1.0, "break_z": 2.5, "stop_loss": 0.002, "max_bars": 8},
    "my_strategy": {"trend_bars": 20, "rsi_bars": 4, "stop_loss": 0.002, "take_profit": 0.004},
    "pairs": {"window": 10, "enter": 1.0},
}
EVERYTHING = sorted(PARAMS)


@cache
def strategy_named(name: str) -> Strategy:
    return built_in(name) if name in names() else load_file(EXAMPLES / f"{name}.py")


def market_bars(seed: int) -> list[Bars]:
    """Three walks of which bars are missing here and there; the third begins later."""
    rng = np.random.default_rng(seed)
    walks = []
    for k, symbol in enumerate(SYMBOLS):
        walk = synthetic_bars(BARS, seed * 10 + k, WalkParams(symbol=symbol, price=50.0 * (k + 1)))
        kept = np.flatnonzero((rng.random(BARS) > 0.05) & (np.arange(BARS) >= 30 * (k == 2)))
        fields = np.ascontiguousarray(walk.fields[:, kept])
        walks.append(Bars(symbol, walk.ts_open[kept], walk.ts_event[kept], fields))
    return walks


def forecasts_for(bars: list[Bars], seed: int) -> tuple[Forecasts, ...]:
    rng = np.random.default_rng(seed)
    made = []
    for b in bars:
        up = rng.random(len(b))
        made.append(Forecasts(b.instrument, b.ts_event, np.stack([up, 1.0 - up, 0.0 * up, up - 0.5])))
    return tuple(made)


def plan_for(name: str, bars: list[Bars], forecasts: tuple[Forecasts, ...]) -> BacktestPlan:
    fees = FeeModel("test", taker_bps=1.0, maker_bps=0.5, per_unit=0.001, minimum=0.5, half_spread_bps=1.0)
    instruments = [Instrument(s, margin_initial=0.5, margin_maintenance=0.25, fees=fees) for s in SYMBOLS]
    strategy = strategy_named(name)
    params = strategy.params.model_validate(PARAMS[name])
    weight = "weight" in strategy.params.model_fields and name not in ("buy_and_hold", "momentum_rotation")
    if weight:
        params = params.model_copy(update={"weight": 0.3})  # of each of the three instruments
    return replace(plan_of_bars(instruments, bars, strategy, params), forecasts=forecasts)


def same(a: BacktestResult, b: BacktestResult) -> list[str]:
    """Names of the outputs that differ in at least one bit."""
    arrays = (
        "fills",
        "orders",
        "ledger",
        "stamps",
        "equity",
        "exposure",
        "open_lots",
        "marks",
        "fx",
        "realized",
    )
    different = [n for n in arrays if getattr(a, n).tobytes() != getattr(b, n).tobytes()]
    return different + [n for n in ("counters", "score") if getattr(a, n) != getattr(b, n)]


def test_everything_registered_is_tested() -> None:
    assert set(EVERYTHING) == {*names(), *(p.stem for p in EXAMPLES.glob("*.py"))}


@pytest.mark.parametrize("name", EVERYTHING)
def test_strategy_satisfies_the_contract(name: str) -> None:
    check_strategy(strategy_named(name))
    check_strategy(strategy_named(name), strategy_named(name).params.model_validate(PARAMS[name]), seed=1)


@pytest.mark.parametrize("name", EVERYTHING)
def test_features_are_registered(name: str) -> None:
    strategy = strategy_named(name)
    assert list(resolve_features(strategy, strategy.params())) == list(strategy.features(strategy.params()))


@pytest.mark.parametrize("name", EVERYTHING)
def test_loop_session_and_plain_python_agree_to_the_bit(name: str) -> None:
    bars = market_bars(1)
    plan = plan_for(name, bars, forecasts_for(bars, 1))
    loop = run_backtest(plan)
    assert len(loop.fills) >= (3 if name == "buy_and_hold" else 20)
    assert same(loop, run_backtest(plan)) == []
    assert same(loop, run_backtest(plan, "session")) == []
    plain = replace(plan, strategy=replace(plan.strategy, is_compiled=False))
    assert same(loop, run_backtest(plain)) == []
    assert same(loop, run_backtest(plain, "session")) == []


def with_another_future(bars: list[Bars], ts: int) -> list[Bars]:
    """Turn everything after a time upside down: where prices rose they fall."""
    changed = []
    for b in bars:
        late = b.ts_event > ts
        fields = b.fields.copy()
        level = 2.0 * fields[CLOSE, ~late][-1] if (~late).any() else 2.0 * fields[OPEN, 0]
        fields[OPEN, late] = level - b.fields[OPEN, late]
        fields[CLOSE, late] = level - b.fields[CLOSE, late]
        fields[HIGH, late] = level - b.fields[LOW, late]
        fields[LOW, late] = level - b.fields[HIGH, late]
        changed.append(Bars(b.instrument, b.ts_open, b.ts_event, fields))
    return changed


def decisions_until(result: BacktestResult, ts: int) -> bytes:
    """What the strategy's own orders looked like when they were created."""
    orders = result.orders
    own = orders[(orders["ts_created"] <= ts) & (orders["origin"] == Origin.STRATEGY)]
    at_birth = ("id", "instrument", "kind", "side", "lots", "limit", "stop", "stop_loss", "ts_created")
    return b"".join(np.ascontiguousarray(own[name]).tobytes() for name in at_birth)


@pytest.mark.parametrize("name", EVERYTHING)
def test_another_future_changes_no_decision_of_the_past(name: str) -> None:
    bars = market_bars(2)
    ts = int(bars[0].ts_event[CUT])
    forecasts = forecasts_for(bars, 2)
    late = tuple(replace(f, values=np.where(f.ts_seen > ts, f.values[[1, 0, 2, 3]], f.values)) for f in forecasts)
    a = run_backtest(plan_for(name, bars, forecasts))
    b = run_backtest(plan_for(name, with_another_future(bars, ts), late))
    past = a.stamps <= ts
    assert decisions_until(a, ts) == decisions_until(b, ts)
    assert a.fills[a.fills["ts_seen"] <= ts].tobytes() == b.fills[b.fills["ts_seen"] <= ts].tobytes()
    assert a.equity[past].tobytes() == b.equity[past].tobytes()
    assert a.equity.tobytes() != b.equity.tobytes()  # the other future did happen


class _Settings(StrategyParams):
    level: float = 1.0


def _strategy(decide: Callable[..., None], *, is_cross_section: bool = False, is_compiled: bool = True) -> Strategy:
    wanted = {"z": feature("vwap_zscore", 5)}
    return Strategy("bad", _Settings, lambda _params: wanted, decide, is_cross_section, is_compiled)


def _raises(row: Given, forecast: Given, account: Given, params: Given, signals: Given) -> None:  # noqa: ARG001
    if row.z > params.level and account.position == 0.0:
        raise ValueError("boom")


def _divides(row: Given, forecast: Given, account: Given, params: Given, signals: Given) -> None:  # noqa: ARG001
    if account.price / account.position > 1e9:
        target(signals, 0.0)


def _opens_blindly(row: Given, forecast: Given, account: Given, params: Given, signals: Given) -> None:  # noqa: ARG001
    if not row.z < params.level:
        target(signals, 0.5, WEIGHT)


def _has_nan_size(row: Given, forecast: Given, account: Given, params: Given, signals: Given) -> None:  # noqa: ARG001
    if row.z > params.level:
        target(signals, account.entry_price, WEIGHT)


def _orders_nothing(row: Given, forecast: Given, account: Given, params: Given, signals: Given) -> None:  # noqa: ARG001
    if row.z > params.level:
        market(signals, 0.0)


def _misspells(row: Given, forecast: Given, account: Given, params: Given, signals: Given) -> None:  # noqa: ARG001
    if row.z > params.levle:
        target(signals, 0.0)


def _does_not_compile(row: Given, forecast: Given, account: Given, params: Given, signals: Given) -> None:  # noqa: ARG001
    if row._asdict()["z"] > params.level:
        target(signals, 0.0)


def _scribbles(rows: Given, forecasts: Given, accounts: Given, params: Given, signals: Given) -> None:  # noqa: ARG001
    rows[0, 0] = 0.0


def _names_no_instrument(rows: Given, forecasts: Given, accounts: Given, params: Given, signals: Given) -> None:  # noqa: ARG001
    if rows[0, 0] > params.level:
        target(signals, 0.5, WEIGHT)


def _names_one_too_many(rows: Given, forecasts: Given, accounts: Given, params: Given, signals: Given) -> None:  # noqa: ARG001
    if rows[0, 0] > params.level:
        on_instrument(signals, target(signals, 0.5, WEIGHT), len(rows))


class _Remembers:
    """Counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, row: Given, forecast: Given, account: Given, params: Given, signals: Given) -> None:  # noqa: ARG002
        self.calls += 1
        if row.z > params.level and self.calls % 2 == 0:
            target(signals, 0.5, WEIGHT)


@pytest.mark.parametrize(
    ("strategy", "complaint"),
    [
        (_strategy(_raises), "decide raises ValueError: boom; on row"),
        (_strategy(_divides), "decide raises ZeroDivisionError"),
        (
            _strategy(_opens_blindly, is_compiled=False),
            "opens a position while features and forecast are NaN",
        ),
        (_strategy(_has_nan_size, is_compiled=False), "a size of nan"),
        (_strategy(_orders_nothing, is_compiled=False), "an order of size 0"),
        (_strategy(_misspells, is_compiled=False), "raises AttributeError"),
        (_strategy(_does_not_compile), "decide does not compile"),
        (_strategy(_scribbles, is_cross_section=True), "decide writes into its arguments"),
        (_strategy(_names_no_instrument, is_cross_section=True), "a signal names no instrument"),
        (_strategy(_names_one_too_many, is_cross_section=True), "a signal names no instrument"),
        (_strategy(_scribbles), r"decide\(rows, forecasts, .* instead of decide\(row, forecast"),
        (_strategy(_Remembers(), is_compiled=False), "decides differently the second time"),
    ],
)
def test_contract_catches(strategy: Strategy, complaint: str) -> None:
    with pytest.raises(StrategyContractError, match=complaint) as caught:
        check_strategy(strategy)
    assert str(caught.value).startswith("strategy bad: ")


def test_contract_catches_features_that_cannot_be_read() -> None:
    strategy = _strategy(_raises)
    spaced = replace(strategy, features=lambda _params: {"my z": feature("sma", 5)})
    with pytest.raises(StrategyContractError, match="'my z' cannot be read as"):
        check_strategy(spaced)
    unmade: Any = {"z": "sma"}
    with pytest.raises(StrategyContractError, match="not made by"):
        check_strategy(replace(strategy, features=lambda _params: unmade))
