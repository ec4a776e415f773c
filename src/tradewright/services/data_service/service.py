"""The parts of the data service, put together."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from http import HTTPStatus
from typing import Any

from tradewright import __version__
from tradewright.adapters.redis.circuit import CircuitState
from tradewright.adapters.redis.link import RedisLink
from tradewright.adapters.redis.online import OnlineRows
from tradewright.adapters.redis.pages import RedisPages
from tradewright.adapters.redis.params import RedisParams
from tradewright.data.catalogue import Dataset
from tradewright.data.store import MarketStore
from tradewright.data.timeframe import interval_ns
from tradewright.services.data_service.bodies import rows_json
from tradewright.services.data_service.cursor import resumes_after
from tradewright.services.data_service.datasets import Datasets
from tradewright.services.data_service.feature_sets import NamedSet, named_set
from tradewright.services.data_service.latest import LatestFeatures, Redis
from tradewright.services.data_service.moments import asked_moment
from tradewright.services.data_service.page_cache import Page, PageCache, PageCacheParams
from tradewright.services.data_service.page_query import PageQuery
from tradewright.services.data_service.paging import FeaturePages, Span, bars_page
from tradewright.services.data_service.params import DataServiceParams
from tradewright.services.data_service.staleness import stale_from
from tradewright.services.http_service.answers import Clocks, iso, json_bytes
from tradewright.services.http_service.problems import ProblemError

_MOST_BARS = 1024


class DataService:
    """Answers questions about one store.

    Parameters
    ----------
    store : MarketStore
        Where the bars are; only read.
    params : DataServiceParams
        Settings.
    redis : RedisParams or None
        The cache that processes share; None: there is none.
    clocks : Clocks
        Time of day and a steady clock.

    Raises
    ------
    ConfigError
        If a feature set cannot be understood.
    """

    def __init__(
        self, store: MarketStore, params: DataServiceParams, redis: RedisParams | None, clocks: Clocks
    ) -> None:
        self.params = params
        self.clocks = clocks
        self.sets: dict[str, NamedSet] = {n: named_set(n, text) for n, text in params.feature_sets.items()}
        self.datasets = Datasets(store, params.refresh_s, clocks.steady_ns)
        self._store = store
        self._link = RedisLink(redis, clocks.steady_ns) if redis is not None else None
        shared = Redis(OnlineRows(self._link), RedisPages(self._link)) if self._link is not None else None
        self._shared = shared
        cache = PageCacheParams(params.page_ttl_s, params.memory_bytes, params.lock_s)
        self.pages = PageCache(cache, shared.pages if shared else None, clocks.steady_ns)
        self.latest = LatestFeatures(store, self.datasets, self.sets, shared, params, clocks)
        self._feature_pages = FeaturePages(store)
        self._bars: OrderedDict[str, tuple[dict[str, Any], int, int]] = OrderedDict()

    async def close(self) -> None:
        """Finish what is under way and release connections."""
        await self.latest.drain()
        if self._link is not None:
            await self._link.close()

    def span(self, asked: PageQuery, of: str) -> Span:
        """Return which rows are asked for.

        Raises
        ------
        ProblemError
            422 where a parameter makes no sense, 409 where the cursor belongs to other content.
        """
        is_arrow = asked.format == "arrow"
        first, last = asked_moment(asked.start, "start"), asked_moment(asked.end, "end")
        if first is not None and last is not None and first > last:
            fix = "Exchange them, or leave one away."
            raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "start lies after end", "start", fix)
        most = self.params.most_arrow_rows if is_arrow else self.params.most_rows
        rows = min(self.params.page_rows, most) if asked.limit is None else asked.limit
        if not 1 <= rows <= most:
            what = f"a page of {rows} rows is not possible"
            raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, what, "limit", f"Ask for 1 to {most}.")
        return Span(first, last, resumes_after(asked.cursor, of), rows, is_arrow)

    async def bars(self, dataset: Dataset, of: str, span: Span) -> Page:
        """Return a page of bars."""

        async def make() -> Page:
            return await asyncio.to_thread(bars_page, self._store, dataset, of, span)

        return await self.pages.get(f"bars:{dataset.symbol}:{dataset.timeframe}:{of}:{span.key}", make)

    async def features(self, dataset: Dataset, chosen: NamedSet, of: str, span: Span) -> Page:
        """Return a page of features."""

        async def make() -> Page:
            return await asyncio.to_thread(self._feature_pages.page, dataset, chosen, of, span)

        # the name of a set is part of the answer, so two sets of the same features do not share pages
        return await self.pages.get(
            f"features:{dataset.symbol}:{dataset.timeframe}:{of}:{chosen.name}:{span.key}", make
        )

    async def listing(self) -> bytes:
        """Return everything in the store, and the feature sets."""
        entries = [
            {
                "kind": d.kind.value,
                "symbol": d.symbol,
                "timeframe": d.timeframe,
                "rows": d.rows,
                "version": d.version,
                "digest": d.digest,
                "first_open": d.first_open,
                "first_open_time": iso(d.first_open),
                "last_event": d.last_event,
                "last_event_time": iso(d.last_event),
            }
            for d in await self.datasets.all()
        ]
        return json_bytes({"datasets": entries, "feature_sets": {n: list(s.features) for n, s in self.sets.items()}})

    async def newest_bars(self, symbol: str) -> bytes:
        """Return the newest bar of a symbol in every timeframe.

        Raises
        ------
        ProblemError
            404 where the store has no bars of it.
        """
        found = []
        for dataset in await self.datasets.bars_of(symbol):
            bar, ts_event, stale = await self._newest_bar(dataset)
            now = self.clocks.now_ns()
            found.append(bar | {"age_s": round((now - ts_event) / 1e9, 6), "is_stale": now >= stale})
        return json_bytes({"symbol": symbol, "bars": found})

    async def _newest_bar(self, dataset: Dataset) -> tuple[dict[str, Any], int, int]:
        key = f"{dataset.symbol}:{dataset.timeframe}:{dataset.digest}"
        if key not in self._bars:
            self._bars[key] = await asyncio.to_thread(self._read_newest, dataset)
            while len(self._bars) > _MOST_BARS:
                self._bars.popitem(last=False)
        return self._bars[key]

    def _read_newest(self, dataset: Dataset) -> tuple[dict[str, Any], int, int]:
        last = self._store.read(dataset, dataset.partitions[-1])[-1:]
        (bar,) = json.loads(rows_json(last))
        interval = interval_ns(dataset.timeframe)
        grace = int(self.params.stale_after_s * 1e9) or interval
        stale = stale_from(dataset.last_event, interval, dataset.instrument.instrument().calendar, grace)
        return {"timeframe": dataset.timeframe, "digest": dataset.digest, **bar}, dataset.last_event, stale

    def health(self, *, is_known: bool) -> bytes:
        """Return how the service is; who is not known learns only whether it answers."""
        status = self._link.status if self._link is not None else None
        is_degraded = status is not None and status.circuit is not CircuitState.CLOSED
        answer: dict[str, Any] = {"status": "degraded" if is_degraded else "ok"}
        if is_known:
            redis: dict[str, Any] = {"state": "off"}
            if status is not None and self._shared is not None:
                redis = {
                    "state": status.circuit.value,
                    "commands": status.commands,
                    "failures": status.failures,
                    "skipped": status.skipped,
                    "damaged": self._shared.pages.damaged + self._shared.rows.damaged,
                    "last_error": status.last_error,
                }
            counts = {
                "pages_from_memory": self.pages.counts.memory,
                "pages_from_redis": self.pages.counts.redis,
                "pages_computed": self.pages.counts.computed,
                "rows_from_redis": self.latest.counts.redis,
                "rows_computed": self.latest.counts.computed,
                "refresh_failures": self.latest.counts.refresh_failures,
            }
            answer |= {"version": __version__, "redis": redis, "counts": counts}
        return json_bytes(answer)
