"""Backtest: the one path over stored events, through the compiled loop or through the session, to the same bits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tradewright.core.kernel.records import instrument_records, single_event
from tradewright.core.types.errors import ConfigError, StrategyError, TradewrightError
from tradewright.core.types.events import EventKind, MarketEvents
from tradewright.core.types.instrument import Instrument
from tradewright.engine.binding import Path, compiled_path, param_values, resolve_features
from tradewright.engine.interpreted import bars_ahead, interpreted_path
from tradewright.engine.memory import MICRO, AccountStart, SessionMemory, Shape
from tradewright.engine.plan import BacktestPlan, confirmed_forecasts, forecast_block, forecast_times, spans
from tradewright.engine.session import Session
from tradewright.execution.sim_venue import SimVenue, VenueMemory
from tradewright.features import FeatureSet
from tradewright.risk.guard import Guard, GuardPlace

#: Events between two looks at the clock, the keyboard and the size of the logs; features of a span fit the cache.
SPAN = 16_384

#: Events of the session between two reports of progress.
_PROGRESS_EVENTS = 1_024

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class BacktestResult:
    """Everything a run produced.

    ``decisions`` decision_dtype[d]: the guard's log, empty where no limit is set.
    ``fills`` fill_dtype[k]; ``orders`` order_dtype[m] with denials; ``ledger`` ledger_dtype[l]; ``stamps`` i8[s] ns
    UTC, one a timestamp; ``equity`` and ``exposure`` (gross position value) f8[s], account currency, after it;
    ``open_lots`` i8, ``marks`` f8, ``fx`` f8 and ``realized`` f8 by instrument at the end.
    """

    instruments: tuple[Instrument, ...]
    fills: NDArray[np.void]
    orders: NDArray[np.void]
    ledger: NDArray[np.void]
    decisions: NDArray[np.void]
    stamps: NDArray[np.int64]
    equity: NDArray[np.float64]
    exposure: NDArray[np.float64]
    initial_cash: float
    final_equity: float
    currency: str
    open_lots: NDArray[np.int64]
    marks: NDArray[np.float64]
    fx: NDArray[np.float64]
    realized: NDArray[np.float64]
    counters: dict[str, int]
    score: dict[str, float]


def trading_days(plan: BacktestPlan) -> NDArray[np.int64]:
    """Return the starts of the account's trading days, i8[k] ns UTC: those of the first instrument's calendar."""
    return plan.instruments[0].calendar.day_starts(plan.first_ns, plan.last_ns)


def _guard(plan: BacktestPlan) -> Guard | None:
    """Return the guard of a run, where any of its controls is on."""
    if not plan.limits.has_guard:
        return None
    place = GuardPlace(plan.instruments, plan.account.initial_cash, plan.first_ns, plan.last_ns, plan.rules)
    guard = Guard(plan.limits, place)
    guard.record["drift_ns"] = 0.0  # a simulated clock does not drift
    return guard


class Run:
    """State of one backtest while it runs."""

    def __init__(self, plan: BacktestPlan, day_starts: NDArray[np.int64] | None = None) -> None:
        self.plan = plan
        self.features = FeatureSet(resolve_features(plan.strategy, plan.params))
        self.instruments = instrument_records(plan.instruments, plan.account.currency)
        if day_starts is None:
            day_starts = trading_days(plan)
        shape = Shape(
            len(plan.instruments),
            len(self.features),
            plan.venue.slots,
            plan.keeps_logs,
            plan.keeps_equity,
            plan.keeps_score,
            bars_ahead(plan.strategy, len(plan.instruments)),
            plan.keeps_newest,
        )
        start = AccountStart(
            plan.account.initial_cash,
            plan.limits,
            param_values(plan.params),
            day_starts,
            _guard(plan),
        )
        self.memory = SessionMemory(shape, start, self.instruments)
        self.memory.expect(plan.n_events)
        self.events = 0
        self._path: Path | None = None

    def restart(self, params: NDArray[np.float64]) -> None:
        """Go back to the start with other parameters; only where logs and curve are not kept."""
        self.memory.restart(params)
        self.events = 0
        if not self.plan.strategy.is_compiled:
            self._path = None  # it holds the parameters

    def process(self, venue: VenueMemory, start: int, stop: int) -> None:
        """Run the compiled loop over events of the block shown, making room where it stops early.

        Compiles it where that was not done, also if there are no events.
        """
        path, events = self.path(), self.memory.market.events
        loop = path.run if events.kind is None and events.kind_all == EventKind.BAR else path.run_ticks
        self.memory.expect_answers(venue.places)
        at = start
        while True:
            with self.blame():
                at = loop(self.memory.address, venue.address, at, stop)
            venue.grow_rings()
            self.memory.expect_answers(venue.places)
            if at == stop:
                break
        self.events += stop - start

    def path(self) -> Path:
        """Bind the strategy to the path."""
        if self._path is None:
            strategy, names = self.plan.strategy, list(self.features.names)
            if strategy.is_compiled:
                keeps = {"keeps_curve": self.plan.keeps_equity, "keeps_score": self.plan.keeps_score}
                self._path = compiled_path(strategy, names, **keeps)
            else:
                self._path = interpreted_path(strategy, names, self.memory, has_forecasts=bool(self.plan.forecasts))
        return self._path

    @contextmanager
    def blame(self) -> Iterator[None]:
        """Turn what the strategy's own code raises into an error that names the event."""
        try:
            yield
        except TradewrightError:
            raise
        except Exception as error:  # a strategy may raise anything at all
            record, event = self.memory.record, int(self.memory.arrays["positions"]["events"].sum())
            now = np.datetime64(int(record["now"][0]), "ns")
            ahead = int(record["quiet_at"][0] - record["quiet_from"][0]) + 1
            if ahead > 0:  # it happened on the quiet way, which books what it passed at its end
                event += ahead
                now = np.datetime64(int(self.memory.market.events.ts_seen[int(record["quiet_at"][0])]), "ns")
            strategy = self.plan.strategy
            raise StrategyError(
                f"{type(error).__name__}: {error}",
                where=f"{strategy.source or strategy.name}, event {event} ({now} UTC)",
                fix="`decide` must not raise: guard against NaN features and empty positions",
            ) from error

    def feature_columns(self, events: MarketEvents, start: int, stop: int) -> list[NDArray[np.float64]]:
        """Compute the features of a span, instrument by instrument, in the order of the events."""
        if events.instrument is None:
            return self.features.extend(events.fields, start, stop, kind=_kind_of(events))
        columns = [np.empty(stop - start) for _ in range(len(self.features))]
        if not columns:
            return columns
        numbers = events.instrument[start:stop]
        kinds = events.kinds[start:stop]
        for j in np.unique(numbers):
            mine = np.flatnonzero(numbers == j)
            fields = np.ascontiguousarray(events.fields[:, start + mine])
            parts = self.features.extend(fields, 0, len(mine), int(j), kinds[mine])
            for column, values in zip(columns, parts, strict=True):
                column[mine] = values
        return columns

    def refuse_unread(self, events: MarketEvents) -> None:
        """Refuse a block in which some feature finds no event of the kind it reads; raises ConfigError."""
        if events.kind is None:
            self.features.refuse_other_than(events.kind_all)

    def result(self) -> BacktestResult:
        """Collect the outputs."""
        plan, memory = self.plan, self.memory
        record, positions = memory.record, memory.arrays["positions"]
        return BacktestResult(
            instruments=plan.instruments,
            fills=memory.taken("fills", "n_fills"),
            orders=memory.orders(),
            ledger=memory.taken("ledger", "n_ledger"),
            decisions=memory.taken("decisions", "n_decisions"),
            stamps=memory.taken("stamps", "n_equity"),
            equity=memory.taken("equity", "n_equity"),
            exposure=memory.taken("exposure", "n_equity"),
            initial_cash=plan.account.initial_cash,
            final_equity=int(record["equity_micro"][0]) / MICRO,
            currency=plan.account.currency,
            open_lots=positions["lots"].copy(),
            marks=positions["price"].copy(),
            fx=positions["fx"].copy(),
            realized=positions["realized_micro"] / MICRO,
            counters=self.counters(),
            score=self.score(),
        )

    def counters(self) -> dict[str, int]:
        """How often things happened so far."""
        record = self.memory.record
        names = {"fills": "n_fills", **{n: n for n in ("denials", "liquidations", "round_trips", "wins")}}
        return {"events": self.events, **{name: int(record[field][0]) for name, field in names.items()}}

    def score(self) -> dict[str, float]:
        """Return so far and, where they are kept, drawdown, mean and deviation of the returns between events."""
        record = self.memory.record
        is_marked = self.plan.keeps_equity or self.plan.keeps_score
        score = {
            "total_return": int(record["equity_micro"][0]) / int(record["initial_micro"][0]) - 1.0,
            "max_drawdown": float(record["max_drawdown"][0]) if is_marked else float("nan"),
        }
        n = int(record["score_n"][0])
        if n > 0:
            mean = float(record["score_sum"][0]) / n
            score["mean_return"] = mean
            score["std_return"] = max(float(record["score_squares"][0]) / n - mean * mean, 0.0) ** 0.5
        return score


