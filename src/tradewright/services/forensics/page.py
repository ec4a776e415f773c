"""A divergence as one HTML file that loads nothing: both equity curves, where they part, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import jinja2
import numpy as np

from tradewright.analytics.tear_sheet import milliseconds, plain, thin
from tradewright.core.types.errors import StoreError
from tradewright.engine.backtest import BacktestResult
from tradewright.forensics.divergence import CauseRow, Divergence
from tradewright.forensics.parting import SEEN
from tradewright.rollout.commit import write_whole
from tradewright.services.forensics.documents import moment, symbol_of
from tradewright.services.report.render import as_script_data, page_environment, page_sources
from tradewright.services.report.view import Figure, Metric, Unit

_HERE = Path(__file__).parent
_ROWS = 500
_MARKS = 400


@dataclass(frozen=True, slots=True)
class DivergenceView:
    """Everything the page shows."""

    name: str
    facts: tuple[tuple[str, str], ...]
    headline: tuple[Metric, ...]
    causes: tuple[CauseRow, ...]
    rows: tuple[tuple[str, str, str, str, float], ...]
    left_out: int
    origins: tuple[tuple[str, str], ...]
    figures: Mapping[str, Figure]
    missing: Mapping[str, str]


def write_divergence_page(found: Divergence, name: str, market: str, path: Path) -> None:
    """Write the page, whole or not at all.

    Raises
    ------
    StoreError
        If it cannot be written.
    RunError
        If plotly's JavaScript is not installed.
    """
    view = _view(found, name, market)
    payload: dict[str, object] = {"figures": dict(view.figures), "prices": [], "trades": {}, "run": name}
    page = _template().render(view=view, data=as_script_data(payload), **page_sources())
    try:
        write_whole(path, page.encode())
    except OSError as error:
        what = f"the page cannot be written: {error.strerror or error}"
        raise StoreError(what, where=str(path), fix="Give a writable place with --html.") from error


@cache
def _template() -> jinja2.Template:
    return page_environment(_HERE).get_template("divergence.html.j2")


def _view(found: Divergence, name: str, market: str) -> DivergenceView:
    begun = found.begun
    is_drawn = len(found.session.stamps) > 1
    return DivergenceView(
        name=name,
        facts=(
            ("Begun", moment(begun.ts_seen)),
            ("Venue", str(begun.payload.get("venue", ""))),
            ("Market of the backtest", market),
            ("Events", f"{found.events[0]:,} seen, {found.events[1]:,} in the backtest"),
            ("Fills", f"{len(found.session.fills):,} and {len(found.backtest.fills):,}"),
        ),
        headline=(
            Metric("Session", found.session.final_equity, Unit.MONEY, "Last equity of the session."),
            Metric("Backtest", found.backtest.final_equity, Unit.MONEY, "Last equity of the backtest."),
            Metric("Difference", found.pnl, Unit.SIGNED_MONEY, "Session less backtest."),
            Metric("Unexplained", found.unexplained, Unit.SIGNED_MONEY, "What no cause below accounts for."),
            Metric("Differences", len(found.partings), Unit.COUNT, "Events, decisions, fills and costs."),
        ),
        causes=found.table,
        rows=tuple((moment(p.ts), symbol_of(found, p), p.cause.value, p.detail, p.pnl) for p in found.partings[:_ROWS]),
        left_out=max(0, len(found.partings) - _ROWS),
        origins=(
            ("Mode", begun.mode),
            ("Source", begun.code_hash),
            ("Configuration", begun.config_hash),
            ("Model", begun.model_hash or "none"),
        ),
        figures={"both": _picture(found)} if is_drawn else {},
        missing={"both": "The session saw too little to draw"},
    )


def _picture(found: Divergence) -> Figure:
    """Draw both curves, and a mark on the session's wherever money or a decision parts."""
    data = [
        _curve("Backtest", found.backtest, {"color": "@benchmark", "width": 2.5}),
        _curve("Session", found.session, {"color": "@accent", "width": 1.3}),
    ]
    felt = [p for p in found.partings if p.cause not in SEEN or p.pnl][:_MARKS]
    if felt:
        times = np.array([p.ts for p in felt])
        stamps, equity = found.session.stamps, found.session.equity
        at = np.clip(np.searchsorted(stamps, times), 0, len(stamps) - 1)
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": "They part",
                "x": milliseconds(times),
                "y": plain(equity[at], 10),
                "text": [f"{p.cause.value}: {p.detail}" for p in felt],
                "hovertemplate": "%{text}<extra></extra>",
                "marker": {"color": "@loss", "size": 7, "symbol": "circle-open"},
            }
        )
    layout = {
        "margin": {"l": 8, "r": 12, "t": 28, "b": 30},
        "hovermode": "closest",
        "xaxis": {"type": "date"},
        "yaxis": {"automargin": True, "nticks": 7, "tickformat": ",.0f"},
        "legend": {"orientation": "h", "x": 0, "y": 1.0, "xanchor": "left", "yanchor": "bottom"},
    }
    left = sum(p.cause not in SEEN or bool(p.pnl) for p in found.partings) - len(felt)
    note = f"Equity in {found.session.currency}" + (f"; {left:,} later marks are left out" if left > 0 else "")
    return {"data": data, "layout": layout, "note": note}


def _curve(name: str, result: BacktestResult, line: Mapping[str, object]) -> dict[str, object]:
    kept = thin(result.equity)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": milliseconds(result.stamps[kept]),
        "y": plain(result.equity[kept], 10),
        "line": dict(line),
        "hovertemplate": f"{name} %{{y:,.2f}}<extra></extra>",
    }
