"""A data set from one store into another: the same rows, the same definition, the same digest."""

from __future__ import annotations

from tradewright.data.catalogue import Dataset
from tradewright.data.importer import Imported
from tradewright.data.store import MarketStore
from tradewright.data.writing import Written


def copy_dataset(source: MarketStore, dataset: Dataset, target: MarketStore, *, replace: bool = False) -> Written:
    """Write a version of a data set to another store, all or nothing; the whole of it is in memory.

    Raises
    ------
    StoreError
        If the target holds other rows or another definition and ``replace`` is false, or cannot be reached.
    """
    findings, rows = source.check(dataset), source.frame(dataset)
    names = ", ".join(dict.fromkeys(s.file for s in dataset.sources))
    copied = Imported(dataset.kind, dataset.timeframe, rows, findings, dataset.notes, names, dataset.digest)
    return target.write(copied, dataset.instrument, replace=replace)
