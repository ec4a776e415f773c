"""Two runs side by side: which numbers differ by more than a tolerance, and in which direction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

Number = float | int | None

#: Numbers of `Performance` of which more is better, and of which less is better. Drawdown is negative, so a
#: larger one is better. The others (trades, turnover, exposure ...) are neither: a difference is only stated.
MORE_IS_BETTER = frozenset(
    {
        "total_return",
        "end_equity",
        "cagr",
        "sharpe",
        "sortino",
        "calmar",
        "max_drawdown",
        "psr",
        "hit_rate",
        "profit_factor",
        "expectancy",
        "expectancy_ratio",
    }
)
LESS_IS_BETTER = frozenset({"volatility", "max_drawdown_value", "max_drawdown_seconds", "recovery_seconds", "costs"})


class Change(StrEnum):
    """What a difference means."""

    BETTER = "better"
    WORSE = "worse"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class Difference:
    """One number that differs; None where a run does not have it or it is not defined there."""

    name: str
    before: Number
    after: Number
    change: Change


def compare_metrics(
    before: Mapping[str, Number], after: Mapping[str, Number], tolerance: float = 0.0
) -> tuple[Difference, ...]:
    """Return the numbers that differ by more than ``tolerance``, in order of their names.

    Parameters
    ----------
    before, after : mapping
        Numbers by name, as `Performance.to_dict` gives them.
    tolerance : float
        Share of the larger of both sizes that may differ without being named, at least 0.

    Notes
    -----
    A number that only one run has is different, never better or worse: nothing says which way it moved.
    """
    found = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old is None or new is None:
            if old is not new:
                found.append(Difference(name, old, new, Change.DIFFERENT))
        elif abs(new - old) > tolerance * max(abs(old), abs(new)):
            found.append(Difference(name, old, new, _meaning(name, new > old)))
    return tuple(found)


def has_regression(differences: tuple[Difference, ...]) -> bool:
    """Return whether any number became worse, or is missing or undefined in the newer run only."""
    return any(d.change is Change.WORSE or (d.after is None and d.name in MORE_IS_BETTER) for d in differences)


def _meaning(name: str, is_larger: bool) -> Change:
    if name in MORE_IS_BETTER:
        return Change.BETTER if is_larger else Change.WORSE
    if name in LESS_IS_BETTER:
        return Change.WORSE if is_larger else Change.BETTER
    return Change.DIFFERENT
