"""What a pattern has been worth: a named condition with a record of wins, and how far that record may move a forecast.

Few observations prove little. A record is therefore shrunk towards the base rate as if so many earlier cases had come
out like the base rate (the mean of a beta-binomial posterior), and what is left moves a probability by a cap that is
small until the record is long enough.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.forecast import Forecasts


@dataclass(frozen=True, slots=True)
class Pattern:
    """A condition and its record: in ``wins`` of ``total`` cases the price rose. ``condition`` says it in full."""

    name: str
    condition: str
    wins: int = 0
    total: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.wins <= self.total:
            msg = f"{self.wins} wins of {self.total} cases"
            raise ValueError(msg)

    @property
    def key(self) -> str:
        """16 hex digits over name and condition: a condition that is changed begins a record of its own."""
        return hashlib.blake2b(f"{self.name}\0{self.condition}".encode(), digest_size=8).hexdigest()

    def after(self, *, is_win: bool) -> Pattern:
        """Return the record with one more case."""
        return replace(self, wins=self.wins + is_win, total=self.total + 1)


@dataclass(frozen=True, slots=True)
class PatternParams:
    """How far records count.

    ``prior``: cases like the base rate that every record begins with; ``floor``: cases below which the influence is at
    most ``early_cap``; ``cap``: largest influence ever. Caps are in probability.
    """

    prior: float = 50.0
    floor: int = 100
    early_cap: float = 0.01
    cap: float = 0.05


def influence(pattern: Pattern, base_rate: float, params: PatternParams | None = None) -> float:
    """Return by how much a pattern moves the probability of a rise.

    More wins of as many cases never lower it; it is never beyond the cap, and 0 for a record like the base rate.

    Parameters
    ----------
    pattern : Pattern
        Its record up to now, not beyond.
    base_rate : float
        Share of rises without looking at the pattern.
    params : PatternParams, optional
        Shrinking and caps.
    """
    p = params or PatternParams()
    # Of a record without cases and a prior of zero nothing is known: the base rate stands.
    shrunk = (pattern.wins + p.prior * base_rate) / (pattern.total + p.prior) if pattern.total + p.prior else base_rate
    limit = p.cap if pattern.total >= p.floor else min(p.early_cap, p.cap)
    return float(np.clip(shrunk - base_rate, -limit, limit))


def shifts_over_time(
    pattern: Pattern,
    holds: NDArray[np.bool_],
    rose: NDArray[np.bool_],
    bars: int,
    params: PatternParams | None = None,
) -> NDArray[np.float64]:
    """Return the influence of a pattern at each bar, f8[n], by the record known at its end; 0 where it does not hold.

    Parameters
    ----------
    pattern : Pattern
        With the record from before the first bar.
    holds : bool[n]
        Whether the condition was true at the end of each bar.
    rose : bool[n]
        Whether the close ``bars`` later was higher; the last ``bars`` of it are never read.
    bars : int
        After how many bars a case is decided; only then does it count.
    """
    shifts = np.zeros(len(holds))
    total, wins, rises = (np.cumsum(part) for part in (holds, holds & rose, rose))
    for i in np.flatnonzero(holds[bars:]) + bars:
        known = i - bars
        record = replace(pattern, wins=pattern.wins + int(wins[known]), total=pattern.total + int(total[known]))
        shifts[i] = influence(record, float(rises[known]) / (known + 1.0), params)
    return shifts


def with_pattern(forecasts: Forecasts, holds: NDArray[np.bool_], shift: float | NDArray[np.float64]) -> Forecasts:
    """Return forecasts in which a pattern moved probability between up and down where it held.

    What is moved stays within what there is: no probability leaves 0 to 1, and flat is not touched.

    Parameters
    ----------
    forecasts : Forecasts
        Of one instrument.
    holds : bool[n]
        Whether the condition was true when each forecast was made, by what was known then.
    shift : float or f8[n]
        `influence` of the record at that time.
    """
    values = forecasts.values.copy()
    up, down = values[0], values[1]
    moved = np.where(holds, np.clip(shift, -up, down), 0.0)
    values[0], values[1] = up + moved, down - moved
    return replace(forecasts, values=values)
