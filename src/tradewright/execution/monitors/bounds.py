"""Bounds of what is measured while trading: an alert when the newest samples leave them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from statistics import median
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Bound = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class MonitorBounds(BaseModel):
    """The most that the median of the newest ``samples`` of an instrument (for pings: of the venue) may be.

    Basis points and milliseconds; None: it is measured, and nobody is told. ``equity_gap`` is by how much the account
    may have moved beyond what the session knows of (`money.MoneyWatch`), a share of equity.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    shortfall_bps: Bound | None = None
    slippage_bps: Bound | None = None
    accept_ms: Bound | None = None
    fill_ms: Bound | None = None
    ping_ms: Bound | None = None
    equity_gap: Bound | None = 0.02
    samples: Annotated[int, Field(ge=1, le=1000)] = 20

    def of(self, quantity: str) -> float | None:
        """Return the bound of a quantity."""
        found: float | None = getattr(self, quantity)
        return found


@dataclass(slots=True)
class BoundWatch:
    """Compares the newest samples with their bounds; ``beyond``: what a person was told of."""

    bounds: MonitorBounds
    newest: dict[tuple[str, str], deque[float]] = field(default_factory=dict)
    beyond: set[tuple[str, str]] = field(default_factory=set)

    def take(self, subject: str, quantity: str, value: float) -> str:
        """Take in a sample; return what a person should read, once each time that a bound is left, else ""."""
        bound = self.bounds.of(quantity)
        if bound is None:
            return ""
        key, most = (subject, quantity), self.bounds.samples
        newest = self.newest.setdefault(key, deque(maxlen=most))
        newest.append(value)
        middle = median(newest)
        if len(newest) < most or middle <= bound:
            self.beyond.discard(key)
            return ""
        if key in self.beyond:
            return ""
        self.beyond.add(key)
        return f"{subject}: the median {quantity} of the newest {most} is {middle:.2f}, the bound is {bound:g}"
