"""From settings to a run that is ready to start: strategy, parameters, instruments, bars, forecasts, all checked."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from pydantic import ValidationError

from tradewright.core.types.bar import Bars
from tradewright.core.types.calendar import Calendar
from tradewright.core.types.errors import ConfigError, UsageError
from tradewright.data.catalogue import Dataset
from tradewright.data.clock import fill_clock
from tradewright.data.instruments import InstrumentParams
from tradewright.data.kinds import Kind
from tradewright.data.reference import with_reference
from tradewright.data.snapshots import read as read_snapshot
from tradewright.data.snapshots import version_of
from tradewright.data.source import StoreSource
from tradewright.data.store import BarStore, MarketStore
from tradewright.data.universe import Survivorship, Universe, stored_universe, survivorship, universe_path
from tradewright.engine.plan import BacktestPlan, plan_of_bars
from tradewright.risk.rules_in_force import rules_in_force
from tradewright.services.costs.sampling import with_costs
from tradewright.services.explain import explained
from tradewright.services.places import Origins, Place
from tradewright.services.runs import strategies
from tradewright.services.runs.forecasting import FoundForecasts, find_forecasts
from tradewright.services.runs.gate import pass_gate
from tradewright.services.runs.origins import DataFacts
from tradewright.services.settings import DataSettings, RunSettings
from tradewright.services.stores import open_market
from tradewright.strategies.combination import combined
from tradewright.strategies.strategy import Strategy


@dataclass(frozen=True, slots=True)
class PreparedRun:
    """A run before its first event.

    ``settings`` are resolved: every parameter and instrument definition is written out, so that they start
    the same run again. ``identity`` is a hash of all inputs. ``model`` tells which model made the forecasts,
    ``costs`` which version of the execution model the fills were drawn from, ``sizing`` how large entries are.
    ``survivorship`` is what can be said about how the instruments were chosen. ``reference`` is what `data.reference`
    names.
    """

    settings: RunSettings
    strategy: Strategy
    plan: BacktestPlan
    bars: tuple[Bars, ...]
    data: tuple[DataFacts, ...]
    identity: str
    survivorship: Survivorship
    model: dict[str, str | bool] = field(default_factory=dict)
    costs: dict[str, Any] = field(default_factory=dict)
    sizing: dict[str, Any] = field(default_factory=dict)
    reference: DataFacts | None = None

    @property
    def name(self) -> str:
        """Name that equal inputs share: strategy and a short hash."""
        return f"{self.strategy.name}-{self.identity[:8]}"

    @property
    def config_yaml(self) -> str:
        """The resolved settings as they stand in the run folder."""
        return to_yaml(self.settings)


class _Unknown:
    """Settings of which nothing is known."""

    def origin(self, place: Place) -> str:  # noqa: ARG002  # the protocol's
        """Return nothing."""
        return ""


def to_yaml(settings: RunSettings) -> str:
    """Return settings as YAML; equal settings, equal bytes."""
    return yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=100)


def prepare(settings: RunSettings, origins: Origins | None = None) -> PreparedRun:
    """Check everything that can be checked before a run, and load its data.

    Raises
    ------
    UsageError
        For a strategy, parameter, instrument or range that does not exist or is out of bounds.
    RunError
        For a file of the store or of forecasts that cannot be read.
    """
    origins = origins or _Unknown()
    parts = strategies.chosen(settings, origins)
    strategy, _ = combined(parts)
    _refuse_strangers(settings, origins)
    loaded = [_blamed(settings, spec, origins, "symbols") for spec in settings.data.symbols]
    forecasts = _forecasts(settings, strategy, [bars for _, bars, _ in loaded])
    known = [] if forecasts is None else [series.instrument for series in forecasts.series]
    strategies.refuse_blind(parts, settings, [d.symbol for *_, d in loaded], known)
    resolved = settings.model_copy(
        update={
            **strategies.resolved(settings, parts, [f"{d.symbol}@{d.timeframe}" for *_, d in loaded]),
            "data": settings.data.model_copy(
                update={"symbols": tuple(f"{d.symbol}@{d.timeframe}" for *_, d in loaded), "timeframe": ""}
            ),
            "instruments": {
                p.symbol: {k: v for k, v in p.model_dump(mode="json").items() if k != "symbol"} for p, *_ in loaded
            },
        }
    )
    bars, reference = [b for _, b, _ in loaded], None
    if settings.data.reference:
        _, newest, reference = _blamed(settings, settings.data.reference, origins, "reference")
        bars = [with_reference(b, newest) for b in bars]
    _refuse_short_lead(settings, bars)
    data = tuple(d for *_, d in loaded)
    instruments, costs = with_costs([p.instrument() for p, *_ in loaded], bars, settings.costs, settings.seed)
    if costs:
        resolved = resolved.model_copy(
            update={"costs": settings.costs.model_copy(update={"version": costs["version"]})}
        )
    sized, sizing = strategies.sized_together(parts, settings, bars, data)
    plan = plan_of_bars(instruments, bars, *sized)
    rules = rules_in_force(settings.limits)  # once: a file may change under its name
    plan = replace(
        plan,
        account=settings.account.params(),
        limits=settings.limits,
        venue=settings.venue,
        forecasts=() if forecasts is None else forecasts.series,
        rules=rules or None,
    )
    inputs = [to_yaml(resolved), strategy.source_hash, *(d.fingerprint for d in data)]
    if reference is not None:
        inputs.append(reference.fingerprint)
    if forecasts is not None:
        inputs.append(forecasts.identity)
    if costs:
        inputs.append(costs["digest"])
    if sizing:
        inputs.append(repr(sorted(sizing.items())))
    inputs += [rule_set.model_dump_json() for rule_set in rules]
    identity = hashlib.blake2b("\0".join(inputs).encode(), digest_size=16).hexdigest()
    origin = {} if forecasts is None else forecasts.origin
    universe = named_universe(settings.data.store, settings.universe, origins)
    badge = survivorship(universe, [d.symbol for d in data], min(d.first for d in data))
    return PreparedRun(resolved, strategy, plan, tuple(bars), data, identity, badge, origin, costs, sizing, reference)


def named_universe(store: Path, name: str, origins: Origins) -> Universe | None:
    """Return the universe that settings name, None where they name none; raises ConfigError if it is not there."""
    if not name:
        return None
    found = stored_universe(universe_path(store, name))
    if found is None:
        where = ", ".join(filter(None, (origins.origin(("universe",)), "universe")))
        what = f"the store {store} has no universe '{name}'"
        raise ConfigError(what, where=where, fix="Bring it in with `tradewright data universe FILE`.")
    return found


def _refuse_short_lead(settings: RunSettings, bars: Sequence[Bars]) -> None:
    """Refuse bars so long that none ends between the beginning of the lead and the reset it is before."""
    if settings.limits.prop is None:
        return
    longest = max(int((b.ts_event - b.ts_open).max()) for b in bars) / 60e9
    lead = settings.limits.prop.reset_lead_minutes
    if longest > lead:
        what = f"{lead:g} minutes before a reset may pass without the end of a bar of {longest:g} minutes"
        fix = f"Give {longest:g} or more, or shorter bars."
        raise ConfigError(what, where="limits.prop.reset_lead_minutes", fix=fix)


def _refuse_strangers(settings: RunSettings, origins: Origins) -> None:
    """Refuse changes to instruments that the run does not trade."""
    traded = [spec.partition("@")[0] for spec in settings.data.symbols]
    for symbol in settings.instruments:
        if symbol not in traded:
            place: Place = ("instruments", symbol)
            where = ", ".join(filter(None, (origins.origin(place), f"instruments.{symbol}")))
            fix = f"Remove it, or add it to data.symbols. Traded: {', '.join(traded)}."
            raise ConfigError(f"'{symbol}' is not traded in this run", where=where, fix=fix)


def _blamed(settings: RunSettings, spec: str, origins: Origins, field: str) -> tuple[InstrumentParams, Bars, DataFacts]:
    """Return what `bars_of` does; an instrument or range that is not there is named where it was asked for."""
    try:
        return bars_of(settings, spec, origins)
    except ConfigError:
        raise
    except UsageError as error:
        place = origins.origin(("data", field))
        where = ", ".join(filter(None, (place, "" if place.startswith("--") else f"data.{field}")))
        store = f" (store {settings.data.store})" if error.where == str(settings.data.store) else ""
        raise ConfigError(f"{error.what}{store}", where=where, fix=error.fix) from error


def bars_of(
    settings: RunSettings, spec: str, origins: Origins | None = None
) -> tuple[InstrumentParams, Bars, DataFacts]:
    """Return definition, bars and identity of one instrument, written ``SYMBOL`` or ``SYMBOL@TIMEFRAME``.

    Raises
    ------
    UsageError
        If the store has no such bars, or a change to the definition is not allowed.
    DataError
        If the bars did not pass the checks, and ``data.gate`` does not accept that.
    """
    params, source, dataset = source_of(settings.data, settings.instruments, spec, origins)
    calendar = params.instrument().calendar
    bars = source.bars()
    pass_gate(source.store, dataset, calendar, settings.data.gate, (source.start, source.end))
    if params.calendar != dataset.instrument.calendar:
        fill_clock(bars.fields, bars.ts_open, bars.ts_event, calendar)
    first, last = int(bars.ts_open[0]), int(bars.ts_event[-1])
    return params, bars, DataFacts(source.symbol, source.timeframe, len(bars), first, last, source.fingerprint)


def source_of(
    data: DataSettings, changes: Mapping[str, dict[str, Any]], spec: str, origins: Origins | None = None
) -> tuple[InstrumentParams, StoreSource, Dataset]:
    """Return the definition of one instrument with what is changed of it, where its bars are, and their entry.

    Raises
    ------
    UsageError
        If the store has no such bars, or a change to the definition is not allowed.
    """
    origins = origins or _Unknown()
    symbol, _, own = spec.partition("@")
    store = open_market(data.store, data.backend)
    timeframe = own or data.timeframe or only_timeframe(store, symbol)
    version = version_of(store, read_snapshot(data.store, data.snapshot), symbol, timeframe) if data.snapshot else None
    dataset = store.describe(symbol, timeframe, version=version)
    params = dataset.instrument
    changed = changes.get(symbol)
    if changed:
        merged = _merged(params.model_dump(mode="json"), changed)
        try:
            params = InstrumentParams.model_validate(merged)
        except ValidationError as error:
            raise explained(error, InstrumentParams, origins.origin, ("instruments", symbol)) from error
    start, end = _range(data, params.instrument().calendar)
    return params, StoreSource(store, symbol, timeframe, start, end, version), dataset


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Change a definition field by field, one level of mappings deep."""
    return old | {k: old[k] | v if isinstance(v, dict) and isinstance(old.get(k), dict) else v for k, v in new.items()}


