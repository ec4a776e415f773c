"""Follow a feed: the warm-up and its seam, gaps and silence, scans and timestamps."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from tradewright.core.types.errors import ModelError, RunError, StrategyError
from tradewright.core.types.events import EventKind
from tradewright.core.types.feed import FeedGap
from tradewright.core.types.quote import Quote
from tradewright.engine.commands import Command
from tradewright.engine.live.feeding import Noun, RowMaker, Scan, Seam, Stamps, closes_ns
from tradewright.engine.live.forecasting import ForecastPort
from tradewright.engine.live.rows import MarketRow
from tradewright.engine.live.runtime import Runtime
from tradewright.execution.orders.inputs import Alert, KillLevel
from tradewright.execution.orders.state import ALL
from tradewright.execution.tactics.messages import Quote as BestQuote

_SECOND = 1_000_000_000
_NEVER = 2**63 - 1
#: Rows of an instrument (by number) that begin in ``[start, end)``, ns UTC, in order; raises RunError if unknown.
History = Callable[[int, int, int], Awaitable[Iterable[MarketRow]]]


class FollowParams(BaseModel):
    """How a feed is followed. Seconds.

    ``scan_s``: the strategy is asked so often, about what is newest; 0: after every event. ``grace_s``: how long a
    cross-section waits for instruments that are late. ``silence_s``: an instrument that says nothing for so long, its
    session being open, gets no new risk; 0: three bars and a minute. ``quotes_s``: beside bars the newest quote of each
    instrument is shown to working orders and targets so often, 0: each one; None: what the feed says are events of the
    session.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    scan_s: Annotated[float, Field(ge=0, le=86_400)] = 0.0
    grace_s: Annotated[float, Field(ge=0, le=60)] = 0.5
    silence_s: Annotated[float, Field(ge=0)] = 0.0
    quotes_s: Annotated[float, Field(ge=0, le=3_600)] | None = None


@dataclass(slots=True)
class _Line:
    """What is known of one instrument's feed."""

    seam: Seam
    newest: MarketRow | None = None
    halted: str = ""
    warm_in: int = 0  # rows until it may trade again
    quote: BestQuote | None = None  # newest beside bars, not shown so far
    quote_due: int = 0  # when the next one may be shown, ns UTC


