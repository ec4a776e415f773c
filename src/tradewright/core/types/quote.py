"""Quotes: the best bid and ask."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quote:
    """Top of the book; sizes in units."""

    instrument: str
    ts_event: int
    ts_seen: int
    bid: float
    ask: float
    bid_size: float
    ask_size: float
