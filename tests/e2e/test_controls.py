"""`tradewright controls` and `runs denials`, from outside."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

Run = Callable[..., subprocess.CompletedProcess[str]]

LIMITS = """
limits:
  max_order_value: 40000
  intraday_loss: 0.05
  collar: {share: 0.02}
  max_orders_per_day: 1
  ceilings: {max_order_value: 50000}
"""

OLD = """
firm: Mine
product: p
phase: any
status: official
as_of: 2019-01
review_by: 2020-01-01
version: 1
source: [me]
rules:
  - {id: mine.old, max_loss: {trailing: none, pct: "0.5"}}
"""


def limited(place: Path, more: str = LIMITS) -> None:
    with (place / "run.yaml").open("a", encoding="utf-8") as stream:
        stream.write(more)


def test_the_table_names_every_control(tw: Run) -> None:
    shown = tw("controls")
    assert shown.returncode == 0, shown.stderr
    document = json.loads(tw("controls", "--json").stdout)
    assert len(document["controls"]) == 26
    assert all(control["id"] in shown.stdout for control in document["controls"])
    collar = document["controls"][0]
    assert (collar["id"], collar["fields"], collar["reasons"]) == ("C01", ["collar"], {"PRICE_COLLAR": 68})


def test_the_log_of_both_paths_is_equal_and_can_be_read(tw: Run, place: Path) -> None:
    limited(place)
    for path in ("loop", "session"):
        done = tw("backtest", "run.yaml", "--path", path, "--out", path, "--no-report")
        assert done.returncode == 0, done.stderr
    logs = [(place / path / "decisions.parquet").read_bytes() for path in ("loop", "session")]
    assert logs[0] == logs[1]
    document = json.loads(tw("runs", "denials", "loop", "--json").stdout)
    assert document["refused"] == sum(row["count"] for row in document["rows"]) > 0
    assert {row["reason"] for row in document["rows"]} <= {"MAX_ORDER_VALUE", "MAX_ORDERS_PER_DAY"}
    shown = tw("runs", "denials", "loop").stdout
    assert "C04 order value" in shown or "C08 orders and signals" in shown
    assert tw("report", "loop").returncode == 0
    page = (place / "loop" / "report.html").read_text(encoding="utf-8")
    for row in document["rows"]:
        cells = f'<td>{row["reason"]}</td><td>{row["control"]}</td><td class="num">{row["count"]:,}</td>'
        assert cells + f"<td>{row['first']}</td>" in page


def test_a_run_without_limits_has_no_log(tw: Run) -> None:
    tw("backtest", "run.yaml", "--out", "bare", "--no-report")
    done = tw("runs", "denials", "bare")
    assert done.returncode == 2
    assert "had no limits" in done.stderr


def test_contradictory_limits_name_the_place(tw: Run, place: Path) -> None:
    limited(place, "limits:\n  max_net_value: 11\n  max_gross_value: 10\n")
    done = tw("backtest", "run.yaml")
    assert done.returncode == 2
    assert "contradictory limits" in done.stderr
    assert "limits" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_lead_shorter_than_a_bar_is_refused(tw: Run, place: Path) -> None:
    limited(place, "limits:\n  prop: {rules: [ftmo.2step.challenge], reset_lead_minutes: 59}\n")
    done = tw("backtest", "run.yaml")
    assert done.returncode == 2
    assert "limits.prop.reset_lead_minutes" in done.stderr
    done = tw("backtest", "run.yaml", "--set", "limits.prop.reset_lead_minutes=60")
    assert done.returncode == 0, done.stderr


def test_a_rule_set_past_its_review_date_says_so(tw: Run, place: Path) -> None:
    (place / "mine.yaml").write_text(OLD, encoding="utf-8")
    limited(place, "limits:\n  prop: {rules: [mine.old], files: mine.yaml}\n")
    done = tw("backtest", "run.yaml")
    assert done.returncode == 0, done.stderr
    assert "mine.old: past its review date 2020-01-01" in done.stderr


def test_another_rule_under_the_same_name_is_another_run(tw: Run, place: Path) -> None:
    limited(place, "limits:\n  prop: {rules: [mine.old], files: mine.yaml}\n")
    inputs = []
    for text in (OLD, OLD.replace('"0.5"', '"0.4"')):
        (place / "mine.yaml").write_text(text, encoding="utf-8")
        document = json.loads(tw("backtest", "run.yaml", "--json", "--no-report").stdout)
        inputs.append(document["manifest"]["inputs"])
    assert inputs[0] != inputs[1]


def test_the_state_is_killed_until_somebody_says_otherwise(tw: Run) -> None:
    assert json.loads(tw("controls", "state", "--json").stdout)["state"] == "KILLED"
    assert tw("controls", "state", "ACTIVE").returncode == 2  # nobody, and no reason
    assert tw("controls", "state", "ON", "--by", "ann", "--why", "x").returncode == 2
    assert tw("controls", "state", "active", "--by", "ann", "--why", "begin").returncode == 0
    found = json.loads(tw("controls", "state", "--json").stdout)
    assert (found["state"], found["by"], found["why"]) == ("ACTIVE", "ann", "begin")


def test_limits_are_lowered_at_once_and_raised_by_two(tw: Run, place: Path) -> None:
    limited(place)
    assert tw("controls", "lower", "run.yaml", "max_order_value", "5000", "--by", "ann").returncode == 0
    assert tw("controls", "raise", "run.yaml", "max_order_value", "50001", "--by", "ann").returncode == 2
    assert tw("controls", "raise", "run.yaml", "max_order_value", "50000", "--by", "ann").returncode == 0
    early = tw("controls", "confirm", "run.yaml", "max_order_value", "--by", "bob")
    assert early.returncode == 2
    assert "Wait another" in early.stderr
    rows = json.loads(tw("controls", "limits", "run.yaml", "--json").stdout)["limits"]
    assert rows[0] == {
        "limit": "max_order_value", "in_force": 5000.0, "ceiling": 50000.0, "asked_for": 50000.0, "by": "ann",
    }  # fmt: skip


def test_gaps_are_measured(tw: Run) -> None:
    found = json.loads(tw("controls", "gap", "ACME", "--json").stdout)
    assert 0.0 < found["gap"] <= found["largest"] < 0.1
    assert found["moves"] == 238
