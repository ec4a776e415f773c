"""Put a session together from settings: a recording on the simulated venue, or a live feed beside any venue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tradewright.core.types.bar import Bar
from tradewright.core.types.dtypes import REFERENCE
from tradewright.core.types.errors import ConfigError
from tradewright.core.types.order import TradingState
from tradewright.data.kinds import Kind
from tradewright.data.ports import HistorySource, Subscription, Wanted
from tradewright.data.timeframe import interval_ns
from tradewright.engine.live.feeding import RowMaker
from tradewright.engine.live.following import Follower, FollowParams, History
from tradewright.engine.live.forecasting import ForecastPort, ModelForecasts, Served, StoredForecasts
from tradewright.engine.live.rows import MarketRow
from tradewright.engine.plan import confirmed_forecasts
from tradewright.execution.listings import check_listings
from tradewright.execution.orders.inputs import Alert
from tradewright.risk.trading_state import TradingStateFile
from tradewright.services.live.clocks import MarketClock, VenueClock
from tradewright.services.live.outside import Outside
from tradewright.services.live.running import LiveLoop, Progress, run_recording
from tradewright.services.live.session import (
    SessionParams,
    TradingSession,
    newest_history,
    release_of,
    split_market,
)
from tradewright.services.live.signals import Signals
from tradewright.services.live.vendors import gateway_of, live_feed
from tradewright.services.runs.origins import DataFacts
from tradewright.services.runs.prepare import PreparedRun
from tradewright.services.settings import ForecastSettings
from tradewright.services.sources import history as vendor_history
from tradewright.services.trading.folder import AccountFolder
from tradewright.services.trading.venues import open_venue

if TYPE_CHECKING:
    from tradewright.services.trading.venues import TradingVenue

#: A difference from the venue is looked at again after 30 s, and an order that left no trace is given up in less.
_SETTLE_S = 60.0
#: A new session starts with no more than the account is worth: floors of loss limits are counted from there.
_LEAST_MONEY = 0.999


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a session finds outside: the time, the environment, and who listens.

    ``config``: the file that was armed, for real money. ``control_port``: where the control endpoint listens; None is
    nowhere. ``signals``: shared by the sessions of one process.
    """

    wall_ns: Callable[[], int]
    environment: Mapping[str, str]
    accounts: Path
    alert: Callable[[Alert], None]
    progress: Progress
    config: Path = Path()
    control_port: int | None = None
    signals: Signals = field(default_factory=Signals)


