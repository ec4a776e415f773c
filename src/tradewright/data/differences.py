"""What differs between two states of a store: data sets, partitions, rows, fields."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from tradewright.data.catalogue import Dataset, Partition
from tradewright.data.kinds import schema
from tradewright.data.snapshots import Key
from tradewright.data.store import MarketStore


@dataclass(frozen=True, slots=True)
class Cell:
    """One field of one row: ``ts_open`` in ns UTC, and the value before and after."""

    ts_open: int
    field: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows of one partition that came, went, or hold other values."""

    key: str
    added: int
    removed: int
    changed: int


@dataclass(frozen=True, slots=True)
class DatasetDifference:
    """How one data set differs; ``definition`` names the fields of the instrument that do."""

    key: Key
    before: int
    after: int
    partitions: tuple[Counts, ...]
    examples: tuple[Cell, ...]
    definition: tuple[str, ...]

    @property
    def added(self) -> int:
        """Rows that came."""
        return sum(p.added for p in self.partitions)

    @property
    def removed(self) -> int:
        """Rows that went."""
        return sum(p.removed for p in self.partitions)

    @property
    def changed(self) -> int:
        """Rows that hold other values."""
        return sum(p.changed for p in self.partitions)


@dataclass(frozen=True, slots=True)
class Difference:
    """How two states differ: data sets only in the second, only in the first, and in both but not equal."""

    added: tuple[Key, ...]
    removed: tuple[Key, ...]
    changed: tuple[DatasetDifference, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


def difference(
    store: MarketStore, before: Mapping[Key, Dataset], after: Mapping[Key, Dataset], most: int = 5
) -> Difference:
    """Compare two states, reading only the partitions whose digests differ, one at a time.

    Parameters
    ----------
    store : MarketStore
        Which holds both.
    before, after : mapping
        Data sets by kind, symbol and timeframe, as `snapshots.resolve` returns them.
    most : int
        Examples kept for each data set, the earliest first.

    Raises
    ------
    StoreError
        If a partition cannot be read.
    """
    both = sorted(before.keys() & after.keys())
    changed = [d for k in both if (d := _compare(store, before[k], after[k], most)) is not None]
    return Difference(
        tuple(sorted(after.keys() - before.keys())), tuple(sorted(before.keys() - after.keys())), tuple(changed)
    )


def _compare(store: MarketStore, one: Dataset, other: Dataset, most: int) -> DatasetDifference | None:
    was, now = one.instrument.model_dump(), other.instrument.model_dump()
    definition = tuple(name for name in was if was[name] != now[name])
    if one.digest == other.digest and not definition:
        return None
    left, right = ({p.key: p for p in d.partitions} for d in (one, other))
    counts: list[Counts] = []
    examples: list[Cell] = []
    for key in sorted(left.keys() | right.keys()):
        a, b = left.get(key), right.get(key)
        if a is not None and b is not None and a.digest == b.digest:
            continue
        table = _joined(_rows(store, one, a), _rows(store, other, b))
        fields = [n for n in schema(one.kind) if n != "ts_open"]
        came, went = pl.col("ts_event").is_null(), pl.col("ts_event_after").is_null()
        other_values = pl.any_horizontal(pl.col(n).ne_missing(pl.col(f"{n}_after")) for n in fields) & ~came & ~went
        added, removed, changed = table.select(
            came.sum().alias("came"), went.sum().alias("went"), other_values.sum().alias("other")
        ).row(0)
        if added or removed or changed:  # else only the hash is another: the older one is of a format before 3
            counts.append(Counts(key, int(added), int(removed), int(changed)))
        for row in table.filter(other_values).head(most - len(examples)).iter_rows(named=True):
            examples += [
                Cell(row["ts_open"], n, row[n], row[f"{n}_after"])
                for n in fields
                if not _is_same(row[n], row[f"{n}_after"])
            ]
    name: Key = (one.kind, one.symbol, one.timeframe)
    return DatasetDifference(name, one.version, other.version, tuple(counts), tuple(examples[:most]), definition)


def _is_same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


def _rows(store: MarketStore, dataset: Dataset, partition: Partition | None) -> pl.DataFrame:
    if partition is None:
        return pl.DataFrame(schema=schema(dataset.kind))
    return store.read(dataset, partition)


def _joined(one: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame:
    """Match rows by time; events of one time by their order."""
    numbered = [f.with_columns(nth=pl.int_range(pl.len()).over("ts_open")) for f in (one, other)]
    on = ["ts_open", "nth"]
    return numbered[0].join(numbered[1], on=on, how="full", coalesce=True, suffix="_after").sort(on)
