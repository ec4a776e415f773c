"""The pictures of a model card, in the form of `analytics.tear_sheet`: colours are roles that the page fills in."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradewright.analytics.drift import stability_index
from tradewright.analytics.evidence.judged import judged_rows
from tradewright.analytics.evidence.trial_figures import trial_table
from tradewright.analytics.ratios import sharpe_ratio
from tradewright.analytics.reliability import reliability_bins, reliability_figure
from tradewright.analytics.tear_sheet import CURVE_LIMIT, milliseconds, plain, thin
from tradewright.data.evidence_store import Evidence
from tradewright.services.model_card.drift_picture import LARGE, SMALL, drift_picture

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Picture = dict[str, object]
Spec = dict[str, object]

#: Name, series, multiple of the costs, late; and how each line looks. The model's own line comes last, on top.
_LINES = (
    ("Buy and hold", "buy_and_hold", 1.0, False, {"color": "@benchmark/0.6", "width": 1.25, "dash": "dot"}),
    ("Base rate", "base_rate", 1.0, False, {"color": "@benchmark", "width": 1.25}),
    ("Last sign", "last_sign", 1.0, False, {"color": "@benchmark", "width": 1.25, "dash": "dash"}),
    ("Costs x3", "model", 3.0, False, {"color": "@accent/0.35", "width": 1.25}),
    ("Costs x2", "model", 2.0, False, {"color": "@accent/0.6", "width": 1.25}),
    ("Late", "model", 1.0, True, {"color": "@second", "width": 1.25}),
    ("Model", "model", 1.0, False, {"color": "@accent", "width": 2}),
)
_LEGEND: Spec = {"orientation": "h", "x": 0, "y": 1.0, "xanchor": "left", "yanchor": "bottom"}
_MARGIN: Spec = {"l": 8, "r": 12, "t": 28, "b": 28}
#: Below an axis that has a title.
_TITLED = _MARGIN | {"b": 46}
_MOST_FEATURES = 20
_BINS = 40


def pictures(evidence: Evidence) -> tuple[dict[str, Picture], dict[str, str]]:
    """Return the pictures there is something to draw for, and why the others are not there."""
    drawn: dict[str, Picture] = {}
    missing: dict[str, str] = {}
    tables = evidence.tables
    trials = trial_table(tables["trials"], "trial")
    paths = tables["paths"]
    candidates = {
        "equity": (_equity(tables["returns"]), "The evidence has no returns"),
        "reliability": (_reliability(tables["forecasts"]), "The evidence has no forecasts"),
        "forecasts": (_forecasts(tables["forecasts"]), "The evidence has no forecasts"),
        "paths": (_paths(paths), "No combinatorial cross-validation was made"),
        "ratios": (_ratios(paths, trials, evidence), "There are fewer than two paths"),
        "importance": (_importance(evidence.manifest.importance), "The model says nothing about its features"),
        "drift": (drift_picture(tables["features"]), "There is no holdout to compare with the training"),
        "folds": (_folds(tables["forecasts"]), "The evidence has no forecasts"),
    }
    for name, (picture, why) in candidates.items():
        if picture is None:
            missing[name] = why
        else:
            drawn[name] = picture
    return drawn, missing


def _scatter(x: list[int], y: Floats, name: str, line: Mapping[str, object], hover: str) -> Spec:
    told = f"{name}: {hover}<extra></extra>"
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": x,
        "y": plain(y),
        "line": dict(line),
        "hovertemplate": told,
    }


def _equity(returns: pl.DataFrame) -> Picture | None:
    """Draw growth of one unit, validation and then holdout, each beginning at 1."""
    data: list[Spec] = []
    borders: list[int] = []
    total = drawn = 0
    for scope in ("validation", "holdout"):
        part = returns.filter(pl.col("scope") == scope)
        for name, series, cost, is_late, line in _LINES:
            rows = part.filter(
                (pl.col("series") == series) & (pl.col("cost") == cost) & (pl.col("is_late") == is_late)
            ).sort("ts")
            if len(rows) == 0:
                continue
            growth = _growth(rows)
            keep = thin(growth, CURVE_LIMIT // 4)
            total, drawn = total + len(rows), drawn + len(keep)
            x = milliseconds(rows["ts"].to_numpy()[keep])
            curve = _scatter(x, growth[keep], name, line, "%{y:.3f}")
            data.append(curve | {"legendgroup": name, "showlegend": scope == "validation"})
        if scope == "holdout" and len(part):
            borders += milliseconds(part["ts"].sort().to_numpy()[:1])
    if not data:
        return None
    layout: Spec = {
        "margin": _MARGIN,
        "hovermode": "x",
        "xaxis": {"type": "date"},
        "yaxis": {"type": "log", "automargin": True, "tickformat": ".3~f", "nticks": 7},
        "legend": _LEGEND | {"traceorder": "reversed"},
        "shapes": [_border(x) for x in borders],
        "annotations": [_flag(x, "holdout") for x in borders],
    }
    note = "Extremes of each stretch are kept where points were left out" if drawn < total else ""
    return {"data": data, "layout": layout, "note": note}


def _reliability(forecasts: pl.DataFrame) -> Picture | None:
    """Draw frequency over probability of the likeliest class, in validation and, behind it, in the holdout."""
    pictures = []
    for scope in ("validation", "holdout"):
        rows = judged_rows(forecasts.filter(pl.col("scope") == scope))
        if len(rows):
            hits = (rows.forecast.argmax(axis=1) == rows.outcome).astype(np.float64)
            pictures.append((scope, reliability_figure(reliability_bins(rows.forecast.max(axis=1), hits, rows.unique))))
    if not pictures:
        return None
    (_, picture), *others = pictures
    data = list(picture["data"])  # type: ignore[call-overload]
    data[-1] = data[-1] | {"name": pictures[0][0].capitalize()}
    for scope, other in others:
        points = dict(other["data"][-1])  # type: ignore[index]
        grey = {"color": "@second"}
        points |= {
            "name": scope.capitalize(),
            "line": grey | {"width": 1.25, "dash": "dot"},
            "marker": grey | {"size": 6},
        }
        points["error_y"] = points["error_y"] | grey
        data.insert(1, points)
    layout = dict(picture["layout"]) | {"margin": _TITLED}  # type: ignore[call-overload]
    return dict(picture) | {"data": data, "layout": layout}


def _forecasts(forecasts: pl.DataFrame) -> Picture | None:
    """Draw how P(up) is distributed in validation and holdout, and say how far the two lie apart."""
    sides = {
        scope: forecasts.filter((pl.col("scope") == scope) & pl.col("p_up").is_not_nan())["p_up"].to_numpy()
        for scope in ("validation", "holdout")
    }
    sides = {scope: values for scope, values in sides.items() if len(values)}
    if not sides:
        return None
    low = min(float(v.min()) for v in sides.values())
    high = max(float(v.max()) for v in sides.values())
    edges = np.linspace(low, high + 1e-9 if high > low else low + 0.01, _BINS + 1)
    data: list[Spec] = []
    for (scope, values), colour in zip(sides.items(), ("@accent", "@second"), strict=False):
        share = np.histogram(values, edges)[0] / len(values)
        data.append(
            {
                "type": "bar",
                "name": scope.capitalize(),
                "x": plain((edges[1:] + edges[:-1]) / 2),
                "y": plain(share),
                "width": float(edges[1] - edges[0]),
                "marker": {"color": f"{colour}/0.5"},
                "hovertemplate": "P(up) about %{x:.3f}: %{y:.1%} of the forecasts<extra></extra>",
            }
        )
    note = ""
    if len(sides) > 1:
        index = stability_index(sides["validation"], sides["holdout"])
        size = "little" if index < SMALL else "some" if index < LARGE else "a lot"
        note = f"Drift of the forecasts from validation to holdout: {size}, population stability index {index:.3f}"
    layout: Spec = {
        "margin": _TITLED,
        "barmode": "overlay",
        "bargap": 0,
        "hovermode": "closest",
        "legend": _LEGEND,
        "xaxis": {"tickformat": ".2f", "title": {"text": "P(up)"}},
        "yaxis": {"tickformat": ".0%", "automargin": True, "nticks": 5},
    }
    return {"data": data, "layout": layout, "note": note}


def _paths(paths: pl.DataFrame) -> Picture | None:
    """Draw growth of one unit along every path of combinatorial purged cross-validation."""
    numbers = paths["path"].unique().sort().to_list()
    if len(numbers) < 2:
        return None
    data: list[Spec] = []
    for number in numbers:
        rows = paths.filter(pl.col("path") == number).sort("ts")
        growth = _growth(rows)
        keep = thin(growth, CURVE_LIMIT // len(numbers))
        line = {"color": "@accent/0.55", "width": 1.1}
        data.append(
            _scatter(milliseconds(rows["ts"].to_numpy()[keep]), growth[keep], f"Path {number}", line, "%{y:.3f}")
        )
    layout: Spec = {
        "margin": _MARGIN,
        "hovermode": "closest",
        "showlegend": False,
        "xaxis": {"type": "date"},
        "yaxis": {"type": "log", "automargin": True, "tickformat": ".3~f", "nticks": 6},
    }
    return {"data": data, "layout": layout, "note": ""}


def _ratios(paths: pl.DataFrame, trials: Floats, evidence: Evidence) -> Picture | None:
    """Draw the annual Sharpe ratio of every path, and of every trial, as dots on a line each."""
    scale = float(np.sqrt(evidence.manifest.periods_per_year))
    rows = {"Paths": trial_table(paths, "path"), "Trials": trials}
    data: list[Spec] = []
    for (name, table), colour in zip(rows.items(), ("@accent", "@second"), strict=True):
        if table.shape[1] < 2:
            continue
        values = np.sort(np.array([sharpe_ratio(column) for column in table.T]) * scale)
        values = values[np.isfinite(values)]
        data.append(
            {
                "type": "box",
                "name": name,
                "x": plain(values, 4),
                "boxpoints": "all",
                "jitter": 0.5,
                "pointpos": 0,
                "fillcolor": f"{colour}/0.12",
                "line": {"color": f"{colour}/0.6", "width": 1.25},
                "marker": {"color": colour, "size": 6},
                "hovertemplate": "%{x:.2f}<extra></extra>",
            }
        )
    if not data:
        return None
    counted = evidence.manifest.trials
    layout: Spec = {
        "margin": _TITLED,
        "showlegend": False,
        "hovermode": "closest",
        "xaxis": {"zeroline": True, "title": {"text": "Sharpe ratio, annual, after costs"}},
        "yaxis": {"automargin": True, "autorange": "reversed"},
    }
    return {
        "data": data,
        "layout": layout,
        "note": f"Configurations that were tried before this one was chosen: {counted}",
    }


def _importance(importance: Mapping[str, float]) -> Picture | None:
    """Draw the features that matter most, largest on top."""
    if not importance:
        return None
    order = sorted(importance.items(), key=lambda item: (-abs(item[1]), item[0]))
    shown = order[:_MOST_FEATURES][::-1]
    bars: Spec = {
        "type": "bar",
        "orientation": "h",
        "y": [name for name, _ in shown],
        "x": plain([value for _, value in shown], 5),
        "marker": {"color": ["@accent" if value >= 0 else "@loss" for _, value in shown], "opacity": 0.85},
        "hovertemplate": "%{y}: %{x:.4g}<extra></extra>",
    }
    layout: Spec = {
        "margin": _MARGIN | {"t": 8},
        "hovermode": "closest",
        "showlegend": False,
        "xaxis": {"zeroline": True, "tickformat": ".2~r"},
        "yaxis": {"automargin": True, "type": "category"},
    }
    left = len(order) - len(shown)
    return {"data": [bars], "layout": layout, "note": f"{left} more features, each below these" if left else ""}


def _folds(forecasts: pl.DataFrame) -> Picture | None:
    """Draw how often forecasts of each fold were right, beside the better baseline of the fold."""
    lines = fold_lines(forecasts)
    if not lines:
        return None
    names = [line["name"] for line in lines]
    model: Spec = {
        "type": "scatter",
        "mode": "markers",
        "name": "Model",
        "x": names,
        "y": plain([float(line["accuracy"]) for line in lines]),
        "marker": {"color": "@accent", "size": 11},
        "hovertemplate": "%{x}: right in %{y:.1%}<extra></extra>",
    }
    naive: Spec = {
        "type": "scatter",
        "mode": "markers",
        "name": "Better baseline",
        "x": names,
        "y": plain([float(line["naive"]) for line in lines]),
        "marker": {"symbol": "line-ew-open", "size": 26, "color": "@ink", "line": {"width": 2}},
        "hovertemplate": "%{x}: baseline right in %{y:.1%}<extra></extra>",
    }
    layout: Spec = {
        "margin": _MARGIN,
        "hovermode": "closest",
        "legend": _LEGEND,
        "xaxis": {"type": "category"},
        "yaxis": {"tickformat": ".0%", "automargin": True, "nticks": 5},
    }
    return {"data": [naive, model], "layout": layout, "note": ""}


def fold_lines(forecasts: pl.DataFrame) -> list[dict[str, str | int | float]]:
    """Return of each fold, and of the holdout: name, span in ns UTC, forecasts, accuracies of model and baseline."""
    lines: list[dict[str, str | int | float]] = []
    for scope in ("validation", "holdout"):
        part = forecasts.filter(pl.col("scope") == scope)
        for fold in part["fold"].unique().sort().to_list() if scope == "validation" else [None]:
            mine = part if fold is None else part.filter(pl.col("fold") == fold)
            rows = judged_rows(mine)
            if len(rows) == 0:
                continue
            base = float((np.nan_to_num(rows.base).argmax(axis=1) == rows.outcome).mean())
            last = float((rows.last_sign == rows.outcome).mean())
            lines.append(
                {
                    "name": "Holdout" if fold is None else f"Fold {fold}",
                    "start": int(rows.start.min()),
                    "end": int(rows.end.max()),
                    "rows": len(rows),
                    "accuracy": float((rows.forecast.argmax(axis=1) == rows.outcome).mean()),
                    "naive": max(base, last),
                }
            )
    return lines


def _growth(rows: pl.DataFrame) -> Floats:
    return (1.0 + rows["value"]).cum_prod().to_numpy()


def _border(x: int) -> Spec:
    line = {"color": "@benchmark", "width": 1, "dash": "dot"}
    return {"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper", "line": line}


def _flag(x: int, text: str) -> Spec:
    return {
        "x": x,
        "y": 1,
        "yref": "paper",
        "text": text,
        "showarrow": False,
        "xanchor": "left",
        "yanchor": "top",
        "xshift": 4,
    }
