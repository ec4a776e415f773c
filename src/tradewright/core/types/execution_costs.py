"""What trading one instrument costs, as distributions: the noun that the simulated venue draws from."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.dtypes import costs_dtype

#: The parts of the day between which costs differ; ``off_hours`` is when none of the three cities is at work.
SESSIONS = ("tokyo", "london", "new_york", "off_hours")
#: The probabilities at which a distribution is kept: its quantile sketch. Dense where costs hurt.
PROBABILITIES = (0.0, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99, 1.0)


_N = len(PROBABILITIES)


@dataclass(frozen=True, slots=True, eq=False)
class ExecutionCosts:
    """Distributions of one instrument's costs by session.

    Parameters
    ----------
    table : NDArray[np.float64]
        f8[4, 3 x 17 + 2] by `SESSIONS`, as `cost_table` lays it out.
    starts, labels : NDArray[np.int64]
        i8[k]: when a session begins, ns UTC ascending, and its number; before the first it is ``off_hours``.
    seed : int
        Of the draws, unsigned 64 bits.
    impact_bps : float
        Square-root market impact of an order of one lot, basis points; an order of n lots pays the root of n times it.
    draws_fills : bool
        An entry ends with the filled share that was drawn for it.
    """

    table: NDArray[np.float64]
    starts: NDArray[np.int64]
    labels: NDArray[np.int64]
    seed: int
    impact_bps: float = 0.0
    draws_fills: bool = False
    #: Addresses of the above for compiled code, filled in by `core.kernel.records`; belongs to this process.
    record: NDArray[np.void] = field(default_factory=lambda: np.zeros(1, costs_dtype), init=False, repr=False)

    @property
    def half_spread_bps(self) -> NDArray[np.float64]:
        """Half spread, basis points of the price, f8[4, 17] at `PROBABILITIES`."""
        return self.table[:, :_N]

    @property
    def slippage_bps(self) -> NDArray[np.float64]:
        """Slippage beyond it, f8[4, 17]; below zero it is an improvement."""
        return self.table[:, _N : 2 * _N]

    @property
    def late_share(self) -> NDArray[np.float64]:
        """Share of decisions that come later than their budget, f8[4]."""
        return self.table[:, 2 * _N]

    @property
    def late_bps(self) -> NDArray[np.float64]:
        """What such an entry pays on top, f8[4]."""
        return self.table[:, 2 * _N + 1]

    @property
    def fill_ratio(self) -> NDArray[np.float64]:
        """Filled share of an order that has ended, f8[4, 17]."""
        return self.table[:, 2 * _N + 2 :]


def cost_table(
    half_spread_bps: NDArray[np.float64],
    slippage_bps: NDArray[np.float64],
    late_share: NDArray[np.float64],
    late_bps: NDArray[np.float64],
    fill_ratio: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Return the table of `ExecutionCosts` from its parts: f8[4, 17] twice, f8[4] twice, f8[4, 17] (1 if not given)."""
    filled = np.ones((len(half_spread_bps), _N)) if fill_ratio is None else fill_ratio
    return np.ascontiguousarray(np.column_stack([half_spread_bps, slippage_bps, late_share, late_bps, filled]))
