"""The gate before a run: a data set is checked once, and what was found is kept beside the store."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from tradewright.core.types.calendar import Calendar
from tradewright.data.catalogue import Dataset
from tradewright.data.quality import RULES_VERSION, SCHEMA, Findings, GatePolicy, Subject, check, gate
from tradewright.data.quality.gate import Action
from tradewright.data.store import BarStore, MarketStore
from tradewright.data.timeframe import interval_ns

#: Folder of a store that holds what checks found; whoever deletes it loses only time.
_KEPT = ".checks"


def pass_gate(
    store: MarketStore,
    dataset: Dataset,
    calendar: Calendar,
    overrides: Mapping[str, Action],
    span: tuple[int | None, int | None],
) -> None:
    """Refuse a run on data that did not pass the checks.

    Parameters
    ----------
    store : MarketStore
        Where the data is.
    dataset : Dataset
        What the run reads.
    calendar : Calendar
        Trading days in force: the run's definition of the instrument may differ from the store's.
    overrides : mapping of str to "refuse" or "accept"
        By rule; see `GatePolicy`.
    span : (int or None, int or None)
        Start and end of the run, ns UTC; None is open-ended.

    Raises
    ------
    DataError
        With the first findings, and how to accept them.
    ConfigError
        If a rule is unknown.
    """
    policy = GatePolicy(overrides)
    gate(findings_of(store, dataset, calendar), policy, start=span[0], end=span[1])


def findings_of(store: MarketStore, dataset: Dataset, calendar: Calendar) -> Findings:
    """Return what the checks find in a stored data set; from the kept result where its content is unchanged.

    Results are kept beside files; what a database holds is checked before every run.
    """
    name = f"{dataset.symbol} {dataset.timeframe}"
    path = store.root / _KEPT / f"{_key(dataset, calendar)}.parquet" if isinstance(store, BarStore) else None
    kept = _read(path) if path else None
    if kept is not None:
        return Findings(name, kept)
    frame = store.frame(dataset)
    found = check(Subject(name, dataset.kind, frame, 1, interval_ns(dataset.timeframe), calendar))
    if path:
        _keep(path, found.frame)
    return found


def _key(dataset: Dataset, calendar: Calendar) -> str:
    parts = (dataset.digest, calendar.name, calendar.zone, calendar.day_start.isoformat(), str(RULES_VERSION))
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()


def _read(path: Path) -> pl.DataFrame | None:
    """Return a kept result; None where there is none or it cannot be used."""
    try:
        frame = pl.read_parquet(path, memory_map=False)
    except (OSError, pl.exceptions.PolarsError):
        return None
    return frame if dict(frame.schema) == SCHEMA else None


def _keep(path: Path, frame: pl.DataFrame) -> None:
    """Keep a result in one rename. Where nothing can be written the next run checks again."""
    draft = path.with_name(f"{path.stem}.{os.getpid()}.draft")
    with contextlib.suppress(OSError, pl.exceptions.PolarsError):
        path.parent.mkdir(exist_ok=True)
        try:
            frame.write_parquet(draft)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
