"""The ports of market data: through which it comes in, implemented by every vendor's adapter, and where it is kept.

History comes in pieces: a source says which pieces make up what is wanted; each can be fetched by itself, in any
order, in parallel, and again. A live feed is one ordered stream of nouns.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from tradewright.core.types.bar import Bar, Bars
from tradewright.core.types.events import MarketEvents
from tradewright.core.types.feed import FeedGap
from tradewright.core.types.quote import Quote
from tradewright.core.types.trade import Trade
from tradewright.data.catalogue import Dataset, Partition
from tradewright.data.importer import Imported
from tradewright.data.instruments import InstrumentParams
from tradewright.data.kinds import Kind
from tradewright.data.quality import Findings
from tradewright.data.writing import Written


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which history: rows that begin within ``[start, end)``, ns UTC.

    ``timeframe`` is as `data.timeframe` names it: ``1s``, ``1m``, ``1h``, ``1d``, or ``tick`` for quotes and trades.
    """

    symbol: str
    kind: Kind
    timeframe: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of what is wanted that is fetched as a whole: rows that begin within ``[start, end)``, ns UTC.

    ``key`` names the piece for people and on disk (``[A-Za-z0-9._-]`` only) and changes with everything that decides
    its content.
    """

    key: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Fetched:
    """The rows of one piece.

    Parameters
    ----------
    frame : polars.DataFrame
        As `data.kinds.schema` describes it, ascending in time, without duplicates, inside the piece.
    origin : str
        Where the rows came from, without secrets: an archive's name, an endpoint.
    sha256 : str
        Of the archive, where the venue publishes a checksum and it was verified; else empty.
    is_final : bool
        False where the venue may still extend these rows (the day is not over); such a piece is asked for again.
    quarantined : polars.DataFrame or None
        Rows that were refused: columns ``reason`` and ``row`` (the row as received, text). Never silently dropped.
    notes : tuple of str
        What people should know: duplicates removed, pages that came out of order.
    """

    frame: pl.DataFrame
    origin: str
    sha256: str = ""
    is_final: bool = True
    quarantined: pl.DataFrame | None = None
    notes: tuple[str, ...] = ()


class HistorySource(Protocol):
    """A vendor's history."""

    @property
    def name(self) -> str:
        """Name of the vendor, as on the command line."""

    def pieces(self, wanted: Wanted) -> tuple[Piece, ...]:
        """Return the pieces in order of time; they touch but do not overlap.

        Raises
        ------
        UsageError
            If the vendor does not have this kind, timeframe or symbol form.
        """

    async def fetch(self, wanted: Wanted, piece: Piece) -> Fetched:
        """Fetch one piece, with the vendor's limits and retries.

        Raises
        ------
        SourceError
            If the vendor refuses or keeps failing; says what to do.
        """

    async def close(self) -> None:
        """Release connections."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What to listen to; ``timeframe`` as in `Wanted`."""

    symbol: str
    kind: Kind
    timeframe: str = "tick"


class LiveSource(Protocol):
    """A vendor's live feed."""

    @property
    def name(self) -> str:
        """Name of the vendor."""

    def stream(self, subscriptions: Sequence[Subscription]) -> AsyncIterator[Bar | Quote | Trade | FeedGap]:
        """Yield nouns as they arrive, reconnecting for ever; what may be missing is said by a `FeedGap`.

        Bars are yielded once, when complete. Times: ``ts_event`` by the venue, ``ts_seen`` by our clock on receipt.
        """


class MarketStore(Protocol):
    """Where market data is kept. Equal rows give equal frames and equal digests in every store.

    Every write is a new version and the old ones stay readable (docs/decisions/0007-store-versions.md). All times are
    ns UTC; ``start`` and ``end`` bound rows that lie wholly within, None is open-ended.
    """

    @property
    def place(self) -> str:
        """Where the store is, for messages; never holds a secret."""

    def list(self, kind: Kind | None = None) -> tuple[Dataset, ...]:
        """Return the newest version of every data set, by kind, symbol and timeframe."""

    def versions(self, symbol: str, timeframe: str, kind: Kind = Kind.BARS) -> tuple[Dataset, ...]:
        """Return every version that is kept, oldest first."""

    def describe(self, symbol: str, timeframe: str, kind: Kind = Kind.BARS, *, version: int | None = None) -> Dataset:
        """Return a data set's catalogue entry; raises UsageError where there is none."""

    def find(self, symbol: str, timeframe: str, kind: Kind, digest: str, definition: str = "") -> Dataset:
        """Return the newest version with this content; raises StoreError where none is kept."""

    def fingerprint(self, symbol: str, timeframe: str, kind: Kind = Kind.BARS) -> str:
        """Return the hash of a data set's content."""

    def load(
        self,
        symbol: str,
        timeframe: str,
        start: int | None = None,
        end: int | None = None,
        *,
        version: int | None = None,
        as_of_ns: int | None = None,
    ) -> Bars:
        """Return bars of the newest or an older version, or as known at a moment."""

    def load_events(
        self,
        symbol: str,
        kind: Kind,
        start: int | None = None,
        end: int | None = None,
        *,
        version: int | None = None,
        as_of_ns: int | None = None,
    ) -> MarketEvents:
        """Return quotes or trades as events; as `load` does."""

    def blocks(
        self,
        symbol: str,
        timeframe: str,
        start: int | None = None,
        end: int | None = None,
        rows: int = 100_000,
        *,
        version: int | None = None,
    ) -> Iterator[Bars]:
        """Yield bars in blocks, one partition in memory at a time."""

    def frame(
        self, dataset: Dataset, start: int | None = None, end: int | None = None, *, as_of_ns: int | None = None
    ) -> pl.DataFrame:
        """Return the rows of one version as its canonical frame."""

    def read(self, dataset: Dataset, partition: Partition) -> pl.DataFrame:
        """Return the rows of one partition."""

    def check(self, dataset: Dataset) -> Findings:
        """Run every quality rule over a stored data set."""

    def damaged(self, dataset: Dataset) -> tuple[str, ...]:
        """Return the partitions whose content is not what the catalogue says."""

    def write(self, imported: Imported, params: InstrumentParams, *, replace: bool = False) -> Written:
        """Store checked rows as a new version, all or nothing; other rows are corrected only with ``replace``."""