class Started:
    """A session put together. ``run`` it; ``close`` it whatever happens."""

    def __init__(self, run: PreparedRun, mode: str, around: Surroundings) -> None:
        self.prepared, self.mode, self._around = run, mode, around
        self.feed, self.trading = run.settings.feed, run.settings.trading
        self.folder = AccountFolder(self.trading.account, around.accounts)
        self.venue: TradingVenue | None = None
        self.session: TradingSession | None = None
        self.outside: Outside | None = None
        self.forecasts: ForecastPort | None = None

    # ------------------------------------------------------------------------------------------------------ recordings
    async def replay_recording(self) -> None:
        """Trade the store's bars from ``feed.start`` on, on the simulated venue."""
        market = split_market(self.prepared, self._start_ns())
        if not market.recorded:
            fix = "Give feed.start a time before the last stored bar."
            raise ConfigError("the recording has nothing to trade on", where="feed.start", fix=fix)
        self.forecasts = self._forecasts()
        warmup = newest_history(market.history, self.prepared, self._warmup())
        first = (warmup or market.recorded)[0].ts_open
        clock = MarketClock(first)
        session = self._opened(clock.now_ns, first)
        follower = self._follower(session, _nothing_missed)
        rows = [row for row in market.recorded if row.ts_event > session.newest[row.instrument]]
        if not session.is_continued:
            await follower.warm(warmup)
        clock.move(max([first, *session.newest]))
        outside = self._outside(session)

        def between(count: int) -> None:
            self._around.progress(count)
            outside.look()

        await run_recording(session, follower, clock, rows, between)

    # ------------------------------------------------------------------------------------------------------ live feeds
    async def follow_feed(self, clock: VenueClock) -> None:
        """Trade beside a live feed until cancelled."""
        feed, environment = self.feed, self._around.environment
        instruments = {i.symbol: i for i in self.prepared.plan.instruments}
        self.forecasts = self._forecasts()
        shared = gateway_of(self.trading, feed.source, environment, clock.now_ns)
        if self.trading.venue != "simulated":
            own = shared.get("terminal")
            self.venue = open_venue(self.trading, instruments, environment, clock.now_ns, terminal=own)
            await self.venue.connect()
            await check_listings(self.venue, instruments.values())
            if feed.clock == "venue":
                asked = clock.now_ns()
                clock.compare(asked, await self.venue.server_time_ns(), clock.now_ns())
        source = live_feed(feed.source, shared, environment, self._around.wall_ns)
        past = vendor_history(feed.source, shared, environment, lambda: max(clock.now_ns(), missed.asked))
        try:
            market, now = split_market(self.prepared, None), clock.now_ns()
            past_rows = [row for row in market.history if row.ts_event <= now]  # a venue may play a recording
            warmup = newest_history(past_rows, self.prepared, self._warmup())
            session = self._opened(clock.now_ns, warmup[0].ts_open if warmup else clock.now_ns())
            reference = self.prepared.reference
            maker = RowMaker(session.conductor.plan.instruments, "" if reference is None else reference.symbol)
            missed = Missed(past, [(d.symbol, d.timeframe) for d in self.prepared.data], maker)
            if reference is not None:
                await missed.refer(reference, past_rows, clock.now_ns())
            follower = self._follower(session, missed.rows, maker)
            warmup += await self._since(missed, session, warmup, clock.now_ns())
            outside = self._outside(session)
            self._around.signals.hear(outside.switch)
            outside.take_drills()
            loop = LiveLoop(session, follower, clock, outside.look, lambda: self._admit(session, clock))
            async with asyncio.TaskGroup() as group:
                if self._around.control_port is not None:
                    group.create_task(outside.serve(self._around.control_port, environment))
                group.create_task(loop.run(source, self._subscriptions(), warmup))
        finally:
            await past.close()

    def _subscriptions(self) -> list[Subscription]:
        """Return what the feed is asked for: bars of what is traded and of the reference; quotes if they are wanted."""
        traded, reference = self.prepared.data, self.prepared.reference
        followed = traded if reference is None else (*traded, reference)
        wanted = list(dict.fromkeys(Subscription(d.symbol, Kind.BARS, d.timeframe) for d in followed))
        if self.feed.quotes_s is not None:
            wanted += [Subscription(d.symbol, Kind.QUOTES) for d in traded]
        return wanted

    async def _since(
        self, missed: Missed, session: TradingSession, warmup: Sequence[MarketRow], now: int
    ) -> list[MarketRow]:
        """Return what happened between the store's newest bar (or the journal's) and now."""
        rows: list[MarketRow] = []
        newest = list(session.newest)
        for row in warmup:
            newest[row.instrument] = max(newest[row.instrument], row.ts_event)
        for j, last in enumerate(newest):
            if 0 < last < now:
                rows += await missed.rows(j, last, now)
        return sorted(rows, key=lambda row: (row.ts_event, row.instrument))

    # ------------------------------------------------------------------------------------------------------ the inside
    def _opened(self, now_ns: Callable[[], int], first_ns: int) -> TradingSession:
        release = release_of(self.prepared, self.mode)
        self._check_state()
        model = self.forecasts if isinstance(self.forecasts, ModelForecasts) else None
        params = SessionParams(self.folder, release, now_ns, self._around.wall_ns, self._around.alert, model)
        self.session = TradingSession(self.prepared, params, self.venue, first_ns)
        return self.session

    def _check_state(self) -> None:
        """Read what people allow, before anything connects; a new account of play money begins ACTIVE."""
        file = TradingStateFile(self.folder.state)
        is_new = not self.folder.journal.exists() and not self.folder.state.exists()
        if is_new and self.mode == "paper":
            file.write(TradingState.ACTIVE, "tradewright", "a new paper account", self._around.wall_ns())

    def _outside(self, session: TradingSession) -> Outside:
        self.outside = Outside(session, self.mode, self._around.wall_ns)
        self.outside.start(self._around.environment)
        return self.outside

    async def _admit(self, session: TradingSession, clock: VenueClock) -> None:
        """Let real money be traded only while everything it needs is there, now that the venue has been asked.

        Orders that were on their way when an earlier process died are given time to become known. Play money has to be
        there, too.

        Raises
        ------
        UsageError
            Naming all that is missing.
        """
        if self.venue is not None and not session.is_continued:
            has, wanted = (await self.venue.account()).equity, self.prepared.settings.account.initial_cash
            if not has >= _LEAST_MONEY * wanted:
                what = f"the account is worth {has:,.2f}, and the session would trade as if it were {wanted:,.2f}"
                fix = "Say how much of the account this session may use, at most what there is."
                raise ConfigError(what, where="account.initial_cash", fix=fix)
        if self.mode != "live":
            return
        from tradewright.risk.arming.conditions import OrderFacts, check_conditions
        from tradewright.services.trading.arming import gathered
        from tradewright.services.trading.order_facts import facts_of
        from tradewright.services.trading.settings import read_trading

        with suppress(TimeoutError):
            async with asyncio.timeout(_SETTLE_S):
                while facts_of(session.state) != OrderFacts():  # noqa: ASYNC110 - a pure state sets no events
                    await asyncio.sleep(0.05)
        around = self._around
        facts = gathered(
            read_trading(around.config),
            around.environment,
            around.wall_ns(),
            around.accounts,
            drift_ms=clock.drift_ms,
            orders=facts_of(session.state),
            holds_lease=True,
        )
        check_conditions(facts)

    def _follower(self, session: TradingSession, missed: History, maker: RowMaker | None = None) -> Follower:
        params = FollowParams(**self.feed.model_dump(include=set(FollowParams.model_fields)))
        plan = session.conductor.plan
        maker = maker or RowMaker(plan.instruments)
        follower = Follower(session.runtime, maker, missed, params, self.forecasts)
        follower.resume(session.newest)
        return follower

    def _forecasts(self) -> ForecastPort | None:
        asked, plan = self.prepared.settings.forecasts, self.prepared.plan
        if asked is None:
            return None
        if asked.patterns and self.feed.source != "recording":
            what, fix = "patterns move stored forecasts, and a live feed has none", "Leave them out."
            raise ConfigError(what, where="forecasts.patterns", fix=fix)
        symbols = [instrument.symbol for instrument in plan.instruments]
        if asked.file is not None or asked.patterns:
            return StoredForecasts(confirmed_forecasts(plan), symbols)
        scans = [plan.strategy.of(j).confirm_scans for j in range(len(symbols))]
        return _model(asked, symbols, scans, self._around.environment)

    def _warmup(self) -> int:
        from tradewright.engine.binding import resolve_features
        from tradewright.features import FeatureSet

        plan = self.prepared.plan
        own = FeatureSet(resolve_features(plan.strategy, plan.params)).warmup
        return max(own, 0 if self.forecasts is None else self.forecasts.warmup)

    def _start_ns(self) -> int:
        start = self.feed.start
        if start is None:
            return 0
        moment = start if isinstance(start, datetime) else datetime(start.year, start.month, start.day)  # noqa: DTZ001
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()) * 10**9

    async def close(self) -> None:
        """Write out the journal, let the lease go and the connections."""
        if self.outside is not None:
            self.outside.stop()
        if self.session is not None:
            self.session.close()
        if self.venue is not None:
            with suppress(Exception):
                await self.venue.close()


