"""Many parameter sets over the same market: each feature computed once, runs spread over the cores.

Every run goes through the same compiled loop as a single backtest; only its logs and curve are left out. Parallel is
across runs, never within one, so a set's score does not depend on what runs beside it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.events import MarketEvents
from tradewright.engine.backtest import Run, trading_days
from tradewright.engine.binding import param_values, resolve_features
from tradewright.engine.columns import columns_of
from tradewright.engine.plan import BacktestPlan, confirmed_forecasts, forecast_block, forecast_times
from tradewright.execution.sim_venue import VenueMemory
from tradewright.strategies.strategy import StrategyParams


@dataclass(frozen=True, slots=True)
class Score:
    """What a sweep keeps of one run; ``mean_return`` and ``std_return`` are per event.

    Drawdown, mean and standard deviation are NaN where they were not asked for.
    """

    total_return: float
    max_drawdown: float
    mean_return: float
    std_return: float
    round_trips: int
    wins: int
    fills: int
    denials: int

    @property
    def sharpe_per_event(self) -> float:
        """Mean over standard deviation (population) of the returns between events; NaN when nothing varied."""
        return self.mean_return / self.std_return if self.std_return > 0.0 else float("nan")


def score_of(run: Run) -> Score:
    """Take the score of a run that has ended."""
    score, counters = run.score(), run.counters()
    return Score(
        score["total_return"],
        score["max_drawdown"],
        score.get("mean_return", float("nan")),
        score.get("std_return", float("nan")),
        counters["round_trips"],
        counters["wins"],
        counters["fills"],
        counters["denials"],
    )


def run_sweep(
    plan: BacktestPlan,
    sets: Sequence[StrategyParams],
    workers: int = 1,
    progress: Callable[[int], None] | None = None,
    *,
    with_risk: bool = True,
) -> list[Score]:
    """Score a strategy with many parameter sets.

    Parameters
    ----------
    plan : BacktestPlan
        Market, account, limits and venue; its own parameters are not used. The market must be one block in memory.
    sets : sequence of StrategyParams
        What to try. Each is a trial: report how many there were with whatever is chosen from them.
    workers : int
        Threads; compiled code runs outside Python's lock.
    progress : callable, optional
        Called with 1 after each set.
    with_risk : bool
        Whether to compute drawdown, mean and standard deviation, which need the mark of every bar. Without them bars
        at which nothing happens are passed several times faster.

    Returns
    -------
    list of Score
        In the order of ``sets``, whatever the number of workers.

    Raises
    ------
    ValueError
        When the market comes in more than one block.
    """
    blocks = list(plan.blocks())
    if len(blocks) != 1:
        msg = f"a sweep needs the market as one block in memory, not {len(blocks)}"
        raise ValueError(msg)
    events = blocks[0]
    plan = replace(plan, keeps_logs=False, keeps_equity=False, keeps_score=with_risk)
    wanted = [list(resolve_features(plan.strategy, params).values()) for params in sets]
    keys = [[feature.key for feature in features] for features in wanted]
    distinct = dict(zip(chain(*keys), chain(*wanted), strict=True))
    scores: list[Score | None] = [None] * len(sets)
    todo = iter(range(len(sets)))  # shared: whoever is free takes the next
    with ThreadPoolExecutor(max_workers=workers) as pool:
        columns = columns_of(distinct, events, pool)
        at = {key: column.ctypes.data for key, column in columns.items()}
        addresses = [np.array([at[key] for key in names], np.int64) for names in keys]
        values = [param_values(params) for params in sets]
        desks = _desks(plan, sets, events, workers)

        def work(desk: _Desk) -> None:
            for index in todo:
                scores[index] = desk.score(values[index], addresses[index])
                if progress is not None:
                    progress(1)

        futures = [pool.submit(work, desk) for desk in desks]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            deque(todo, maxlen=0)  # after an error, or where somebody interrupts, no other set is begun
        for future in futures:
            future.result()
    return [score for score in scores if score is not None]


class _Desk:
    """What one thread works at: our side and the venue, used for one parameter set after another."""

    def __init__(self, run: Run, venue: VenueMemory) -> None:
        self._run, self._venue = run, venue

    def score(self, values: NDArray[np.float64], addresses: NDArray[np.int64]) -> Score:
        """Run one set; its parameters, and the addresses of its feature columns."""
        run, venue = self._run, self._venue
        run.restart(values)
        venue.restart()
        run.memory.market.show_addresses(addresses)
        run.process(venue, 0, len(run.memory.market.events))
        return score_of(run)


def _desks(plan: BacktestPlan, sets: Sequence[StrategyParams], events: MarketEvents, workers: int) -> list[_Desk]:
    """Lay out what each thread works at, and compile the strategy."""
    days = trading_days(plan)
    symbols = [instrument.symbol for instrument in plan.instruments]
    known = confirmed_forecasts(plan)
    forecasts = forecast_block(known, symbols, events, 0, len(events))
    times = forecast_times(plan, known, events, 0, len(events))
    desks = []
    for params in sets[:workers]:
        run = Run(replace(plan, params=params), days)
        venue = VenueMemory(plan.venue, run.instruments)
        run.memory.show(events)
        venue.market.show(events)
        run.memory.market.show_columns([], forecasts, 0)
        run.memory.market.show_forecast_times(times, 0)
        run.process(venue, 0, 0)
        desks.append(_Desk(run, venue))
    return desks
