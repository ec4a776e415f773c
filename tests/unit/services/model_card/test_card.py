from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from tests.unit.rollout.made_up import START_NS, make_evidence, make_model, register

from tradewright.core.types.errors import ModelError, StoreError
from tradewright.rollout.policy import read_policy
from tradewright.rollout.promotion import promote, put_to_gate
from tradewright.rollout.registry import Registry
from tradewright.rollout.switching import promote_unproven
from tradewright.rollout.versions import Version
from tradewright.services.model_card.build import card_of, write_card

Add = Callable[[float | None], Version]


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    ticks = count(START_NS, 10**9)
    return Registry(tmp_path / "models", lambda: next(ticks))


@pytest.fixture
def add(registry: Registry, tmp_path: Path) -> Add:
    def make(edge: float | None) -> Version:
        folder = tmp_path / "trained"
        digest = make_model(folder)
        if edge is not None:
            make_evidence(folder / "evidence", digest, edge, has_parts=edge > 0.1)
        return register(registry, folder)

    return make


def page_data(page: str) -> dict[str, dict[str, object]]:
    found = re.search(r'id="report-data">(.*?)</script>', page, re.DOTALL)
    assert found
    figures: dict[str, dict[str, object]] = json.loads(found[1])["figures"]
    return figures


def test_a_card_shows_pictures_figures_and_the_verdict(registry: Registry, add: Add, tmp_path: Path) -> None:
    version = promote(registry, add(0.15), read_policy("default")).version
    path = write_card(version, registry.key())
    page = path.read_text(encoding="utf-8")
    assert path == version.folder / "card.html"
    drawn = {"equity", "reliability", "forecasts", "paths", "ratios", "importance", "drift", "folds"}
    assert set(page_data(page)) == drawn
    assert "Passed the gate" in page
    assert "UNPROVEN" not in page
    for text in (version.digest, "calibration.ece", "session: london", "regime: wild", "Holdout", "sha256"):
        assert text in page
    assert not re.search(r'(src|href)="https?://', page.split('id="report-data"')[0])
    again = write_card(version, registry.key(), tmp_path / "again.html")
    assert again.read_bytes() == path.read_bytes()


def test_the_card_says_how_the_instruments_were_chosen(registry: Registry, add: Add) -> None:
    version = add(0.08)
    assert ("Survivorship", "UNKNOWN") in card_of(version, registry.key()).heading.facts
    manifest = version.evidence / "evidence.json"
    told = json.loads(manifest.read_text())
    told["config"]["survivorship"] = "DATED"
    manifest.write_text(json.dumps(told))
    assert ("Survivorship", "DATED") in card_of(version, registry.key()).heading.facts


def test_equity_is_drawn_at_each_cost_beside_the_baselines(registry: Registry, add: Add) -> None:
    view = card_of(add(0.08), registry.key())
    names = [curve["name"] for curve in view.figures["equity"]["data"]]  # type: ignore[attr-defined]
    assert set(names) == {"Model", "Late", "Costs x2", "Costs x3", "Base rate", "Last sign", "Buy and hold"}


def test_the_feature_that_drifts_stands_on_top_and_is_marked(registry: Registry, add: Add) -> None:
    picture = card_of(add(0.08), registry.key()).figures["drift"]
    bars = picture["data"][0]  # type: ignore[index]
    assert bars["y"][-1] == "volatility_20"
    assert bars["marker"]["color"] == ["@accent", "@loss"]
    assert "1 of 2 features drift" in str(picture["note"])


def test_a_refused_model_says_so(registry: Registry, add: Add) -> None:
    judged = put_to_gate(registry, add(0.0), read_policy("default"))
    view = card_of(judged.version, registry.key())
    assert view.gate is not None
    assert not view.gate.passed
    assert sum(not row.is_met for row in view.gate.rows) == len(judged.verdict.refusals)


def test_without_evidence_the_card_says_that_there_is_none(registry: Registry, add: Add) -> None:
    version = promote_unproven(registry, add(None), "the exchange changed its fees")
    path = write_card(version, registry.key())
    page = path.read_text(encoding="utf-8")
    assert "No figure is shown" in page
    assert "UNPROVEN" in page
    assert "the exchange changed its fees" in page
    assert page_data(page) == {}


def test_a_forged_verdict_is_not_shown_as_one(registry: Registry, add: Add) -> None:
    judged = put_to_gate(registry, add(0.0), read_policy("default"))
    told = json.loads(judged.file.read_text())
    judged.file.write_text(json.dumps(told | {"passed": True}))
    view = card_of(judged.version, registry.key())
    assert view.gate is not None
    assert "changed after it was signed" in view.gate.trouble
    assert view.gate.rows == ()


def test_evidence_of_another_model_is_not_shown(registry: Registry, add: Add) -> None:
    version = add(None)
    make_evidence(version.evidence, "f" * 32, 0.1)
    view = card_of(version, registry.key())
    assert view.table == ()
    assert any("about another model" in notice for notice in view.notices)


def test_text_from_outside_cannot_break_out_of_the_page(registry: Registry, add: Add) -> None:
    version = promote_unproven(registry, add(None), "<script>alert(1)</script> in a reason")
    page = write_card(version, registry.key()).read_text(encoding="utf-8")
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_damaged_artefact_gets_no_card(registry: Registry, add: Add) -> None:
    version = add(None)
    (version.folder / "model.json").write_text("{}")
    with pytest.raises(ModelError):
        write_card(version, registry.key())


def test_a_card_that_cannot_be_written_is_said(registry: Registry, add: Add, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="card cannot be written"):
        write_card(add(None), registry.key(), tmp_path / "file" / "card.html")
