"""Figures of a tear sheet as plain dictionaries for plotly.js; nothing here knows a page or a file.

A figure is ``{"data": [...], "layout": {...}, "note": str}``. Colours are names of roles (``@accent``,
``@gain``, ``@loss/0.2`` with an opacity): the page replaces them by its colour scheme, so one figure serves
light and dark.
``note`` states in words what was left out of the drawing; it is empty when every point is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from tradewright.analytics.drawdown import drawdown_series
from tradewright.core.types.bar import Bars

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Figure = dict[str, object]
Spec = dict[str, object]

#: Points of one curve sent to the page; longer series keep the extremes of each stretch.
CURVE_LIMIT = 4_000
#: Bars of one instrument sent to the page; longer histories are merged into larger bars.
BAR_LIMIT = 5_000
#: Dots of a scatter drawn as vector graphics before a page becomes slow.
DOT_LIMIT = 3_000

_NS_PER_MS = 1_000_000
_DAY_NS = 86_400_000_000_000
#: A deviation of returns below this is rounding, not movement.
_STILL = 1e-12
_LEGEND: Spec = {
    "orientation": "h",
    "x": 0,
    "y": 1.0,
    "xanchor": "left",
    "yanchor": "bottom",
    "traceorder": "normal",
}
#: Largest span a unit is used for, its name and its length in seconds.
_HOLDING_UNITS = ((120.0, "seconds", 1.0), (7_200.0, "minutes", 60.0), (172_800.0, "hours", 3_600.0))


@dataclass(frozen=True, slots=True)
class Rolling:
    """Rolling Sharpe ratio and volatility, both per year.

    ``stamps`` i8[k] ns UTC, the end of each window; ``sharpe`` f8[k], NaN where the window has no variation;
    ``volatility`` f8[k]; ``window`` periods in each window.
    """

    stamps: Ints
    sharpe: Floats
    volatility: Floats
    window: int


def plain(values: NDArray[np.generic] | Sequence[float], digits: int = 7) -> list[float | None]:
    """Return ``values`` as floats of ``digits`` significant digits; what is not finite becomes None."""
    array = np.asarray(values, dtype=np.float64)
    return [float(f"{v:.{digits}g}") if isfinite(v) else None for v in array.tolist()]


def milliseconds(stamps: Ints) -> list[int]:
    """Return ns UTC as whole milliseconds since 1970, the form in which plotly.js takes dates."""
    out: list[int] = (np.asarray(stamps, dtype=np.int64) // _NS_PER_MS).tolist()
    return out


def thin(values: Floats, limit: int = CURVE_LIMIT) -> Ints:
    """Return ascending positions of at most ``limit`` points that keep the look of a curve.

    Each stretch of equal length keeps its first, lowest, highest and last point, so no peak or trough is
    lost. Ties go to the earliest point.

    Parameters
    ----------
    values : f8[n]
        The curve; NaN is never an extreme.
    limit : int
        At least 4.
    """
    n = len(values)
    if n <= limit:
        return np.arange(n, dtype=np.int64)
    size = -(-n // (limit // 4))
    starts = np.arange(0, n, size, dtype=np.int64)
    padded = np.full(len(starts) * size, np.nan)
    padded[:n] = values
    table = padded.reshape(len(starts), size)
    low = np.where(np.isnan(table), np.inf, table).argmin(axis=1) + starts
    high = np.where(np.isnan(table), -np.inf, table).argmax(axis=1) + starts
    last = np.minimum(starts + size, n) - 1
    return np.unique(np.concatenate([starts, low, high, last]))


def thinning_note(drawn: int, total: int) -> str:
    """Return the sentence that states a thinned curve, or nothing."""
    return "" if drawn >= total else f"{drawn:,} of {total:,} points drawn; highs and lows are kept"


def rolling_performance(stamps: Ints, returns: Floats, window: int, periods_per_year: float) -> Rolling:
    """Return Sharpe ratio (no risk-free rate, sample deviation) and volatility of each full window.

    Parameters
    ----------
    stamps, returns : i8[n], f8[n]
        End and simple return of each period.
    window : int
        Periods in a window, at least 2; a series shorter than it gives empty arrays.
    """
    if len(returns) < window:
        return Rolling(np.empty(0, np.int64), np.empty(0), np.empty(0), window)
    windows = np.lib.stride_tricks.sliding_window_view(returns, window)
    deviation = windows.std(axis=1, ddof=1)
    # A window without trades has no ratio: a gap in the line, not a zero and not an infinity.
    moving = deviation > _STILL
    sharpe = np.full(len(deviation), np.nan)
    sharpe[moving] = windows.mean(axis=1)[moving] / deviation[moving] * np.sqrt(periods_per_year)
    return Rolling(stamps[window - 1 :], sharpe, deviation * np.sqrt(periods_per_year), window)


def equity_figure(
    stamps: Ints,
    equity: Floats,
    benchmark: Floats | None,
    names: tuple[str, str],
    initial: float,
    limit: int = CURVE_LIMIT,
) -> Figure:
    """Return equity against a benchmark, with the drawdown of both underneath on the same time axis.

    Parameters
    ----------
    stamps, equity : i8[n], f8[n]
        Account value after each time.
    benchmark : f8[n] or None
        Value of the alternative at the same times.
    names : (str, str)
        What the two lines are called.
    initial : float
        Starting equity: the first peak a drawdown is measured from.
    """
    drawdown = drawdown_series(equity, initial)
    keep = _thin_both(equity, drawdown, limit)
    x = milliseconds(stamps[keep])
    data: list[Spec] = []
    if benchmark is not None:
        line = {"color": "@benchmark", "width": 1.25}
        data.append(_line(x, benchmark[keep], names[1], line=line, hover="%{y:,.2f}"))
        under = _line(x, drawdown_series(benchmark, initial)[keep], names[1], line=line, hover="%{y:.2%}")
        data.append(under | {"yaxis": "y2", "showlegend": False})
    bold: Spec = {"color": "@accent", "width": 2}
    data.append(_line(x, equity[keep], names[0], line=bold, hover="%{y:,.2f}"))
    under = _line(x, drawdown[keep], names[0], line={"color": "@loss", "width": 1.25}, hover="%{y:.2%}")
    data.append(under | {"yaxis": "y2", "showlegend": False, "fill": "tozeroy", "fillcolor": "@loss/0.16"})
    layout = _layout(stamps)
    layout["yaxis"] = {"domain": [0.36, 1.0], "tickformat": "~s", "automargin": True}
    layout["yaxis2"] = {
        "domain": [0.0, 0.27],
        "tickformat": ".2~%",
        "automargin": True,
        "nticks": 4,
        "rangemode": "tozero",
    }
    layout["annotations"] = [_caption("Drawdown", 0.27)]
    layout["legend"] = _LEGEND | {"traceorder": "reversed"}  # the strategy is drawn last, named first
    return {"data": data, "layout": layout, "note": thinning_note(len(keep), len(stamps))}


def rolling_figure(rolling: Rolling, limit: int = CURVE_LIMIT) -> Figure:
    """Return rolling Sharpe ratio above rolling volatility."""
    keep = _thin_both(rolling.sharpe, rolling.volatility, limit)
    x = milliseconds(rolling.stamps[keep])
    upper = _line(x, rolling.sharpe[keep], "Sharpe", line={"color": "@accent", "width": 1.75}, hover="%{y:.2f}")
    lower = _line(x, rolling.volatility[keep], "Volatility", line={"color": "@second", "width": 1.75}, hover="%{y:.1%}")
    layout = _layout(rolling.stamps)
    _drop_legend(layout)
    layout["yaxis"] = {"domain": [0.54, 1.0], "automargin": True, "nticks": 5, "zeroline": True}
    layout["yaxis2"] = {
        "domain": [0.0, 0.42],
        "tickformat": ".2~%",
        "automargin": True,
        "nticks": 5,
        "rangemode": "tozero",
    }
    layout["annotations"] = [_caption("Sharpe", 1.0), _caption("Volatility", 0.42)]
    note = thinning_note(len(keep), len(rolling.stamps))
    return {"data": [upper, lower | {"yaxis": "y2"}], "layout": layout, "note": note}


def exposure_figure(stamps: Ints, share: Floats, limit: int = CURVE_LIMIT) -> Figure:
    """Return gross exposure as a share of equity over time.

    A longer series is drawn as the mean of each stretch: an account that goes in and out of the market many
    times would be a solid block if the extremes were kept.
    """
    n = len(stamps)
    size = max(1, -(-n // limit))
    starts = np.arange(0, n, size, dtype=np.int64)
    counts = np.diff(np.append(starts, n))
    means = np.add.reduceat(share, starts) / counts if n else share
    trace = _line(
        milliseconds(stamps[starts]),
        means,
        "Exposure",
        line={"color": "@accent", "width": 1, "shape": "hv"},
        hover="%{y:.1%}",
    )
    layout = _layout(stamps)
    _drop_legend(layout)
    layout["yaxis"] = {"tickformat": ".0%", "automargin": True, "rangemode": "tozero", "nticks": 5}
    note = f"each point is the mean of {size:,} times" if size > 1 else ""
    return {
        "data": [trace | {"fill": "tozeroy", "fillcolor": "@accent/0.18"}],
        "layout": layout,
        "note": note,
    }


def costs_figure(series: Sequence[tuple[str, Ints, Floats]], limit: int = CURVE_LIMIT) -> Figure:
    """Return cumulative costs, one step line each.

    Parameters
    ----------
    series : sequence of (name, i8[k] stamps, f8[k] amounts)
        Amounts paid at each time, positive = paid, account currency, not yet summed up.
    """
    roles = ("@accent", "@second", "@benchmark", "@loss")
    data: list[Spec] = []
    drawn = total = 0
    for position, (name, stamps, amounts) in enumerate(series):
        paid = np.cumsum(amounts)
        keep = thin(paid, limit)
        drawn, total = drawn + len(keep), total + len(paid)
        line = {"color": roles[position % len(roles)], "width": 1.75, "shape": "hv"}
        data.append(_line(milliseconds(stamps[keep]), paid[keep], name, line=line, hover="%{y:,.2f}"))
    stamps = np.concatenate([s for _, s, _ in series]) if series else np.empty(0, np.int64)
    layout = _layout(np.sort(stamps))
    if len(series) <= 1:
        _drop_legend(layout)
    layout["yaxis"] = {"tickformat": "~s", "automargin": True, "rangemode": "tozero", "nticks": 5}
    return {"data": data, "layout": layout, "note": thinning_note(drawn, total)}


def histogram_figure(returns: Floats) -> Figure:
    """Return the distribution of trade returns; zero is always an edge, so no bar mixes wins with losses.

    Returns beyond three times the inner 98 % of the range are counted in the outermost bars, which the note
    states. A return of exactly zero belongs to the bar above zero.
    """
    low, high = np.percentile(returns, [1, 99])
    margin = max(high - low, 1e-9)
    floor, ceiling = max(returns.min(), low - margin), min(returns.max(), high + margin)
    width = _nice_width(returns, float(max(ceiling - floor, 1e-9)))
    first, last = int(np.floor(floor / width)), int(np.floor(ceiling / width))
    bins = np.clip(np.floor(returns / width).astype(np.int64), first, last)
    counts = np.bincount(bins - first, minlength=last - first + 1)
    edges = np.arange(first, last + 1) * width
    bars: Spec = {
        "type": "bar",
        "x": plain(edges + width / 2),
        "y": [int(c) for c in counts],
        "width": float(f"{width * 0.92:.7g}"),
        "marker": {"color": ["@loss" if edge < 0 else "@gain" for edge in edges], "opacity": 0.85},
        "customdata": [[a, b] for a, b in zip(plain(edges), plain(edges + width), strict=True)],
        "hovertemplate": "%{customdata[0]:.2%} to %{customdata[1]:.2%}: %{y} trades<extra></extra>",
    }
    beyond = int(np.count_nonzero((returns < first * width) | (returns >= (last + 1) * width)))
    layout = _base_layout()
    mean = float(np.mean(returns))
    layout |= {
        "xaxis": {"tickformat": ".2~%", "zeroline": True},
        "yaxis": {"automargin": True, "nticks": 5},
        "hovermode": "closest",
        "showlegend": False,
        "bargap": 0,
        "shapes": [_vertical(mean)],
        "annotations": [_flag(mean, f"mean {mean:+.2%}".replace("-", "\N{MINUS SIGN}"))],
    }
    note = f"Results further out, in the outermost bars: {beyond:,}" if beyond else ""
    return {"data": [bars], "layout": layout, "note": note}


def holding_figure(seconds: Floats, returns: Floats, limit: int = DOT_LIMIT) -> Figure:
    """Return holding time against result, winners and losers apart by colour and shape.

    Beyond ``limit`` trades, every k-th in order of return is drawn, with the best and the worst.
    """
    n = len(returns)
    order = np.argsort(returns, kind="stable")
    step = max(1, -(-n // limit))
    keep = np.unique(np.append(order[::step], order[-1:])) if step > 1 else np.arange(n)
    middle = float(np.median(seconds)) if n else 0.0
    unit, length = next(((u, s) for top, u, s in _HOLDING_UNITS if middle < top), ("days", 86_400.0))
    held, result = seconds[keep] / length, returns[keep]
    data: list[Spec] = []
    for name, chosen, role, symbol in (
        ("Winners", result > 0, "@gain", "circle"),
        ("Losers", result <= 0, "@loss", "diamond-open"),
    ):
        marker = {"color": role, "symbol": symbol, "size": 6, "opacity": 0.75}
        hover = f"%{{y:.2%}} after %{{x:,.2~f}} {unit}<extra></extra>"
        dots = {"type": "scatter", "mode": "markers", "name": name, "marker": marker, "hovertemplate": hover}
        data.append(dots | {"x": plain(held[chosen], 5), "y": plain(result[chosen], 5)})
    is_wide = n > 0 and seconds.min() > 0 and seconds.max() > 30 * seconds.min()
    layout = _base_layout()
    layout |= {
        "hovermode": "closest",
        "xaxis": {
            "title": {"text": f"held, {unit}", "standoff": 6},
            "automargin": True,
            "type": "log" if is_wide else "linear",
        }
        | ({"dtick": 1} if is_wide else {"rangemode": "tozero"}),
        "yaxis": {"tickformat": ".2~%", "automargin": True, "zeroline": True, "nticks": 6},
    }
    note = "" if len(keep) == n else f"{len(keep):,} of {n:,} trades drawn, evenly over the results"
    return {"data": data, "layout": layout, "note": note}


def price_points(bars: Bars, limit: int = BAR_LIMIT) -> Spec:
    """Return bars in columns for a price chart, merged into at most ``limit`` larger bars.

    Returns
    -------
    dict
        ``t`` start of each point and ``e`` its end in ms UTC; ``o``, ``h``, ``l``, ``c`` prices; ``per`` bars
        merged into one point (1 = every bar is there); ``total`` bars there were.
    """
    n = len(bars)
    per = max(1, -(-n // limit))
    starts = np.arange(0, n, per, dtype=np.int64)
    ends = np.minimum(starts + per, n) - 1
    high = np.maximum.reduceat(bars.high, starts) if n else bars.high
    low = np.minimum.reduceat(bars.low, starts) if n else bars.low
    return {
        "t": milliseconds(bars.ts_open[starts]),
        "e": milliseconds(bars.ts_event[ends]),
        "o": plain(bars.open[starts], 10),
        "h": plain(high, 10),
        "l": plain(low, 10),
        "c": plain(bars.close[ends], 10),
        "per": per,
        "total": n,
    }


def _thin_both(upper: Floats, lower: Floats, limit: int) -> Ints:
    """Return positions for two curves drawn over the same times, keeping the extremes of both."""
    if len(upper) <= limit:
        return np.arange(len(upper), dtype=np.int64)
    return np.union1d(thin(upper, limit // 2), thin(lower, limit // 2))


def _nice_width(values: Floats, span: float) -> float:
    """Return a bar width of 1, 2 or 5 times a power of ten, giving 16 to 150 bars over ``span``."""
    upper, lower = np.percentile(values, [75, 25])
    ideal = 2.0 * float(upper - lower) / max(len(values), 1) ** (1 / 3)
    ideal = min(max(ideal, span / 60), span / 16)
    power = 10.0 ** np.floor(np.log10(ideal))
    return float(next(m * power for m in (10.0, 5.0, 2.0, 1.0) if m * power <= ideal * (1 + 1e-9)))


def _line(x: list[int], y: Floats, name: str, *, line: Spec, hover: str) -> Spec:
    shown = {"hovertemplate": hover, "mode": "lines", "type": "scatter", "name": name}
    return shown | {"x": x, "y": plain(y), "line": line}


def _drop_legend(layout: Spec) -> None:
    layout["showlegend"] = False
    layout["margin"] = {"l": 8, "r": 12, "t": 16, "b": 28}


def _base_layout() -> Spec:
    return {
        "margin": {"l": 8, "r": 12, "t": 28, "b": 28},
        "hovermode": "x unified",
        "legend": dict(_LEGEND),
    }


def _layout(stamps: Ints) -> Spec:
    """Return the layout of a chart over time; the hover shows the hour only where it says something."""
    is_intraday = len(stamps) > 1 and float(np.median(np.diff(stamps))) < 0.9 * _DAY_NS
    layout = _base_layout()
    hover = "%d %b %Y %H:%M" if is_intraday else "%d %b %Y"
    layout["xaxis"] = {"type": "date", "hoverformat": hover, "nticks": 8, "automargin": True}
    return layout


def _caption(text: str, y: float) -> Spec:
    place = {"x": 0, "y": y, "xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom"}
    return place | {"text": text, "showarrow": False, "font": {"color": "@muted", "size": 11}}


def _vertical(x: float) -> Spec:
    line = {"color": "@ink", "width": 1, "dash": "dot"}
    return {"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper", "line": line}


def _flag(x: float, text: str) -> Spec:
    place = {"x": x, "y": 1.0, "yref": "paper", "xanchor": "left", "yanchor": "bottom"}
    return place | {"text": text, "showarrow": False, "font": {"color": "@muted", "size": 11}}
