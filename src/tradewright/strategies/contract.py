"""What every strategy has to satisfy, as a suite that runs on any strategy, a user's own included.

It calls `decide` alone, on made-up rows and accounts. That a whole run through loop and session agrees, and
that the future cannot be seen, is the engine's to show: see tests/contracts/test_strategies.py.
"""

from __future__ import annotations

import inspect
from collections import namedtuple
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from tradewright.core.kernel.codes import NO_SIGNAL, PLACE
from tradewright.core.kernel.compiled import inlined_here
from tradewright.core.types.account import Account
from tradewright.core.types.dtypes import signal_dtype
from tradewright.core.types.errors import TradewrightError
from tradewright.core.types.feature import Feature, FeatureSpec, Floats
from tradewright.core.types.forecast import ForecastRow
from tradewright.strategies.columns import POSITION
from tradewright.strategies.loader import SIGNATURES
from tradewright.strategies.strategy import Strategy, StrategyParams

Signals = NDArray[np.void]  # signal_dtype[n], only the places that were filled
_CASES = 400
_INSTRUMENTS = 3
_PLACES = 16 + 4 * _INSTRUMENTS


class StrategyContractError(TradewrightError):
    """A strategy breaks a rule that backtest and live rely on."""


@dataclass(frozen=True, slots=True)
class _Case:
    """What one decision is about: rows f8[n, features], forecasts f8[n, 4], accounts f8[n, fields]."""

    rows: Floats
    forecasts: Floats
    accounts: Floats

    def __str__(self) -> str:
        return (
            f"row {self.rows[0].tolist()}, forecast {self.forecasts[0].tolist()}, account {self.accounts[0].tolist()}"
        )


def check_strategy(strategy: Strategy, params: StrategyParams | None = None, seed: int = 0) -> None:
    """Check that a strategy can be trusted; return quietly if it can.

    The rules: its parts have the expected form and it compiles; `decide` never raises; the same arguments
    give the same signals, whatever came before; arguments are left alone; compiled and plain give the same
    bytes; while features and forecast are NaN it opens nothing; signals have a size, and name an instrument
    where they have to.

    Parameters
    ----------
    strategy : Strategy
        What to check.
    params : StrategyParams, optional
        Its parameters; the defaults if not given.
    seed : int
        Of the made-up rows and accounts.

    Raises
    ------
    StrategyContractError
        At the first rule that is broken; names the strategy, the rule and the case.
    """
    params = params if params is not None else strategy.params()
    names = _check_parts(strategy, params)
    plain = _Decision(strategy, strategy.decide, names, params)
    cases = _cases(np.random.default_rng(seed), len(names))
    expected = [_answer(strategy, plain, case) for case in cases]
    for k in reversed(range(len(cases))):
        _same(strategy, "it decides differently the second time", cases[k], plain(cases[k]), expected[k])
    for case, signals in zip(cases, expected, strict=True):
        _check_signals(strategy, case, signals)
    if names or strategy.uses_forecast:
        _check_blind(strategy, plain, cases)
    if strategy.is_compiled:
        jitted = _Decision(strategy, _compile(strategy), names, params)
        for case, signals in zip(cases, expected, strict=True):
            got = _answer(strategy, jitted, case)
            _same(strategy, "compiled and plain Python disagree", case, got, signals)


class _Decision:
    """`decide` with its arguments made from a case; returns what was signalled."""

    def __init__(
        self, strategy: Strategy, decide: Callable[..., None], names: list[str], params: StrategyParams
    ) -> None:
        values = params.model_dump()
        self._strategy = strategy
        self._decide = decide
        self._row = _tuple_type("Row", names)
        self._params = _tuple_type("Params", list(values))._make([float(v) for v in values.values()] or [np.nan])

    def __call__(self, case: _Case) -> Signals:
        signals = np.zeros(_PLACES, signal_dtype)
        if self._strategy.is_cross_section:
            tables = (case.rows.copy(), case.forecasts.copy(), case.accounts.copy())
            self._decide(*tables, self._params, signals)
            for given, found in zip((case.rows, case.forecasts, case.accounts), tables, strict=True):
                if given.tobytes() != found.tobytes():
                    raise _broken(self._strategy, f"decide writes into its arguments: {case}")
        else:
            row = self._row._make(case.rows[0].tolist())
            forecast = ForecastRow._make(case.forecasts[0].tolist())
            account = Account._make(case.accounts[0].tolist())
            self._decide(row, forecast, account, self._params, signals)
        empty = np.flatnonzero(signals["verb"] == NO_SIGNAL)
        return signals[: empty[0]] if len(empty) else signals


