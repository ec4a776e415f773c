"""Partition files of a data set: which are needed for a range, and their rows."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tradewright.core.types.errors import StoreError
from tradewright.data.catalogue import Dataset, Partition
from tradewright.data.kinds import schema


def read_partition(folder: Path, dataset: Dataset, partition: Partition) -> pl.DataFrame:
    """Return one partition's rows as a canonical frame.

    Raises
    ------
    StoreError
        If the file is missing or damaged.
    """
    path = folder / partition.file
    try:
        return pl.read_parquet(path, columns=list(schema(dataset.kind)), memory_map=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).split("\n", 1)[0]
        what = f"the partition cannot be read: {reason}"
        raise StoreError(what, where=str(path), fix="Import the data again with --replace.") from error


def touched(dataset: Dataset, start: int | None, end: int | None) -> list[Partition]:
    """Return the partitions that may hold rows within ``[start, end]``, ns UTC; None is open-ended."""
    return [
        p
        for p in dataset.partitions
        if (start is None or p.last_open >= start) and (end is None or p.first_open <= end)
    ]


def within(frame: pl.DataFrame, start: int | None, end: int | None) -> pl.DataFrame:
    """Keep rows wholly in ``[start, end]``: a bar that ends after ``end`` was not known by then."""
    if start is not None:
        frame = frame.filter(pl.col("ts_open") >= start)
    return frame if end is None else frame.filter(pl.col("ts_event") <= end)


def rows_starting(folder: Path, dataset: Dataset, first: int, last: int) -> pl.DataFrame:
    """Return stored rows that start within ``[first, last]``."""
    parts = [read_partition(folder, dataset, p) for p in touched(dataset, first, last)]
    rows = pl.concat(parts) if parts else pl.DataFrame(schema=schema(dataset.kind))
    return rows.filter(pl.col("ts_open").is_between(first, last))
