"""A way to compute features, as the detectors see it, and the markets they show to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.bar import Bars
from tradewright.core.types.errors import RunError
from tradewright.core.types.events import EventKind, MarketEvents
from tradewright.core.types.feature import Feature, Floats
from tradewright.features.feature_set import FeatureSet

Market = Bars | MarketEvents
#: From a market of n events to named columns, f8[n] each: the value after each event.
Compute = Callable[[Market], Mapping[str, Floats]]
#: From one event's fields, f8[N_FIELDS, 3] with the event in the middle, to the newest values f8[k].
Update = Callable[[Floats], Floats]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A way to compute features.

    Parameters
    ----------
    name : str
        What people call it.
    compute : callable
        From a market to columns, everything included: a scaling that is fitted on the data must be fitted in here, or
        nobody can see it. It may keep nothing between calls and must give the same values each time.
    stream : callable, optional
        Opens the same computation event by event: returns a function from one event to the newest values, in the order
        of the columns. What it returns must know nothing of the data. With it the truncation test is exact at every
        event and linear in their number.
    """

    name: str
    compute: Compute
    stream: Callable[[], Update] | None = None


def pipeline_of(features: Mapping[str, Feature], name: str = "features") -> Pipeline:
    """Return the pipeline of streaming features over events of the kind they all read."""

    def compute(market: Market) -> Mapping[str, Floats]:
        made = FeatureSet(features)
        made.refuse_other_than(kind_of(market))
        return dict(zip(made.names, made.extend(market.fields, 0, len(market), 0, kind_of(market)), strict=True))

    def stream() -> Update:
        made = FeatureSet(features)
        reads = {f.reads for f in features.values() if f.reads is not None}
        kind = min(reads, default=EventKind.BAR)
        return lambda fields: made.update(fields, 1, 0, kind)

    return Pipeline(name, compute, stream)


def kind_of(market: Market) -> EventKind:
    """Return the kind of all events."""
    return EventKind.BAR if isinstance(market, Bars) else market.kind_all


def head(market: Market, stop: int) -> Market:
    """Return the first ``stop`` events as a market of their own: copies, with no way to the rest."""
    fields = np.ascontiguousarray(market.fields[:, :stop])
    if isinstance(market, Bars):
        return Bars(market.instrument, market.ts_open[:stop].copy(), market.ts_event[:stop].copy(), fields)
    return replace(
        market,
        fields=fields,
        ts_open=market.ts_open[:stop].copy(),
        ts_event=market.ts_event[:stop].copy(),
        ts_seen=market.ts_seen[:stop].copy(),
        kind=None if market.kind is None else market.kind[:stop].copy(),
        instrument=None if market.instrument is None else market.instrument[:stop].copy(),
    )


def with_fields(market: Market, fields: Floats) -> Market:
    """Return the market with other fields and the same times."""
    return replace(market, fields=fields)


def columns_of(pipeline: Pipeline, market: Market, names: tuple[str, ...] | None = None) -> dict[str, Floats]:
    """Run a pipeline and check what it returned.

    Raises
    ------
    RunError
        If it fails, or returns no columns, others than ``names``, or columns that do not fit the events.
    """
    n = len(market)
    where = f"pipeline {pipeline.name}, on {n} events"
    try:
        made = pipeline.compute(market)
        columns = {str(k): np.asarray(v, np.float64) for k, v in made.items()}
    except RunError:
        raise
    except Exception as error:  # a user's function may raise anything at all
        said = str(error).split("\n", 1)[0]
        fix = "It must work on any number of events; give NaN where there are too few."
        raise RunError(f"it fails: {type(error).__name__}: {said}", where=where, fix=fix) from error
    if not columns:
        raise RunError("it returns no column", where=where, fix="Return one column for each feature.")
    for name, column in columns.items():
        if column.shape != (n,):
            what = f"column {name!r} has the shape {column.shape}"
            raise RunError(what, where=where, fix=f"Return one value for each of the {n} events.")
    if names is not None and set(columns) != set(names):
        odd = ", ".join(sorted(set(columns) ^ set(names)))
        raise RunError(f"it returns other columns than on all events: {odd}", where=where, fix="Return the same ones.")
    return {name: columns[name] for name in names or columns}


def first_difference(got: Floats, expected: Floats, tolerance: float, scale: float = 0.0) -> int:
    """Return the first place where two columns differ, -1 if nowhere; NaN equals NaN.

    ``tolerance`` is relative to the larger of the two values and ``scale``; 0 asks for equality.
    """
    if got.tobytes() == expected.tobytes():
        return -1
    is_same = (got == expected) | (np.isnan(got) & np.isnan(expected))
    if tolerance:
        with np.errstate(invalid="ignore"):
            size = np.maximum(np.maximum(np.abs(got), np.abs(expected)), scale)
            is_same |= np.abs(got - expected) <= tolerance * size
    different = np.flatnonzero(~is_same)
    return int(different[0]) if len(different) else -1


def scale_of(column: Floats) -> float:
    """Return the median size of a column's finite values, 0 where there are none."""
    finite = np.abs(column[np.isfinite(column)])
    return float(np.median(finite)) if len(finite) else 0.0


def stamps_of(market: Market) -> NDArray[np.int64]:
    """Return when each event happened, i8[n] ns UTC."""
    return market.ts_event
