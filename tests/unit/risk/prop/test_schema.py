from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from tradewright.core.types.errors import ConfigError, UsageError
from tradewright.risk.prop.book import rules_with, shipped_rules
from tradewright.risk.prop.schema import RuleSet

TODAY = date(2026, 11, 21)
ONE: dict[str, Any] = {
    "id": "mine.buffer",
    "firm": "Me",
    "product": "buffer",
    "phase": "account",
    "status": "official",
    "source": ["own"],
    "as_of": "2026-11",
    "review_by": date(2027, 5, 31),
    "version": 1,
    "daily": {
        "anchor": "balance",
        "pct_base": "initial",
        "pct": "0.045",
        "reset": {"tz": "Europe/Prague", "time": "00:00"},
        "breach": "soft",
    },
    "max_loss": {"trailing": "none", "pct": "0.09", "breach": "soft"},
}
Change = Callable[[dict[str, Any]], object]


def changed(change: Change) -> dict[str, Any]:
    values = copy.deepcopy(ONE)
    change(values)
    return values


def test_every_shipped_rule_set_loads_with_its_source() -> None:
    book = shipped_rules()
    assert len(book.rules) == 19
    for rules in book.rules.values():
        assert rules.source
        assert rules.version >= 1
        assert rules.review_by > date(2026, 11, 1)
    assert [r.phase for r in book.find("ftmo.2step")] == ["challenge", "verification"]


def test_what_is_not_official_or_not_current_or_assumed_carries_a_banner() -> None:
    rules = shipped_rules().rules
    assert not rules["ftmo.2step.challenge"].banners(TODAY)
    assert any("third-party" in line for line in rules["apex.50k.intraday"].banners(TODAY))
    assert any("daily.anchor is assumed" in line for line in rules["the5ers.bootcamp"].banners(TODAY))
    assert any("review date" in line for line in rules["ftmo.2step.challenge"].banners(date(2027, 6, 1)))
    for rule_set in rules.values():
        assert rule_set.status == "official" or rule_set.banners(TODAY)


