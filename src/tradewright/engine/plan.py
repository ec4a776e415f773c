"""What a run needs, in one frozen value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.bar import Bars
from tradewright.core.types.events import MarketEvents
from tradewright.core.types.forecast import Forecasts
from tradewright.core.types.instrument import Instrument
from tradewright.execution.sim_venue import SimVenueParams
from tradewright.risk.limits import Limits
from tradewright.risk.prop.schema import RuleSet
from tradewright.strategies.confirmation import confirmed
from tradewright.strategies.strategy import Strategy, StrategyParams

#: Gives the blocks of a stream; each ends with a complete timestamp.
Blocks = Callable[[], Iterable[MarketEvents]]


@dataclass(frozen=True, slots=True)
class AccountParams:
    """The account a run starts with."""

    initial_cash: float = 100_000.0
    currency: str = "USD"


@dataclass(frozen=True, slots=True)
class BacktestPlan:
    """One backtest: markets, strategy, account, limits, venue.

    ``blocks`` gives the market in time order, instrument numbers meaning places in ``instruments``. ``forecasts`` are
    by symbol. What is kept is paid for: ``keeps_logs`` fills, orders and ledger, ``keeps_equity`` the curve,
    ``keeps_score`` the running sums of returns that a sweep needs. ``keeps_newest``: of the logs only decisions and
    orders, since they were shown last. ``first_ns`` and ``last_ns`` bound the stream's times, for the trading calendar.
    ``rules``: the rule sets of ``limits.prop``; None: as the guard finds them.
    """

    instruments: tuple[Instrument, ...]
    blocks: Blocks
    first_ns: int
    last_ns: int
    strategy: Strategy
    params: StrategyParams
    account: AccountParams = field(default_factory=AccountParams)
    limits: Limits = field(default_factory=Limits)
    venue: SimVenueParams = field(default_factory=SimVenueParams)
    forecasts: tuple[Forecasts, ...] = ()
    n_events: int = 0
    keeps_logs: bool = True
    keeps_equity: bool = True
    keeps_score: bool = False
    keeps_newest: bool = False
    rules: tuple[RuleSet, ...] | None = None


def plan_of_bars(
    instruments: Iterable[Instrument], bars: list[Bars], strategy: Strategy, params: StrategyParams
) -> BacktestPlan:
    """Return a plan over bars in memory; refine it with `dataclasses.replace`."""
    return plan_of_events(tuple(instruments), MarketEvents.from_bars(bars), strategy, params)


def plan_of_events(
    instruments: tuple[Instrument, ...], events: MarketEvents, strategy: Strategy, params: StrategyParams
) -> BacktestPlan:
    """Return a plan over one block of events in memory."""
    return BacktestPlan(
        instruments=instruments,
        blocks=lambda: (events,),
        first_ns=int(events.ts_open[0]) if len(events) else 0,
        last_ns=int(events.ts_event[-1]) if len(events) else 0,
        strategy=strategy,
        params=params,
        n_events=len(events),
    )


def spans(events: MarketEvents, size: int) -> Iterator[tuple[int, int]]:
    """Cut a block into spans of about ``size`` events, never within a timestamp."""
    start, n = 0, len(events)
    while start < n:
        stop = min(start + size, n)
        while stop < n and events.ts_event[stop] == events.ts_event[stop - 1]:
            stop += 1
        yield start, stop
        start = stop


def confirmed_forecasts(plan: BacktestPlan) -> tuple[Forecasts, ...]:
    """Return the forecasts as the strategy is to see them, confirmed by as many scans as it asks for."""
    symbols = [instrument.symbol for instrument in plan.instruments]
    return tuple(
        confirmed(series, plan.strategy.of(symbols.index(series.instrument)).confirm_scans) for series in plan.forecasts
    )


#: Time of a forecast that is not known.
LONG_AGO = -(2**62)


def forecast_times(
    plan: BacktestPlan, forecasts: tuple[Forecasts, ...], events: MarketEvents, start: int, stop: int
) -> NDArray[np.int64] | None:
    """When the newest forecast at each event was known, i8[stop - start] ns UTC; None where no limit asks for it."""
    if plan.limits.model is None or plan.limits.model.max_age_seconds is None:
        return None
    times = np.full(stop - start, LONG_AGO)
    numbers, seen = events.instruments[start:stop], events.ts_seen[start:stop]
    symbols = [instrument.symbol for instrument in plan.instruments]
    for series in forecasts:
        mine = np.flatnonzero(numbers == symbols.index(series.instrument))
        newest = np.searchsorted(series.ts_seen, seen[mine], side="right") - 1
        known = newest >= 0
        times[mine[known]] = series.ts_seen[newest[known]]
    return times


def forecast_block(
    forecasts: tuple[Forecasts, ...], symbols: list[str], events: MarketEvents, start: int, stop: int
) -> NDArray[np.float64] | None:
    """Newest forecast known at each event, f8[stop - start, 4]; NaN before the first; None without forecasts."""
    if not forecasts:
        return None
    block = np.full((stop - start, 4), np.nan)
    seen = events.ts_seen[start:stop]
    numbers = events.instruments[start:stop]
    for series in forecasts:
        mine = np.flatnonzero(numbers == symbols.index(series.instrument))
        newest = np.searchsorted(series.ts_seen, seen[mine], side="right") - 1
        known = newest >= 0
        block[mine[known]] = series.values[:, newest[known]].T
    return block