def _kind_of(events: MarketEvents) -> int | NDArray[np.int64]:
    return int(events.kind_all) if events.kind is None else events.kind


def run_backtest(
    plan: BacktestPlan, path: Literal["loop", "session"] = "loop", progress: Progress | None = None
) -> BacktestResult:
    """Run a backtest.

    Parameters
    ----------
    plan : BacktestPlan
        What to run.
    path : {"loop", "session"}
        Through the compiled loop, or event by event through the session that also trades live. Same results.
    progress : callable, optional
        Called with the number of events processed since the last call.

    Raises
    ------
    StrategyError
        When the strategy's own code raises; names the event.
    ConfigError
        For features or currencies that cannot be resolved.
    """
    _check_forecasts(plan)
    run = Run(plan)
    step = _run_loop if path == "loop" else _run_session
    step(run, progress or _ignore)
    return run.result()


def _check_forecasts(plan: BacktestPlan) -> None:
    """Refuse forecasts that belong to nothing, and a forecast strategy without any."""
    symbols = [instrument.symbol for instrument in plan.instruments]
    for series in plan.forecasts:
        if series.instrument not in symbols:
            raise ConfigError(
                f"forecasts for {series.instrument}, which is not traded here",
                where="forecasts",
                fix=f"instruments of this run: {', '.join(symbols)}",
            )
    if plan.strategy.uses_forecast and not plan.forecasts:
        raise ConfigError(
            f"{plan.strategy.name} decides by forecasts and none were given",
            where="forecasts",
            fix="give a Parquet or CSV file with symbol, ts_seen, p_up",
        )


