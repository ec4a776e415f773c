"""Are two answers the same? One short sentence each, read by people."""

from __future__ import annotations

import numpy as np

from benchmarks.spec import F8, BarRun, QuoteRun, Run, SweepRun

EQUAL = "equal"
TOLERANCE = 1e-9


def compare(run: Run, other: Run) -> str:
    """``equal``, or ``differs: what``."""
    if isinstance(run, BarRun) and isinstance(other, BarRun):
        return _bars(run, other)
    if isinstance(run, SweepRun) and isinstance(other, SweepRun):
        return _sweeps(run, other)
    if isinstance(run, QuoteRun) and isinstance(other, QuoteRun):
        return _quotes(run, other)
    return "differs: not the same kind of answer"


def _bars(run: BarRun, other: BarRun) -> str:
    mine = {(int(a), int(b)) for a, b in zip(run.entry_bar, run.exit_bar, strict=True)}
    theirs = {(int(a), int(b)) for a, b in zip(other.entry_bar, other.exit_bar, strict=True)}
    if mine != theirs:
        unmatched = max(len(mine - theirs), len(theirs - mine))
        return f"differs: {unmatched:,} of {len(theirs):,} trades ({len(mine):,} here)"
    for what in ("entry_price", "exit_price", "equity"):
        apart = _relative(getattr(run, what), getattr(other, what))
        if apart > TOLERANCE:
            return f"differs: {what} by {apart:.1e}"
    if abs(run.max_drawdown - other.max_drawdown) > TOLERANCE:
        return f"differs: drawdown {run.max_drawdown:.6g} and {other.max_drawdown:.6g}"
    return EQUAL


def _sweeps(run: SweepRun, other: SweepRun) -> str:
    if len(run.total_return) != len(other.total_return):
        return "differs: number of parameter sets"
    counted = bool((run.trades >= 0).all() and (other.trades >= 0).all())
    if counted and not np.array_equal(run.trades, other.trades):
        return f"differs: trades in {int((run.trades != other.trades).sum())} of {len(run.trades)} sets"
    for what in ("total_return", "max_drawdown"):
        mine, theirs = getattr(run, what), getattr(other, what)
        if np.isnan(mine).all() or np.isnan(theirs).all():
            continue
        apart = np.abs(mine - theirs)
        if not bool((apart <= TOLERANCE).all()):
            return f"differs: {what} in {int((apart > TOLERANCE).sum())} of {len(mine)} sets"
    return EQUAL


def _quotes(run: QuoteRun, other: QuoteRun) -> str:
    mine, theirs = _fill_set(run), _fill_set(other)
    if mine != theirs:
        apart = max(len(mine - theirs), len(theirs - mine))
        return f"differs: {apart:,} of {len(theirs):,} fills ({len(mine):,} here)"
    if run.position != other.position:
        return f"differs: position {run.position} and {other.position} lots"
    # whoever books whole millionths of a currency unit may be off by half of one for each fill
    rounding = 0.5e-6 * len(run.ts)
    for what in ("balance", "fees"):
        scale = max(1.0, abs(getattr(other, what)))
        if abs(getattr(run, what) - getattr(other, what)) > TOLERANCE * scale + rounding:
            return f"differs: {what} {getattr(run, what)} and {getattr(other, what)}"
    return EQUAL


def _fill_set(run: QuoteRun) -> set[tuple[int, ...]]:
    columns = (run.ts, run.side, run.tick, run.lots)
    return {tuple(int(value) for value in fill) for fill in zip(*columns, strict=True)}


def _relative(a: F8, b: F8) -> float:
    if a.shape != b.shape:
        return float("inf")
    return float(np.max(np.abs(a - b) / np.maximum(np.abs(b), 1e-12), initial=0.0))
