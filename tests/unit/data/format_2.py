"""Catalogue entries as programs wrote them up to format 2: digests by BLAKE2b."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import polars as pl

from tradewright.data.catalogue import Dataset, Partition, dataset_digest
from tradewright.data.kinds import known_columns


def older(entry: Dataset, read: Callable[[Dataset, Partition], pl.DataFrame]) -> Dataset:
    """Return an entry as format 2 had it; the names of files follow the digests."""
    partitions = []
    for partition in entry.partitions:
        frame = read(entry, partition)
        hashed = hashlib.blake2b(digest_size=16)
        for name in known_columns(frame, entry.kind):
            hashed.update(name.encode() + b"\0" + frame[name].to_numpy().tobytes())
        digest = hashed.hexdigest()
        file = f"{partition.key}.{digest[:12]}.parquet"
        partitions.append(partition.model_copy(update={"digest": digest, "file": file}))
    digest = dataset_digest(entry.symbol, entry.timeframe, tuple(partitions))
    return entry.model_copy(update={"format": 2, "partitions": tuple(partitions), "digest": digest})
