"""A picture of what data is there and what the checks found: one HTML file that loads nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import polars as pl

from tradewright.data.kinds import Kind
from tradewright.data.quality import Findings, Subject
from tradewright.data.quality.findings import moment
from tradewright.data.quality.presence import Presence, presence
from tradewright.services.report.render import as_script_data, plotly_source

_HERE = Path(__file__).parent
_TEMPLATE = "quality_page.html.j2"
#: Buckets of the price line, two points each; marks of one rule; rows of a table of findings.
_BUCKETS, _MOST_MARKS, _MOST_ROWS = 1500, 500, 300
_DAYS_OF_YEAR = 366
#: Value of a day in the coverage picture that has bars although the market was closed.
_UNEXPECTED = 1.25
_SCALE = [[0.0, "#bf3b1f"], [0.4, "#e8a33d"], [0.79, "#d7e6c5"], [0.8, "#0b7a5e"], [0.9, "#0b7a5e"], [1.0, "#7a5cd0"]]
_COLOURS = ("#bf3b1f", "#8a5a00", "#2456b8", "#7a5cd0", "#0b7a5e", "#b0307f", "#3d7f9c", "#5a6672")


@dataclass(frozen=True, slots=True)
class Examined:
    """One data set with what was found in it, and files of it whose content is not what the catalogue says."""

    subject: Subject
    findings: Findings
    damaged: tuple[str, ...] = ()


def render_quality(examined: Sequence[Examined], title: str = "Data quality") -> str:
    """Return the page as one HTML document without any reference to a network; same data, same bytes.

    Raises
    ------
    RunError
        If plotly's JavaScript is not installed.
    """
    parts = [_section(number, e) for number, e in enumerate(examined)]
    figures = {name: figure for part in parts for name, figure in part.pop("figures").items()}
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(_TEMPLATE).render(
        title=title, parts=parts, data=as_script_data({"figures": figures}), plotly=plotly_source()
    )


def _section(number: int, examined: Examined) -> dict[str, Any]:
    subject, found = examined.subject, examined.findings.frame
    counted = presence(subject)
    required = counted.expected > 0
    share = (
        float(np.minimum(counted.present, counted.expected)[required].sum() / counted.expected[required].sum())
        if required.any()
        else 1.0
    )
    figures: dict[str, Any] = {}
    if len(counted.days):
        figures[f"coverage-{number}"] = _coverage(counted)
    if len(subject.frame) and subject.kind is Kind.BARS:
        figures[f"price-{number}"] = _price(subject, found)
    frame = subject.frame
    return {
        "number": number,
        "name": subject.name,
        "rows": f"{len(frame):,}",
        "span": _span(frame),
        "calendar": subject.calendar.name,
        "share": f"{share:.2%}",
        "errors": f"{len(examined.findings.errors):,}",
        "warnings": f"{len(examined.findings.warnings):,}",
        "damaged": list(examined.damaged),
        "rules": _rules(found),
        "findings": _rows(found),
        "more": max(0, len(found) - _MOST_ROWS),
        "has_price": f"price-{number}" in figures,
        "figures": figures,
    }


def _span(frame: pl.DataFrame) -> str:
    if len(frame) == 0:
        return "empty"
    return f"{moment(frame['ts_open'].to_numpy().min())} to {moment(frame['ts_event'].to_numpy().max())} UTC"


def _rules(found: pl.DataFrame) -> list[dict[str, Any]]:
    table = found.group_by("rule", maintain_order=True).agg(
        pl.len().alias("count"), pl.col("severity", "repair", "detail", "ts").first()
    )
    return [
        r | {"rule": r["rule"].replace("_", " "), "first": moment(r["ts"]), "count": f"{r['count']:,}"}
        for r in table.sort("severity", "rule").iter_rows(named=True)
    ]


def _rows(found: pl.DataFrame) -> list[dict[str, Any]]:
    return [
        r | {"time": moment(r["ts"]), "rule": r["rule"].replace("_", " "), "row": f"{r['row']:,}"}
        for r in found.head(_MOST_ROWS).iter_rows(named=True)
    ]


def _coverage(counted: Presence) -> dict[str, Any]:
    """Return one row a year and one column a day: the share of expected bars that are there."""
    dates = counted.days.astype("datetime64[D]")
    years = dates.astype("datetime64[Y]")
    column = (dates - years.astype("datetime64[D]")).astype(np.int64)
    first = int(years.min().astype(np.int64)) + 1970
    row = years.astype(np.int64) + 1970 - first
    shape = (int(row.max()) + 1, _DAYS_OF_YEAR)
    share = np.full(shape, np.nan)
    texts = np.full(shape, "", dtype=object)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.minimum(counted.present / counted.expected, 1.0)
    # A day that trade may leave out is drawn only where there are bars.
    values = np.where(counted.expected > 0, ratio, np.where(counted.present > 0, _UNEXPECTED, np.nan))
    share[row, column] = values
    texts[row, column] = [
        f"{d}: {p:,} of {e:,} bars" for d, p, e in zip(dates, counted.present, counted.expected, strict=True)
    ]
    heat = {
        "type": "heatmap",
        "z": [[None if np.isnan(v) else round(float(v), 4) for v in line] for line in share],
        "text": texts.tolist(),
        "y": [str(first + i) for i in range(shape[0])],
        "x": list(range(1, _DAYS_OF_YEAR + 1)),
        "hovertemplate": "%{text}<extra></extra>",
        "colorscale": _SCALE,
        "zmin": 0,
        "zmax": _UNEXPECTED,
        "showscale": False,
        "xgap": 0.4,
        "ygap": 1,
    }
    middles = [15, 45, 74, 105, 135, 166, 196, 227, 258, 288, 319, 349]
    names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    layout = _layout(max(110, 60 + 18 * shape[0]))
    layout["xaxis"] |= {"tickvals": middles, "ticktext": names, "showgrid": False}
    layout["yaxis"] |= {"autorange": "reversed", "type": "category", "showgrid": False}
    return {"data": [heat], "layout": layout}


def _price(subject: Subject, found: pl.DataFrame) -> dict[str, Any]:
    """Return the closes as a line (lowest and highest of each stretch), and a mark for each finding."""
    frame = subject.frame.filter(pl.col("close").is_finite()).sort("ts_open", maintain_order=True)
    close, ts = frame["close"].to_numpy(), frame["ts_open"].to_numpy()
    at = _outline(close)
    line = {
        "type": "scattergl",
        "mode": "lines",
        "name": "close",
        "x": [moment(t) for t in ts[at].tolist()],
        "y": close[at].tolist(),
        "line": {"width": 1, "color": "#5a6672"},
        "hovertemplate": "%{x}<br>%{y}<extra></extra>",
    }
    marks = []
    # By time, not by row: a file's rows are counted from its header.
    at = np.minimum(np.searchsorted(ts, found["ts"].to_numpy()), len(ts) - 1)
    placed = found.with_columns(close=pl.Series(close[at])) if len(ts) else found.clear().with_columns(close=0.0)
    for number, (rule, rows) in enumerate(
        sorted(placed.group_by("rule", maintain_order=True), key=lambda g: str(g[0]))
    ):
        some = rows.gather_every(max(1, len(rows) // _MOST_MARKS))
        marks.append(
            {
                "type": "scattergl",
                "mode": "markers",
                "name": f"{str(rule[0]).replace('_', ' ')} ({len(rows):,})",
                "x": [moment(t) for t in some["ts"].to_list()],
                "y": some["close"].to_list(),
                "text": some["detail"].to_list(),
                "hovertemplate": "%{x}<br>%{text}<extra>%{fullData.name}</extra>",
                "marker": {"size": 8, "color": _COLOURS[number % len(_COLOURS)], "symbol": number % 8},
            }
        )
    layout = _layout(360) | {"showlegend": True, "legend": {"orientation": "h", "y": -0.15}}
    return {"data": [line, *marks], "layout": layout}


def _outline(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return positions that keep every extreme: lowest and highest of each of many stretches."""
    if len(values) <= 2 * _BUCKETS:
        return np.arange(len(values), dtype=np.int64)
    width = len(values) // _BUCKETS
    whole = values[: width * _BUCKETS].reshape(_BUCKETS, width)
    base = np.arange(_BUCKETS, dtype=np.int64) * width
    ends = np.array([0, len(values) - 1])
    return np.unique(np.concatenate([base + whole.argmin(axis=1), base + whole.argmax(axis=1), ends]))


def _layout(height: int) -> dict[str, Any]:
    axis: dict[str, Any] = {"gridcolor": "#e1e5e9", "zeroline": False, "automargin": True}
    return {
        "height": height,
        "margin": {"l": 50, "r": 10, "t": 8, "b": 30},
        "font": {"size": 12, "color": "#5a6672"},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "hovermode": "closest",
        "showlegend": False,
        "xaxis": dict(axis),
        "yaxis": dict(axis),
    }
