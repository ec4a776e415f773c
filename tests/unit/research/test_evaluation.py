from __future__ import annotations

from dataclasses import replace
from itertools import count

import numpy as np
import polars as pl
import pytest
from tests.unit.research.conftest import Bench

from tradewright.analytics.evidence import figures_of
from tradewright.core.types.errors import ModelError
from tradewright.data.evidence_store import Evidence, read_evidence
from tradewright.features import sma
from tradewright.research.dataset import build_dataset, market_of_features
from tradewright.research.evaluation import EvaluationPlan, evaluate, trials_frame
from tradewright.research.executor import Serial
from tradewright.research.experiments import ExperimentStore, Trial
from tradewright.research.holdout import HoldoutGuard
from tradewright.research.leak_evidence import LeakChecks, overlap_line
from tradewright.research.synthetic_markets import SyntheticMarket, SyntheticParams, synthetic_market
from tradewright.research.training import train
from tradewright.research.validation import folds_of

CHECKS = LeakChecks(bars=500, runs=10, shuffles=3)


@pytest.fixture
def evidence(bench: Bench) -> Evidence:
    trained = train(bench.guard.part, bench.plan, bench.folder / "model", bench.store, Serial())
    return evaluate(trained.folder, bench.guard, EvaluationPlan(bench.plan, CHECKS), bench.store, Serial())


def test_the_evidence_is_about_the_artefact_and_says_where_it_is_from(bench: Bench, evidence: Evidence) -> None:
    stored = read_evidence(bench.folder / "model" / "evidence")
    assert stored.manifest == evidence.manifest
    manifest = stored.manifest
    assert manifest.datasets == dict(bench.data.bars_digests)
    assert (manifest.trials, manifest.holdout_uses, manifest.code) == (1, 1, "c0de")
    assert set(manifest.importance) == set(bench.data.rows.names)
    assert max(manifest.importance, key=lambda name: manifest.importance[name]).startswith("flow")


def test_forecasts_stand_beside_what_became_of_them_in_both_scopes(bench: Bench, evidence: Evidence) -> None:
    table = evidence.tables["forecasts"]
    validation, holdout = (table.filter(pl.col("scope") == s) for s in ("validation", "holdout"))
    assert validation["ts_end"].max() < bench.guard.part.ends_ns == holdout["ts_event"][0]  # type: ignore[operator]
    at = np.searchsorted(bench.data.rows.ts_event, table["ts_event"].to_numpy())
    np.testing.assert_array_equal(table["growth"].to_numpy(), bench.data.targets.growth[at])
    assert validation["fold"].unique().sort().to_list() == [0, 1, 2]
    assert set(table["session"].unique()) == {"day"}
    assert set(table["regime"].unique()) <= {"calm", "usual", "wild", "unknown"}
    hits = (holdout["p_up"] > holdout["p_down"]) == (holdout["direction"] > 0)
    assert hits.mean() > 0.6  # type: ignore[operator]


def test_features_of_training_and_holdout_are_kept_as_they_were(bench: Bench, evidence: Evidence) -> None:
    table = evidence.tables["features"]
    rows = bench.data.rows
    first = bench.guard.part.ends_ns
    for scope, is_in in (("training", rows.ts_event < first), ("holdout", rows.ts_event >= first)):
        mine = table.filter(pl.col("scope") == scope)
        for k, name in enumerate(rows.names):
            values = mine.filter(pl.col("feature") == name)["value"].to_numpy()
            assert 300 < len(values) <= 2_000
            assert set(values) <= set(rows.values[is_in, k])
    drift = {f.name: f for f in figures_of(evidence.tables, evidence.manifest) if f.name.startswith("drift.")}
    assert set(drift) == {"drift.features", "drift.psi"}
    assert drift["drift.features"].n == len(rows.names)


def test_evidence_from_before_there_was_a_table_can_still_be_read(bench: Bench, evidence: Evidence) -> None:
    folder = bench.folder / "model" / "evidence"
    older = {name: digest for name, digest in evidence.manifest.tables.items() if name != "features"}
    (folder / "evidence.json").write_text(evidence.manifest.model_copy(update={"tables": older}).model_dump_json())
    (folder / "features.parquet").unlink()
    read = read_evidence(folder)
    assert len(read.tables["features"]) == 0
    assert read.tables["returns"].equals(evidence.tables["returns"])


