"""From bars to the rows a model learns from, with what became of each, and a hash of everything."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.bar import Bars
from tradewright.core.types.errors import ModelError
from tradewright.core.types.feature import Feature
from tradewright.core.types.instrument import Instrument
from tradewright.core.types.rows import FeatureRows, Targets
from tradewright.data.feature_store import TIMES, FeatureStore
from tradewright.data.session_labels import open_cities
from tradewright.data.source import ArraySource
from tradewright.data.timeframe import DAY
from tradewright.engine.feature_build import FeatureRequest, SeenBars, build_features, read_seen
from tradewright.features.batch import compute
from tradewright.features.labels import average_uniqueness
from tradewright.features.leaks import Pipeline, pipeline_of
from tradewright.features.leaks.pipeline import columns_of
from tradewright.features.set_identity import set_identity
from tradewright.features.volatility import volatility_regime
from tradewright.research.labelling import LabelParams, label

#: Fewer rows than this say nothing about a model.
FEWEST = 100
_REGIMES = np.array(["calm", "usual", "wild"])


@dataclass(frozen=True, slots=True)
class MarketTable:
    """One instrument's bars with the features of each.

    Parameters
    ----------
    instrument : Instrument
        What is traded, with its costs.
    seen : SeenBars
        The bars, and when they were known.
    names : tuple of str
        The features.
    values : ndarray of float64, [n, k]
        Their values after each bar.
    feature_set_hash : str
        Identity of the set.
    digest : str
        Hash of the bars.
    pipeline : Pipeline
        Computes the same columns again, for the leak detectors.
    warmup : int
        Bars at the start whose features have not seen enough.
    known : mapping
        When the values of a column were known, i8[n] ns UTC, where that is not when the bar was.
    """

    instrument: Instrument
    seen: SeenBars
    names: tuple[str, ...]
    values: NDArray[np.float64]
    feature_set_hash: str
    digest: str
    pipeline: Pipeline
    warmup: int = 0
    known: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Context:
    """What is known about each row besides its features; all [n].

    ``uniqueness`` f8: share of its label that is its own. ``last_sign`` i8: direction of the newest return.
    ``session`` and ``regime``: indices into the words beside them, for figures by part.
    """

    uniqueness: NDArray[np.float64]
    last_sign: NDArray[np.int64]
    session: NDArray[np.str_]
    regime: NDArray[np.str_]

    def take(self, rows: NDArray[np.int64]) -> Context:
        """Return some of the rows."""
        return Context(self.uniqueness[rows], self.last_sign[rows], self.session[rows], self.regime[rows])


@dataclass(frozen=True, slots=True)
class Dataset:
    """Rows with a label, beside what became of them; the markets they are of; and what they are, as hashes.

    ``digest`` is over bars, features and labels; ``bars_digests`` are of the bars alone, by symbol.
    """

    rows: FeatureRows
    targets: Targets
    context: Context
    markets: tuple[MarketTable, ...]
    labels: LabelParams
    bars_digests: Mapping[str, str]
    digest: str

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.rows)

    @property
    def interval_ns(self) -> int:
        """The usual time between two bars of an instrument, ns."""
        return _interval(self.markets[0].seen.bars)

    def bare(self) -> Dataset:
        """Return the rows without their markets: all that a worker needs to fit and to forecast."""
        return replace(self, markets=())

    def take(self, rows: NDArray[np.int64]) -> Dataset:
        """Return some of the rows, with a digest of their own; markets stay whole."""
        whole = hashlib.blake2b(self.digest.encode() + rows.astype(np.int64).tobytes(), digest_size=16)
        return replace(
            self,
            rows=self.rows.take(rows),
            targets=self.targets.take(rows),
            context=self.context.take(rows),
            digest=whole.hexdigest(),
        )


def stored_market(
    request: FeatureRequest, store: FeatureStore, progress: Callable[[int], None] = lambda _rows: None
) -> MarketTable:
    """Return stored bars with their features, from the feature store where it has them.

    Raises
    ------
    UsageError, StoreError
        As `engine.feature_build.build_features`.
    """
    built = build_features(request, store, progress)
    seen = read_seen(request.source, request.reference)
    frame, features = built.stored.frame, request.features
    return MarketTable(
        instrument=request.source.instrument,
        seen=replace(seen, ts_known=frame[TIMES[2]].to_numpy()),
        names=tuple(features),
        values=np.ascontiguousarray(frame.select(list(features)).to_numpy(), np.float64),
        feature_set_hash=set_identity(features),
        digest=request.key.dataset + request.key.reference,
        pipeline=pipeline_of(features),
        warmup=max(f.warmup for f in features.values()),
    )


def market_of_features(instrument: Instrument, bars: Bars, features: Mapping[str, Feature]) -> MarketTable:
    """Return bars in memory with streaming features."""
    warmup = max(f.warmup for f in features.values())
    return market_of_pipeline(instrument, bars, pipeline_of(features), set_identity(features), warmup)


def market_of_pipeline(
    instrument: Instrument,
    bars: Bars,
    pipeline: Pipeline,
    feature_set_hash: str,
    warmup: int = 0,
) -> MarketTable:
    """Return bars in memory with the columns of any pipeline; each bar was known when it ended.

    Raises
    ------
    RunError
        If the pipeline fails.
    """
    columns = columns_of(pipeline, bars)
    return MarketTable(
        instrument=instrument,
        seen=SeenBars(bars, bars.ts_event, bars.ts_event),
        names=tuple(columns),
        values=np.column_stack(list(columns.values())),
        feature_set_hash=feature_set_hash,
        digest=ArraySource(instrument, bars).fingerprint,
        pipeline=pipeline,
        warmup=warmup,
    )


def build_dataset(markets: Sequence[MarketTable], labels: LabelParams) -> Dataset:
    """Return the rows of all markets that have features and a label, in order of time.

    Rows before the end of a feature's warm-up, and those whose label lies beyond the data, are left out.

    Raises
    ------
    ModelError
        If the markets have different features, a feature has no value at all, or too few rows are left.
    """
    first = markets[0]
    for market in markets:
        if (market.names, market.feature_set_hash) != (first.names, first.feature_set_hash):
            what = f"{market.instrument.symbol} and {first.instrument.symbol} have different features"
            raise ModelError(what, where="features", fix="Compute the same set for both.")
    parts = [_part(market, number, labels) for number, market in enumerate(markets)]
    stamps = np.concatenate([p.rows.ts_event for p in parts])
    order = np.lexsort((np.concatenate([p.rows.instrument for p in parts]), stamps))
    rows = _joined_rows(parts, order, tuple(m.instrument.symbol for m in markets))
    _refuse_poor(rows, labels)
    uniqueness = np.concatenate([p.context.uniqueness for p in parts])[order]
    targets = Targets(
        direction=np.concatenate([p.targets.direction for p in parts])[order],
        growth=np.concatenate([p.targets.growth for p in parts])[order],
        ts_end=np.concatenate([p.targets.ts_end for p in parts])[order],
        weight=uniqueness / uniqueness.mean(),
        horizon_ns=labels.bars * _interval(first.seen.bars),
    )
    context = Context(
        uniqueness,
        np.concatenate([p.context.last_sign for p in parts])[order],
        np.concatenate([p.context.session for p in parts])[order],
        np.concatenate([p.context.regime for p in parts])[order],
    )
    digests = {m.instrument.symbol: m.digest for m in markets}
    text = "\0".join([*(f"{s}={d}" for s, d in sorted(digests.items())), first.feature_set_hash, labels.target])
    digest = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    return Dataset(rows, targets, context, tuple(markets), labels, digests, digest)


@dataclass(frozen=True, slots=True)
class _Part:
    """The rows of one market."""

    rows: FeatureRows
    targets: Targets
    context: Context


def _part(market: MarketTable, number: int, params: LabelParams) -> _Part:
    bars = market.seen.bars
    made = label(bars, params)
    keep = np.flatnonzero(made.start >= market.warmup)
    start = made.start[keep]
    uniqueness = average_uniqueness(made.start, made.end, len(bars))[keep] if len(made) else np.empty(0)
    rows = FeatureRows(
        names=market.names,
        values=np.ascontiguousarray(market.values[start]),
        symbols=(market.instrument.symbol,),
        instrument=np.full(len(start), number, np.int64),
        ts_event=bars.ts_event[start],
        ts_seen=np.maximum(market.seen.ts_known[start], bars.ts_event[start]),
        feature_set_hash=market.feature_set_hash,
    )
    targets = Targets(made.value[keep].astype(np.int64), made.growth[keep], made.ts_end[keep], np.ones(len(start)), 0)
    change = np.sign(np.diff(bars.close, prepend=bars.close[:1])).astype(np.int64)
    words = _session_words(bars)[start], _regime_words(bars)[start]
    return _Part(rows, targets, Context(uniqueness, change[start], *words))


def _joined_rows(parts: Sequence[_Part], order: NDArray[np.int64], symbols: tuple[str, ...]) -> FeatureRows:
    first = parts[0].rows
    return FeatureRows(
        names=first.names,
        values=np.ascontiguousarray(np.concatenate([p.rows.values for p in parts])[order]),
        symbols=symbols,
        instrument=np.concatenate([p.rows.instrument for p in parts])[order],
        ts_event=np.concatenate([p.rows.ts_event for p in parts])[order],
        ts_seen=np.concatenate([p.rows.ts_seen for p in parts])[order],
        feature_set_hash=first.feature_set_hash,
    )


def _refuse_poor(rows: FeatureRows, labels: LabelParams) -> None:
    """Refuse too few rows, and features without any value."""
    if len(rows) < FEWEST:
        what = f"{len(rows)} rows have features and a label {labels.bars} bars ahead, at least {FEWEST} are needed"
        fix = "Give more bars, a shorter horizon, or features that need fewer bars to warm up."
        raise ModelError(what, where=", ".join(rows.symbols), fix=fix)
    empty = [name for k, name in enumerate(rows.names) if np.isnan(rows.values[:, k]).all()]
    if empty:
        what = f"without any value: {', '.join(empty)}"
        fix = f"These bars lack what they read. Leave them out: features.without: [{', '.join(empty)}]."
        raise ModelError(what, where="features", fix=fix)


def _session_words(bars: Bars) -> NDArray[np.str_]:
    """Return which cities' business hours each bar ends in; days have no hours."""
    if _interval(bars) >= DAY:
        return np.full(len(bars), "day")
    is_open = open_cities(bars.ts_event)
    tokyo, london, new_york = is_open["tokyo"], is_open["london"], is_open["new_york"]
    chosen = [london & new_york, london, new_york, tokyo]
    words: NDArray[np.str_] = np.select(chosen, ["london+new_york", "london", "new_york", "tokyo"], "quiet")
    return words


def _regime_words(bars: Bars) -> NDArray[np.str_]:
    """Return calm, usual or wild: how volatile the last 20 bars were among the last 250; unknown before."""
    regime = compute(volatility_regime(), bars)
    known = ~np.isnan(regime)
    words = np.full(len(bars), "unknown")
    words[known] = _REGIMES[regime[known].astype(np.int64)]
    return words


def _interval(bars: Bars) -> int:
    return int(np.median(np.diff(bars.ts_event))) if len(bars) > 1 else DAY