def _tuple_type(name: str, fields: list[str]) -> Any:
    """Named tuple type such as the engine makes; an empty one needs a member."""
    return namedtuple(name, fields or ["none_"])  # the fields are known only now


def _check_parts(strategy: Strategy, params: StrategyParams) -> list[str]:
    """Look at the form of the parts; return the names of the features."""
    names = list(inspect.signature(strategy.decide).parameters)
    wanted = SIGNATURES[strategy.is_cross_section]
    if names != wanted:
        raise _broken(strategy, f"decide({', '.join(names)}) instead of decide({', '.join(wanted)})")
    if not isinstance(params, strategy.params):
        raise _broken(strategy, f"parameters of type {type(params).__name__} instead of {strategy.params.__name__}")
    for name, value in params.model_dump().items():
        if not isinstance(value, int | float):
            raise _broken(strategy, f"parameter {name} is {value!r}, not a number")
    features: Mapping[str, object] = strategy.features(params)
    for name, feature in features.items():
        if not name.isidentifier() or name.startswith("_"):
            raise _broken(strategy, f"feature name {name!r} cannot be read as row.{name}")
        if not isinstance(feature, Feature | FeatureSpec):
            raise _broken(strategy, f"feature {name!r} is {feature!r}, not made by `feature(...)`")
    if strategy.features(params) != features:
        raise _broken(strategy, "features(params) gives something else the second time")
    return list(features)


def _cases(rng: np.random.Generator, n_features: int) -> list[_Case]:
    """Make up what decisions may be about; zeros, equal values and single NaNs are among it."""
    return [_case(rng, n_features, k) for k in range(_CASES)]


def _case(rng: np.random.Generator, n_features: int, k: int) -> _Case:
    """Make up one case. Features are near zero, near one, between 0 and 100, or near the price, in turn."""
    n = _INSTRUMENTS
    width = max(n_features, 1)
    price = np.round(100.0 * np.exp(rng.normal(0.0, 0.05, n)), 2)
    kinds = (
        rng.normal(0.0, 0.02, (n, width)),
        rng.normal(0.0, 2.5, (n, width)),
        rng.uniform(0.0, 100.0, (n, width)),
        price[:, None] * np.exp(rng.normal(0.0, 0.03, (n, width))),
    )
    rows = np.where(rng.random((n, width)) < 0.5, kinds[k % 4], kinds[rng.integers(4)])
    rows[rng.random((n, width)) < 0.03] = 0.0
    rows[rng.random((n, width)) < 0.03] = np.nan
    if k % 10 == 0:
        rows[:] = rows[0]  # ties
    if n_features == 0:
        rows[:] = np.nan
    up = rng.random(n)
    down = (1.0 - up) * rng.random(n)
    forecasts = np.stack([up, down, 1.0 - up - down, rng.normal(0.0, 0.02, n)], axis=1)
    forecasts[rng.random(n) < 0.1] = np.nan
    return _Case(rows, forecasts, _accounts(rng, price))