def test_money_is_compared_at_every_cost_late_and_with_naive_ones(evidence: Evidence) -> None:
    returns = evidence.tables["returns"]
    kinds = returns.select("scope", "series", "cost", "is_late").unique()
    assert len(kinds) == 2 * 4 * 4
    total = returns.group_by("scope", "series", "cost", "is_late").agg(
        ((1.0 + pl.col("value")).product() - 1.0).alias("total")
    )

    def of(series: str, cost: float, *, is_late: bool = False) -> float:
        found = total.filter(
            (pl.col("scope") == "validation")
            & (pl.col("series") == series)
            & (pl.col("cost") == cost)
            & (pl.col("is_late") == is_late)
        )
        return float(found["total"][0])

    assert of("model", 1.0) > of("model", 2.0) > of("model", 3.0)
    assert of("model", 1.0) > of("model", 1.0, is_late=True)
    assert of("model", 1.0) > max(of("base_rate", 1.0), of("last_sign", 1.0))


def test_every_path_goes_once_through_all_rows(bench: Bench, evidence: Evidence) -> None:
    paths = evidence.tables["paths"]
    lengths = paths.group_by("path").len()["len"].unique().to_list()
    assert paths["path"].unique().sort().to_list() == [0, 1, 2]
    first, last = bench.guard.part.data.rows.ts_event[0], bench.guard.part.data.targets.ts_end[-1]
    bars = bench.data.markets[0].seen.bars.ts_event
    assert lengths == [int(((bars >= first) & (bars <= last)).sum())]


def test_leaks_are_looked_for_and_folds_are_among_them(evidence: Evidence) -> None:
    lines = {(line.subject, line.detector): line for line in evidence.manifest.leaks}
    assert ("folds", "label_overlap") in lines
    assert {"truncation", "future_shuffle", "delay", "timestamp", "random_label"} <= {d for _, d in lines}
    assert all(line.trials > 0 and not line.findings for line in lines.values())


def test_folds_that_were_not_purged_are_found(bench: Bench) -> None:
    data = bench.guard.part.data
    folds = folds_of(data, bench.plan.validation)
    assert not overlap_line(data, folds).findings
    first = folds[0]
    spoilt = replace(first, train=np.arange(first.test[0]))
    assert overlap_line(data, (spoilt,)).findings


def test_the_same_evaluation_twice_gives_the_same_tables(bench: Bench, evidence: Evidence) -> None:
    again = evaluate(bench.folder / "model", bench.guard, EvaluationPlan(bench.plan, CHECKS), bench.store, Serial())
    assert again.manifest.tables == evidence.manifest.tables
    assert again.manifest.holdout_uses == 2


def test_an_artefact_of_other_bars_or_features_is_refused(bench: Bench, market: SyntheticMarket) -> None:
    trained = train(bench.guard.part, bench.plan, bench.folder / "model", bench.store, Serial())
    plan = EvaluationPlan(bench.plan, CHECKS)
    other = synthetic_market(99, SyntheticParams(bars=2_000))
    table = replace(bench.data.markets[0], digest="other", seen=replace(bench.data.markets[0].seen, bars=other.bars))
    guard = HoldoutGuard(build_dataset([table], bench.data.labels), 0.25, "f", bench.store)
    with pytest.raises(ModelError, match="other bars"):
        evaluate(trained.folder, guard, plan, bench.store, Serial())
    features = market_of_features(market.instrument, market.bars, {"mean": sma(5)})
    guard = HoldoutGuard(build_dataset([features], bench.data.labels), 0.25, "f", bench.store)
    with pytest.raises(ModelError, match="another set of features"):
        evaluate(trained.folder, guard, plan, bench.store, Serial())


def test_only_trials_over_the_same_periods_stand_in_one_table(bench: Bench) -> None:
    clock = count()
    store = ExperimentStore(bench.folder / "own.sqlite", lambda: next(clock))
    for number, length in enumerate((3, 3, 5, 3, 5)):
        returns, stamps = np.full(length, 0.01 * number), np.arange(length)
        store.record(Trial("f", "d", "s", {"n": number}, 1.0, stamps, returns))
    store.record(Trial("f", "d", "s", {"n": "given up"}, None, state="pruned"))
    frame = trials_frame(store.trials("f"))
    assert frame["trial"].unique().sort().to_list() == [1, 2, 4]
    assert len(frame) == 9
    assert len(trials_frame(())) == 0
