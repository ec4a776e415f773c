"""`tradewright paper` from the command line: a recording, killed and continued; and what it refuses."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.conftest import PROGRAM, Run, clean_environment

from tradewright.execution.orders.lease import Lease


def document(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def backtest(tw: Run) -> dict[str, Any]:
    return document(tw("backtest", "run.yaml", "--json", "--no-report"))


def test_a_recording_ends_where_the_backtest_ends_killed_or_not(tw: Run, place: Path) -> None:
    expected = backtest(tw)
    whole = document(tw("paper", "run.yaml", "--json", "--set", "trading.account=whole"))
    assert whole["equity"] == expected["metrics"]["account"]["final_equity"]
    assert (whole["continued"], whole["rows"]) == (False, 240)
    process = subprocess.Popen(
        [*PROGRAM, "paper", "run.yaml", "--set", "trading.account=cut"],
        cwd=place,
        env=clean_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    journal = place / ".tradewright/accounts/cut/journal"
    for _ in range(600):
        time.sleep(0.05)
        if sum(path.stat().st_size for path in journal.glob("*.journal")) > 3_000 or process.poll() is not None:
            break
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    again = document(tw("paper", "run.yaml", "--json", "--set", "trading.account=cut"))
    assert again["continued"] or again["rows"] == 240
    retold = document(tw("replay", "cut", "--json"))
    assert retold["differences"] == []
    assert abs(again["fills"] - whole["fills"]) <= 4, "what was decided in the moment of death is stale, and not sent"
    verified = tw("journal", "verify", str(journal))
    assert verified.returncode == 0, verified.stderr


def _beside(place: Path, name: str, more: str = "", symbol: str = "ACME") -> str:
    text = (place / "run.yaml").read_text(encoding="utf-8").replace("ACME", symbol)
    (place / f"{name}.yaml").write_text(f"{text}trading: {{account: {name}}}\n{more}", encoding="utf-8")
    return f"{name}.yaml"


def test_several_accounts_trade_side_by_side_each_as_alone(tw: Run, place: Path) -> None:
    one, two = _beside(place, "one"), _beside(place, "two", "seed: 5\n")
    alone = document(tw("paper", "run.yaml", "--json", "--set", "trading.account=alone"))
    both = document(tw("paper", one, two, "--json"))["sessions"]
    assert [Path(s["account"]).name for s in both] == ["one", "two"]
    names = ("equity", "rows", "fills", "positions", "decisions")
    assert [{n: s[n] for n in names} for s in both] == [{n: alone[n] for n in names}] * 2
    for name in ("one", "two"):
        assert document(tw("replay", name, "--json"))["differences"] == []
    seen = document(tw("status", "--json"))["sessions"]
    assert [s["account"] for s in seen] == ["alone", "one", "two"]
    looked = tw("status")
    assert looked.returncode == 0, looked.stderr
    assert all(name in looked.stdout for name in ("alone", "one", "two"))


def test_a_session_that_fails_ends_alone(tw: Run, place: Path) -> None:
    whole, broken = _beside(place, "whole"), _beside(place, "late", "feed: {start: 2031-01-01}\n")
    done = tw("paper", broken, whole, "--json")
    assert done.returncode == 1
    assert "late has ended: error: feed.start: the recording has nothing to trade on" in done.stderr
    assert "Traceback" not in done.stderr
    late, other = json.loads(done.stdout)["sessions"]
    assert "nothing to trade on" in late["error"]
    assert (other["rows"], "error" in other) == (240, False)


def test_two_configurations_of_one_account_are_refused_before_anything_starts(tw: Run, place: Path) -> None:
    one, same = _beside(place, "one"), _beside(place, "same")
    (place / same).write_text((place / one).read_text(encoding="utf-8"), encoding="utf-8")
    done = tw("paper", one, same)
    assert done.returncode == 2
    assert "one.yaml trades the account 'one' too" in done.stderr
    assert not (place / ".tradewright/accounts").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_sessions_that_were_stopped_together_go_on_together(number: int, tw: Run, place: Path) -> None:
    configs = [_beside(place, "one"), _beside(place, "two")]
    process = subprocess.Popen(
        [*PROGRAM, "paper", *configs],
        cwd=place,
        env=clean_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    journals = [place / ".tradewright/accounts" / name / "journal" for name in ("one", "two")]
    for _ in range(600):
        time.sleep(0.05)
        sizes = [sum(path.stat().st_size for path in journal.glob("*.journal")) for journal in journals]
        if min(sizes) > 3_000 or process.poll() is not None:
            break
    process.send_signal(number)
    process.wait(30)
    for again in document(tw("paper", *configs, "--json"))["sessions"]:
        assert again["continued"] or again["rows"] == 240
        assert document(tw("replay", Path(again["account"]).name, "--json"))["differences"] == []


def test_several_strategies_on_one_account_end_where_their_backtest_ends(tw: Run, place: Path) -> None:
    stored = tw("data", "import", "acme.csv", "--symbol", "BOLT", "--fees", "crypto_spot")
    assert stored.returncode == 0, stored.stderr
    (place / "two.yaml").write_text(
        "strategies:\n"
        "  - {name: ema_cross, label: quick, params: {fast: 3, slow: 8, weight: 0.3}, symbols: [ACME]}\n"
        "  - {name: donchian_breakout, params: {weight: 0.3}, symbols: [BOLT]}\n"
        "trading: {account: two}\n",
        encoding="utf-8",
    )
    expected = document(tw("backtest", "two.yaml", "--json", "--no-report"))
    assert [s["strategy"] for s in expected["metrics"]["strategies"]] == ["quick", "donchian_breakout"]
    traded = document(tw("paper", "two.yaml", "--json"))
    assert traded["equity"] == expected["metrics"]["account"]["final_equity"]
    assert traded["fills"] == expected["metrics"]["counters"]["fills"] > 4
    assert document(tw("divergence", "two", "--json"))["equal"]
    killed = tw("kill", "--account", "two", "--scope", "strategy:quick", "--by", "ann", "--reason", "a test")
    assert killed.returncode == 0, killed.stderr


def test_another_configuration_does_not_take_over_what_an_account_holds(tw: Run) -> None:
    held = document(tw("paper", "run.yaml", "--json"))
    other = tw("paper", "run.yaml", "--set", "strategy.params.fast=4")
    if held["positions"]:
        assert other.returncode == 2
        assert "changed while the account holds" in other.stderr
        assert "Traceback" not in other.stderr
    else:
        assert other.returncode == 0


def test_a_second_writer_is_kept_out(tw: Run, place: Path) -> None:
    with Lease(place / ".tradewright/accounts/paper"):
        refused = tw("paper", "run.yaml")
    assert refused.returncode != 0
    assert "KILLED" in refused.stderr or "another process" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("words", "environment", "said"),
    [
        (("--set", "trading.venue=alpaca", "--set", "feed.source=alpaca"), {}, "keys are missing"),
        (
            ("--set", "trading.venue=alpaca", "--set", "feed.source=alpaca"),
            {"TRADEWRIGHT_KEYS_ALPACA_PAPER_KEY": "AKLIVE", "TRADEWRIGHT_KEYS_ALPACA_PAPER_SECRET": "canary-secret"},
            "not a paper key",
        ),
        (("--set", "trading.venue=mars"), {}, "trading.venue"),
        (("--set", "feed.start=2031-01-01"), {}, "nothing to trade on"),
        (("--set", "data.symbols=NOBODY"), {}, "NOBODY"),
        (("--set", "trading.account=../up"), {}, "trading.account"),
    ],
)
def test_what_cannot_be_is_one_clear_error(
    tw: Run, words: tuple[str, ...], environment: dict[str, str], said: str
) -> None:
    done = tw("paper", "run.yaml", *words, **environment)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "canary-secret" not in done.stderr + done.stdout


def test_a_strategy_that_raises_ends_as_a_halted_session(tw: Run, place: Path) -> None:
    lines = [
        '"""Raises once it holds something."""',
        "from tradewright.strategies.signals import WEIGHT, target",
        "from tradewright.strategies.strategy import StrategyParams",
        "COMPILED = False",
        "class Params(StrategyParams):",
        '    """None."""',
        "def features(params):",
        "    return {}",
        "def decide(row, forecast, account, params, signals):",
        "    if account.position != 0:",
        "        raise ValueError('out of my depth')",
        "    target(signals, 0.5, WEIGHT)",
    ]
    (place / "broken.py").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (place / "broken.yaml").write_text("strategy: {file: broken.py}\ndata: {symbols: [ACME]}\n", encoding="utf-8")
    done = tw("paper", "broken.yaml", "--json")
    found = document(done)
    assert "out of my depth" in done.stderr
    assert "Traceback" not in done.stderr
    assert (found["fills"], found["rows"]) == (1, 240), "it is asked no more, and watched on"


def test_real_money_is_refused_and_everything_that_is_missing_is_listed(tw: Run, place: Path) -> None:
    (place / "live.yaml").write_text(
        (place / "run.yaml").read_text(encoding="utf-8")
        + "trading: {account: main, venue: alpaca, kind: live}\nfeed: {source: alpaca}\n",
        encoding="utf-8",
    )
    keys = {"TRADEWRIGHT_KEYS_ALPACA_LIVE_KEY": "PKPAPER", "TRADEWRIGHT_KEYS_ALPACA_LIVE_SECRET": "x"}
    done = tw("live", "live.yaml", **keys)
    assert done.returncode == 2
    for code in ("ARMED", "KEYS", "MODEL", "LIMITS", "STATE", "RELEASE"):
        assert f"{code}:" in done.stderr, done.stderr
    assert not (place / ".tradewright/accounts/main/journal").exists()
    paper = tw("paper", "live.yaml")
    assert paper.returncode == 2
    assert "kind live" in paper.stderr


def test_a_session_can_be_replayed_explained_and_looked_at(tw: Run) -> None:
    document(tw("paper", "run.yaml", "--json", "--set", "trading.account=seen"))
    again = tw("replay", "seen", "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["differences"] == []
    apart = tw("divergence", "seen", "--json")
    assert apart.returncode == 0, apart.stderr
    status = tw("status", "seen", "--json")
    assert status.returncode == 0, status.stderr
    assert json.loads(status.stdout)["account"] == "seen"


def test_a_kill_that_was_pulled_while_nothing_ran_binds_the_next_start(tw: Run) -> None:
    document(tw("paper", "run.yaml", "--json", "--set", "trading.account=stopped", "--set", "feed.start=2024-01-09"))
    killed = tw("kill", "--account", "stopped", "--by", "ann", "--reason", "a test")
    assert killed.returncode == 0, killed.stderr
    after = tw("paper", "run.yaml", "--json", "--set", "trading.account=stopped", "--set", "feed.start=2024-01-10")
    assert after.returncode == 0, after.stderr
    assert "starts killed" in after.stderr


def test_a_limit_that_was_lowered_binds_a_session_and_a_file_nobody_wrote_stops_it(tw: Run, place: Path) -> None:
    (place / "run.yaml").write_text(
        (place / "run.yaml").read_text(encoding="utf-8") + "limits: {max_order_value: 1000000}\n", encoding="utf-8"
    )
    folder = ".tradewright/accounts/low"
    lowered = tw("controls", "lower", "run.yaml", "max_order_value", "10", "--by", "ann", "--account", folder)
    assert lowered.returncode == 0, lowered.stderr
    low = document(tw("paper", "run.yaml", "--json", "--set", "trading.account=low"))
    assert (low["fills"], low["rows"]) == (0, 240)
    bad = place / ".tradewright/accounts/bad"
    bad.mkdir(parents=True)
    (bad / "limits.json").write_text("{}", encoding="utf-8")
    stopped = tw("paper", "run.yaml", "--json", "--set", "trading.account=bad")
    assert document(stopped)["fills"] == 0
    assert "limits cannot be trusted" in stopped.stderr
