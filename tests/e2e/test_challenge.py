"""`tradewright challenge` and `rules`, from outside."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.e2e.conftest import HEADER, run_in, walk_lines

Run = Callable[..., subprocess.CompletedProcess[str]]

RULES = """
review_by: 2027-05-31
as_of: 2026-11
rules:
  - id: mine.test
    firm: mine
    product: test
    phase: challenge
    status: unconfirmed
    version: 1
    source: [own]
    profit_target_pct: "0.05"
    daily: {anchor: balance, pct_base: initial, pct: "0.03", reset: {tz: Europe/Prague, time: "00:00"}}
    max_loss: {trailing: none, pct: "0.06"}
  - id: mine.buffer
    firm: mine
    product: buffer
    phase: any
    status: official
    version: 1
    source: [own]
    daily: {anchor: balance, pct_base: initial, pct: "0.02", reset: {tz: Europe/Prague, time: "00:00"}, breach: soft}
    max_loss: {trailing: none, pct: "0.05", breach: soft}
"""


@pytest.fixture
def ran(place: Path) -> Path:
    """A folder with the run of 40 days as its newest."""
    (place / "walk.csv").write_text("\n".join([HEADER, *walk_lines(960)]) + "\n", encoding="utf-8")
    (place / "mine.yaml").write_text(RULES, encoding="utf-8")
    assert run_in(place, "data", "import", "walk.csv", "--symbol", "WALK").returncode == 0
    words = ("--strategy", "ema_cross", "--data", "WALK", "--set", "fast=3", "--set", "slow=8", "--no-report")
    assert run_in(place, "backtest", *words, "--out", "runs/walk").returncode == 0
    return place


def test_a_run_is_simulated_twice_with_the_same_bytes_and_judged(ran: Path) -> None:
    words = (
        "challenge",
        "--rules",
        "mine.test",
        "--rules-from",
        "mine.yaml",
        "--paths",
        "300",
        "--worlds",
        "3",
        "--json",
    )
    first, second = (run_in(ran, *words, "--out", name) for name in ("a.html", "b.html"))
    assert first.returncode == 0, first.stderr
    found = json.loads(first.stdout)
    assert found.pop("page") == "a.html"
    other = json.loads(second.stdout)
    assert other.pop("page") == "b.html"
    assert found == other
    assert (ran / "a.html").read_bytes() == (ran / "b.html").read_bytes()
    assert [s["name"] for s in found["scenarios"]] == ["adverse", "closes only", "costs x2", "edge - 1 SE", "no edge"]
    assert any("unconfirmed" in notice for notice in found["notices"])
    page = (ran / "a.html").read_text(encoding="utf-8")
    assert "mine.test" in page
    assert "unconfirmed" in page
    assert "phase-0" in page
    judged = run_in(ran, *words[:-1], "--policy", "challenge", "--fee", "100")
    assert judged.returncode == 1
    assert "NOT MET low of challenge.pass_probability" in judged.stdout
    assert (ran / "runs" / "walk" / "challenge-mine.test.html").is_file()


def test_a_buffer_stops_before_the_firm_does_and_trials_are_counted(ran: Path) -> None:
    other = (
        "backtest",
        "--strategy",
        "ema_cross",
        "--data",
        "WALK",
        "--set",
        "fast=5",
        "--set",
        "slow=8",
        "--no-report",
    )
    assert run_in(ran, *other, "--out", "runs/other").returncode == 0
    asked = ("challenge", "--rules", "mine.test", "--rules-from", "mine.yaml", "--run", "walk", "--size", "8")
    words = (*asked, "--paths", "300", "--worlds", "0", "--json")
    bare = json.loads(run_in(ran, *words).stdout)
    kept = json.loads(run_in(ran, *words, "--buffer", "mine.buffer").stdout)
    assert bare["trials"] == {"runs": 2, "model": 0, "count": 2}
    lost = [sum(p["daily_loss"] + p["max_loss"] for p in d["scenarios"][0]["phases"]) for d in (bare, kept)]
    assert lost[1] < lost[0]
    assert kept["buffer"] == ["mine.buffer"]
    assert kept["scenarios"][0]["stopped"] > 0 == bare["scenarios"][0]["stopped"]
    page = (ran / "runs" / "walk" / "challenge-mine.test.html").read_text(encoding="utf-8")
    assert "2: 2 runs over these bars" in page
    assert "Own daily limit" in page
    two = run_in(ran, *words, "--buffer", "ftmo.2step")
    assert two.returncode == 2
    assert "Name one: ftmo.2step.challenge" in two.stderr
    (ran / "news.txt").write_text("no time\n", encoding="utf-8")
    wrong = run_in(ran, *words, "--news", "news.txt")
    assert wrong.returncode == 2
    assert "One time to a line" in wrong.stderr


def test_what_cannot_be_simulated_is_said_without_a_traceback(ran: Path) -> None:
    short = run_in(ran, "backtest", "run.yaml", "--no-report", "--out", "runs/short")
    assert short.returncode == 0, short.stderr
    cases = [
        (("--rules", "ftmo.2stp", "--run", "walk"), 2, "Did you mean ftmo.2step"),
        (("--rules", "ftmo.2step", "--run", "short"), 1, "at least 20 are needed"),
        (("--rules", "ftmo.2step.account.swing", "--run", "walk"), 2, "no profit target"),
        (("--rules", "topstep.combine.50k", "--run", "walk", "--account", "60000"), 2, "accounts of 50000"),
        (("--rules", "ftmo.2step", "--run", "walk", "--fee", "much"), 2, "--fee"),
        (("--rules", "ftmo.2step", "--run", "walk", "--paths", "3"), 2, "paths is 3"),
        (("--rules", "ftmo.2step", "--run", "walk", "--policy", "none"), 2, "no gate policy"),
        (("--rules", "ftmo.2step", "--run", "walk", "--out", "no/such/page.html"), 1, "cannot be written"),
    ]
    for words, code, said in cases:
        done = run_in(ran, "challenge", *words)
        assert done.returncode == code, (words, done.stderr)
        assert said in done.stderr
        assert "Traceback" not in done.stderr
    (ran / "walk.csv").write_text("\n".join([HEADER, *walk_lines(970, wild_from=900)]) + "\n", encoding="utf-8")
    assert run_in(ran, "data", "import", "walk.csv", "--symbol", "WALK", "--replace").returncode == 0
    changed = run_in(ran, "challenge", "--rules", "ftmo.2step", "--run", "walk")
    assert changed.returncode == 1
    assert "Run the backtest again" in changed.stderr


def test_rules_are_listed_and_a_wrong_file_is_named(ran: Path) -> None:
    listed = json.loads(run_in(ran, "rules", "list", "--json", "--rules-from", "mine.yaml").stdout)
    assert len(listed["rules"]) == 21
    assert listed["products"]["ftmo.2step"] == ["ftmo.2step.challenge", "ftmo.2step.verification"]
    shown = run_in(ran, "rules", "show", "ftmo.2step")
    assert "profit_target_pct" in shown.stdout
    (ran / "mine.yaml").write_text(RULES.replace('"0.03"', "0.03"), encoding="utf-8")
    wrong = run_in(ran, "rules", "list", "--rules-from", "mine.yaml")
    assert wrong.returncode == 2
    assert "daily.pct" in wrong.stderr
    assert "in quotes" in wrong.stderr
