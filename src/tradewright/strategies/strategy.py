"""What a strategy is: parameters, the features it needs, and one pure `decide`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from pydantic import BaseModel, ConfigDict

from tradewright.core.types.feature import Feature, FeatureSpec

#: What `decide` gets as ``row``: a named tuple of the strategy's own features, which no static type can know.
Row: TypeAlias = Any


class StrategyParams(BaseModel):
    """Base of a strategy's parameters: numbers with ranges, checked before anything runs.

    Ranges are pydantic fields: ``fast: int = Field(20, ge=1, le=500)``. In `decide` every value is a float.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True, slots=True)
class Strategy:
    """A strategy ready to be bound to the engine.

    Parameters
    ----------
    name : str
        Short name, for people and file names.
    params : type of StrategyParams
        Its parameters with defaults and ranges.
    features : callable
        ``features(params) -> {name: feature}``: what `decide` finds in ``row``, in this order.
    decide : callable
        ``decide(row, forecast, account, params, signals) -> None``; pure apart from filling ``signals``. In a
        cross-section strategy ``rows``, ``forecasts`` and ``accounts`` are f8[n_instruments, k] tables.
    is_cross_section : bool
        Decide once a timestamp over all instruments instead of once an event.
    is_compiled : bool
        Whether `decide` is written in the Numba subset. Plain Python runs on the same engine, only slower.
    uses_forecast : bool
        Whether a run without forecasts makes no sense.
    full_size : str
        Parameter that is the weight of a whole position; the strategy holds parts of it. Empty: it has no such parts.
    confirm_scans : int
        Forecasts in a row that have to agree before `decide` sees them (`strategies.confirmation`).
    source_hash : str
        Changes whenever the strategy's code changes.
    members : tuple of Member
        The strategies that it is made of (`strategies.combination`); empty: it decides by itself.
    """

    name: str
    params: type[StrategyParams]
    features: Callable[[Any], Mapping[str, Feature | FeatureSpec]]
    decide: Callable[..., None]
    is_cross_section: bool = False
    is_compiled: bool = True
    uses_forecast: bool = False
    full_size: str = ""
    confirm_scans: int = 1
    source_hash: str = ""
    source: str = ""
    description: str = ""
    members: tuple[Member, ...] = ()

    def of(self, instrument: int) -> Strategy:
        """Return who decides about an instrument, by its number: the member that owns it, or the strategy itself."""
        return next((m.strategy for m in self.members if m.first <= instrument < m.stop), self)


@dataclass(frozen=True, slots=True)
class Member:
    """One of several strategies on an account; the instruments from ``first`` to before ``stop`` are its own."""

    strategy: Strategy
    params: StrategyParams
    first: int
    stop: int
