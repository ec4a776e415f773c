from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
import polars as pl
import pytest

from tradewright.analytics.evidence import FigureParams, figures_of
from tradewright.analytics.joint_bootstrap import Resampling
from tradewright.analytics.overfitting import SharpeEstimate, deflated_sharpe
from tradewright.analytics.ratios import sharpe_ratio
from tradewright.analytics.verdict import NO_EDGE, PROVEN, verdict_of
from tradewright.core.types.evidence import Figure
from tradewright.data.evidence_store import TABLES, EvidenceManifest, LeakLine

QUICK = FigureParams(resampling=Resampling(200))

Make: TypeAlias = Callable[..., dict[str, pl.DataFrame]]
Given: TypeAlias = Any  # facts and arrays of the fixtures

#: Every figure that a policy may name.
NAMES = {
    "leaks.found",
    "trials",
    "holdout.uses",
    "sample.rows",
    "sample.effective",
    "accuracy",
    "accuracy.edge",
    "log_loss.skill",
    "brier.skill",
    "calibration.ece",
    "tier.low.precision",
    "tier.low.mae",
    "tiers.worst_mae",
    "sharpe.net",
    "sharpe.probabilistic",
    "sharpe.deflated",
    "overfitting.probability",
    "track_record.share",
    "net_return.costs_x1",
    "net_return.costs_x2",
    "net_return.costs_x3",
    "costs.drag",
    "late.edge",
    "paths.sharpe_p5",
    "paths.share_positive",
}


def _by_name(figures: tuple[Figure, ...], scope: str = "validation") -> dict[str, Figure]:
    return {f.name: f for f in figures if f.scope == scope}


def _values(tables: dict[str, pl.DataFrame], series: str, cost: float, *, is_late: bool) -> Given:
    chosen = (pl.col("series") == series) & (pl.col("cost") == cost) & (pl.col("is_late") == is_late)
    return tables["returns"].filter(chosen).sort("ts")["value"].to_numpy()


def test_every_figure_is_there_with_its_interval(make: Make, facts: Given) -> None:
    figures = figures_of(make(), facts, QUICK)
    assert {f.name for f in figures} >= NAMES
    assert len({(f.scope, f.name) for f in figures}) == len(figures)
    for figure in figures:
        assert figure.low <= figure.value <= figure.high, figure
        assert figure.method
        assert figure.n > 0 or figure.name in ("trials", "holdout.uses")
    assert {f.scope for f in figures} == {
        "validation",
        "holdout",
        "validation/session=asia",
        "validation/session=london",
    }


def test_same_tables_same_figures_in_any_order_of_rows(make: Make, facts: Given) -> None:
    tables = make()
    shuffled = {name: frame.sample(fraction=1.0, shuffle=True, seed=1) for name, frame in tables.items()}
    once, again = figures_of(tables, facts, QUICK), figures_of(tables, facts, QUICK)
    assert once == again
    for a, b in zip(once, figures_of(shuffled, facts, QUICK), strict=True):
        assert (a.name, a.scope, a.n) == (b.name, b.scope, b.n)
        assert (a.value, a.low, a.high) == pytest.approx((b.value, b.low, b.high), abs=1e-9)


def test_numbers_are_those_of_their_definitions(make: Make, facts: Given) -> None:
    tables = make()
    found = _by_name(figures_of(tables, facts, QUICK))
    frame = tables["forecasts"]
    up, direction = frame["p_up"].to_numpy(), frame["direction"].to_numpy()
    accuracy = np.mean(np.where(up >= 0.5, 1, -1) == direction)
    naive = max(np.mean(direction == 1), np.mean(frame["last_sign"].to_numpy() == direction))
    assert found["accuracy"].value == pytest.approx(accuracy)
    assert found["accuracy.edge"].value == pytest.approx(accuracy - naive)
    brier = 2.0 * np.mean((up - (direction == 1)) ** 2)
    assert found["brier.skill"].value == pytest.approx(1.0 - brier / 0.5)
    assert found["sample.effective"].value == pytest.approx(2000 / 4, rel=0.02)
    net = _values(tables, "model", 1.0, is_late=False)
    assert found["sharpe.net"].value == pytest.approx(sharpe_ratio(net, 252.0))
    assert found["net_return.costs_x2"].value == pytest.approx(
        np.prod(1.0 + _values(tables, "model", 2.0, is_late=False)) - 1.0
    )
    drag = net - _values(tables, "model", 2.0, is_late=False)
    assert found["costs.drag"].value == pytest.approx(drag.mean() * 252.0)
    late = [np.prod(1.0 + _values(tables, s, 1.0, is_late=True)) for s in ("model", "base_rate", "last_sign")]
    assert found["late.edge"].value == pytest.approx(late[0] - max(late[1:]))
    trials = [frame["value"].to_numpy() for _, frame in tables["trials"].group_by("trial")]
    variance = float(np.var([sharpe_ratio(values) for values in trials], ddof=1))
    assert found["sharpe.deflated"].value == pytest.approx(deflated_sharpe(SharpeEstimate.of(net), 8, variance))
    assert found["sharpe.deflated"].trials == 8


