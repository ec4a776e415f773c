"""Pages of bars and of features, cut from one version of a data set."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

import polars as pl

from tradewright.data.catalogue import Dataset
from tradewright.data.kinds import schema
from tradewright.data.partitions import touched, within
from tradewright.data.store import MarketStore
from tradewright.services.data_service.bodies import ARROW, arrow_stream, page_json, rows_json
from tradewright.services.data_service.cursor import Cursor
from tradewright.services.data_service.feature_sets import NamedSet
from tradewright.services.data_service.feature_stream import FeatureWalk
from tradewright.services.data_service.page_cache import Page
from tradewright.services.http_service.answers import JSON

_PAUSED = 32


@dataclass(frozen=True, slots=True)
class Span:
    """Which rows: wholly within ``[start, end]`` (ns UTC, None: open), at most ``rows``, after the row ``after``."""

    start: int | None
    end: int | None
    after: int | None
    rows: int
    is_arrow: bool

    @property
    def first(self) -> int | None:
        """Least ``ts_open``."""
        if self.after is None:
            return self.start
        return max(self.after + 1, self.start if self.start is not None else self.after + 1)

    @property
    def key(self) -> str:
        """Name of this span among the spans of one content."""
        return f"{self.first}:{self.end}:{self.rows}:{'arrow' if self.is_arrow else 'json'}"


def bars_page(store: MarketStore, dataset: Dataset, of: str, span: Span) -> Page:
    """Return a page of bars; reads the partitions it needs, one at a time."""
    parts, found = [pl.DataFrame(schema=schema(dataset.kind))], 0
    for partition in touched(dataset, span.first, span.end):
        part = within(store.read(dataset, partition), span.first, span.end)[: span.rows + 1 - found]
        parts.append(part)
        found += len(part)
        if found > span.rows:
            break
    frame = pl.concat(parts)
    head = {
        "symbol": dataset.symbol,
        "timeframe": dataset.timeframe,
        "digest": dataset.digest,
        "version": dataset.version,
    }
    rows = frame[: span.rows]
    cursor = _cursor(of, rows, has_more=len(frame) > span.rows)
    if span.is_arrow:
        return Page(ARROW, cursor, arrow_stream(rows))
    return Page(JSON, cursor, page_json(head, rows_json(rows), cursor))


class FeaturePages:
    """Pages of features.

    Recursive features need all that came before, so a page far inside costs a pass from the first bar. A pass that
    gave a page waits where it stopped, and gives the next one without going back.

    Parameters
    ----------
    store : MarketStore
        Where the bars are.
    """

    def __init__(self, store: MarketStore) -> None:
        self._store = store
        self._paused: OrderedDict[tuple[str, int], FeatureWalk] = OrderedDict()
        self._lock = threading.Lock()

    def page(self, dataset: Dataset, chosen: NamedSet, of: str, span: Span) -> Page:
        """Return a page of ``chosen`` over a data set; ``of`` names both contents."""
        walk = self._resumed(of, span.after) or FeatureWalk(chosen, dataset)
        frame, has_more = walk.page(self._store, span.first, span.end, span.rows)
        cursor = _cursor(of, frame, has_more=has_more)
        if has_more:
            self._pause(of, int(frame["ts_open"][-1]), walk)
        if span.is_arrow:
            return Page(ARROW, cursor, arrow_stream(frame))
        names = list(chosen.features)
        head = {
            "symbol": dataset.symbol,
            "timeframe": dataset.timeframe,
            "digest": dataset.digest,
            "version": dataset.version,
            "set": chosen.name,
            "set_digest": chosen.digest,
            "columns": names,
        }
        return Page(JSON, cursor, page_json(head, rows_json(frame, names), cursor))

    def _resumed(self, of: str, after: int | None) -> FeatureWalk | None:
        if after is None:
            return None
        with self._lock:
            return self._paused.pop((of, after), None)

    def _pause(self, of: str, after: int, walk: FeatureWalk) -> None:
        with self._lock:
            self._paused[of, after] = walk
            while len(self._paused) > _PAUSED:
                self._paused.popitem(last=False)


def _cursor(of: str, frame: pl.DataFrame, *, has_more: bool) -> str:
    return str(Cursor(of, int(frame["ts_open"][-1]))) if has_more else ""