def _accounts(rng: np.random.Generator, price: Floats) -> Floats:
    """Make up the account as it looks from each instrument: flat, long or short, with and without quotes."""
    n = len(price)
    equity = float(np.round(rng.uniform(5e3, 2e5), 2))
    position = np.round(rng.integers(-1, 2, n) * rng.uniform(1.0, 500.0, n))
    is_open = position != 0.0
    has_quotes = rng.random(n) < 0.3
    columns = {
        "position": position,
        "entry_price": np.where(is_open, price * np.exp(rng.normal(0.0, 0.02, n)), np.nan),
        "price": price,
        "bid": np.where(has_quotes, price - 0.01, np.nan),
        "ask": np.where(has_quotes, price + 0.01, np.nan),
        "equity": np.full(n, equity),
        "cash": np.full(n, equity - float((position * price).sum())),
        "weight": position * price / equity,
        "working": np.where(rng.random(n) < 0.3, rng.integers(1, 4, n), 0),
        "held_events": np.where(is_open, rng.integers(0, 60, n), 0),
        "held_seconds": np.where(is_open, rng.uniform(0.0, 1e6, n), 0.0),
        "buy_limit": np.where(rng.random(n) < 0.3, price - 0.05, np.nan),
        "sell_limit": np.where(rng.random(n) < 0.3, price + 0.05, np.nan),
        "is_buy_unconfirmed": rng.integers(0, 2, n),
        "is_sell_unconfirmed": rng.integers(0, 2, n),
        "now": np.full(n, 1.7e18 + 6e10 * rng.integers(0, 10**6)),
    }
    return np.stack([columns[name] for name in Account._fields], axis=1).astype(np.float64)


def _answer(strategy: Strategy, decision: _Decision, case: _Case) -> Signals:
    """Decide, and turn whatever the strategy's own code raises into a broken rule."""
    try:
        return decision(case)
    except TradewrightError:
        raise
    except numba.core.errors.NumbaError as error:
        lines = [line for line in str(error).splitlines() if line.strip()]
        reason = next((line for line in lines if "Unknown attribute" in line or "not" in line), lines[0])
        fix = "Stay within the Numba subset, or write COMPILED = False in the file"
        raise _broken(strategy, f"decide does not compile: {reason.strip()}", fix) from error
    except Exception as error:  # a user's decide may raise anything at all
        raise _broken(strategy, f"decide raises {type(error).__name__}: {error}; on {case}") from error


def _compile(strategy: Strategy) -> Callable[..., None]:
    """Compile `decide` alone, as the engine does inside its loop."""
    return inlined_here(strategy.decide)


def _check_signals(strategy: Strategy, case: _Case, signals: Signals) -> None:
    """Look at what no sizing could mend."""
    for signal in signals:
        n = int(signal["instrument"])
        if strategy.is_cross_section and not 0 <= n < _INSTRUMENTS:
            raise _broken(
                strategy,
                f"a signal names no instrument; on {case}",
                "wrap it in on_instrument(signals, k, j)",
            )
        if signal["verb"] == PLACE and not np.isfinite(signal["size"]):
            raise _broken(strategy, f"a size of {signal['size']}; on {case}")
        if signal["verb"] == PLACE and not signal["is_target"] and signal["size"] == 0.0:
            raise _broken(strategy, f"an order of size 0; on {case}", "closing is target(signals, 0)")


def _check_blind(strategy: Strategy, decision: _Decision, cases: list[_Case]) -> None:
    """Take away features and forecast, as during warm-up: what is held may be closed, nothing opened."""
    for case in cases:
        blind = _Case(np.full_like(case.rows, np.nan), np.full_like(case.forecasts, np.nan), case.accounts)
        for signal in _answer(strategy, decision, blind):
            if signal["verb"] != PLACE or signal["is_reduce_only"]:
                continue
            j = max(int(signal["instrument"]), 0)
            held = case.accounts[j, POSITION]
            if held == 0.0 or not (signal["is_target"] and signal["size"] == 0.0):
                raise _broken(
                    strategy,
                    f"it opens a position while features and forecast are NaN; on {blind}",
                    "comparisons with NaN are false: write them so that false means to do nothing",
                )


def _same(strategy: Strategy, what: str, case: _Case, got: Signals, expected: Signals) -> None:
    """Compare bytes, so that NaN equals NaN."""
    if got.tobytes() != expected.tobytes():
        raise _broken(strategy, f"{what}: {got.tolist()} instead of {expected.tolist()}; on {case}")


def _broken(strategy: Strategy, what: str, fix: str = "") -> StrategyContractError:
    fix = fix or "See tradewright.strategies.contract.check_strategy"
    return StrategyContractError(what, where=f"strategy {strategy.name}", fix=fix)
