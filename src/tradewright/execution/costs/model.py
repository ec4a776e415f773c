"""The execution model as a document: distributions by pool, session and quantity, and where they come from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tradewright.core.types.execution_costs import SESSIONS
from tradewright.execution.costs.distribution import Distribution

#: What is measured. Basis points are of the price or of the traded value; latency is decision to fill;
#: ``fill_ratio`` is the filled share of an order that has ended.
QUANTITIES = ("half_spread_bps", "slippage_bps", "taker_fee_bps", "maker_fee_bps", "latency_ms", "fill_ratio")
#: The kinds of instruments that share a pool.
CLASSES = ("fx", "crypto", "equity", "futures", "other")
#: All sessions together.
ALL = "all"
_STRICT = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Pool(BaseModel):
    """Distributions of one instrument or of a class of them: by session (or ``all``) and quantity."""

    model_config = _STRICT

    cells: dict[str, dict[str, Distribution]]

    @model_validator(mode="after")
    def _known(self) -> Self:
        for session, quantities in self.cells.items():
            unknown = [q for q in quantities if q not in QUANTITIES]
            if session not in (*SESSIONS, ALL) or unknown:
                msg = f"unknown session or quantity: {session} {' '.join(unknown)}"
                raise ValueError(msg)
        return self


class Liquidity(BaseModel):
    """What market impact depends on, measured over whole days: units traded and deviation of returns a day."""

    model_config = _STRICT

    daily_units: Annotated[float, Field(gt=0)]
    daily_volatility: Annotated[float, Field(gt=0)]
    days: Annotated[int, Field(ge=1)]


class CostModel(BaseModel):
    """A version of the execution model.

    ``assumed``: nobody measured it. ``sources`` say what was measured, ``simulated`` that fills among them came from
    the simulated venue, which prove nothing. ``classes`` tells the class of each instrument.
    """

    model_config = _STRICT

    format: Literal[1] = 1
    version: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{0,63}$")]
    as_of: str
    assumed: bool = False
    simulated: bool = False
    sources: tuple[str, ...] = ()
    classes: dict[str, Literal["fx", "crypto", "equity", "futures", "other"]] = Field(default_factory=dict)
    instruments: dict[str, Pool] = Field(default_factory=dict)
    pools: dict[str, Pool] = Field(default_factory=dict)
    liquidity: dict[str, Liquidity] = Field(default_factory=dict)

    @property
    def named_pools(self) -> dict[str, Pool]:
        """All pools by name, instruments first; classes stand in brackets."""
        return dict(sorted(self.instruments.items())) | {f"({k})": pool for k, pool in sorted(self.pools.items())}

    def digest(self) -> str:
        """Return the hash of everything it says, 32 hex digits."""
        return digest_of(self.model_dump(mode="json"))


def digest_of(document: Mapping[str, Any]) -> str:
    """Return the hash of a document, 32 hex digits; the order of its keys does not count."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


@lru_cache(maxsize=1)
def default_model() -> CostModel:
    """Return the table that ships with the program: careful guesses, for as long as nothing was measured."""
    text = resources.files(__package__).joinpath("default_costs.json").read_text(encoding="utf-8")
    return CostModel.model_validate_json(text)


@dataclass(frozen=True, slots=True)
class Found:
    """A distribution, the pool it came from (``EURUSD/tokyo``, ``fx/all`` ...), and whether it is assumed."""

    distribution: Distribution
    pool: str
    is_assumed: bool


@dataclass(frozen=True, slots=True)
class Question:
    """Whose cost is asked for; ``klass`` is one of `CLASSES`."""

    symbol: str
    klass: str
    min_samples: int = 100


def find(model: CostModel, asked: Question, session: str, quantity: str) -> Found:
    """Return the narrowest pool that has enough samples: instrument, then class; the session, then the whole day.

    Where none has, the shipped table answers, and says that it is assumed. What was measured of one class says nothing
    about another, so there is no wider pool of measurements.
    """
    for name, pool in (
        (asked.symbol, model.instruments.get(asked.symbol)),
        (asked.klass, model.pools.get(asked.klass)),
    ):
        for part in (session, ALL):
            found = None if pool is None else pool.cells.get(part, {}).get(quantity)
            if found is not None and (found.n >= asked.min_samples or model.assumed):
                return Found(found, f"{name}/{part}", model.assumed or (model.simulated and quantity not in _OF_QUOTES))
    if model.assumed:
        msg = f"the shipped table has no {quantity} for {asked.klass}"
        raise LookupError(msg)
    told = find(default_model(), asked, session, quantity)
    return Found(told.distribution, f"assumed {told.pool}", is_assumed=True)


#: Measured without any fill of ours: a simulated venue has no part in it.
_OF_QUOTES = ("half_spread_bps",)