def _ignore(_events: int) -> None:
    """Report no progress."""


def _run_loop(run: Run, progress: Progress) -> None:
    """Run through the compiled loop, span by span."""
    plan, memory = run.plan, run.memory
    venue = VenueMemory(plan.venue, run.instruments)
    symbols = [instrument.symbol for instrument in plan.instruments]
    known = confirmed_forecasts(plan)
    for events in plan.blocks():
        run.refuse_unread(events)
        memory.show(events)
        venue.market.show(events)
        for start, stop in spans(events, SPAN):
            columns = run.feature_columns(events, start, stop)
            forecasts = forecast_block(known, symbols, events, start, stop)
            memory.market.show_columns(columns, forecasts, start)
            memory.market.show_forecast_times(forecast_times(plan, known, events, start, stop), start)
            memory.expect(stop - start)
            run.process(venue, start, stop)
            progress(stop - start)


def _run_session(run: Run, progress: Progress) -> None:
    """Run through the session and the simulated venue, event by event."""
    plan = run.plan
    event = single_event()
    venue = SimVenue(plan.venue, run.instruments, event)
    session = Session(run.path(), run.memory, run.features, event)
    symbols = [instrument.symbol for instrument in plan.instruments]
    known = confirmed_forecasts(plan)
    for events in plan.blocks():
        run.refuse_unread(events)
        forecasts = forecast_block(known, symbols, events, 0, len(events))
        times = forecast_times(plan, known, events, 0, len(events))
        for i in range(len(events)):
            copy_event(events, i, event)
            for answer in venue.on_market():
                session.on_order_event(answer)
            is_complete = i + 1 == len(events) or events.ts_event[i + 1] != events.ts_event[i]
            with run.blame():
                commands = session.on_market(
                    None if forecasts is None else forecasts[i], None if times is None else int(times[i])
                )
                if plan.strategy.is_cross_section and is_complete:
                    commands += session.on_timer(int(events.ts_seen[i]))
            for command in commands:
                venue.submit(command)
            run.events += 1
            if (i + 1) % _PROGRESS_EVENTS == 0 or i + 1 == len(events):
                progress(i % _PROGRESS_EVENTS + 1)


def copy_event(events: MarketEvents, i: int, event: MarketEvents) -> None:
    """Copy event ``i`` of a block into a one-event block."""
    event.fields[:, 0] = events.fields[:, i]
    event.ts_open[0] = events.ts_open[i]
    event.ts_event[0] = events.ts_event[i]
    event.ts_seen[0] = events.ts_seen[i]
    event.kinds[0] = events.kind_all if events.kind is None else events.kind[i]
    event.instruments[0] = 0 if events.instrument is None else events.instrument[i]
