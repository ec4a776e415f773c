"""Forecasts of a run, moved by the record of patterns; the record at each bar is what was known then."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tradewright.core.types.bar import Bars
from tradewright.core.types.forecast import Forecasts
from tradewright.features.feature_set import FeatureSet
from tradewright.services.feature_sets import written_set
from tradewright.services.settings import PatternSettings
from tradewright.strategies.patterns import Pattern, shifts_over_time, with_pattern


def with_patterns(
    series: Sequence[Forecasts], patterns: Sequence[PatternSettings], bars: Sequence[Bars]
) -> tuple[tuple[Forecasts, ...], tuple[str, ...]]:
    """Return the forecasts moved by each pattern in turn, and the patterns' keys.

    A forecast is moved by the newest bar that had ended when it was known.

    Raises
    ------
    ConfigError
        For a feature that does not exist.
    """
    features = written_set({str(k): p.feature for k, p in enumerate(patterns)}, "forecasts.patterns")
    named = [Pattern(p.name, _condition(p)) for p in patterns]
    by_name = {one.instrument: one for one in bars}
    moved = []
    for forecasts in series:
        own = by_name[forecasts.instrument]
        values = FeatureSet(features).extend(own.fields, 0, len(own))
        place = np.searchsorted(own.ts_event, forecasts.ts_seen, side="right") - 1
        for k, (settings, pattern) in enumerate(zip(patterns, named, strict=True)):
            with np.errstate(invalid="ignore"):
                holds = values[k] > (-np.inf if settings.above is None else settings.above)
                holds &= values[k] < (np.inf if settings.below is None else settings.below)
            rose = np.zeros(len(own), np.bool_)
            rose[: -settings.bars] = own.close[settings.bars :] > own.close[: -settings.bars]
            shifts = shifts_over_time(pattern, holds, rose, settings.bars)
            is_known = place >= 0
            forecasts = with_pattern(forecasts, is_known & holds[place], shifts[place])  # noqa: PLW2901
        moved.append(forecasts)
    return tuple(moved), tuple(pattern.key for pattern in named)


def _condition(settings: PatternSettings) -> str:
    low = "" if settings.above is None else f" > {settings.above!r}"
    high = "" if settings.below is None else f" < {settings.below!r}"
    return f"{settings.feature}{low}{high}, {settings.bars} bars later"
