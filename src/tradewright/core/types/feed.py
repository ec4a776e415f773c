"""What a live feed says about itself, in the same stream as the market."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FeedGap:
    """Messages of an instrument may be missing in ``(ts_from, ts_to]``, ns UTC.

    Whoever holds state that depends on every message (a bar being built, a queue, a feature) must repair or distrust
    it from here on. ``reason``: ``disconnected``, ``silent``, ``sequence`` or ``overflow``; more may be said after a
    colon.
    """

    instrument: str
    ts_from: int
    ts_to: int
    reason: str
