from __future__ import annotations

import json
import math
from pathlib import Path

import polars as pl
import pytest
from tests.unit.rollout.made_up import HOUR_NS, SET_HASH, make_evidence

from tradewright.core.types.errors import ConfigError
from tradewright.core.types.evidence import Figure
from tradewright.data.evidence_store import MANIFEST, read_evidence, write_evidence
from tradewright.rollout.gate import Subject, judge
from tradewright.rollout.policy import Policy, Requirement, parsed, read_policy, shipped

DIGEST = "d1" * 16
SUBJECT = Subject(DIGEST, SET_HASH, HOUR_NS)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good") / "evidence"
    make_evidence(folder, DIGEST, edge=0.12)
    return folder


def policy_of(*lines: str) -> Policy:
    return parsed("name: mine\nrequires:\n" + "".join(f"  - {line}\n" for line in lines), "mine.yaml")


def test_a_model_with_an_edge_passes_the_default_gate(good: Path) -> None:
    verdict = judge(good, read_policy("default"), SUBJECT, at_ns=7)
    assert verdict.passed, verdict.refusals
    assert (verdict.model, verdict.at_ns, verdict.policy_name) == (DIGEST, 7, "default")
    assert {"accuracy", "sharpe.deflated", "calibration.ece"} <= {f.name for f in verdict.figures}


def test_it_passes_the_strict_gate_too(good: Path) -> None:
    verdict = judge(good, read_policy("strict"), SUBJECT)
    assert verdict.passed, verdict.refusals


def test_a_model_without_an_edge_is_refused_with_each_reason(tmp_path: Path) -> None:
    make_evidence(tmp_path / "evidence", DIGEST, edge=0.0)
    verdict = judge(tmp_path / "evidence", read_policy("default"), SUBJECT)
    assert not verdict.passed
    refused = " ".join(verdict.refusals)
    for figure in ("accuracy.edge", "log_loss.skill", "sharpe.deflated", "net_return.costs_x2", "track_record.share"):
        assert figure in refused


def test_a_leak_is_refused_however_good_the_rest(tmp_path: Path) -> None:
    make_evidence(tmp_path / "evidence", DIGEST, edge=0.12, leaks=("ema: knows bar 7",))
    verdict = judge(tmp_path / "evidence", read_policy("default"), SUBJECT)
    assert len(verdict.refusals) == 1
    assert "leaks.found is 1" in verdict.refusals[0]


@pytest.mark.parametrize("policy", ["default", "strict"])
def test_returns_before_costs_are_refused_however_good(policy: str, tmp_path: Path) -> None:
    make_evidence(tmp_path / "evidence", DIGEST, edge=0.12, cost=0.0)
    verdict = judge(tmp_path / "evidence", read_policy(policy), SUBJECT)
    assert len(verdict.refusals) == 1
    assert "costs.drag is 0" in verdict.refusals[0]


def test_evidence_that_is_missing_is_a_refusal(tmp_path: Path) -> None:
    verdict = judge(tmp_path / "nothing", read_policy("default"), SUBJECT)
    assert not verdict.passed
    assert "evidence cannot be read" in verdict.refusals[0]


def test_evidence_of_another_model_is_refused(good: Path) -> None:
    verdict = judge(good, read_policy("default"), Subject("0" * 32, SET_HASH, HOUR_NS))
    assert len(verdict.refusals) == 1
    assert DIGEST in verdict.refusals[0]


def test_evidence_of_another_feature_set_or_horizon_is_refused(good: Path) -> None:
    verdict = judge(good, read_policy("default"), Subject(DIGEST, "other", 5))
    assert len(verdict.refusals) == 2


def test_a_number_typed_into_a_table_is_noticed(good: Path, tmp_path: Path) -> None:
    folder = tmp_path / "evidence"
    evidence = read_evidence(good)
    write_evidence(folder, evidence.manifest, evidence.tables)
    better = evidence.tables["returns"].with_columns(pl.col("value") + 0.01)
    better.write_parquet(folder / "returns.parquet")
    verdict = judge(folder, read_policy("default"), SUBJECT)
    assert not verdict.passed
    assert "table returns is not the one that was written" in verdict.refusals[0]


def test_figures_in_the_manifest_count_for_nothing(good: Path, tmp_path: Path) -> None:
    folder = tmp_path / "evidence"
    evidence = read_evidence(good)
    write_evidence(folder, evidence.manifest, evidence.tables)
    text = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(text | {"accuracy": 0.99}))
    verdict = judge(folder, read_policy("default"), SUBJECT)
    assert not verdict.passed