class Follower:
    """Takes nouns of a feed into a session.

    Parameters
    ----------
    runtime : Runtime
        The session.
    maker : RowMaker
        Rows of nouns.
    history : callable
        What the feed has missed; see `History`.
    params : FollowParams
        Times.
    forecasts : ForecastPort or None
        Where forecasts come from.
    """

    def __init__(
        self,
        runtime: Runtime,
        maker: RowMaker,
        history: History,
        params: FollowParams | None = None,
        forecasts: ForecastPort | None = None,
    ) -> None:
        self.runtime, self.maker, self.params = runtime, maker, params or FollowParams()
        self._history, self._forecasts = history, forecasts
        strategy, count = runtime.conductor.plan.strategy, len(maker.numbers)
        self._stamps = Stamps(count, self.params.grace_s) if strategy.is_cross_section else None
        self._scan = Scan(self.params.scan_s)
        self.lines = [_Line(Seam()) for _ in range(count)]
        self._warmup = max(runtime.conductor.run.features.warmup, 0 if forecasts is None else forecasts.warmup)
        self.gaps = 0
        self.broken = ""  # why the strategy is not asked any more
        self.unforecast = ""  # why there is no forecast, while there is none

    def resume(self, newest: Sequence[int]) -> None:
        """Say up to where (``ts_event``, ns UTC, by instrument; 0: nothing) a recovered session has heard."""
        for line, last in zip(self.lines, newest, strict=True):
            line.seam.last = last

    async def warm(self, rows: Iterable[MarketRow]) -> int:
        """Take in history: features and prices follow, nothing is decided. Returns the rows that were new."""
        count = 0
        for row in rows:
            line = self.lines[row.instrument]
            if not line.seam.is_double(row):
                count += 1
                await self._hear(row._replace(decides=False), line)
        return count

    async def take(self, noun: Noun | FeedGap, now: int) -> None:
        """Take in what the feed says."""
        if isinstance(noun, FeedGap):
            await self._gap(noun)
            return
        if isinstance(noun, Quote) and self.params.quotes_s is not None:
            j = self.maker.numbers.get(noun.instrument)
            best = BestQuote.of(noun.bid, noun.ask)
            if j is not None and best is not None:
                self.lines[j].quote = best
                self._show_quote(j, now)
            return
        row = self.maker.row(noun, now)
        if row is not None:
            await self.take_row(row)

    async def take_row(self, row: MarketRow) -> None:
        """Take in a row that is made already."""
        line = self.lines[row.instrument]
        if line.seam.is_double(row):
            return
        span = line.seam.missing(row)
        if span is not None:
            await self._mend(row.instrument, *span)
        for each in (*self._scan.offer(row), *self._scan.due(row.ts_seen)):
            await self._pass(each)
        line.seam.last = row.ts_event
        line.newest = row
        self._recovers(row.instrument, line)

    async def tick(self, now: int) -> None:
        """Let time pass: orders that are worked, scans and timestamps that are due, feeds that are silent."""
        self.runtime.pass_time(now)
        for j in range(len(self.lines)):
            self._show_quote(j, now)
        await self._complete(now)
        for j, line in enumerate(self.lines):
            newest = line.newest
            if newest is None or line.halted or now >= closes_ns(newest):
                continue
            budget = self.params.silence_s * _SECOND or 3 * (newest.ts_event - newest.ts_open) + 60 * _SECOND
            if now - newest.ts_seen > budget:
                self._halt(j, "silent")

    def _show_quote(self, j: int, now: int) -> None:
        """Show the newest quote beside bars where it is time for one."""
        line, quote = self.lines[j], self.lines[j].quote
        if quote is not None and now >= line.quote_due:
            line.quote, line.quote_due = None, now + round((self.params.quotes_s or 0.0) * _SECOND)
            self.runtime.quoted(self._name(j), quote.bid, quote.ask, now)

    async def finish(self) -> None:
        """Take in that nothing more comes: what waits for a scan or for the rest of its timestamp waits no longer."""
        await self._complete(_NEVER)

    # ------------------------------------------------------------------------------------------------------ the inside
    async def _complete(self, now: int) -> None:
        for row in self._scan.due(now):
            await self._pass(row)
        if self._stamps is not None:
            await self._stamp(self._stamps.due(now))

    async def _pass(self, row: MarketRow) -> None:
        if self._stamps is not None:
            await self._stamp(self._stamps.before(row))
        await self._hear(row, self.lines[row.instrument])
        if self._stamps is not None and row.decides:
            await self._stamp(self._stamps.after(row))

    async def _stamp(self, ts: int | None) -> None:
        if ts is None or self.broken:
            return
        try:
            await self.runtime.stamp(ts)
        except StrategyError as error:
            self._break(error)

    async def _hear(self, row: MarketRow, line: _Line) -> None:
        if self.broken:
            row = row._replace(decides=False)
        if self._forecasts is not None:
            row = await self._forecast(row, self._forecasts)
        line.seam.last = max(line.seam.last, row.ts_event)
        try:
            await self.runtime.hear(row)
        except StrategyError as error:
            self._break(error)

    async def _forecast(self, row: MarketRow, forecasts: ForecastPort) -> MarketRow:
        """Return the row with its forecast; one without is not decided on, and what is held keeps its stops."""
        if not row.decides:
            forecasts.follow(row)
            return row
        try:
            news, why = await forecasts.forecast(row), ""
        except ModelError as error:
            news, why = None, str(error)
        if bool(why) is not bool(self.unforecast):
            lost = Alert("no forecasts", f"{why} Nothing is decided without; what is held keeps its stops.", True)
            self.runtime.alert(lost if why else Alert("forecasts back", "the model answers"))
        self.unforecast = why
        if why:
            return row._replace(decides=False)
        return row if news is None else row._replace(forecast=news[0], forecast_ts=news[1])

    def _break(self, error: StrategyError) -> None:
        """Ask a strategy that raised no more; the market is followed on, so that protection works."""
        self.broken = str(error)
        self.runtime.kill(KillLevel.BLOCK_NEW, ALL, "session", f"the strategy raised: {error}")

    async def _mend(self, j: int, start: int, end: int) -> None:
        """Fill a hole from history; where history does not know either, trade on only when warm again."""
        try:
            rows = list(await self._history(j, start, end))
        except RunError as error:
            self.lines[j].warm_in = self._warmup
            self._halt(j, f"bars are missing, and history does not say: {error.what}")
            return
        if rows:
            self.gaps += 1
            self.runtime.alert(Alert("feed mended", f"{self._name(j)}: {len(rows)} rows were missing"))
        await self.warm(rows)

    async def _gap(self, gap: FeedGap) -> None:
        j = self.maker.numbers.get(gap.instrument)
        if j is None:
            return
        newest = self.lines[j].newest
        if newest is None or newest.kind != EventKind.BAR:  # of ticks nobody can say what was missed
            self.lines[j].warm_in = self._warmup
        self._halt(j, gap.reason)

    def _halt(self, j: int, why: str) -> None:
        line = self.lines[j]
        if not line.halted:
            self.runtime.command(Command.HALT_INSTRUMENT, 1.0, j)
            self.runtime.alert(Alert("feed interrupted", f"{self._name(j)}: {why}; no new risk, protection works on"))
            self.gaps += 1
        line.halted = why

    def _recovers(self, j: int, line: _Line) -> None:
        line.warm_in = max(0, line.warm_in - 1)
        if line.halted and line.warm_in == 0:
            line.halted = ""
            self.runtime.command(Command.HALT_INSTRUMENT, 0.0, j)
            self.runtime.alert(Alert("feed back", self._name(j)))

    def _name(self, j: int) -> str:
        return self.runtime.conductor.plan.instruments[j].symbol
