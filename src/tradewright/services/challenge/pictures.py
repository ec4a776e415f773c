"""The picture of a challenge: paths between floor and target, in the form of `analytics.tear_sheet`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tradewright.analytics.tear_sheet import plain
from tradewright.core.types.prop import RuleStatus
from tradewright.research.challenge.paths import Curves
from tradewright.research.challenge.study import ChallengeParams
from tradewright.risk.prop.schema import RuleSet
from tradewright.risk.prop.watch import NONE, rule_record

Picture = dict[str, object]
Spec = dict[str, object]

_MICRO = 1e6
_POINTS = 60  # of one path
_SHOWN = 60  # paths of a phase
_PASSED, _FAILED = "Passed", "Failed"
_LOOKS = {_PASSED: "@gain/0.45", _FAILED: "@loss/0.45", "Undecided": "@benchmark/0.35"}


def phase_picture(rules: Sequence[RuleSet], curves: Curves, params: ChallengeParams, currency: str) -> Picture | None:
    """Draw paths of a phase with its target and the floors of its first day; None where no path came to it.

    The first rule set is the firm's, others are the trader's own.
    """
    if not len(curves.equity):
        return None
    data: list[Spec] = []
    for name, colour in _LOOKS.items():
        x, y = _lines(curves, name)
        if not x:
            continue
        line = {"color": colour, "width": 1}
        data.append(
            {"type": "scatter", "mode": "lines", "name": name, "x": x, "y": y, "line": line, "hoverinfo": "skip"}
        )
    last = int(curves.days[:_SHOWN].max())
    levels = [level for k, each in enumerate(rules) for level in _levels(each, params, "Own " * (k > 0))]
    data += [_level(name, at / _MICRO, colour, dash, last) for name, at, colour, dash in levels if at != NONE]
    layout: Spec = {
        "margin": {"l": 8, "r": 12, "t": 28, "b": 46},
        "hovermode": "closest",
        "xaxis": {"title": {"text": "days"}, "range": [0, last]},
        "yaxis": {"automargin": True, "nticks": 7, "tickformat": ",.0f"},
        "legend": {"orientation": "h", "x": 0, "y": 1.0, "xanchor": "left", "yanchor": "bottom"},
    }
    note = f"The first {min(_SHOWN, len(curves.equity))} paths, equity in {currency} at the end of each day"
    return {"data": data, "layout": layout, "note": note}


def _levels(rules: RuleSet, params: ChallengeParams, whose: str) -> list[tuple[str, int, str, str]]:
    """Return target and floors of the first day: name, millionths, colour, dashes."""
    record = rule_record(rules, params.initial, np.empty(0, np.int64))[0]
    initial = int(record["initial_micro"])
    colour = "@benchmark" if whose else "@loss"
    levels = [(f"{whose}target", int(record["target_micro"]), "@gain", "dash")]
    if record["has_max_loss"]:
        trails = "floor on the first day" if record["trailing"] else "floor"
        levels.append((f"{whose}{trails}", initial - _distance(record, "max"), colour, "solid"))
    if record["daily_anchor"]:
        levels.append((f"{whose}daily limit on the first day", initial - _distance(record, "daily"), colour, "dot"))
    return [(name[0].upper() + name[1:], at, look, dash) for name, at, look, dash in levels]


def _distance(record: np.void, name: str) -> int:
    share = int(record[f"{name}_ppm"])
    return int(record["initial_micro"]) * share // 10**6 if share else int(record[f"{name}_distance_micro"])


def _level(name: str, at: float, colour: str, dash: str, last: int) -> Spec:
    line = {"color": colour, "width": 1.5, "dash": dash}
    hover = f"{name}: %{{y:,.0f}}<extra></extra>"
    ends = {"x": [0, last], "y": [at, at], "hovertemplate": hover}
    return {"type": "scatter", "mode": "lines", "name": name, "line": line, **ends}


def _ending(status: int) -> str:
    if status == RuleStatus.PASSED:
        return _PASSED
    return _FAILED if status > RuleStatus.PASSED else "Undecided"


def _lines(curves: Curves, name: str) -> tuple[list[float | None], list[float | None]]:
    """Return the paths with one ending as a single line with gaps."""
    xs: list[float | None] = []
    ys: list[float | None] = []
    for equity, status, days in zip(curves.equity[:_SHOWN], curves.status, curves.days, strict=False):
        if _ending(int(status)) != name:
            continue
        at = np.unique(np.linspace(0, int(days), min(_POINTS, int(days) + 1)).astype(np.int64))
        xs += [*(float(x) for x in at), None]
        ys += [*_rounded(equity[at]), None]
    return xs, ys


def _rounded(amounts: NDArray[np.int64]) -> list[float | None]:
    return list(plain(np.rint(amounts / _MICRO)))