def only_timeframe(store: MarketStore, symbol: str) -> str:
    """Return the timeframe of a symbol that has just one.

    Raises
    ------
    UsageError
        If the store has none or several.
    """
    frames = [d.timeframe for d in store.list(Kind.BARS) if d.symbol == symbol]
    if len(frames) == 1:
        return frames[0]
    if not frames:
        _refuse_file(symbol)
        if isinstance(store, BarStore) and not store.root.is_dir():
            fix = "`tradewright data import` brings a file in, `tradewright data sample` the packaged sample."
            raise UsageError("there is no market-data store here", where=str(store.root), fix=fix)
        store.describe(symbol, "1d")  # raises, and says what there is
    what = f"bars of {symbol} are stored as {', '.join(frames)}; which are meant?"
    raise UsageError(what, where=store.place, fix=f"Write {symbol}@{frames[0]}, or give data.timeframe.")


def _refuse_file(symbol: str) -> None:
    """Say what to do where a file's name stands in the place of a symbol."""
    if Path(symbol).is_file():
        fix = f"Bring it in first: tradewright data import {symbol} --symbol NAME"
        raise UsageError(f"'{symbol}' is a file, not an instrument of the store", where="data.symbols", fix=fix)


def _range(data: DataSettings, calendar: Calendar) -> tuple[int | None, int | None]:
    """Return the range asked for in ns UTC; a date is a trading day of ``calendar``, both ends included."""
    start, end = _moment(data.start, calendar, 0), _moment(data.end, calendar, 1)
    if start is not None and end is not None and start >= end:
        what = f"the range from {data.start} to {data.end} is empty"
        raise ConfigError(what, where="data.start, data.end", fix="The end must lie after the start.")
    return start, end


def _moment(value: datetime | date | None, calendar: Calendar, days: int) -> int | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        stamp = value if value.tzinfo else value.replace(tzinfo=UTC)
    else:
        day = value + timedelta(days=days)
        stamp = datetime.combine(day, calendar.day_start, tzinfo=ZoneInfo(calendar.zone))
    whole = int(stamp.replace(microsecond=0).timestamp())
    return whole * 1_000_000_000 + stamp.microsecond * 1_000


def _forecasts(settings: RunSettings, strategy: Strategy, bars: Sequence[Bars]) -> FoundForecasts | None:
    """Return the forecasts of the traded instruments."""
    if settings.forecasts is not None:
        return find_forecasts(settings.forecasts, bars)
    if strategy.uses_forecast:
        fix = "Give forecasts.file or forecasts.model, for example --set forecasts.file=FILE."
        raise ConfigError(f"strategy '{strategy.name}' needs forecasts", where="forecasts", fix=fix)
    return None
