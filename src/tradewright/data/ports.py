"""The ports through which market data comes in; every vendor's adapter implements them.

History comes in pieces: a source says which pieces make up what is wanted; each can be fetched by itself, in any
order, in parallel, and again. A live feed is one ordered stream of nouns.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from tradewright.core.types.bar import Bar
from tradewright.core.types.feed import FeedGap
from tradewright.core.types.quote import Quote
from tradewright.core.types.trade import Trade
from tradewright.data.kinds import Kind


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


def spans(wanted: Wanted, length: int) -> Iterator[tuple[int, int]]:
    """Yield begin and end of the multiples of a length (ns) since 1970 that are wanted, cut to what is wanted."""
    start = wanted.start
    while start < wanted.end:
        end = min((start // length + 1) * length, wanted.end)
        yield start, end
        start = end


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
