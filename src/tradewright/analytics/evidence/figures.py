"""Every figure about a model, computed from stored tables; nobody types one in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from tradewright.analytics.evidence.drift_figures import drift_figures
from tradewright.analytics.evidence.facts import Facts, FigureParams
from tradewright.analytics.evidence.forecast_figures import forecast_figures
from tradewright.analytics.evidence.judged import judged_rows
from tradewright.analytics.evidence.return_figures import Setting, return_figures
from tradewright.analytics.evidence.trial_figures import (
    overfitting_figure,
    path_figures,
    sharpe_variance,
    trial_table,
)
from tradewright.core.types.evidence import Figure, exact

VALIDATION, HOLDOUT = "validation", "holdout"


def figures_of(
    tables: Mapping[str, pl.DataFrame], facts: Facts, params: FigureParams | None = None
) -> tuple[Figure, ...]:
    """Compute all figures; the same tables and facts give the same bits.

    What the tables do not hold gives no figure, and a gate refuses what has none.

    Parameters
    ----------
    tables : mapping of polars frames
        ``forecasts``, ``returns``, ``trials``, ``paths`` and ``features`` with the columns of the stored evidence; any
        may be missing or empty.
    facts : Facts
        The manifest of the evidence.
    params : FigureParams, optional
        Intervals, tiers and blocks.

    Returns
    -------
    tuple of Figure
        In order: counts, forecasts, returns, trials, drift, paths. Scopes are those of the tables; parts of one are
        called ``validation/session=london`` and ``validation/regime=wild`` and have sample and accuracy figures.
    """
    chosen = params or FigureParams()
    return tuple(_figures(tables, facts, chosen))


def _figures(tables: Mapping[str, pl.DataFrame], facts: Facts, params: FigureParams) -> Iterator[Figure]:
    yield from _counts(facts)
    for scope, rows in _scopes(tables.get("forecasts")):
        yield from forecast_figures(judged_rows(rows), scope, _looks(facts, scope), params)
    trials = trial_table(tables.get("trials"), "trial")
    counted = max(facts.trials, trials.shape[1], 1)
    variance = sharpe_variance(trials)
    for scope, rows in _scopes(tables.get("returns")):
        looks = counted if scope == VALIDATION else _looks(facts, scope)
        yield from return_figures(rows, Setting(scope, looks, facts.periods_per_year, variance), params)
    yield from overfitting_figure(trials, counted, params)
    yield from drift_figures(tables.get("features"), params)
    yield from path_figures(trial_table(tables.get("paths"), "path"), counted, facts.periods_per_year, params)


def _counts(facts: Facts) -> Iterator[Figure]:
    compared = sum(line.trials for line in facts.leaks)
    if compared > 0:  # detectors that compared nothing found nothing, which says nothing
        found = float(sum(len(line.findings) for line in facts.leaks))
        yield Figure("leaks.found", found, found, found, compared, method=f"{len(facts.leaks)} leak detectors")
    yield exact("trials", facts.trials, method="counted by the experiment store")
    yield exact("holdout.uses", facts.holdout_uses, HOLDOUT, "counted by the experiment store")


def _looks(facts: Facts, scope: str) -> int:
    """Return how many configurations had been compared on these rows."""
    return max(facts.holdout_uses if scope == HOLDOUT else facts.trials, 1)


def _scopes(frame: pl.DataFrame | None) -> Iterator[tuple[str, pl.DataFrame]]:
    if frame is None:
        return
    for scope in sorted(frame["scope"].unique().to_list(), reverse=True):  # validation before holdout
        yield scope, frame.filter(pl.col("scope") == scope)
