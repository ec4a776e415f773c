"""Partition files of a data set: which are needed for a range, and their rows."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tradewright.core.types.errors import StoreError
from tradewright.data.catalogue import Dataset, Partition
from tradewright.data.kinds import canonical


def read_partition(folder: Path, dataset: Dataset, partition: Partition) -> pl.DataFrame:
    """Return one partition's rows as a canonical frame; columns younger than the file hold their default.

    Raises
    ------
    StoreError
        If the file is missing or damaged.
    """
    path = folder / partition.file
    try:
        return canonical(pl.read_parquet(path, memory_map=False), dataset.kind)
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).split("\n", 1)[0]
        what = f"the partition cannot be read: {reason}"
        fix = "Put the file back from a copy, or remove the data set's folder and import the data again."
        raise StoreError(what, where=str(path), fix=fix) from error


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