def test_more_trials_than_are_shown_still_count(make: Make, facts: Given) -> None:
    few, many = (
        _by_name(figures_of(make(), replace(facts, trials=trials), QUICK))["sharpe.deflated"].value
        for trials in (8, 1000)
    )
    assert many < few


#: Beginnings of the names that come from each table.
SOURCES = {
    "forecasts": ("sample", "accuracy", "log_loss", "brier", "calibration", "tier"),
    "returns": ("sharpe", "net_return", "costs", "late", "track_record"),
    "trials": ("overfitting", "sharpe.deflated"),
    "paths": ("paths",),
}


@pytest.mark.parametrize("table", SOURCES)
def test_what_is_missing_has_no_figure(make: Make, facts: Given, table: str) -> None:
    tables = make()
    without = {name: frame for name, frame in tables.items() if name != table}
    for given in (without, without | {table: pl.DataFrame(schema=TABLES[table])}):
        names = {f.name for f in figures_of(given, facts, QUICK)}
        gone = {name for name in NAMES if name.startswith(SOURCES[table])}
        assert gone
        assert names & NAMES == NAMES - gone


def test_one_configuration_cannot_have_been_chosen(make: Make, facts: Given) -> None:
    tables = make() | {"trials": pl.DataFrame(schema=TABLES["trials"])}
    found = _by_name(figures_of(tables, replace(facts, trials=1), QUICK))
    assert found["overfitting.probability"].value == 0.0
    assert found["sharpe.deflated"].value == found["sharpe.probabilistic"].value


def test_detectors_that_compared_nothing_found_nothing_out(make: Make, facts: Given) -> None:
    silent = replace(facts, leaks=(LeakLine(subject="close", detector="truncation", trials=0),))
    assert "leaks.found" not in {f.name for f in figures_of(make(), silent, QUICK)}
    loud = replace(facts, leaks=(LeakLine(subject="x", detector="delay", trials=9, findings=("a", "b")),))
    assert _by_name(figures_of(make(), loud, QUICK))["leaks.found"].value == 2.0


def test_forecasts_that_were_not_made_do_not_count(make: Make, facts: Given) -> None:
    tables = make()
    silent = pl.when(pl.int_range(pl.len()) % 2 == 0).then(math.nan)
    tables["forecasts"] = tables["forecasts"].with_columns(silent.otherwise(pl.col("p_up")).alias("p_up"))
    found = _by_name(figures_of(tables, facts, QUICK))
    assert found["sample.rows"].value == 1000
    assert found["sample.answered"].value == 0.5


def test_unknown_base_rates_leave_no_edge(make: Make, facts: Given) -> None:
    tables = make()
    tables["forecasts"] = tables["forecasts"].with_columns(base_up=pl.lit(math.nan))
    names = {f.name for f in figures_of(tables, facts, QUICK)}
    assert "accuracy" in names
    assert not names & {"accuracy.edge", "accuracy.base_rate", "brier.skill", "log_loss.skill"}


def test_an_edge_is_proven_and_noise_is_not(make: Make, facts: Given) -> None:
    assert verdict_of(figures_of(make(edge=1.0, drift=0.003), facts, QUICK)).word == PROVEN
    words = [verdict_of(figures_of(make(10 * k, edge=0.0, drift=0.0), facts, QUICK)).word for k in range(6)]
    assert words.count(NO_EDGE) >= 5
    assert PROVEN not in words


def test_the_holdout_pays_for_its_own_looks_only(make: Make, facts: Given) -> None:
    tables = make()
    held_out = {name: tables[name].with_columns(scope=pl.lit("holdout")) for name in ("forecasts", "returns")}
    both = {name: pl.concat([tables[name], frame]) for name, frame in held_out.items()}
    figures = figures_of(tables | both, facts, QUICK)
    inside, outside = (_by_name(figures, scope)["sharpe.deflated"] for scope in ("validation", "holdout"))
    assert (inside.trials, outside.trials) == (8, 1)
    assert outside.value > inside.value


def test_the_stored_manifest_has_the_facts() -> None:
    manifest = EvidenceManifest(
        model_digest="d",
        feature_set_hash="f",
        datasets={},
        code="c",
        config={},
        seed=1,
        horizon_ns=1,
        periods_per_year=252.0,
        trials=3,
        holdout_uses=2,
        leaks=(LeakLine(subject="x", detector="delay", trials=9),),
    )
    found = {f.name: f.value for f in figures_of({}, manifest, QUICK)}
    assert found == {"leaks.found": 0.0, "trials": 3.0, "holdout.uses": 2.0}
