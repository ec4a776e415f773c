"""Give the instruments of a run their distributions of costs, and say where each came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.bar import Bars
from tradewright.core.types.instrument import FeeModel, Instrument
from tradewright.execution.costs.files import read_version
from tradewright.execution.costs.model import ALL, CostModel, Question, default_model, find
from tradewright.execution.costs.sampling import Told, drawn_latency, mean_fees, sampled_costs
from tradewright.execution.sim_venue import LatencyParams
from tradewright.services.costs.classes import class_of
from tradewright.services.costs.sessions import cost_sessions

if TYPE_CHECKING:
    from tradewright.services.settings import CostSettings

#: A longer bar is in no session.
_LONGEST_NS = 4 * 3_600_000_000_000
Sessions = tuple[NDArray[np.int64], NDArray[np.int64]]


def with_costs(
    instruments: Sequence[Instrument], bars: Sequence[Bars], settings: CostSettings, seed: int
) -> tuple[list[Instrument], dict[str, Any]]:
    """Return the instruments with what they cost, and what the manifest says about it; nothing for fixed costs.

    Parameters
    ----------
    instruments : sequence of Instrument
    bars : sequence of Bars
        Of each.
    settings : CostSettings
    seed : int
        Of the run.

    Raises
    ------
    UsageError, StoreError
        If there is no such version, or its file was changed.
    ConfigError
        If market impact is asked for where no volume is known.
    """
    if settings.model == "fixed":
        return list(instruments), {}
    return _drawn(instruments, [_sessions(mine) for mine in bars], settings, seed)


def with_tick_costs(
    instruments: Sequence[Instrument], span: tuple[int, int], settings: CostSettings, seed: int
) -> tuple[list[Instrument], LatencyParams, dict[str, Any]]:
    """Return the same for quotes and trades from a first to a last moment (ns UTC), and the venue's measured latency.

    A venue has one table of latencies: that of the first instrument.

    Raises
    ------
    UsageError, StoreError, ConfigError
        See `with_costs`.
    """
    if settings.model == "fixed":
        return list(instruments), LatencyParams(), {}
    found, told = _drawn(instruments, [cost_sessions(*span)] * len(instruments), settings, seed)
    model = _model(settings)
    table, pool = drawn_latency(model, _question(model, instruments[0], settings), seed)
    told["instruments"][instruments[0].symbol] += f"; median latency {pool.distribution.p50:.3g} ms ({pool.pool})"
    if pool.is_assumed:
        told["assumed"].append(f"latency of {instruments[0].symbol}")
    return found, LatencyParams(table=table), told


def _model(settings: CostSettings) -> CostModel:
    return default_model() if settings.model == "assumed" else read_version(settings.folder, settings.version)


def _question(model: CostModel, instrument: Instrument, settings: CostSettings) -> Question:
    symbol = instrument.symbol
    klass = settings.classes.get(symbol) or model.classes.get(symbol) or class_of(instrument)
    return Question(symbol, klass, settings.min_samples)


def _drawn(
    instruments: Sequence[Instrument], sessions: Sequence[Sessions | None], settings: CostSettings, seed: int
) -> tuple[list[Instrument], dict[str, Any]]:
    model = _model(settings)
    found: list[Instrument] = []
    told: dict[str, str] = {}
    assumed: list[str] = []
    for instrument, mine in zip(instruments, sessions, strict=True):
        symbol = instrument.symbol
        asked = _question(model, instrument, settings)
        costs, origins = sampled_costs(model, instrument, asked, mine, settings, seed)
        fees, fee_text, is_assumed = _fees(model, asked, instrument.fees)
        found.append(replace(instrument, fees=fees, costs=costs))
        told[symbol] = _in_words(origins) + "; " + fee_text
        guessed = sorted(
            {
                t.quantity.removesuffix("_bps").removesuffix("_ms").replace("_", " ")
                for t in origins
                if t.found.is_assumed
            }
        )
        guessed += ["commission"] * is_assumed
        if guessed:
            assumed.append(f"{', '.join(guessed)} of {symbol}")
    return found, {
        "model": settings.model,
        "version": model.version,
        "digest": model.digest(),
        "assumed": assumed,
        "impact": settings.impact,
        "latency_budget_ms": settings.latency_budget_ms,
        **({"partial_fills": True} if settings.partial_fills else {}),
        "instruments": told,
    }


def _sessions(bars: Bars) -> Sessions | None:
    """Return when sessions begin over the bars; None where most bars are too long to lie in one."""
    if np.median(bars.ts_event - bars.ts_open) > _LONGEST_NS:
        return None
    return cost_sessions(int(bars.ts_open[0]), int(bars.ts_event[-1]))


def _fees(model: CostModel, asked: Question, known: FeeModel) -> tuple[FeeModel, str, bool]:
    """Return the fixed terms beside the draws: commission, and the means by which orders are valued beforehand.

    Commission is what own fills paid; else what the instrument's definition says; else a wider pool's mean.
    """
    half_spread, slippage = (find(model, asked, ALL, q) for q in ("half_spread_bps", "slippage_bps"))
    known = replace(
        known,
        half_spread_bps=half_spread.distribution.mean,
        slippage_bps=max(slippage.distribution.mean, 0.0),
    )
    taker, maker = mean_fees(model, asked)
    has_own = taker.pool.startswith(f"{asked.symbol}/")
    if not has_own and (known.maker_bps or known.taker_bps or known.per_unit or known.minimum):
        return known, "commission as defined", False
    maker_bps = maker.distribution.mean if maker.pool.startswith(f"{asked.symbol}/") or not has_own else 0.0
    fees = replace(known, taker_bps=taker.distribution.mean, maker_bps=maker_bps, per_unit=0.0, minimum=0.0)
    return fees, f"commission {fees.taker_bps:.3g} bps from {taker.pool}", taker.is_assumed


def _in_words(origins: Sequence[Told]) -> str:
    """Return the median of each quantity and the pool it came from, sessions of one pool together."""
    parts = []
    for quantity in dict.fromkeys(t.quantity for t in origins):
        mine = [t for t in origins if t.quantity == quantity]
        name, _, unit = quantity.rpartition("_")
        name, unit = (quantity, "shares") if unit == "ratio" else (name, unit)
        told = ", ".join(f"{t.session} {t.found.distribution.p50:.3g} ({t.found.pool})" for t in mine)
        parts.append(f"median {name.replace('_', ' ')} in {unit}: {told}")
    return "; ".join(parts)
