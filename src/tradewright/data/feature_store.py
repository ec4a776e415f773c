"""The feature store: tables of features, each under a key that says what it was computed from.

One Parquet file a table, ``root/features/<symbol>/<timeframe>/<key>.parquet``; what it is stands in the file's own
metadata, so the one rename that puts it there is the commit. A key is a hash over the data set and the set of features
(docs/decisions/0008-feature-store.md): a table is used when the key of what is wanted is its own, and never otherwise.
This module knows nothing of features: it is told hashes and columns. `engine.feature_build` computes what it keeps.
"""

from __future__ import annotations

import hashlib
import math
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tradewright.core.types.errors import StoreError
from tradewright.core.types.feature import FeatureRow
from tradewright.data.catalogue import folder_name
from tradewright.data.timeframe import interval_ns

FOLDER = "features"
FORMAT = 1
#: Times of each row, i8 ns UTC: its event's start and end, and when everything its values are made of had been seen.
TIMES = ("ts_open", "ts_event", "ts_seen")
_METADATA = "tradewright.features"


@dataclass(frozen=True, slots=True)
class FeatureKey:
    """What a table is computed from.

    Parameters
    ----------
    symbol, timeframe : str
        Of the instrument's bars.
    dataset : str
        Hash of the rows that were read, their range and the instrument's definition.
    features : str
        Hash of the set of features: names, order, parameters and code.
    reference : str
        Hash of the reference instrument's rows; empty where there is none.
    """

    symbol: str
    timeframe: str
    dataset: str
    features: str
    reference: str = ""

    @property
    def digest(self) -> str:
        """32 hex digits: the name of the table. When it was built is no part of it."""
        parts = (str(FORMAT), self.symbol, self.timeframe, self.dataset, self.features, self.reference)
        return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()


