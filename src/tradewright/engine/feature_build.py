"""From stored bars to a stored table of features: the one place that knows both layers.

It stands in the engine because the engine puts stages together, and because research, promotion and the command line
all need it and lie above. The data layer keeps tables and knows no feature; the features layer computes and knows no
store.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradewright.core.types.bar import Bars
from tradewright.core.types.errors import ConfigError
from tradewright.core.types.events import EventKind
from tradewright.core.types.feature import Feature
from tradewright.data.catalogue import definition_digest
from tradewright.data.feature_store import TIMES, FeatureColumn, FeatureKey, FeatureStore, StoredFeatures
from tradewright.data.reference import with_reference
from tradewright.data.source import StoreSource
from tradewright.data.store import to_bars
from tradewright.features.feature_set import FeatureSet
from tradewright.features.set_identity import feature_identity, set_identity

_BLOCK = 65_536


@dataclass(frozen=True, slots=True)
class FeatureRequest:
    """Which features of which bars; ``reference`` are the bars that cross-asset features compare with."""

    source: StoreSource
    features: Mapping[str, Feature]
    reference: StoreSource | None = None

    @property
    def key(self) -> FeatureKey:
        """The key of the table, computed without reading a row."""
        source = self.source
        reference = "" if self.reference is None else _dataset(self.reference)
        return FeatureKey(source.symbol, source.timeframe, _dataset(source), set_identity(self.features), reference)


@dataclass(frozen=True, slots=True)
class SeenBars:
    """Bars, and when they were seen: ``ts_seen`` i8[n] ns UTC of the row itself, ``ts_known`` of it and all before."""

    bars: Bars
    ts_seen: NDArray[np.int64]
    ts_known: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class BuiltFeatures:
    """A table; whether it was there already; and what there is to say, such as a damaged file that was replaced."""

    stored: StoredFeatures
    is_reused: bool
    notes: tuple[str, ...]


def build_features(
    request: FeatureRequest, store: FeatureStore, progress: Callable[[int], None] = lambda _rows: None
) -> BuiltFeatures:
    """Return the table of features, from the store if it has this very one, else computed and stored.

    The whole table is held in memory: 8 bytes a value.

    Parameters
    ----------
    request : FeatureRequest
        What is wanted.
    store : FeatureStore
        Where tables are kept.
    progress : callable
        Told how many more rows are done.

    Raises
    ------
    UsageError
        If the store has no such bars, a feature reads something else, or a name is taken.
    StoreError
        If bars cannot be read, or the table cannot be written.
    """
    check_names(request.features)
    request = _pinned(request)
    key = request.key
    lookup = store.find(key)
    if lookup.found is not None:
        return BuiltFeatures(lookup.found, True, ())
    frame = feature_frame(read_seen(request.source, request.reference), request.features, progress)
    columns = tuple(
        FeatureColumn(name=name, feature=f.key, code=feature_identity(f)) for name, f in request.features.items()
    )
    notes = (f"{lookup.note}; built again",) if lookup.note else ()
    return BuiltFeatures(store.write(key, columns, frame), False, notes)


def check_names(features: Mapping[str, Feature]) -> None:
    """Refuse names that a table cannot have.

    Raises
    ------
    ConfigError
        If there is no feature, or one has the name of a time column or none.
    """
    if not features:
        raise ConfigError("there is no feature in the set", fix="Name at least one.")
    for name in features:
        if not name.strip() or name in TIMES:
            raise ConfigError(f"{name!r} cannot be the name of a feature", fix=f"Not allowed: {', '.join(TIMES)}.")


def read_seen(source: StoreSource, reference: StoreSource | None = None) -> SeenBars:
    """Return stored bars with the times at which they were seen, the reference beside them where there is one.

    Raises
    ------
    UsageError, StoreError
        As `StoreSource.bars`.
    """
    dataset = source.dataset
    frame = source.store.frame(dataset, source.start, source.end)
    bars = to_bars(dataset, frame) if len(frame) else source.bars()  # which says what range there is
    seen = frame["ts_seen"].to_numpy().copy()
    known: NDArray[np.int64] = np.maximum.accumulate(seen)
    if reference is not None:
        other = read_seen(reference)
        bars = with_reference(bars, other.bars)
        place = np.searchsorted(other.bars.ts_event, bars.ts_event, side="right") - 1
        theirs = np.where(place >= 0, other.ts_known[np.maximum(place, 0)], known)
        known = np.maximum.accumulate(np.maximum(known, theirs))
    return SeenBars(bars, seen, known)


def newest_bars(seen: SeenBars, count: int) -> SeenBars:
    """Return the newest bars alone; all, if there are no more."""
    first = max(len(seen.bars) - count, 0)
    bars = seen.bars
    fields = np.ascontiguousarray(bars.fields[:, first:])
    cut = Bars(bars.instrument, bars.ts_open[first:], bars.ts_event[first:], fields)
    return SeenBars(cut, seen.ts_seen[first:], seen.ts_known[first:])


def feature_frame(
    seen: SeenBars, features: Mapping[str, Feature], progress: Callable[[int], None] = lambda _rows: None
) -> pl.DataFrame:
    """Return `TIMES` and one column for each feature.

    ``ts_seen`` of a row is the latest of all bars up to it: before that moment its values could not be known.

    Raises
    ------
    ConfigError
        If a feature reads quotes or trades.
    """
    made, bars = FeatureSet(features), seen.bars
    made.refuse_other_than(EventKind.BAR)
    values = np.empty((len(features), len(bars)))
    for start in range(0, len(bars), _BLOCK):
        stop = min(start + _BLOCK, len(bars))
        values[:, start:stop] = made.extend(bars.fields, start, stop)
        progress(stop - start)
    times = dict(zip(TIMES, (bars.ts_open, bars.ts_event, seen.ts_known), strict=True))
    return pl.DataFrame(times | dict(zip(made.names, values, strict=True)))


def _pinned(request: FeatureRequest) -> FeatureRequest:
    """Name the versions, so that the key and the rows are of the same ones whoever writes meanwhile."""
    source, reference = request.source, request.reference
    pinned = replace(source, version=source.dataset.version)
    beside = None if reference is None else replace(reference, version=reference.dataset.version)
    return replace(request, source=pinned, reference=beside)


def _dataset(source: StoreSource) -> str:
    """Return the hash of rows, range and definition: the calendar in it decides what the clock of the bars says."""
    dataset = source.dataset
    whole = f"{source.symbol} {source.timeframe} {source.fingerprint} {definition_digest(dataset.instrument)}"
    return hashlib.blake2b(whole.encode(), digest_size=16).hexdigest()
