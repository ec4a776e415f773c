"""What `tradewright demo` shows: strategies on the packaged real bars, and a page that links their reports."""

from __future__ import annotations

import html
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tradewright.core.types.bar import Bars
from tradewright.core.types.errors import StoreError
from tradewright.core.types.forecast import Forecasts
from tradewright.data.forecasts import write_forecasts
from tradewright.data.sample import sample_store, samples
from tradewright.data.store import BarStore
from tradewright.services.cli.strategies import template
from tradewright.services.report.view import Unit
from tradewright.services.report.wording import DASH, day, written
from tradewright.services.runs.execute import FinishedRun
from tradewright.services.runs.folder import REPORT
from tradewright.services.settings import RunSettings

COLUMNS = ("Strategy", "Data", "Return", "95 % interval", "Buy and hold", "Sharpe", "Max drawdown", "Trades")
_STOCKS = ["AAPL@1d", "GOOG@1d", "IBM@1d", "MSFT@1d"]
_BASE_RATE_BARS = 100
_SYMBOL_OF_FORECASTS = "SPX"


def import_sample(store: Path) -> None:
    """Bring the sample into the store, unless it is there."""
    there = {(d.symbol, d.timeframe) for d in BarStore(store).list()}
    if any((s.entry.symbol, s.entry.timeframe) not in there for s in samples()):
        sample_store(store)


def demo_runs(store: Path) -> list[RunSettings]:
    """Return the runs, after writing what two of them read: a user's strategy and a file of forecasts."""
    folder = store.parent / "demo"
    idea, forecasts = folder / "my_idea.py", folder / "forecasts.csv"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        idea.write_text(template("my_idea", is_compiled=True), encoding="utf-8")
    except OSError as error:
        what = f"cannot be written: {error.strerror}"
        raise StoreError(what, where=str(folder), fix="Start the demo in a folder you may write in.") from error
    write_forecasts(forecasts, [base_rates(BarStore(store).load(_SYMBOL_OF_FORECASTS, "1d"))])
    wanted: list[dict[str, Any]] = [
        {"strategy": {"name": "ema_cross", "params": {"allow_short": True}}, "data": {"symbols": ["EURUSD@1h"]}},
        {"strategy": {"name": "vwap_reversion"}, "data": {"symbols": ["EURUSD@1h"]}},
        {"strategy": {"file": idea}, "data": {"symbols": ["EURUSD@1h"]}},
        {"strategy": {"name": "donchian_breakout"}, "data": {"symbols": ["GOOG@1d"]}},
        {
            "strategy": {"name": "forecast_threshold", "params": {"enter_above": 0.56, "leave_below": 0.53}},
            "data": {"symbols": [f"{_SYMBOL_OF_FORECASTS}@1d"]},
            "forecasts": {"file": forecasts},
        },
        {"strategy": {"name": "buy_and_hold"}, "data": {"symbols": _STOCKS, "start": "2004-08-19"}},
        {
            "strategy": {"name": "momentum_rotation", "params": {"top": 2}},
            "data": {"symbols": _STOCKS, "start": "2004-08-19"},
            "limits": {"max_leverage": 1.5},
        },
    ]
    return [RunSettings.model_validate({**w, "data": {**w["data"], "store": store}}) for w in wanted]


def base_rates(bars: Bars) -> Forecasts:
    """Return the plainest forecast there is: the share of rising bars among those before, known at each close.

    It stands in for a model, so that the strategy has a file to read; it is not claimed to predict.
    """
    rising = np.diff(bars.close) > 0
    total = np.concatenate([[0], np.cumsum(rising)])
    share = (total[_BASE_RATE_BARS:] - total[:-_BASE_RATE_BARS]) / _BASE_RATE_BARS
    values = np.array([share, 1.0 - share, np.zeros(len(share)), np.full(len(share), np.nan)])
    return Forecasts(bars.instrument, bars.ts_event[_BASE_RATE_BARS:].copy(), values)


def row_of(finished: FinishedRun) -> tuple[str, ...]:
    """Return a run's line of the table."""
    outcome = finished.outcome
    summary, hold = outcome.numbers.performance, outcome.numbers.hold_performance
    interval = outcome.numbers.intervals.get("total_return")
    between = DASH
    if interval is not None and np.isfinite(interval.lower) and np.isfinite(interval.upper):
        ends = (written(v, Unit.SIGNED_PERCENT) for v in (interval.lower, interval.upper))
        between = " to ".join(ends)
    return (
        outcome.run.strategy.name,
        ", ".join(f"{d.symbol} {d.timeframe}" for d in outcome.run.data),
        written(summary.total_return, Unit.SIGNED_PERCENT),
        between,
        DASH if hold is None else written(hold.total_return, Unit.SIGNED_PERCENT),
        written(summary.sharpe, Unit.RATIO),
        written(summary.max_drawdown, Unit.PERCENT),
        written(summary.trades, Unit.COUNT),
    )


def note() -> str:
    """Return what a reader of the table must know."""
    return (
        "Commission, spread and slippage are included; no parameter was tuned on these bars. An interval that\n"
        "reaches below zero means that the result cannot be told from luck. Dividends are left out, and the four\n"
        "stocks are known to have survived, which flatters whoever held them."
    )


def write_index(finished: Sequence[FinishedRun], runs: Path) -> Path:
    """Write ``index.html`` with a table of the runs and links to their reports; return its path.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    lines = []
    for one in finished:
        stamps = one.outcome.result.stamps
        link = html.escape(os.path.relpath(one.folder / REPORT, runs))
        cells = [html.escape(cell) for cell in row_of(one)]
        cells[0] = f'<a href="{link}">{cells[0].replace("_", " ")}</a>'
        cells.insert(2, html.escape(f"{day(int(stamps[0]))} to {day(int(stamps[-1]))}"))
        lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    heads = [*COLUMNS[:2], "Period", *COLUMNS[2:]]
    page = _PAGE.format(
        heads="".join(f"<th>{html.escape(h)}</th>" for h in heads),
        rows="\n".join(lines),
        note=html.escape(note().replace("\n", " ")),
    )
    target, draft = runs / "index.html", runs / ".index.html.writing"
    try:
        draft.write_text(page, encoding="utf-8")
        draft.replace(target)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise StoreError(f"cannot be written: {error.strerror}", where=str(target)) from error
    return target


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>tradewright: reports</title>
<style>
:root {{ color-scheme: light dark; --line: color-mix(in srgb, currentColor 16%, transparent); }}
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 3rem auto; padding: 0 1.5rem; }}
h1 {{ font-size: 1.5rem; margin: 0 0 .25rem; }}
p {{ max-width: 46rem; opacity: .75; }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }}
th, td {{ text-align: right; padding: .55rem .75rem; border-bottom: 1px solid var(--line); white-space: nowrap; }}
th {{ font-weight: 600; font-size: .85rem; opacity: .7; }}
th:nth-child(-n+3), td:nth-child(-n+3) {{ text-align: left; white-space: normal; }}
td:first-child {{ font-weight: 600; white-space: nowrap; }}
</style></head><body>
<h1>Reports side by side</h1>
<p>{note}</p>
<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>
{rows}
</tbody></table></div>
</body></html>
"""
