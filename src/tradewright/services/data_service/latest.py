"""The newest feature row of an instrument: from memory, else from Redis, else computed from the store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus

from tradewright.adapters.redis.online import OnlineKey, OnlineRow, OnlineRows, RowOrigin
from tradewright.adapters.redis.pages import Lock, RedisPages
from tradewright.data.catalogue import Dataset
from tradewright.data.store import MarketStore
from tradewright.data.timeframe import interval_ns
from tradewright.services.data_service.bodies import finite, time_fields
from tradewright.services.data_service.datasets import Datasets
from tradewright.services.data_service.feature_sets import NamedSet
from tradewright.services.data_service.feature_stream import FeatureStream
from tradewright.services.data_service.params import DataServiceParams
from tradewright.services.data_service.single_flight import SingleFlight
from tradewright.services.data_service.staleness import stale_from
from tradewright.services.http_service.answers import Clocks, json_bytes
from tradewright.services.http_service.problems import ProblemError

#: Another machine's clock may be ahead of ours by so much; a row from farther ahead is not believed.
_CLOCK_SKEW_NS = 5 * 10**9
_POLL_S = 0.02
_MOST_ROWS = 1024

#: Symbol, timeframe, name of the feature set.
Question = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Redis:
    """What processes share."""

    rows: OnlineRows
    pages: RedisPages


@dataclass(frozen=True, slots=True)
class Served:
    """A row ready to be sent.

    Parameters
    ----------
    row : OnlineRow
        The row.
    head : bytes
        Its JSON up to what depends on the time of day.
    etag : bytes
        Names the content.
    stale_from_ns : int
        From when on it is stale, ns UTC.
    renew_ns, until_ns : int
        Steady clock: from when on it is looked for a newer one, and from when on it is not served unlooked.
    """

    row: OnlineRow
    head: bytes
    etag: bytes
    stale_from_ns: int
    renew_ns: int
    until_ns: int

    def body(self, now_ns: int) -> bytes:
        """Return the answer as of ``now_ns``, ns UTC."""
        is_stale = b"true" if now_ns >= self.stale_from_ns else b"false"
        return b'%s"age_s":%.6f,"is_stale":%s}' % (self.head, (now_ns - self.row.ts_event) / 1e9, is_stale)


@dataclass(slots=True)
class RowCounts:
    """Where rows came from so far, and how often looking for a newer one failed."""

    redis: int = 0
    computed: int = 0
    refresh_failures: int = 0


class LatestFeatures:
    """Newest rows of named feature sets.

    Parameters
    ----------
    store : MarketStore
        Where the bars are.
    datasets : Datasets
        Its data sets, as of a moment ago.
    sets : mapping of str to NamedSet
        What can be asked for.
    redis : Redis or None
        What processes share, if anything.
    params : DataServiceParams
        Times.
    clocks : Clocks
        Time of day and a steady clock.
    sleep : callable
        Waits for so many seconds.
    """

    def __init__(
        self,
        store: MarketStore,
        datasets: Datasets,
        sets: Mapping[str, NamedSet],
        redis: Redis | None,
        params: DataServiceParams,
        clocks: Clocks,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.counts = RowCounts()
        #: Path and query of addresses that were answered, and what they ask.
        self.addresses: dict[tuple[str, bytes], Question] = {}
        self._store = store
        self._datasets = datasets
        self._sets = sets
        self._redis = redis
        self._params = params
        self._clocks = clocks
        self._sleep = sleep
        self._served: dict[Question, Served] = {}
        self._streams: dict[Question, FeatureStream] = {}
        self._flights: SingleFlight[Served] = SingleFlight()

    def ready(self, question: Question) -> Served | None:
        """Return the row that is in memory and fresh enough; looks for a newer one besides when it is time."""
        served = self._served.get(question)
        if served is None:
            return None
        now = self._clocks.steady_ns()
        if now >= served.until_ns:
            return None
        if now >= served.renew_ns and question not in self._flights:
            self._flights.start(question, lambda: self._refresh(question)).add_done_callback(self._count_failure)
        return served

    async def get(self, question: Question) -> Served:
        """Return the newest row.

        Raises
        ------
        ProblemError
            404 for an unknown symbol, timeframe or set, 422 for a timeframe that is none.
        StoreError
            If the bars cannot be read.
        """
        return self.ready(question) or await self._flights.do(question, lambda: self._refresh(question))

    async def publish(self, rows: Sequence[OnlineRow]) -> int:
        """Hand rows to every process that shares the Redis; return how many were newer than what was there."""
        return await self._redis.rows.publish(rows) if self._redis is not None else 0

    def named(self, name: str) -> NamedSet:
        """Return a feature set.

        Raises
        ------
        ProblemError
            404 where there is none of this name.
        """
        chosen = self._sets.get(name)
        if chosen is None:
            have = ", ".join(sorted(self._sets))
            raise ProblemError(HTTPStatus.NOT_FOUND, f"there is no feature set '{name}'", "set", f"There are: {have}.")
        return chosen

    async def drain(self) -> None:
        """Wait for what is under way."""
        await self._flights.drain()

    def _count_failure(self, task: asyncio.Task[Served]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self.counts.refresh_failures += 1

    async def _refresh(self, question: Question) -> Served:
        symbol, timeframe, name = question
        chosen, began = self.named(name), self._clocks.steady_ns()
        dataset = await self._datasets.bars(symbol, timeframe, most_age_s=0.0)
        row = await self._newest(question, chosen, dataset)
        before = self._served.get(question)
        if before is not None and _is_equal(before.row, row):
            renew, until = self._fresh_until(began)
            served = replace(before, renew_ns=renew, until_ns=until)
        else:
            served = await asyncio.to_thread(self._prepared, row, chosen, dataset, began)
        if question not in self._served and len(self._served) >= _MOST_ROWS:
            oldest = next(iter(self._served))
            del self._served[oldest]
            self._streams.pop(oldest, None)
        self._served[question] = served
        return served

    async def _newest(self, question: Question, chosen: NamedSet, dataset: Dataset) -> OnlineRow:
        """Return the newest row that anybody has, computing it where nobody does."""
        key = OnlineKey(dataset.symbol, dataset.timeframe, chosen.digest)
        held = self._served.get(question)
        ours = held.row if held is not None and self._is_current(held.row, dataset) else None
        theirs = await self._shared(key, chosen, dataset)
        if theirs is not None and (ours is None or theirs.ts_event >= ours.ts_event):
            self.counts.redis += ours is None or not _is_equal(theirs, ours)
            return theirs
        if ours is not None:
            await self.publish([ours])  # Redis lost it, or was away when it was computed
            return ours
        return await self._computed(question, key, chosen, dataset)

    async def _shared(self, key: OnlineKey, chosen: NamedSet, dataset: Dataset) -> OnlineRow | None:
        if self._redis is None:
            return None
        row = await self._redis.rows.read(key, len(chosen.features))
        return row if row is not None and self._is_current(row, dataset) else None

    def _is_current(self, row: OnlineRow, dataset: Dataset) -> bool:
        """Tell whether a row belongs to what the store holds now, or is ahead of it and not of the future."""
        if row.origin is RowOrigin.STORE:
            return row.digest == dataset.digest and row.ts_event == dataset.last_event
        latest = self._clocks.now_ns() + _CLOCK_SKEW_NS
        return dataset.last_event < row.ts_event <= latest and row.ts_seen <= latest

    async def _computed(self, question: Question, key: OnlineKey, chosen: NamedSet, dataset: Dataset) -> OnlineRow:
        """Compute a row here, unless another process is about to."""
        lock: Lock | None = None
        if self._redis is not None:
            name = f"row:{key.symbol}:{key.timeframe}:{key.feature_set}:{dataset.digest}"
            until = self._clocks.steady_ns() + int(self._params.lock_s * 1e9)
            while (lock := await self._redis.pages.lock(name, int(self._params.lock_s * 1e3))) is None:
                if self._clocks.steady_ns() >= until:
                    break
                await self._sleep(_POLL_S)
                row = await self._shared(key, chosen, dataset)
                if row is not None:
                    self.counts.redis += 1
                    return row
        try:
            row = await self._shared(key, chosen, dataset) if lock is not None and lock.token else None
            if row is not None:
                self.counts.redis += 1
                return row
            self.counts.computed += 1
            stream = self._streams.setdefault(question, FeatureStream(chosen))
            at = await asyncio.to_thread(stream.advance, self._store, dataset)
            row = OnlineRow(key, at.ts_open, at.ts_event, at.ts_seen, at.values, dataset.digest)
            await self.publish([row])
        finally:
            if lock is not None and self._redis is not None:
                await self._redis.pages.unlock(lock)
        return row

    def _fresh_until(self, began: int) -> tuple[int, int]:
        refresh = int(self._params.refresh_s * 1e9)
        return began + refresh // 2, began + refresh

    def _prepared(self, row: OnlineRow, chosen: NamedSet, dataset: Dataset, began: int) -> Served:
        """Return a row with everything that does not depend on the time of day."""
        renew, until = self._fresh_until(began)
        interval = interval_ns(dataset.timeframe)
        grace = int(self._params.stale_after_s * 1e9) or interval
        stale = stale_from(row.ts_event, interval, dataset.instrument.instrument().calendar, grace)
        document = {
            "symbol": dataset.symbol,
            "timeframe": dataset.timeframe,
            "set": chosen.name,
            "set_digest": chosen.digest,
            "digest": row.digest,
            "origin": row.origin.value,
            **time_fields(row.ts_open, row.ts_event, row.ts_seen),
            "values": {n: finite(v) for n, v in zip(chosen.features, row.values, strict=True)},
        }
        etag = f'W/"{row.digest}-{chosen.digest}-{row.ts_event}"'.encode()
        return Served(row, json_bytes(document)[:-1] + b",", etag, stale, renew, until)


def _is_equal(one: OnlineRow, other: OnlineRow) -> bool:
    """Compare rows; NaN equals NaN."""
    return repr(one) == repr(other)
