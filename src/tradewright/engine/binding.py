"""Bind a strategy to the one path, compiled into it; `engine.interpreted` does it for plain Python."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import int64
from numba.core.dispatcher import Dispatcher
from numpy.typing import NDArray

from tradewright.core.kernel import loop_nb, market_nb, quiet_nb, quiet_ticks_nb
from tradewright.core.kernel.compiled import bind, compiled, inlined_here, rebound
from tradewright.core.types.errors import ConfigError
from tradewright.core.types.feature import Feature, FeatureSpec
from tradewright.engine.deciders import Decider, deciders_of, row_type
from tradewright.features import REGISTRY, build_feature
from tradewright.strategies.combination import CombinedParams
from tradewright.strategies.strategy import Strategy, StrategyParams


def resolve_features(strategy: Strategy, params: StrategyParams) -> dict[str, Feature]:
    """Return the strategy's features by name, specifications looked up in the registry.

    Raises
    ------
    ConfigError
        For an unknown feature or arguments it refuses.
    """
    resolved = {}
    for name, wish in strategy.features(params).items():
        where = f"{strategy.source or strategy.name}: feature {name!r}"
        if isinstance(wish, Feature):
            resolved[name] = wish
            continue
        kind = getattr(wish, "kind", wish)  # a user's file may return anything
        if kind not in REGISTRY:
            raise ConfigError(f"unknown feature {kind!r}", where=where, fix=f"one of: {', '.join(sorted(REGISTRY))}")
        try:
            inner = (build_feature(arg) if isinstance(arg, FeatureSpec) else arg for arg in wish.args)
            resolved[name] = REGISTRY[wish.kind](*inner)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"{wish.kind}{wish.args}: {error}", where=where) from error
    return resolved


def param_values(params: StrategyParams) -> NDArray[np.float64]:
    """Return the parameters as f8[n], in the order of their fields; one NaN where there are none.

    Those of several strategies follow one another.
    """
    if isinstance(params, CombinedParams):
        return np.concatenate([param_values(own) for own in params.members])
    values = [float(value) for value in params.model_dump().values()]
    return np.array(values or [np.nan])


@dataclass(frozen=True, slots=True)
class Path:
    """The one path for one strategy.

    ``run(session, venue, start, stop) -> next``, for any events but quickest on bars; ``run_ticks`` the same, quickest
    on quotes and trades; ``on_event(session, i)``; ``on_stamp(session)``.
    """

    run: Callable[[int, int, int, int], int]
    run_ticks: Callable[[int, int, int, int], int]
    on_event: Callable[[int, int], None]
    on_stamp: Callable[[int], None]

    def make_ready(self) -> None:
        """Compile the stages that a session calls one by one, or load them: no event may wait for a compiler."""
        for stage, places in ((self.on_event, (int64, int64)), (self.on_stamp, (int64,))):
            if isinstance(stage, Dispatcher):
                stage.compile(places)


def _bound(decider: Decider) -> dict[str, Any]:
    """Return what the templates of `market_nb` call for it."""
    return {
        "decide": inlined_here(decider.strategy.decide),
        "Row": row_type("Row", decider.names),
        "Params": row_type("Params", decider.fields),
        "N_ROW": decider.n_row,
        "N_PARAMS": decider.n_params,
        "FIRST_ROW": decider.row,
        "FIRST_PARAM": decider.param,
    }


def _identity(strategy: Strategy, deciders: list[Decider]) -> str:
    """Name for the compile cache; it changes with the strategy's code, its features' names and its parameters."""
    told = [strategy.source_hash]
    for decider in deciders:
        told += [*decider.names, "|", *decider.fields]
    digest = hashlib.blake2b("\0".join(told).encode(), digest_size=8).hexdigest()
    return f"{strategy.name}_{digest}"


_PATHS: dict[str, Path] = {}


def compiled_path(strategy: Strategy, names: list[str], *, keeps_curve: bool, keeps_score: bool) -> Path:
    """Return the path with the strategy compiled into it; compiled once a process and kept on disk.

    What a run keeps of each bar is compiled in: what it does not keep costs nothing.
    """
    deciders = deciders_of(strategy, names)
    stage_name = _identity(strategy, deciders)
    name = f"{stage_name}_{keeps_curve:d}{keeps_score:d}"
    if strategy.source_hash and name in _PATHS:
        return _PATHS[name]
    bound = _bound(deciders[0])
    if strategy.is_cross_section:
        decide_all = inlined_here(rebound(market_nb.decide_all, stage_name, **bound))
        stages: dict[str, Any] = {
            "on_event": rebound(market_nb.on_event_of_many, stage_name),
            "on_stamp": rebound(market_nb.on_stamp, stage_name, decide_all=decide_all),
        }
    else:
        stages = {"on_event": rebound(market_nb.on_event, stage_name, decide_one=_decide_one(deciders, stage_name))}
    inside = {stage: inlined_here(function) for stage, function in stages.items()}
    if strategy.is_cross_section:
        run = run_ticks = bind(loop_nb.run_stamps, name, **inside)
    elif strategy.members:
        run = run_ticks = bind(loop_nb.run_events, name, pass_quiet=inlined_here(loop_nb.pass_none), **inside)
    else:
        keeps = {"KEEPS_CURVE": keeps_curve, "KEEPS_SCORE": keeps_score}
        ask = inlined_here(rebound(quiet_nb.ask, name, **bound))
        bars = inlined_here(rebound(quiet_nb.pass_quiet, name, ask=ask, **bound, **keeps))
        ticks = inlined_here(rebound(quiet_ticks_nb.pass_quiet, stage_name, **bound))
        run = bind(loop_nb.run_events, name, pass_quiet=bars, **inside)
        run_ticks = bind(loop_nb.run_events, f"{stage_name}_ticks", pass_quiet=ticks, **inside)
    alone: dict[str, Any] = {stage: compiled(function) for stage, function in stages.items()}
    path = Path(run, run_ticks, alone["on_event"], alone.get("on_stamp", nothing_on_stamp))
    if strategy.source_hash:
        _PATHS[name] = path
    return path


def _decide_one(deciders: list[Decider], name: str) -> Any:
    """Return the stage that asks about one instrument: the strategy, or whichever member owns it."""
    asked = [inlined_here(rebound(market_nb.decide_one, name, **_bound(decider))) for decider in deciders]
    if not deciders[0].stop:
        return asked[0]
    last: Any = inlined_here(_nobody)
    for decider, own in zip(reversed(deciders), reversed(asked), strict=True):
        places = {"FIRST": decider.first, "STOP": decider.stop}
        last = inlined_here(rebound(market_nb.decide_in_turn, name, decide_one=own, decide_next=last, **places))
    return last


def _nobody(_session: int, _i: int, _j: int) -> None:
    """Stand after the last member: every instrument is somebody's."""


def nothing_on_stamp(_session: int) -> None:
    """Do nothing at the end of a timestamp: the strategy decides on each event."""
