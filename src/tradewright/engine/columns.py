"""The feature columns of a sweep: each computed once, whichever of the parameter sets ask for it."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.events import MarketEvents
from tradewright.core.types.feature import Feature
from tradewright.features import FeatureSet
from tradewright.features.lag import origin

Columns = dict[str, NDArray[np.float64]]


def columns_of(features: Mapping[str, Feature], events: MarketEvents, pool: Executor) -> Columns:
    """Return the values over all events, f8[n], of each of the features by key.

    A feature that is another one some events earlier is a view of that one's column.
    """
    # an event earlier is a place earlier only where one market's events of one kind stand side by side
    is_plain = events.kind is None and events.instrument is None
    wanted = {key: origin(feature) if is_plain else (feature, 0) for key, feature in features.items()}
    sources = {source.key: source for source, _ in wanted.values()}
    n, lead = len(events), max((back for _, back in wanted.values()), default=0)
    # one block, which the system hands out in large pages: a third of the time of an array for each
    block = np.empty((len(sources), lead + n))
    block[:, :lead] = np.nan
    rows = dict(zip(sources, block, strict=True))
    list(pool.map(lambda source: _fill(rows[source.key][lead:], source, events), sources.values()))
    return {key: rows[source.key][lead - back :][:n] for key, (source, back) in wanted.items()}


def _fill(column: NDArray[np.float64], feature: Feature, events: MarketEvents) -> None:
    """Compute one feature over all events, instrument by instrument."""
    features = FeatureSet({"only": feature})
    if events.kind is None:
        features.refuse_other_than(events.kind_all)
    if events.instrument is None:
        kind = int(events.kind_all) if events.kind is None else events.kind
        features.extend(events.fields, 0, len(events), kind=kind, out=column[np.newaxis])
        return
    for j in np.unique(events.instrument):
        mine = np.flatnonzero(events.instrument == j)
        fields = np.ascontiguousarray(events.fields[:, mine])
        column[mine] = features.extend(fields, 0, len(mine), int(j), events.kinds[mine])[0]
