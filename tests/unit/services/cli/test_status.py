"""`tradewright status`: what a session wrote, in the terminal; old news in red; no session in one clear sentence."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from tradewright.core.types.errors import RunError, StoreError, UsageError
from tradewright.engine.live.status import (
    STATUS_VERSION,
    AlertStatus,
    FeedStatus,
    JournalStatus,
    LatencyStatus,
    LimitUse,
    OrderRow,
    PositionStatus,
    SessionStatus,
)
from tradewright.services.cli.status import STALE_S, StatusOptions, status
from tradewright.services.cli.status_screen import screen
from tradewright.services.live.status_file import read_status, write_status

STATUS = SessionStatus(
    version=STATUS_VERSION,
    written_ns=0,
    ts=1_700_000_000_000_000_000,
    account="demo",
    mode="paper",
    venue="simulated",
    strategy="ema_cross",
    currency="USD",
    trading_state="ACTIVE",
    loss_state="CLEAR",
    halt_reason="",
    kills={},
    is_reconciled=True,
    is_flat=False,
    is_journal_lost=False,
    equity=100_500.0,
    cash=50_000.0,
    day_pnl=-120.5,
    drawdown=0.0123,
    positions=(PositionStatus("AAA", 100, 100, 0, 100.0, 99.5, 101.0, 10_100.0, -3.0, ""),),
    orders=(
        OrderRow("KNOWN", "AAA", "SELL", "STOP", "STOP_LOSS", 100, 0, 95.0, "ACCEPTED", 12.0),
        OrderRow("LOST", "AAA", "BUY", "MARKET", "STRATEGY", 5, 0, None, "UNKNOWN", 400.0),
    ),
    limits=(LimitUse("max_leverage", 1.9, 2.0, 0.95), LimitUse("max_drawdown", 0.0123, 0.2, 0.0615)),
    feeds=(FeedStatus("AAA", 0.4), FeedStatus("BBB", None)),
    latencies=(LatencyStatus("event_to_act", 17, 0.31, 1.2),),
    last_reconcile_s=3.0,
    journal=JournalStatus(1_234, 1_230, "ab" * 32),
    clock_drift_ms=None,
    has_model_drifted=True,
    counts={"rows": 9, "decisions": 3},
    alerts=(AlertStatus(1_699_999_999_000_000_000, "feed interrupted", "AAA: silent", is_page=True),),
)


def drawn(known: SessionStatus, age_s: float = 0.3, *, is_styled: bool = False) -> str:
    console = Console(width=160, record=True, force_terminal=True, color_system="standard", file=StringIO())
    console.print(screen(known, age_s, STALE_S))
    return console.export_text(styles=is_styled)


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / ".tradewright" / "accounts" / "demo"
    folder.mkdir(parents=True)
    return folder


def test_the_screen_shows_everything() -> None:
    text = drawn(STATUS)
    for part in (
        "demo: ema_cross, paper at simulated", "100,500.00 USD", "-120.50", "1.23%", "+10,100.00", "STOP_LOSS".lower(),
        "KNOWN", "LOST", "7 min", "max_leverage", "95%", "0.4 s ago", "nothing yet", "p50 0.31 ms, p99 1.20 ms over 17",
        "3.0 s ago", "clock drift", "unknown", "drift alarm", "1,234 records, 4 not yet durable", "feed interrupted",
        "Alerts of the last hour: 1",
    ):  # fmt: skip
        assert part in text, part
    assert text.index("LOST") < text.index("KNOWN"), "what nobody knows about comes first"
    assert "STALE" not in text


def test_old_news_is_red() -> None:
    assert "STALE: written 6.0 s ago" in drawn(STATUS, 6.0)
    assert "\x1b[1;37;41mSTALE" in drawn(STATUS, 6.0, is_styled=True)
    assert "STALE" not in drawn(STATUS, STALE_S)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"trading_state": "HALTED"}, "HALTED"),
        ({"loss_state": "OUT_FOR_DAY", "halt_reason": "INTRADAY_LOSS"}, "OUT_FOR_DAY INTRADAY_LOSS"),
        ({"kills": {"symbol:AAA": "BLOCK_NEW"}}, "kill symbol:AAA: BLOCK_NEW"),
        ({"is_journal_lost": True}, "JOURNAL LOST"),
        ({"is_reconciled": False}, "not reconciled"),
    ],
)
def test_what_needs_a_person_stands_at_the_top(change: dict[str, object], said: str) -> None:
    changed = replace(STATUS, **change)  # type: ignore[arg-type]
    assert said in drawn(changed)
    assert "\x1b[1;32mACTIVE" in drawn(STATUS, is_styled=True)
    assert "\x1b[1;32m" not in drawn(changed, is_styled=True).split("Equity")[0] or "is_journal_lost" in change


def test_the_file_is_read_as_it_was_written(account: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_status(account / "status.json", asdict(replace(STATUS, written_ns=time.time_ns())))
    assert [p.name for p in account.iterdir()] == ["status.json"]
    assert replace(read_status(account / "status.json"), written_ns=0) == STATUS
    status(StatusOptions(json=True))
    told = json.loads(capsys.readouterr().out)
    assert (told["account"], told["is_stale"]) == ("demo", False)
    write_status(account / "status.json", asdict(replace(STATUS, written_ns=time.time_ns() - 60 * 10**9)))
    status(StatusOptions("demo", json=True))
    assert json.loads(capsys.readouterr().out)["is_stale"]
    status(StatusOptions("demo"))
    assert "STALE" in capsys.readouterr().out


def test_no_status_or_a_strange_one(account: Path) -> None:
    with pytest.raises(RunError, match="no session") as missing:
        status(StatusOptions())
    assert missing.value.exit_code == 1
    (account / "status.json").write_text("{", encoding="utf-8")
    with pytest.raises(StoreError, match="not the status"):
        status(StatusOptions())
    write_status(account / "status.json", asdict(replace(STATUS, version=STATUS_VERSION + 1)))
    with pytest.raises(StoreError, match="version"):
        status(StatusOptions())
    (account.parent / "other").mkdir()
    with pytest.raises(StoreError, match="version"):
        status(StatusOptions())
    with pytest.raises(UsageError, match="no account 'third'"):
        status(StatusOptions("third"))


def test_several_sessions_are_shown_together(account: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An overview of all, the whole view of each that runs; one that cannot be read hides no other."""
    now = time.time_ns()
    member = PositionStatus("BBB", 7, 7, 0, 7.0, 50.0, 51.0, 357.0, 0.0, "", "slow")
    second = replace(STATUS, account="second", written_ns=now, strategy="quick+slow", positions=(member,))
    for known in (replace(STATUS, written_ns=now - 3_600 * 10**9), second):
        folder = account.parent / known.account
        folder.mkdir(exist_ok=True)
        write_status(folder / "status.json", asdict(known))
    (account.parent / "broken").mkdir()
    (account.parent / "broken" / "status.json").write_text("{", encoding="utf-8")
    status(StatusOptions())
    text = capsys.readouterr().out
    for part in (
        "2 accounts",
        "demo",
        "STALE 60 min",
        "second",
        "quick+slow",
        "1 unknown",
        "max_leverage 95%",
        "0.4 s",
    ):
        assert part in text, part
    assert "broken" in text
    assert "second: quick+slow, paper at simulated" in text, "the whole view of the one that runs"
    assert "demo: ema_cross, paper at simulated" not in text
    assert "slow" in text.split("Positions")[1].split("Orders")[0]
    status(StatusOptions(json=True))
    told = json.loads(capsys.readouterr().out)["sessions"]
    assert [one.get("account") for one in told] == ["demo", "second", None]
    assert "not the status" in told[2]["error"]
