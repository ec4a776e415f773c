"""The workloads' strategies, written as a user would write them."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import Field

from benchmarks import spec
from tradewright.core.kernel.compiled import inlined
from tradewright.core.types.dtypes import CLOSE
from tradewright.core.types.feature import Feature, Floats
from tradewright.features import lagged
from tradewright.strategies.signals import UNITS, bracket, cancel, limit, market, tagged, target
from tradewright.strategies.strategy import Strategy, StrategyParams

_HASH = hashlib.blake2b(Path(__file__).read_bytes(), digest_size=8).hexdigest()


@inlined
def cross_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """1 at the close where the fast average goes above the slow one, -1 where it stops being above, else 0.

    State: bars seen, fast, slow, whether fast was above. Averages are seeded with the first close.
    """
    x = fields[CLOSE, i]
    seen = state[0]
    state[0] = seen + 1.0
    if seen == 0.0:
        state[1] = x
        state[2] = x
        return 0.0
    new_fast, new_slow = 2.0 / (params[0] + 1.0), 2.0 / (params[1] + 1.0)
    fast = (1.0 - new_fast) * state[1] + new_fast * x
    slow = (1.0 - new_slow) * state[2] + new_slow * x
    state[1] = fast
    state[2] = slow
    above = 1.0 if fast > slow else 0.0
    change = above - state[3]
    state[3] = above
    return change if seen >= params[1] else 0.0


class CrossParams(StrategyParams):
    """Spans of the two averages."""

    fast: int = Field(spec.FAST, ge=1)
    slow: int = Field(spec.SLOW, ge=2)


def cross_features(params: CrossParams) -> dict[str, Feature]:
    """One feature: the crosses of two exponential averages."""
    spans = (float(params.fast), float(params.slow))
    return {"cross": Feature("benchmark.cross.v1", cross_step_nb, spans, (0.0, 0.0, 0.0, 0.0), 0)}


def decide_cross(row: Any, forecast: Any, account: Any, params: Any, signals: Any) -> None:  # noqa: ARG001
    """Enter on an upward cross with a bracket, leave on a downward one."""
    if row.cross > 0.0 and account.position == 0.0:
        bracket(signals, market(signals, 1.0, UNITS), spec.STOP_LOSS, spec.TAKE_PROFIT)
    elif row.cross < 0.0 and account.position > 0.0:
        target(signals, 0.0, UNITS)


@inlined
def average_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """Exponential average seeded with the first close, NaN before its window is complete. State: closes seen, it."""
    x = fields[CLOSE, i]
    new = 2.0 / (params[0] + 1.0)
    seen = state[0]
    state[0] = seen + 1.0
    value = x if seen == 0.0 else (1.0 - new) * state[1] + new * x
    state[1] = value
    return value if seen >= params[0] - 1.0 else math.nan


def average(span: int) -> Feature:
    """Exponential average over so many closes."""
    return Feature("benchmark.average.v1", average_step_nb, (float(span),), (0.0, 0.0), span - 1)


def sweep_features(params: CrossParams) -> dict[str, Feature]:
    """Both averages now and one bar before: parameter sets share them."""
    fast, slow = average(params.fast), average(params.slow)
    return {"fast": fast, "slow": slow, "fast_before": lagged(1, fast), "slow_before": lagged(1, slow)}


def decide_sweep_cross(row: Any, forecast: Any, account: Any, params: Any, signals: Any) -> None:  # noqa: ARG001
    """The same decisions as `decide_cross`, from shared averages."""
    if row.fast > row.slow:
        if row.fast_before <= row.slow_before and account.position == 0.0:
            bracket(signals, market(signals, 1.0, UNITS), spec.STOP_LOSS, spec.TAKE_PROFIT)
    elif row.fast_before > row.slow_before and account.position > 0.0:
        target(signals, 0.0, UNITS)


BarCross = Strategy("bar_cross", CrossParams, cross_features, decide_cross, source_hash=_HASH)
SweepCross = Strategy("sweep_cross", CrossParams, sweep_features, decide_sweep_cross, source_hash=_HASH)
PythonCross = replace(BarCross, name="python_cross", is_compiled=False)


class RequoteParams(StrategyParams):
    """Time after which nothing is sent."""

    last: int


QUANTITY = spec.ORDER_LOTS * spec.LOT
LARGEST = (spec.MAX_POSITION_LOTS + 0.5) * spec.LOT
BUY, SELL = 1, 2


def decide_requote(row: Any, forecast: Any, account: Any, params: Any, signals: Any) -> None:  # noqa: ARG001
    """Keep one bid and one ask a tick outside the middle of the market."""
    if account.now > params.last or math.isnan(account.bid):
        return
    middle = int(account.bid * 10.0 + 0.5) + int(account.ask * 10.0 + 0.5)
    wanted = (middle // 2 - spec.DISTANCE_TICKS) / 10.0
    fits = abs(account.position + QUANTITY) <= LARGEST
    is_there = not math.isnan(account.buy_limit)
    if is_there and account.is_buy_unconfirmed == 0.0 and (account.buy_limit != wanted or not fits):
        cancel(signals, BUY)
        is_there = False
    if fits and not is_there:
        tagged(signals, limit(signals, QUANTITY, wanted), BUY)
    wanted = ((middle + 1) // 2 + spec.DISTANCE_TICKS) / 10.0
    fits = abs(account.position - QUANTITY) <= LARGEST
    is_there = not math.isnan(account.sell_limit)
    if is_there and account.is_sell_unconfirmed == 0.0 and (account.sell_limit != wanted or not fits):
        cancel(signals, SELL)
        is_there = False
    if fits and not is_there:
        tagged(signals, limit(signals, -QUANTITY, wanted), SELL)


def no_features(_params: StrategyParams) -> dict[str, Feature]:
    """None: quotes are in the account."""
    return {}


Requote = Strategy("requote", RequoteParams, no_features, decide_requote, source_hash=_HASH)
