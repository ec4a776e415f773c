"""Many parameter sets of a strategy over one market, wherever an executor runs its jobs; the scores are the same.

On one machine `engine.sweep` spreads runs over threads and computes each feature once. Here the sets are cut into
parts, some for each worker, and every part is such a sweep.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tradewright.core.types.bar import Bars
from tradewright.core.types.forecast import Forecasts
from tradewright.core.types.instrument import Instrument
from tradewright.engine.plan import AccountParams, plan_of_bars
from tradewright.engine.sweep import Score, run_sweep
from tradewright.execution.sim_venue import SimVenueParams
from tradewright.research.executor import Executor
from tradewright.research.money import trader_of
from tradewright.risk.limits import Limits

#: Parts for each worker: so many that the last to end does not keep the others waiting for long.
_PARTS = 4


@dataclass(frozen=True, slots=True)
class SweepMarket:
    """What every set is tried on: plain values, so that it can travel. ``strategy`` is a built-in one."""

    strategy: str
    instruments: tuple[Instrument, ...]
    bars: tuple[Bars, ...]
    account: AccountParams = field(default_factory=AccountParams)
    limits: Limits = field(default_factory=Limits)
    venue: SimVenueParams = field(default_factory=SimVenueParams)
    forecasts: tuple[Forecasts, ...] = ()


@dataclass(frozen=True, slots=True)
class _Part:
    market: SweepMarket
    sets: tuple[Mapping[str, Any], ...]
    with_risk: bool


def sweep(
    market: SweepMarket, sets: Sequence[Mapping[str, Any]], executor: Executor, *, with_risk: bool = True
) -> list[Score]:
    """Score a strategy with many parameter sets, in their order.

    Each set is a trial: report how many there were with whatever is chosen from them.

    Raises
    ------
    ConfigError
        If a set has a parameter that the strategy has not.
    """
    for one in sets:
        trader_of(market.strategy, dict(one))
    size = max(-(-len(sets) // (_PARTS * executor.workers)), 1)
    parts = [_Part(market, tuple(sets[i : i + size]), with_risk) for i in range(0, len(sets), size)]
    return [score for scores in executor.map(_run, parts) for score in scores]


def _run(part: _Part) -> list[Score]:
    market = part.market
    traders = [trader_of(market.strategy, dict(one)) for one in part.sets]
    plan = plan_of_bars(market.instruments, list(market.bars), traders[0].strategy, traders[0].params)
    plan = replace(plan, account=market.account, limits=market.limits, venue=market.venue, forecasts=market.forecasts)
    return run_sweep(plan, [trader.params for trader in traders], with_risk=part.with_risk)
