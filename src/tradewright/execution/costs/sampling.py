"""From a version of the model to what the simulated venue draws from, and the same draws in plain Python.

A draw depends on the seed, the instrument and the order's id, and on nothing else: not on how often anybody asked, nor
on the order of asking. So the loop and the session draw the same, and so does whoever asks later what to expect.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from tradewright.core.types.errors import ConfigError
from tradewright.core.types.execution_costs import PROBABILITIES, SESSIONS, ExecutionCosts, cost_table
from tradewright.core.types.instrument import Instrument
from tradewright.execution.costs.measuring import session_of
from tradewright.execution.costs.model import ALL, CostModel, Found, Liquidity, Question, find

#: Numbers of the independent draws of one order.
SPREAD, SLIPPAGE, LATENESS, FILLED = range(4)
_MASK = 2**64 - 1
#: Rows of a latency table, which are taken in turn.
_LATENCIES = 1_021


class SamplingParams(BaseModel):
    """How a run uses the model.

    ``min_samples``: a pool with fewer gives way to a wider one. ``latency_budget_ms``: an entry decided later than this
    pays the 90th percentile of slippage on top; none without it. ``impact``: coefficient of the square-root law, about
    1 in most studies; 0 = none. ``partial_fills``: an entry ends with a filled share drawn for it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    min_samples: Annotated[int, Field(ge=1)] = 100
    latency_budget_ms: Annotated[float, Field(gt=0)] | None = None
    impact: Annotated[float, Field(ge=0, le=10)] = 0.0
    partial_fills: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """Where one number of an instrument came from."""

    symbol: str
    session: str
    quantity: str
    found: Found


def sampled_costs(
    model: CostModel,
    instrument: Instrument,
    asked: Question,
    sessions: tuple[NDArray[np.int64], NDArray[np.int64]] | None,
    params: SamplingParams,
    seed: int,
) -> tuple[ExecutionCosts, tuple[Told, ...]]:
    """Return what the venue draws from for one instrument, and which pools answered.

    ``sessions``: when they begin, i8[k] ns UTC, and their numbers; None where a bar is longer than they are, and all
    of them together answer.

    Raises
    ------
    ConfigError
        If market impact is asked for and the model does not know the instrument's volume.
    """
    told = [
        Told(asked.symbol, session, quantity, find(model, asked, session, quantity))
        for session in (SESSIONS if sessions is not None else (ALL,))
        for quantity, is_drawn in (
            ("half_spread_bps", True),
            ("slippage_bps", True),
            ("latency_ms", params.latency_budget_ms is not None),
            ("fill_ratio", params.partial_fills),
        )
        if is_drawn
    ]
    by = {(t.session, t.quantity): t.found.distribution for t in told}
    names = SESSIONS if sessions is not None else (ALL,) * len(SESSIONS)
    nothing = np.zeros(0, np.int64)
    late_share, late_bps = np.zeros(len(SESSIONS)), np.zeros(len(SESSIONS))
    for n, session in enumerate(names):
        if params.latency_budget_ms is not None:
            late_share[n] = by[session, "latency_ms"].share_above(params.latency_budget_ms)
            late_bps[n] = max(by[session, "slippage_bps"].p90, 0.0)
    costs = ExecutionCosts(
        cost_table(
            np.array([by[session, "half_spread_bps"].quantiles for session in names]),
            np.array([by[session, "slippage_bps"].quantiles for session in names]),
            late_share,
            late_bps,
            np.array([by[session, "fill_ratio"].quantiles for session in names]) if params.partial_fills else None,
        ),
        starts=nothing if sessions is None else sessions[0],
        labels=nothing if sessions is None else sessions[1],
        seed=instrument_seed(seed, asked.symbol),
        impact_bps=impact_bps(params.impact, model.liquidity.get(asked.symbol), instrument),
        draws_fills=params.partial_fills,
    )
    return costs, tuple(told)


def drawn_latency(model: CostModel, asked: Question, seed: int) -> tuple[tuple[tuple[float, float], ...], Found]:
    """Return pairs (request, answer) in ms for the latency table of a venue, and the pool they were drawn from.

    What is measured is decision to fill: all of it lies on the way to the venue, and answers take no time of their own.
    """
    found = find(model, asked, ALL, "latency_ms")
    own = instrument_seed(seed, f"{asked.symbol}/latency")
    draws = (max(found.distribution.at(uniform(own, row, 0)), 0.0) for row in range(_LATENCIES))
    return tuple((round(ms, 6), 0.0) for ms in draws), found


def impact_bps(coefficient: float, liquidity: Liquidity | None, instrument: Instrument) -> float:
    """Return the impact of an order of one lot, basis points: coefficient x daily volatility x root of its share.

    The square-root law: Almgren, Thum, Hauptmann, Li, "Direct estimation of equity market impact" (2005); Tóth et al.,
    "Anomalous price impact and the critical nature of liquidity" (2011).

    Raises
    ------
    ConfigError
        If there is no measured volume.
    """
    if coefficient == 0.0:
        return 0.0
    if liquidity is None:
        raise ConfigError(
            f"market impact of {instrument.symbol} needs its daily volume, which the model does not know",
            where="costs.impact",
            fix="Measure from bars with volume, `tradewright costs measure`, or set it to 0.",
        )
    share = float(instrument.lot) / liquidity.daily_units
    return float(coefficient * liquidity.daily_volatility * 1e4 * share**0.5)


def mean_fees(model: CostModel, asked: Question) -> tuple[Found, Found]:
    """Return what taking and resting cost in commission."""
    taker, maker = (find(model, asked, ALL, quantity) for quantity in ("taker_fee_bps", "maker_fee_bps"))
    return taker, maker


def instrument_seed(seed: int, symbol: str) -> int:
    """Return the seed of one instrument's draws, 64 bits."""
    return int.from_bytes(hashlib.blake2b(f"{seed}/{symbol}".encode(), digest_size=8).digest(), "big")


def uniform(seed: int, order: int, stream: int) -> float:
    """Return the draw in [0, 1) of one order.

    SplitMix64 of a counter: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
    """
    z = (seed + (4 * order + stream + 1) * 0x9E3779B97F4A7C15) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return float((z ^ (z >> 31)) >> 11) * 2.0**-53


@dataclass(frozen=True, slots=True)
class Expected:
    """What one order is to pay, basis points of the price; ``late_bps`` and ``fill_ratio`` are for entries alone."""

    half_spread_bps: float
    slippage_bps: float
    late_bps: float
    fill_ratio: float = 1.0


def expected_costs(costs: ExecutionCosts, order: int, ts: int, lots: int = 0) -> Expected:
    """Return what the simulated venue charges order ``order`` of ``lots`` at time ``ts``, ns UTC."""
    session = int(session_of(np.array([ts], np.int64), costs.starts, costs.labels)[0])
    spread, slippage, filled = (
        float(np.interp(uniform(costs.seed, order, stream), PROBABILITIES, table[session]))
        for stream, table in (
            (SPREAD, costs.half_spread_bps),
            (SLIPPAGE, costs.slippage_bps),
            (FILLED, costs.fill_ratio),
        )
    )
    is_late = uniform(costs.seed, order, LATENESS) < costs.late_share[session]
    late = float(costs.late_bps[session]) if is_late else 0.0
    return Expected(spread, slippage + costs.impact_bps * lots**0.5, late, filled)
