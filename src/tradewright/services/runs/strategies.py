"""The strategy of a run, or the strategies that share its account: from settings to parts that can be combined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tradewright.core.types.bar import Bars
from tradewright.core.types.errors import ConfigError
from tradewright.services.explain import explained
from tradewright.services.places import Origins, Place
from tradewright.services.runs.origins import DataFacts
from tradewright.services.runs.sizing import Chosen, with_sizing
from tradewright.services.settings import RunSettings, StrategySettings
from tradewright.strategies.combination import Part, combined
from tradewright.strategies.loader import load_file
from tradewright.strategies.strategy import Strategy, StrategyParams


def load_strategy(name: str, file: Path | None) -> Strategy:
    """Return a built-in strategy by name, or the one in a file.

    Raises
    ------
    StrategyLoadError
        If there is no such strategy, or the file cannot be used.
    """
    if file is not None:
        return load_file(file)
    from tradewright.strategies.registry import built_in  # imports every built-in strategy

    return built_in(name)


def chosen(settings: RunSettings, origins: Origins) -> list[Part]:
    """Return the strategies that settings name, each with its parameters and the number of its instruments.

    Raises
    ------
    UsageError
        If one does not exist or cannot be used, or a parameter is out of its bounds.
    """
    if settings.strategy is not None:
        place: Place = ("strategy", "params")
        return [Part(*_loaded(settings.strategy, place, origins), len(settings.data.symbols))]
    parts = []
    for k, member in enumerate(settings.strategies):
        strategy, params = _loaded(member, ("strategies", k, "params"), origins)
        parts.append(Part(replace(strategy, name=member.label or strategy.name), params, len(member.symbols)))
    return parts


def _loaded(asked: StrategySettings, place: Place, origins: Origins) -> tuple[Strategy, StrategyParams]:
    strategy = load_strategy(asked.name, asked.file)
    try:
        return strategy, strategy.params.model_validate(asked.params)
    except ValidationError as error:
        raise explained(error, strategy.params, origins.origin, place) from error


def resolved(settings: RunSettings, parts: Sequence[Part], symbols: Sequence[str]) -> dict[str, Any]:
    """Return the settings of the strategies with every parameter and symbol written out."""
    if settings.strategy is not None:
        return {"strategy": settings.strategy.model_copy(update={"params": parts[0].params.model_dump()})}
    left = iter(symbols)
    return {
        "strategies": tuple(
            member.model_copy(
                update={"params": part.params.model_dump(), "symbols": tuple(next(left) for _ in member.symbols)}
            )
            for member, part in zip(settings.strategies, parts, strict=True)
        )
    }


def sized_together(
    parts: Sequence[Part], settings: RunSettings, bars: Sequence[Bars], data: Sequence[DataFacts]
) -> tuple[Chosen, dict[str, Any]]:
    """Return the strategy that a run binds, sizes included, and what the manifest says about these.

    Raises
    ------
    ConfigError, StoreError
        As `with_sizing` and `combined`.
    """
    facts: dict[str, Any] = {}
    sized = []
    for part in parts:
        (strategy, params), facts = with_sizing((part.strategy, part.params), settings, bars, data)
        sized.append(Part(strategy, params, part.instruments))
    return combined(sized), facts


def refuse_blind(parts: Sequence[Part], settings: RunSettings, symbols: Sequence[str], known: Sequence[str]) -> None:
    """Refuse strategies without a forecast of any of their instruments (``known``: symbols that have one).

    Raises
    ------
    ConfigError
        If one decides by forecasts, or a limit on their age would refuse all that it wants.
    """
    model = settings.limits.model
    is_limited = model is not None and model.max_age_seconds is not None
    left = iter(symbols)
    for part in parts:
        own = [next(left) for _ in range(part.instruments)]
        if len(parts) == 1 or not (part.strategy.uses_forecast or is_limited) or set(own) & set(known):
            continue
        name = f"'{part.strategy.name}'"
        what = f"there is no forecast of {', '.join(own)}, by which {name} decides"
        if not part.strategy.uses_forecast:
            what = f"limits.model.max_age_seconds refuses all that {name} wants: there is no forecast of {own[0]}"
        raise ConfigError(what, where="forecasts", fix="Give forecasts of them, or give the strategy another account.")


def strategy_files(settings: RunSettings) -> dict[str, Path]:
    """Return the users' files that a run's folder keeps, by their names there."""
    if settings.strategy is not None:
        return {} if settings.strategy.file is None else {"strategy.py": settings.strategy.file}
    return {
        f"strategy-{member.label or member.file.stem}.py": member.file
        for member in settings.strategies
        if member.file is not None
    }
