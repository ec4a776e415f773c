"""Run a backtest from settings to a published folder, or to nothing at all."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from numba.core.errors import NumbaError

from tradewright.core.types.errors import RunError, StoreError, StrategyError, StrategyLoadError
from tradewright.engine.backtest import BacktestResult, run_backtest
from tradewright.services.runs.folder import RunDraft, free_folder
from tradewright.services.runs.prepare import PreparedRun
from tradewright.services.runs.write import Outcome, outcome_of, write_run

#: Told how many events were processed since the last call.
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Clock:
    """The time of day and a stopwatch; tests give their own."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    seconds: Callable[[], float] = time.perf_counter


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run goes: exactly ``folder``, else a new folder under ``parent``."""

    parent: Path
    folder: Path | None = None

    def target(self, clock: Clock, name: str) -> Path:
        """Return the folder of a run that starts now."""
        return self.folder or free_folder(self.parent, clock.now().strftime("%Y%m%dT%H%M%SZ"), name)


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A published run."""

    folder: Path
    outcome: Outcome
    manifest: dict[str, Any]


def execute(run: PreparedRun, place: Place, progress: Progress, clock: Clock | None = None) -> FinishedRun:
    """Run, compute, write and publish.

    Raises
    ------
    StoreError
        If the folder cannot be written; found out before the run starts.
    StrategyError
        If the strategy's own code raised.
    StrategyLoadError
        If it does not compile.
    """
    clock = clock or Clock()
    with RunDraft(place.target(clock, run.name)) as draft:
        started, watch = clock.now(), clock.seconds()
        result = simulate(run, progress)
        simulated = clock.seconds()
        outcome = outcome_of(run, result)
        wall_clock = {
            "started": started.isoformat(timespec="seconds"),
            "finished": clock.now().isoformat(timespec="seconds"),
            "simulation_seconds": round(simulated - watch, 3),
        }
        try:
            manifest = write_run(outcome, draft.path, wall_clock)
        except OSError as error:
            what = f"the run could not be written: {error.strerror or error}"
            raise StoreError(
                what, where=str(draft.target), fix="Make room, or give another place with --out."
            ) from error
        return FinishedRun(draft.publish(), outcome, manifest)


def simulate(run: PreparedRun, progress: Progress) -> BacktestResult:
    """Run the backtest; say plainly where a strategy's code does not compile."""
    try:
        result = run_backtest(run.plan, run.settings.path, progress)
    except StrategyError as error:
        if isinstance(error.__cause__, NumbaError):
            raise _not_compilable(run, error.__cause__) from error
        raise
    if not len(result.stamps):
        raise RunError("the run saw no market event", where="data", fix="Widen data.start and data.end.")
    return result


def _not_compilable(run: PreparedRun, error: NumbaError) -> StrategyLoadError:
    """Name the line of `decide` that Numba refuses, without its pages of internals."""
    loc = getattr(error, "loc", None)
    where = run.strategy.source or run.strategy.name
    for strategy in (run.strategy, *(member.strategy for member in run.strategy.members)):
        if loc is not None and Path(loc.filename).resolve() == Path(strategy.source).resolve():
            where = f"{strategy.source}:{loc.line}"
    lines = [line.strip() for line in str(getattr(error, "msg", error)).splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith(("Failed in", "During:", "File ", "-", "^"))]
    fix = "Use the Numba subset of Python in `decide`, or put `COMPILED = False` at the top of the file."
    return StrategyLoadError(f"does not compile: {(telling or lines or ['no reason given'])[0]}", where=where, fix=fix)
