"""Trades printed by the venue."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trade:
    """One print; ``aggressor`` is +1 when a buyer took liquidity, -1 a seller, 0 unknown."""

    instrument: str
    ts_event: int
    ts_seen: int
    price: float
    size: float
    aggressor: int
