"""Many parameter sets over the same market: each feature computed once, runs spread over the cores.

Every run goes through the same compiled loop as a single backtest; only its logs and curve are left out. Parallel is
across runs, never within one, so a set's score does not depend on what runs beside it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.events import MarketEvents
from tradewright.core.types.feature import Feature
from tradewright.engine.backtest import Run, trading_days
from tradewright.engine.binding import param_values, resolve_features
from tradewright.engine.plan import BacktestPlan, confirmed_forecasts, forecast_block
from tradewright.execution.sim_venue import VenueMemory
from tradewright.features import FeatureSet
from tradewright.strategies.strategy import StrategyParams

Columns = dict[str, NDArray[np.float64]]


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
    wanted = [resolve_features(plan.strategy, params) for params in sets]
    values = [param_values(params) for params in sets]
    distinct = {feature.key: feature for features in wanted for feature in features.values()}
    with ThreadPoolExecutor(max_workers=workers) as pool:
        columns: Columns = dict(zip(distinct, pool.map(lambda f: _column(f, events), distinct.values()), strict=True))
        days = trading_days(plan)
        symbols = [instrument.symbol for instrument in plan.instruments]
        forecasts = forecast_block(confirmed_forecasts(plan), symbols, events, 0, len(events))

        desk = threading.local()

        def score(index: int) -> Score:
            if not hasattr(desk, "run"):
                desk.run = Run(replace(plan, params=sets[index]), days)
                desk.venue = VenueMemory(plan.venue, desk.run.instruments)
                desk.run.memory.market.show(events)
                desk.venue.market.show(events)
            run, venue = desk.run, desk.venue
            run.memory.restart(values[index])
            venue.restart()
            run.events = 0
            run.memory.market.show_columns([columns[f.key] for f in wanted[index].values()], forecasts, 0)
            run.process(venue, 0, len(events))
            if progress is not None:
                progress(1)
            return score_of(run)

        # the first run compiles; the others must find it done
        first = [score(index) for index in range(min(1, len(sets)))]
        return first + list(pool.map(score, range(1, len(sets))))


def _column(feature: Feature, events: MarketEvents) -> NDArray[np.float64]:
    """One feature over all events, instrument by instrument."""
    features = FeatureSet({"only": feature})
    if events.kind is None:
        features.refuse_other_than(events.kind_all)
    if events.instrument is None:
        kind = int(events.kind_all) if events.kind is None else events.kind
        return features.extend(events.fields, 0, len(events), kind=kind)[0]
    column = np.empty(len(events))
    for j in np.unique(events.instrument):
        mine = np.flatnonzero(events.instrument == j)
        fields = np.ascontiguousarray(events.fields[:, mine])
        column[mine] = features.extend(fields, 0, len(mine), int(j), events.kinds[mine])[0]
    return column
