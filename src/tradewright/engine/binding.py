"""Bind a strategy to the one path: compiled into it, or called from the same source in plain Python."""

from __future__ import annotations

import hashlib
from collections import namedtuple
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tradewright.core.kernel import loop_nb, market_nb, quiet_nb, quiet_ticks_nb
from tradewright.core.kernel.compiled import bind, compiled, inlined, rebound
from tradewright.core.types.account import Account
from tradewright.core.types.errors import ConfigError
from tradewright.core.types.feature import Feature, FeatureSpec
from tradewright.core.types.forecast import ForecastRow
from tradewright.engine.memory import SessionMemory
from tradewright.features import REGISTRY, build_feature
from tradewright.strategies.combination import CombinedParams
from tradewright.strategies.strategy import Strategy, StrategyParams

_NONE = "none_"  # stands in an empty feature or parameter list: compiled tuples need a member


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


def _row_type(name: str, fields: Iterable[str]) -> Any:
    """Named tuple type through which `decide` reads values by name."""
    return namedtuple(name, list(fields) or [_NONE])  # the fields are known only now


@dataclass(frozen=True, slots=True)
class _Part:
    """A strategy that decides, its features, and where these and its parameters begin among those of all."""

    strategy: Strategy
    names: tuple[str, ...]
    row: int = 0
    param: int = 0
    first: int = 0
    stop: int = 0  # 0: every instrument is its own

    @property
    def fields(self) -> list[str]:
        """Names of its parameters."""
        return list(self.strategy.params.model_fields)

    @property
    def bound(self) -> dict[str, Any]:
        """What the templates of `market_nb` call for it."""
        return {
            "decide": inlined(self.strategy.decide),
            "Row": _row_type("Row", self.names),
            "Params": _row_type("Params", self.fields),
            "N_ROW": max(len(self.names), 1),
            "N_PARAMS": max(len(self.fields), 1),
            "FIRST_ROW": self.row,
            "FIRST_PARAM": self.param,
        }


def _parts(strategy: Strategy, names: Sequence[str]) -> list[_Part]:
    """Return who decides: the strategy, or its members."""
    if not strategy.members:
        return [_Part(strategy, tuple(names))]
    parts: list[_Part] = []
    param = 0
    for member in strategy.members:
        own = [name for name in names if name.rpartition(".")[0] == member.strategy.name]
        row = names.index(own[0]) if own else 0
        features = tuple(name.rpartition(".")[2] for name in own)
        parts.append(_Part(member.strategy, features, row, param, member.first, member.stop))
        param += max(len(parts[-1].fields), 1)
    return parts


def own_features(strategy: Strategy, names: Sequence[str], instrument: int) -> tuple[str, ...]:
    """Return the names under which whoever decides about an instrument reads its features, of those of all."""
    return _part_of(_parts(strategy, names), instrument).names


def _part_of(parts: Sequence[_Part], instrument: int) -> _Part:
    """Return who decides about an instrument."""
    return next((p for p in parts if p.first <= instrument < p.stop), parts[0])


def _identity(strategy: Strategy, parts: list[_Part]) -> str:
    """Name for the compile cache; it changes with the strategy's code, its features' names and its parameters."""
    told = [strategy.source_hash]
    for part in parts:
        told += [*part.names, "|", *part.fields]
    digest = hashlib.blake2b("\0".join(told).encode(), digest_size=8).hexdigest()
    return f"{strategy.name}_{digest}"


_PATHS: dict[str, Path] = {}


def compiled_path(strategy: Strategy, names: list[str], *, keeps_curve: bool, keeps_score: bool) -> Path:
    """Return the path with the strategy compiled into it; compiled once a process and kept on disk.

    What a run keeps of each bar is compiled in: what it does not keep costs nothing.
    """
    parts = _parts(strategy, names)
    stage_name = _identity(strategy, parts)
    name = f"{stage_name}_{keeps_curve:d}{keeps_score:d}"
    if strategy.source_hash and name in _PATHS:
        return _PATHS[name]
    bound = parts[0].bound
    if strategy.is_cross_section:
        decide_all = inlined(rebound(market_nb.decide_all, stage_name, **bound))
        stages: dict[str, Any] = {
            "on_event": rebound(market_nb.on_event_of_many, stage_name),
            "on_stamp": rebound(market_nb.on_stamp, stage_name, decide_all=decide_all),
        }
    else:
        stages = {"on_event": rebound(market_nb.on_event, stage_name, decide_one=_decide_one(parts, stage_name))}
    inside = {stage: inlined(function) for stage, function in stages.items()}
    if strategy.is_cross_section:
        run = run_ticks = bind(loop_nb.run_stamps, name, **inside)
    elif strategy.members:
        run = run_ticks = bind(loop_nb.run_events, name, pass_quiet=inlined(loop_nb.pass_none), **inside)
    else:
        keeps = {"KEEPS_CURVE": keeps_curve, "KEEPS_SCORE": keeps_score}
        bars = inlined(rebound(quiet_nb.pass_quiet, name, **bound, **keeps))
        ticks = inlined(rebound(quiet_ticks_nb.pass_quiet, stage_name, **bound))
        run = bind(loop_nb.run_events, name, pass_quiet=bars, **inside)
        run_ticks = bind(loop_nb.run_events, f"{stage_name}_ticks", pass_quiet=ticks, **inside)
    alone: dict[str, Any] = {stage: compiled(function) for stage, function in stages.items()}
    path = Path(run, run_ticks, alone["on_event"], alone.get("on_stamp", _nothing))
    if strategy.source_hash:
        _PATHS[name] = path
    return path