class FeatureColumn(BaseModel):
    """One feature of a table: its column, what it is (``ema.seed_sma.v1(20)``), and the hash of its code."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    feature: str
    code: str


class FeatureEntry(BaseModel):
    """What a table says about itself; ``content`` is the hash of its rows, ``built_ns`` the time of writing, ns UTC."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Annotated[int, Field(le=FORMAT)] = FORMAT
    key: str
    symbol: str
    timeframe: str
    dataset: str
    features: str
    reference: str
    columns: tuple[FeatureColumn, ...]
    rows: int
    first_event: int
    last_event: int
    built_ns: int | None
    content: str

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the feature columns, in order."""
        return tuple(column.name for column in self.columns)


@dataclass(frozen=True, slots=True)
class StoredFeatures:
    """A table: what it is, and its rows (`TIMES`, then a Float64 column for each feature; NaN: no value)."""

    entry: FeatureEntry
    frame: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Lookup:
    """The table that was asked for, or why it is not used; ``note`` is empty where there simply is none."""

    found: StoredFeatures | None
    note: str = ""


def newest(stored: StoredFeatures) -> FeatureRow | None:
    """Return the last row, for a store of newest values; None where the table is empty."""
    if not len(stored.frame):
        return None
    row = stored.frame.row(-1, named=True)
    names = stored.entry.names
    values = tuple(math.nan if row[name] is None else float(row[name]) for name in names)
    return FeatureRow(stored.entry.symbol, int(row["ts_event"]), names, values)


class FeatureStore:
    """Tables of features under one folder.

    Parameters
    ----------
    root : Path
        The store's folder, that of the market data; made on the first write.
    now_ns : callable, optional
        The time that tables are stamped with, ns UTC. It tells people how old a table is, and decides nothing.
    """

    def __init__(self, root: Path, now_ns: Callable[[], int] | None = None) -> None:
        self.root = root
        self.now_ns = now_ns

    def path(self, key: FeatureKey) -> Path:
        """Return where a table lies, whether it exists or not."""
        interval_ns(key.timeframe)  # refuses what could be another folder
        return self.root / FOLDER / folder_name(key.symbol) / key.timeframe / f"{key.digest}.parquet"

    def find(self, key: FeatureKey) -> Lookup:
        """Return the table with this key, if it is there and sound; a file that is not is never used."""
        path = self.path(key)
        if not path.is_file():
            return Lookup(None)
        try:
            stored = read_table(path)
        except StoreError as error:
            return Lookup(None, f"{path.name} is not used: {error.what}")
        entry = stored.entry
        told = FeatureKey(entry.symbol, entry.timeframe, entry.dataset, entry.features, entry.reference)
        return Lookup(stored) if told == key else Lookup(None, f"{path.name} is not used: it is of other data")

    def write(self, key: FeatureKey, columns: tuple[FeatureColumn, ...], frame: pl.DataFrame) -> StoredFeatures:
        """Store a table, in place of one with the same key; it appears whole or never.

        Raises
        ------
        StoreError
            If it cannot be written.
        ValueError
            If the columns of the frame are not `TIMES` and those named.
        """
        names = [*TIMES, *(column.name for column in columns)]
        if frame.columns != names:
            msg = f"the frame has the columns {frame.columns}, expected {names}"
            raise ValueError(msg)
        entry = FeatureEntry(
            key=key.digest,
            symbol=key.symbol,
            timeframe=key.timeframe,
            dataset=key.dataset,
            features=key.features,
            reference=key.reference,
            columns=columns,
            rows=len(frame),
            first_event=int(frame["ts_event"][0]) if len(frame) else 0,
            last_event=int(frame["ts_event"][-1]) if len(frame) else 0,
            built_ns=self.now_ns() if self.now_ns is not None else None,
            content=table_digest(frame),
        )
        _commit(self.path(key), frame, entry)
        return StoredFeatures(entry, frame)

    def list(self) -> tuple[tuple[FeatureEntry, ...], tuple[str, ...]]:
        """Return what every table says about itself, by symbol, timeframe and age, and the files that are no tables.

        Rows are not read; `read_table` finds damage.
        """
        entries, strangers = [], []
        for path in sorted((self.root / FOLDER).glob("*/[!.]*/*.parquet")):
            try:
                entries.append(read_entry(path))
            except StoreError:
                strangers.append(str(path.relative_to(self.root)))
        entries.sort(key=lambda e: (e.symbol, interval_ns(e.timeframe), e.built_ns or 0, e.key))
        return tuple(entries), tuple(strangers)

    def path_of(self, entry: FeatureEntry) -> Path:
        """Return where the table of an entry lies."""
        return self.root / FOLDER / folder_name(entry.symbol) / entry.timeframe / f"{entry.key}.parquet"


def table_digest(frame: pl.DataFrame) -> str:
    """Return 32 hex digits over column names and values; every NaN counts as the same."""
    digest = hashlib.blake2b(digest_size=16)
    for name in frame.columns:
        values = np.ascontiguousarray(frame[name].to_numpy())
        if values.dtype == np.float64:
            values = np.where(np.isnan(values), np.nan, values)
        digest.update(f"{name}\0{values.dtype.str}\0".encode() + values.tobytes())
    return digest.hexdigest()


def read_entry(path: Path) -> FeatureEntry:
    """Return what a file says about itself.

    Raises
    ------
    StoreError
        If it is not a table of features, or is another one than its name says.
    """
    fix = "`tradewright features build` makes it again."
    try:
        text = pl.read_parquet_metadata(path).get(_METADATA)
        if text is None:
            raise StoreError("it was not written by the feature store", where=str(path), fix=fix)
        entry = FeatureEntry.model_validate_json(text)
    except (OSError, pl.exceptions.PolarsError, ValidationError) as error:
        reason = str(error).split("\n", 1)[0]
        raise StoreError(f"it cannot be read: {reason}", where=str(path), fix=fix) from error
    if entry.key != path.stem:
        raise StoreError("its name is not its key", where=str(path), fix=fix)
    return entry


def read_table(path: Path) -> StoredFeatures:
    """Return a table whose rows are what it says they are.

    Raises
    ------
    StoreError
        If the file cannot be read, is not a table of features, or its rows have changed since it was written.
    """
    entry = read_entry(path)
    fix = "`tradewright features build` makes it again."
    try:
        frame = pl.read_parquet(path, memory_map=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).split("\n", 1)[0]
        raise StoreError(f"it cannot be read: {reason}", where=str(path), fix=fix) from error
    if frame.columns != [*TIMES, *entry.names] or table_digest(frame) != entry.content:
        raise StoreError("its rows are not those that were written", where=str(path), fix=fix)
    return StoredFeatures(entry, frame)


def _commit(path: Path, frame: pl.DataFrame, entry: FeatureEntry) -> None:
    """Write beside, then rename."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".writing-", dir=path.parent) as folder:
            draft = Path(folder) / path.name
            frame.write_parquet(draft, metadata={_METADATA: entry.model_dump_json()})
            with draft.open("rb") as stream:
                os.fsync(stream.fileno())
            draft.replace(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        what = f"cannot be written: {str(error).splitlines()[0]}"
        raise StoreError(what, where=str(path), fix="Check its rights and the free space.") from error
