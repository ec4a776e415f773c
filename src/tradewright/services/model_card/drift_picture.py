"""The picture of the features' drift, beside those of `pictures`."""

from __future__ import annotations

import polars as pl

from tradewright.analytics.evidence.drift_figures import drift_of
from tradewright.analytics.tear_sheet import plain

Spec = dict[str, object]

_MOST_FEATURES = 20
#: Usual reading of the population stability index.
SMALL, LARGE = 0.1, 0.25


def drift_picture(features: pl.DataFrame) -> dict[str, object] | None:
    """Draw the stability index of each feature from training to holdout, the largest on top, drifting ones marked."""
    found = drift_of(features).get("holdout")
    if not found:
        return None
    order = sorted(found, key=lambda f: (-f.psi, f.name))
    shown = order[:_MOST_FEATURES][::-1]
    bars: Spec = {
        "type": "bar",
        "orientation": "h",
        "y": [f.name for f in shown],
        "x": plain([f.psi for f in shown], 4),
        "customdata": [f"{f.distance:.3f}, p {f.adjusted:.2g}" for f in shown],
        "marker": {"color": ["@loss" if f.is_drifting else "@accent" for f in shown], "opacity": 0.85},
        "hovertemplate": "%{y}: index %{x:.3f}, largest distance %{customdata} after control<extra></extra>",
    }
    layout: Spec = {
        "margin": {"l": 8, "r": 12, "t": 8, "b": 46},
        "hovermode": "closest",
        "showlegend": False,
        "shapes": [_line(SMALL), _line(LARGE)],
        "xaxis": {"rangemode": "tozero", "nticks": 6, "title": {"text": "Population stability index"}},
        "yaxis": {"automargin": True, "type": "category"},
    }
    drifting = sum(f.is_drifting for f in found)
    left = len(order) - len(shown)
    note = f"{drifting} of {len(found)} features drift; lines: up to {SMALL:g} small, above {LARGE:g} large"
    return {"data": [bars], "layout": layout, "note": f"{note}; {left} more lie below these" if left else note}


def _line(x: float) -> Spec:
    line = {"color": "@benchmark", "width": 1, "dash": "dot"}
    return {"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper", "line": line}
