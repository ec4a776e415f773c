"""Everything that is compiled, as named steps: strategies on both paths, session and venue stages, feature loops."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Literal

import numpy as np

from tradewright.core.kernel.by_address import address_of
from tradewright.core.kernel.challenge_nb import N_OUTCOMES, walk_paths_nb
from tradewright.core.kernel.decimals_nb import read_lines_nb
from tradewright.core.kernel.floors_nb import is_blocked_nb
from tradewright.core.types.bar import Bar, Bars, blank_fields
from tradewright.core.types.dtypes import CLOSE, HIGH, LOW, OPEN, SESSION, VOLUME, window_dtype
from tradewright.core.types.errors import RunError
from tradewright.core.types.forecast import Forecasts
from tradewright.core.types.instrument import Instrument
from tradewright.core.types.prop_dtypes import day_dtype, day_row_dtype
from tradewright.data.bars.builder import BarBuilder
from tradewright.data.bars.grid import utc_grid
from tradewright.engine.backtest import Run, run_backtest
from tradewright.engine.commands import Command, obey
from tradewright.engine.plan import BacktestPlan, plan_of_bars
from tradewright.features import REGISTRY, FeatureSet
from tradewright.risk.prop.book import shipped_rules
from tradewright.risk.prop.watch import RuleWatch
from tradewright.strategies.registry import built_in, names
from tradewright.strategies.strategy import Strategy

_PATHS: tuple[Literal["loop", "session"], ...] = ("loop", "session")
#: One strategy that decides on events, one that decides on timestamps.
_ONE_OF_EACH = ("ema_cross", "momentum_rotation")
_SYMBOLS = ("A", "B")
_BARS = 64
_HOUR = 3_600_000_000_000


def warm_features() -> None:
    """Compile every feature and keep it."""
    for constructor in REGISTRY.values():
        FeatureSet({"it": constructor()})


@contextmanager
def features_beside() -> Iterator[None]:
    """Compile the features in a process of their own while the block compiles the rest.

    Raises
    ------
    RunError
        If that process fails.
    """
    process = multiprocessing.get_context("spawn").Process(target=warm_features)
    process.start()
    try:
        yield
    except BaseException:
        process.terminate()
        raise
    finally:
        process.join()
    if process.exitcode != 0:
        raise RunError("the features could not be compiled", fix="See the error above.")


def warm_steps() -> list[tuple[str, Callable[[], object]]]:
    """Return every other step with its name; each compiles something on its first call and keeps it on disk."""
    steps: list[tuple[str, Callable[[], object]]] = []
    for name in names():
        steps += [(f"strategy {name}, {path}", partial(_strategy, built_in(name), path)) for path in _PATHS]
    for name in _ONE_OF_EACH:  # the stages that stand alone around a strategy in plain Python
        plain = replace(built_in(name), is_compiled=False)
        steps.append((f"stages around {name}", partial(_strategy, plain, "loop")))
    plain = replace(built_in(_ONE_OF_EACH[0]), is_compiled=False)
    steps.append(("quiet bars around plain Python", partial(_strategy, plain, "loop", _SYMBOLS[:1])))
    steps.append(("prop-firm rules and the challenge walk", _challenge))
    steps.append(("the guard's commands", _commands))
    steps.append(("longer bars of a live feed", _longer_bars))
    steps.append(("numbers of CSV files", partial(address_of, read_lines_nb)))
    return steps


def _challenge() -> None:
    """Walk one made-up path of one day."""
    rules = next(iter(shipped_rules().rules.values()))
    watch = RuleWatch([rules], rules.initial or Decimal(1), 0, 0)
    watch.step(1, 0, 0, 0)
    watch.headroom(0, 0)
    is_blocked_nb(np.zeros(0, window_dtype), 0)
    rows, days, order = np.zeros(1, day_row_dtype), np.zeros(1, day_dtype), np.zeros((1, 1), np.int32)
    walk_paths_nb(watch.rules, rows, days, order, 0, np.zeros((1, N_OUTCOMES), np.int64), np.zeros((0, 2), np.int64))


def _commands() -> None:
    """Kill a session that never traded, and change a limit: neither may wait for a compiler when it counts."""
    memory = Run(_plan(replace(built_in(_ONE_OF_EACH[0]), is_compiled=False))).memory
    obey(memory, Command.KILL, float("nan"), 0)
    obey(memory, Command.MAX_DRAWDOWN, 0.5, 0)


def _longer_bars() -> None:
    """Make a bar of two, as a live feed does: its first one may not wait for a compiler."""
    builder = BarBuilder("A", utc_grid(2))
    builder.update(Bar("A", 0, 1, 1.0, 1.0, 1.0, 1.0, 1.0))
    builder.advance(2)


def _strategy(strategy: Strategy, path: Literal["loop", "session"], symbols: tuple[str, ...] = _SYMBOLS) -> None:
    run_backtest(_plan(strategy, symbols), path)


def _plan(strategy: Strategy, symbols: tuple[str, ...] = _SYMBOLS) -> BacktestPlan:
    """Return instruments' bars under a strategy, with forecasts."""
    bars = [_bars(symbol) for symbol in symbols]
    plan = plan_of_bars([Instrument(b.instrument) for b in bars], bars, strategy, strategy.params())
    values = np.full((4, 1), 0.25)
    return replace(plan, forecasts=tuple(Forecasts(b.instrument, b.ts_event[:1], values) for b in bars))


def _bars(symbol: str) -> Bars:
    """Return a made-up series; only its shape matters."""
    ts_open = np.arange(1, _BARS + 1, dtype=np.int64) * _HOUR
    close = 100.0 + np.sin(np.arange(_BARS) / 5.0)
    fields = blank_fields(ts_open + _HOUR)
    fields[[OPEN, HIGH, LOW, CLOSE]] = [close, close + 0.5, close - 0.5, close]
    fields[VOLUME] = 100.0
    fields[SESSION] = np.arange(_BARS) // 24
    return Bars(symbol, ts_open, ts_open + _HOUR, fields)