def _decide_one(parts: list[_Part], name: str) -> Any:
    """Return the stage that asks about one instrument: the strategy, or whichever member owns it."""
    asked = [inlined(rebound(market_nb.decide_one, name, **part.bound)) for part in parts]
    if not parts[0].stop:
        return asked[0]
    last: Any = inlined(_nobody)
    for part, own in zip(reversed(parts), reversed(asked), strict=True):
        places = {"FIRST": part.first, "STOP": part.stop}
        last = inlined(rebound(market_nb.decide_in_turn, name, decide_one=own, decide_next=last, **places))
    return last


def _nobody(_session: int, _i: int, _j: int) -> None:
    """Stand after the last member: every instrument is somebody's."""


def _nothing(_session: int) -> None:
    """Do nothing at the end of a timestamp: the strategy decides on each event."""


def _params_of(part: _Part, values: NDArray[np.float64]) -> Any:
    """Return a strategy's parameters by name, out of those of all."""
    own = values[part.param : part.param + max(len(part.fields), 1)]
    return _row_type("Params", part.fields)._make(own.tolist())


class AccountView:
    """`Account` for plain Python: each field is read only when it is asked for, which is faster than copying all."""

    __slots__ = ("values",)

    def __init__(self, values: memoryview) -> None:
        self.values = values


def _field(number: int) -> property:
    """Property that reads one field of the snapshot."""
    return property(lambda view: view.values[number])


for _number, _name in enumerate(Account._fields):
    setattr(AccountView, _name, _field(_number))


def interpreted_path(strategy: Strategy, names: list[str], memory: SessionMemory, *, has_forecasts: bool) -> Path:
    """Return the path with the strategy called in plain Python between the same compiled verbs."""
    arrays = memory.arrays
    rows, forecasts, accounts, signals = (arrays[k] for k in ("rows", "forecast_rows", "accounts", "signals"))
    first_verb = memoryview(signals["verb"][:1])  # type: ignore[arg-type]  # arrays are buffers from Python 3.12 on
    decide = strategy.decide
    parts = _parts(strategy, names)
    made = {p.first: (p, _row_type("Row", p.names)._make, _params_of(p, arrays["params"])) for p in parts}
    asked = [made[_part_of(parts, j).first] for j in range(len(rows))]
    values = [rows[j, p.row : p.row + max(len(p.names), 1)].tolist for j, (p, *_) in enumerate(asked)]
    params = made[0][2]
    views = [AccountView(memoryview(accounts[j])) for j in range(len(rows))]
    nothing_known = ForecastRow(*[float("nan")] * len(ForecastRow._fields))

    def decide_one(_session: int, _i: int, j: int) -> None:
        forecast = ForecastRow(*forecasts[j].tolist()) if has_forecasts else nothing_known
        part, row, own = asked[j]
        part.strategy.decide(row(values[j]()), forecast, views[j], own, signals)
        if part.stop:
            market_nb.keep_own_nb(signals, part.first, part.stop)

    def decide_all(session: int) -> None:
        market_nb.store_all_nb(session)
        decide(rows, forecasts, accounts, params, signals)

    def check(session: int, j: int) -> None:
        if first_verb[0]:
            market_nb.check_alone_nb(session, j)

    def timestamps() -> NDArray[np.int64]:
        return memory.market.events.ts_event

    on_event: Any
    if strategy.is_cross_section:
        on_event = rebound(
            market_nb.on_event_of_many,
            strategy.name,
            mark_nb=market_nb.mark_alone_nb,
            observe_nb=market_nb.observe_alone_nb,
        )
        on_stamp = rebound(market_nb.on_stamp, strategy.name, decide_all=decide_all, check_nb=check)
        run = rebound(
            _run_interpreted_stamps, strategy.name, on_event=on_event, on_stamp=on_stamp, timestamps=timestamps
        )
        return Path(run, run, on_event, on_stamp)
    on_event = rebound(
        market_nb.on_event,
        strategy.name,
        mark_nb=market_nb.mark_and_store_nb,
        decide_one=decide_one,
        check_nb=check,
    )
    run = rebound(_run_interpreted, strategy.name, on_event=on_event)
    return Path(run, run, on_event, _nothing)


on_event = loop_nb.on_event  # the names the two templates below call; bound anew for each strategy
on_stamp = loop_nb.on_stamp


def timestamps() -> NDArray[np.int64]:
    """Stand where the times of the block being run are bound."""
    return np.zeros(0, np.int64)


def _run_interpreted(session: int, venue: int, start: int, stop: int) -> int:
    """`run_events` around a composite that is not compiled (template)."""
    surround = loop_nb.surround_nb
    for i in range(start, stop):
        if not surround(session, venue, i):
            return i
        on_event(session, i)
    loop_nb.send_alone_nb(session, venue)
    return stop


def _run_interpreted_stamps(session: int, venue: int, start: int, stop: int) -> int:
    """`run_stamps` around a composite that is not compiled (template)."""
    ts = timestamps()
    for i in range(start, stop):
        if not loop_nb.surround_nb(session, venue, i):
            return i
        on_event(session, i)
        if i + 1 == stop or ts[i + 1] != ts[i]:
            on_stamp(session)
    loop_nb.send_alone_nb(session, venue)
    return stop