def test_an_optional_limit_is_off_and_said_to_be_until_it_is_asked_for() -> None:
    book = shipped_rules()
    (off,) = book.find("topstep.combine.50k")
    (on,) = book.find("topstep.combine.50k+daily")
    assert off.daily is not None
    assert on.daily is not None
    assert (off.daily.optional, on.daily.optional) == (True, False)
    assert any("optional and off" in line for line in off.banners(TODAY))
    assert not any("optional and off" in line for line in on.banners(TODAY))
    with pytest.raises(UsageError, match="no optional daily limit"):
        book.find("ftmo.2step+daily")


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("ftmo.2stp", "ftmo.2step"),
        ("ftmo", "ftmo.1step, ftmo.2step, ftmo.1step.challenge"),
        ("", "Known: "),
        ("zzzzzz", "Known: "),
    ],
)
def test_an_unknown_id_is_answered_with_the_nearest(wanted: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        shipped_rules().find(wanted)
    assert said in caught.value.fix


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda v: v["daily"].update(pct=0.05), "in quotes"),
        (lambda v: v["daily"].update(pct=5), "in quotes"),
        (lambda v: v["daily"].update(pct="5"), 'write "0.05"'),
        (lambda v: v["daily"].update(pct="4.5"), 'write "0.045"'),
        (lambda v: v["daily"].update(pct="0.00000001"), "at most 6 decimals"),
        (lambda v: v["daily"].update(pct="five"), "not a decimal number"),
        (lambda v: v["daily"].update(pct="NaN"), "finite"),
        (lambda v: v["daily"].update(pct="-0.05"), "above 0"),
        (lambda v: v.update(initial=50000), "in quotes"),
        (lambda v: v.update(initial="0"), "above 0"),
        (lambda v: v["daily"]["reset"].update(time=0), "in quotes"),
        (lambda v: v["daily"]["reset"].update(time="24:00"), "time of day"),
        (lambda v: v["daily"]["reset"].update(tz="Prague"), "IANA"),
        (lambda v: v.update(maximum_loss="0.1"), "maximum_loss"),
        (lambda v: v["daily"].update(anchor="equity_at_noon"), "daily.anchor"),
        (lambda v: v["daily"].update(pct="0.1"), "contradictory limits: the daily limit is wider"),
        (lambda v: v["daily"].update(amount="100"), "exactly one"),
        (lambda v: v["daily"].update(pct_base="amount"), "goes with `amount`"),
        (lambda v: v["daily"].update(includes=["commission"]), "floating"),
        (lambda v: v.update(profit_target_pct="0.1", profit_target_amount="1"), "contradictory limits"),
        (lambda v: v.update(profit_target_amount="3000"), "need `initial`"),
        (lambda v: v["max_loss"].update(lock="initial"), "trails nothing"),
        (lambda v: v["max_loss"].update(trailing="eod_balance", lock="100"), "lock"),
        (lambda v: v.update(reset={"tz": "UTC", "time": "00:00"}), "contradictory clocks"),
        (lambda v: v.update(min_days={"count": 4, "definition": "distinct_open_date", "tz": "UTC"}), "contradictory"),
        (
            lambda v: v.update(min_days={"count": 4, "definition": "distinct_open_date", "threshold": "0.1"}),
            "goes with",
        ),
        (lambda v: v.update(best_day={"cap": "0.5", "denominator": "profit_target"}), "needs a profit target"),
        (
            lambda v: v.update({k: {"cap": "0.5", "denominator": "net_total"} for k in ("best_day", "consistency")}),
            "two names of one rule",
        ),
        (lambda v: (v.pop("daily"), v.update(time_limit_days=30)), "need `reset`"),
        (lambda v: v.update(assumed={"dayly": "guessed"}), "which is no field"),
        (lambda v: v.pop("review_by"), "review_by"),
        (lambda v: v.update(id="Mine Buffer"), "id"),
    ],
)
def test_a_wrong_rule_set_is_refused_by_file_and_field(tmp_path: Path, change: Change, said: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump({"rules": [changed(change)]}))
    with pytest.raises(ConfigError) as caught:
        rules_with(file)
    assert said in str(caught.value)
    assert str(file) in caught.value.where


def test_a_users_own_file_adds_rule_sets_and_chains(tmp_path: Path) -> None:
    rules = {k: v for k, v in ONE.items() if k != "review_by"}
    text = yaml.safe_dump(
        {
            "review_by": date(2027, 1, 1),
            "rules": [rules],
            "chains": {"mine.all": ["mine.buffer", "ftmo.2step.challenge"]},
        }
    )
    (tmp_path / "mine.yaml").write_text(text)
    book = rules_with(tmp_path)
    assert len(book.rules) == 20
    assert [r.id for r in book.find("mine.all")] == ["mine.buffer", "ftmo.2step.challenge"]
    assert RuleSet.model_validate(book.rules["mine.buffer"].model_dump(mode="json")) == book.rules["mine.buffer"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules: [", "not YAML"),
        ("[]", "no list `rules`"),
        ("rules: 3", "no list `rules`"),
        ("rules: [5]", "dictionary"),
        ("rules: []\nchains: {a: [b]}", "not a chain"),
        ("rules: []\nchains: {ftmo.2step: [ftmo.2step.challenge]}", "not a chain"),
    ],
)
def test_a_file_that_is_no_rule_file_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        rules_with(tmp_path)
    assert said in str(caught.value)


def test_an_id_that_is_there_already_is_refused(tmp_path: Path) -> None:
    (tmp_path / "twice.yaml").write_text(yaml.safe_dump({"rules": [ONE | {"id": "ftmo.2step.challenge"}]}))
    with pytest.raises(ConfigError, match="there already"):
        rules_with(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="no rule file"):
        rules_with(tmp_path / "empty")
    with pytest.raises(ConfigError, match="cannot be read"):
        rules_with(tmp_path / "missing.yaml")
