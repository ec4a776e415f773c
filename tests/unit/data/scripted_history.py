"""A vendor in memory that does what a test says: bars that follow from their times, in pieces of a day."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import polars as pl

from tradewright.core.types.errors import SourceError
from tradewright.data.kinds import Kind, canonical
from tradewright.data.ports import Fetched, Piece, Wanted

MINUTE = 60 * 10**9
HOUR = 60 * MINUTE
DAY = 24 * HOUR
START = 1_704_067_200 * 10**9  # 2024-01-01


def hourly(start: int, end: int, shift: float = 0.0) -> pl.DataFrame:
    """Return the vendor's hourly bars that begin within ``[start, end)``; ``shift`` makes others of them."""
    first = -(-start // HOUR)
    hours = np.arange(first, max(first, -(-end // HOUR)), dtype=np.int64)
    close = np.round(100.0 + 5.0 * np.sin(hours / 9.0) + shift, 2)
    ts = hours * HOUR
    values = {"open": close, "high": close + 1.0, "low": close - 1.0, "close": close, "volume": close * 0.0 + 10.0}
    return canonical(pl.DataFrame({"ts_open": ts, "ts_event": ts + HOUR, "ts_seen": ts + HOUR} | values), Kind.BARS)


@dataclass
class ScriptedHistory:
    """Implements `HistorySource`.

    Parameters
    ----------
    now : int
        Bars end by then, and a day is final once it is over, ns UTC.
    failures : dict
        Piece key -> errors its next fetches raise, in order.
    answers : dict
        Piece key -> what it holds in place of the bars.
    shift : float
        Added to every price: the vendor's rows are now others.
    """

    now: int = START + 1000 * DAY
    failures: dict[str, list[BaseException]] = field(default_factory=dict)
    answers: dict[str, Fetched] = field(default_factory=dict)
    shift: float = 0.0
    name: str = "scripted"
    split: Sequence[Piece] | None = None
    asked: list[str] = field(default_factory=list)
    most_at_once: int = 0
    _open: int = 0

    def pieces(self, wanted: Wanted) -> tuple[Piece, ...]:
        if self.split is not None:
            return tuple(self.split)
        edges = [wanted.start, *range(wanted.start // DAY * DAY + DAY, wanted.end, DAY), wanted.end]
        return tuple(Piece(key_of(a, b), a, b) for a, b in pairwise(edges))

    async def fetch(self, wanted: Wanted, piece: Piece) -> Fetched:
        assert wanted.timeframe == "1h"
        self.asked.append(piece.key)
        self._open += 1
        self.most_at_once = max(self.most_at_once, self._open)
        try:
            for _ in range(1 + zlib.crc32(piece.key.encode()) % 7):  # pieces do not arrive in order
                await asyncio.sleep(0)
            if self.failures.get(piece.key):
                raise self.failures[piece.key].pop(0)
            if piece.key in self.answers:
                return self.answers[piece.key]
            frame = hourly(piece.start, min(piece.end, self.now), self.shift).filter(pl.col("ts_event") <= self.now)
            return Fetched(frame, f"scripted/{piece.key}", is_final=piece.end <= self.now)
        finally:
            self._open -= 1

    async def close(self) -> None:
        """Nothing is open."""


def key_of(start: int, end: int) -> str:
    """Return the name of a piece of hours."""
    return f"h{(start - START) // HOUR}-{(end - START) // HOUR}"


def broken(text: str = "HTTP 503 eight times") -> SourceError:
    """Return what an adapter raises when it gives up."""
    return SourceError(text, where="scripted", fix="Try again later.")