async def _nothing_missed(_j: int, _start: int, _end: int) -> Iterable[MarketRow]:
    """Return nothing: a recording has no holes that anybody could fill."""
    return ()


class Missed:
    """What a feed has missed, asked of its vendor's history."""

    def __init__(self, source: HistorySource, specs: Sequence[tuple[str, str]], maker: RowMaker) -> None:
        self._source, self._specs, self._maker = source, specs, maker
        self.asked = 0  # the newest time that was asked for, which a recording may have reached before our clock

    async def rows(self, j: int, start: int, end: int) -> list[MarketRow]:
        """Return the rows of an instrument that begin in ``[start, end)``, ns UTC, and have ended."""
        bars = await self._bars(*self._specs[j], start, end)
        rows = (self._maker.row(bar, bar.ts_event) for bar in bars)
        return [row for row in rows if row is not None]

    async def refer(self, reference: DataFacts, known: Sequence[MarketRow], now: int) -> None:
        """Let rows show the reference's closes: those beside the rows that are stored, and those since."""
        last = 0
        for row in known:
            if not np.isnan(row.fields[REFERENCE]):
                self._maker.refer(row.ts_event, float(row.fields[REFERENCE]))
                last = row.ts_event
        if 0 < last < now:
            length = interval_ns(reference.timeframe)  # the bar that was under way then is wanted, too
            for bar in await self._bars(reference.symbol, reference.timeframe, last - length, now):
                self._maker.refer(bar.ts_event, bar.close)

    async def _bars(self, symbol: str, timeframe: str, start: int, end: int) -> list[Bar]:
        self.asked = max(self.asked, end + interval_ns(timeframe))  # whoever asks has seen the bar that follows
        wanted = Wanted(symbol, Kind.BARS, timeframe, start, end)
        found: list[Bar] = []
        for piece in self._source.pieces(wanted):
            frame = (await self._source.fetch(wanted, piece)).frame
            for told in frame.iter_rows(named=True):
                if told["ts_open"] >= start and told["ts_event"] <= end:
                    values = (told[name] for name in ("open", "high", "low", "close", "volume", "trades", "buy_volume"))
                    found.append(Bar(symbol, told["ts_open"], told["ts_event"], *values))
        return found


def _model(
    asked: ForecastSettings, symbols: Sequence[str], scans: Sequence[int], environment: Mapping[str, str]
) -> ForecastPort:
    """Return the forecasts of a model of the registry, or of one that another process serves."""
    from tradewright.services.predict_api.registered import RegisteredModels, features_of

    if not asked.url:
        loaded = RegisteredModels(asked.registry).load(asked.model)
        features = features_of(loaded.features, loaded.model.feature_set_hash, asked.model)
        lookback = loaded.model.forecaster.lookback
        return ModelForecasts(features, loaded.model.predict, symbols, scans, lookback)
    from tradewright.adapters.inference.remote_model import RemoteModel, RemoteParams
    from tradewright.services.runs.forecasting import TOKEN
    from tradewright.services.secrets import secret

    model = RemoteModel(RemoteParams(asked.url, secret(environment, TOKEN)), asked.model)
    told = model.description
    features = features_of(told.features, told.feature_set_hash, asked.model)
    return ModelForecasts(features, Served(model.predict), symbols, scans, told.lookback)
