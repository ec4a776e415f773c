"""A feature set that follows a data set: history goes in once, afterwards only the bars that are new."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradewright.core.types.feature import Floats
from tradewright.data.catalogue import Dataset, Partition, definition_digest, has_digest
from tradewright.data.store import MarketStore, to_bars
from tradewright.features import FeatureSet
from tradewright.services.data_service.feature_sets import NamedSet

#: Bars that are decoded at once, and bars after which other threads get a turn.
_BLOCK, _TURN = 50_000, 2_000


@dataclass(frozen=True, slots=True)
class StreamRow:
    """The values after one bar; times are ns UTC."""

    ts_open: int
    ts_event: int
    ts_seen: int
    values: tuple[float, ...]


def feed(features: FeatureSet, dataset: Dataset, frame: pl.DataFrame) -> Floats:
    """Take in the rows of a canonical bar frame; return the values after each, f8[k, n]."""
    out = np.empty((len(features), len(frame)))
    for at in range(0, len(frame), _BLOCK):
        bars = to_bars(dataset, frame[at : at + _BLOCK])
        for start in range(0, len(bars), _TURN):
            stop = min(start + _TURN, len(bars))
            out[:, at + start : at + stop] = features.extend(bars.fields, start, stop)
    return out


class FeatureStream:
    """The newest values of one feature set over the newest version of one data set.

    Parameters
    ----------
    chosen : NamedSet
        What is computed. Values equal those of one pass over all bars, to the bit.
    """

    def __init__(self, chosen: NamedSet) -> None:
        self._chosen = chosen
        self._features = chosen.fresh()
        self._dataset: Dataset | None = None
        self._row: StreamRow | None = None
        self.bars_read = 0

    def advance(self, store: MarketStore, dataset: Dataset) -> StreamRow:
        """Return the values after the data set's last bar.

        Rows that were appended since the last call go in. Where anything before them changed, everything goes in
        again.

        Raises
        ------
        StoreError
            If a partition cannot be read; the next call begins anew.
        """
        before, row = self._dataset, self._row
        self._dataset = self._row = None  # whatever stops us leaves the memory half fed
        if before is None or row is None or not _is_same(before, dataset):
            fresh: Iterator[pl.DataFrame] | None = None
        else:
            fresh = _appended(store, before, dataset)
        if fresh is None:
            self._features.reset()
            row, fresh = None, (store.read(dataset, p) for p in dataset.partitions)
        for frame in fresh:
            if len(frame):
                row = _last(frame, feed(self._features, dataset, frame))
                self.bars_read += len(frame)
        if row is None:
            msg = f"{dataset.symbol} {dataset.timeframe} has no bars"
            raise ValueError(msg)
        self._dataset, self._row = dataset, row
        return row


def _last(frame: pl.DataFrame, values: Floats) -> StreamRow:
    times = [int(frame[name][-1]) for name in ("ts_open", "ts_event", "ts_seen")]
    return StreamRow(times[0], times[1], times[2], tuple(values[:, -1].tolist()))


def _is_same(one: Dataset, other: Dataset) -> bool:
    """Tell whether two versions are of one instrument as it is defined now."""
    is_same = (one.symbol, one.timeframe, one.kind) == (other.symbol, other.timeframe, other.kind)
    return is_same and definition_digest(one.instrument) == definition_digest(other.instrument)


def _appended(store: MarketStore, before: Dataset, after: Dataset) -> Iterator[pl.DataFrame] | None:
    """Return what ``after`` has behind the last row of ``before``; None unless all rows before are the same."""
    old, new = before.partitions, after.partitions
    whole = sum(1 for _ in _equal(old, new))
    if whole == len(old):
        return (store.read(after, p) for p in new[whole:])
    if whole != len(old) - 1 or len(new) < len(old):
        return None
    last = store.read(after, new[whole])
    head = last[: old[whole].rows]
    if len(head) < old[whole].rows or not has_digest(head, before.kind, old[whole].digest):
        return None
    return (last[len(head) :] if p is new[whole] else store.read(after, p) for p in new[whole:])


def _equal(old: tuple[Partition, ...], new: tuple[Partition, ...]) -> Iterator[Partition]:
    """Yield the leading partitions that have the same content in both."""
    for one, other in zip(old, new, strict=False):
        if (one.key, one.rows, one.digest) != (other.key, other.rows, other.digest):
            return
        yield one


class FeatureWalk:
    """One pass through a version of a data set that hands over its rows in pages and waits in between.

    Parameters
    ----------
    chosen : NamedSet
        What is computed.
    dataset : Dataset
        Over which bars.
    """

    def __init__(self, chosen: NamedSet, dataset: Dataset) -> None:
        self._features = chosen.fresh()
        self._names = tuple(chosen.features)
        self._dataset = dataset
        self._partition = self._offset = 0

    def page(self, store: MarketStore, start: int | None, end: int | None, rows: int) -> tuple[pl.DataFrame, bool]:
        """Return the next ``rows`` rows wholly within ``[start, end]``, ns UTC, and whether there are more.

        Columns: ``ts_open``, ``ts_event``, ``ts_seen`` i8 and one f8 for each feature, NaN where it is unknown.

        Raises
        ------
        StoreError
            If a partition cannot be read.
        """
        parts: list[pl.DataFrame] = []
        left, partitions = rows, self._dataset.partitions
        while self._partition < len(partitions):
            frame = store.read(self._dataset, partitions[self._partition])
            while self._offset < len(frame):
                block = frame[self._offset : self._offset + _BLOCK]
                is_in, is_past = _places(block, start, end)
                if left == 0 and bool(is_in.any()):
                    return self._page(parts), True
                if bool(is_past[:1].any()):
                    return self._page(parts), False
                stop = _stop(is_in, is_past, left)
                values = feed(self._features, self._dataset, block[:stop])
                self._offset += stop
                chosen = np.flatnonzero(is_in[:stop])
                left -= len(chosen)
                parts.append(self._part(block[:stop], values, chosen))
            self._partition, self._offset = self._partition + 1, 0
        return self._page(parts), False

    def _part(self, block: pl.DataFrame, values: Floats, chosen: NDArray[np.int64]) -> pl.DataFrame:
        times = block.select("ts_open", "ts_event", "ts_seen")[chosen]
        columns = [pl.Series(name, values[k][chosen]) for k, name in enumerate(self._names)]
        return times.with_columns(columns)

    def _page(self, parts: list[pl.DataFrame]) -> pl.DataFrame:
        times = dict.fromkeys(("ts_open", "ts_event", "ts_seen"), pl.Int64())
        empty = pl.DataFrame(schema={**times, **dict.fromkeys(self._names, pl.Float64())})
        return pl.concat([empty, *parts])


def _places(block: pl.DataFrame, start: int | None, end: int | None) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which rows lie in the range, and which end after it."""
    opens, closes = block["ts_open"].to_numpy(), block["ts_event"].to_numpy()
    is_past = np.zeros(len(block), bool) if end is None else closes > end
    return (~is_past if start is None else (opens >= start) & ~is_past), is_past


def _stop(is_in: NDArray[np.bool_], is_past: NDArray[np.bool_], left: int) -> int:
    """Return how many rows to take in: up to the last that is still wanted or lies before the range."""
    stop = int(np.argmax(is_past)) if is_past.any() else len(is_past)
    wanted = np.flatnonzero(is_in[:stop])
    if len(wanted) > left:
        stop = int(wanted[left - 1]) + 1
    return stop