def test_a_figure_that_nobody_can_compute_is_a_refusal(good: Path) -> None:
    policy = policy_of("{figure: alpha, at_least: 0, reason: Because.}")
    verdict = judge(good, policy, SUBJECT)
    assert "the evidence has no alpha of validation" in verdict.refusals[0]
    assert "tradewright evaluate" in verdict.refusals[0]


@pytest.mark.parametrize("bound", ["at_least: -9", "above: -9", "at_most: 9", "below: 9"])
def test_nan_meets_nothing(bound: str) -> None:
    (requirement,) = policy_of(f"{{figure: sharpe.net, {bound}, reason: Because.}}").requires
    assert isinstance(requirement, Requirement)
    assert not requirement.holds_for(Figure("sharpe.net", math.nan))
    assert requirement.holds_for(Figure("sharpe.net", 1.0))


def test_an_interval_end_that_is_nan_meets_nothing() -> None:
    (requirement,) = policy_of("{figure: a, above: 0, use: low, reason: Because.}").requires
    assert isinstance(requirement, Requirement)
    assert not requirement.holds_for(Figure("a", 1.0))
    assert requirement.holds_for(Figure("a", 1.0, low=0.1, high=2.0))


@pytest.mark.parametrize(
    ("bound", "number", "is_met"),
    [
        ("at_least: 1", 1.0, True),
        ("above: 1", 1.0, False),
        ("at_most: 1", 1.0, True),
        ("below: 1", 1.0, False),
        ("equals: 1", 1.0, True),
        ("equals: 1", 1.5, False),
    ],
)
def test_bounds(bound: str, number: float, *, is_met: bool) -> None:
    (requirement,) = policy_of(f"{{figure: a, {bound}, reason: Because.}}").requires
    assert isinstance(requirement, Requirement)
    assert requirement.holds_for(Figure("a", number)) is is_met


def test_one_of_several_is_enough_and_all_reasons_are_given_where_none_is(good: Path) -> None:
    both = "{any_of: [{figure: accuracy, above: 0.99, reason: A.}, {figure: accuracy, above: %s, reason: B.}]}"
    assert judge(good, policy_of(both % "0.5"), SUBJECT).passed
    (refusal,) = judge(good, policy_of(both % "0.98"), SUBJECT).refusals
    assert "A. Or: B." in refusal


def test_classic_accuracy_warns_of_leakage(tmp_path: Path) -> None:
    make_evidence(tmp_path / "evidence", DIGEST, edge=0.25)
    verdict = judge(tmp_path / "evidence", read_policy("classic"), SUBJECT)
    assert verdict.passed, verdict.refusals
    assert any("common with leaks" in warning for warning in verdict.warnings)


def test_the_classic_gate_refuses_an_honest_accuracy(good: Path) -> None:
    verdict = judge(good, read_policy("classic"), SUBJECT)
    assert any("accuracy" in r for r in verdict.refusals)


def test_the_same_evidence_gives_the_same_verdict(good: Path) -> None:
    first, second = (judge(good, read_policy("strict"), SUBJECT, at_ns=1) for _ in range(2))
    assert first.model_dump_json() == second.model_dump_json()


def test_every_shipped_policy_is_sound() -> None:
    assert {"default", "strict", "classic", "forecast"} <= set(shipped())
    for name in shipped():
        assert read_policy(name).name == name


def test_the_hash_of_a_policy_covers_what_it_demands_and_not_its_words() -> None:
    one = policy_of("{figure: a, at_least: 1, reason: Because.}")
    assert one.digest != policy_of("{figure: a, at_least: 2, reason: Because.}").digest
    assert one.digest == one.model_copy(update={"about": "other"}).digest


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{figure: a, reason: Because.}", "needs exactly one of"),
        ("{figure: a, at_least: 1, at_most: 2, reason: Because.}", "needs exactly one of"),
        ("{figure: a, at_least: 1}", "requires.0.reason: Field required"),
        ("{figure: a, at_least: .nan, reason: Because.}", "finite"),
        ("{figure: a, at_least: 1, reason: B., override: true}", "requires.0.override"),
        ("{figure: a, at_least: 1, use: middle, reason: Because.}", "'value', 'low' or 'high'"),
        ("{any_of: [{figure: a, at_least: 1, reason: Because.}]}", "at least 2"),
    ],
)
def test_a_wrong_policy_is_named(line: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        policy_of(line)
    assert said in str(caught.value)
    assert caught.value.where == "mine.yaml"


def test_a_policy_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Shipped policies: challenge, classic, default"):
        read_policy(str(tmp_path / "none.yaml"))


def test_a_policy_that_is_not_yaml() -> None:
    with pytest.raises(ConfigError, match="not YAML"):
        parsed("name: [", "x.yaml")
