"""`tradewright replay`, `divergence` and `status` on a session that the command line traded."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.conftest import Run, run_in

from tradewright.core.types.journal import JournalRecord
from tradewright.engine.live.recovery import ACTED
from tradewright.execution.journal.disk import FolderDisk
from tradewright.execution.journal.frame import HEADER_BYTES
from tradewright.execution.journal.reading import JournalReader
from tradewright.execution.journal.writing import Journal

ACCOUNT = Path(".tradewright/accounts/paper")
CONFIG = """strategy: {name: ema_cross, params: {fast: 3, slow: 8, stop_loss: 0.02}}
data: {symbols: [ACME]}
limits:
  max_leverage: 2.0
  windows: {weekly: [{start: "Mon 00:00", end: "Thu 00:00", tz: UTC}]}
"""


@pytest.fixture(scope="module")
def traded(stocked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a session has traded; only to be copied."""
    folder = tmp_path_factory.mktemp("traded") / "place"
    shutil.copytree(stocked, folder)
    (folder / "run.yaml").write_text(CONFIG, encoding="utf-8")
    done = run_in(folder, "paper", "run.yaml")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def place(traded: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "place"
    shutil.copytree(traded, folder)
    return folder


def document(done: subprocess.CompletedProcess[str], code: int = 0) -> dict[str, Any]:
    assert done.returncode == code, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def records(place: Path) -> list[JournalRecord]:
    return list(JournalReader(FolderDisk(place / ACCOUNT / "journal")))


def rewrite(place: Path, change: Callable[[JournalRecord], dict[str, object] | None]) -> None:
    """Write the journal anew, with another chain, as somebody who knows the format could."""
    old = records(place)
    shutil.rmtree(place / ACCOUNT / "journal")
    with Journal(FolderDisk(place / ACCOUNT / "journal"), lambda: 0) as journal:
        for record in old:
            journal.append(record.kind, change(record) or dict(record.payload), record.ts_event, record.ts_seen)


def test_a_session_replays_to_the_bit_and_each_decision_is_explained(tw: Run, place: Path) -> None:
    found = document(tw("replay", "paper", "--json"))
    assert found["same"]
    assert found["changed"] == found["differences"] == []
    assert found["decisions"] > 5
    assert found["inputs"] == 240
    assert document(tw("replay", str(place / ACCOUNT), "--json")) == found
    assert document(tw("replay", str(place / ACCOUNT / "journal"), "--json")) == found
    shown = tw("replay", "paper")
    assert "every decision is the same" in shown.stdout
    acted = [r for r in records(place) if r.kind == ACTED]
    sent = next(r for r in acted if r.payload["acts"])
    told = document(tw("replay", "paper", "--explain", str(sent.sequence), "--json"))
    assert list(told["seen"][0]["features"]) == ["fast", "slow"]
    assert told["orders"][0]["fills"]
    denied = next(r for r in acted if r.payload["denied"])
    shown = tw("replay", "paper", "--explain", str(denied.sequence))
    assert shown.returncode == 0, shown.stderr
    assert "denied BLACKOUT [C15 windows of time]" in shown.stdout
    assert "features: fast" in shown.stdout
    nothing = tw("replay", "paper", "--explain", "999999")
    assert nothing.returncode == 2
    assert "led to no decision" in nothing.stderr


def test_a_replay_that_differs_fails(tw: Run, place: Path) -> None:
    first = next(r.sequence for r in records(place) if r.kind == ACTED and r.payload["acts"])

    def dearer(record: JournalRecord) -> dict[str, object] | None:
        if record.sequence != first:
            return None
        acts: list[dict[str, Any]] = record.payload["acts"]  # type: ignore[assignment]
        return {**record.payload, "acts": [{**acts[0], "lots": acts[0]["lots"] + 1}]}

    rewrite(place, dearer)
    found = document(tw("replay", "paper", "--json"), 1)
    assert [(d["sequence"], d["what"]) for d in found["differences"]] == [(first, "acts")]
    shown = tw("replay", "paper")
    assert shown.returncode == 1
    assert str(first) in shown.stdout


def test_another_code_is_said_so(tw: Run, place: Path) -> None:
    rewrite(place, lambda r: {**r.payload, "code_hash": "0123456789abcdef"} if r.kind == "session" else None)
    done = tw("replay", "paper")
    assert done.returncode == 0
    assert "made by another program: code" in done.stderr
    assert "0123456789abcdef" in done.stdout


def test_the_session_is_the_backtest_until_the_store_is_corrected(tw: Run, place: Path) -> None:
    found = document(tw("divergence", "paper", "--json", "--html", "page.html"))
    assert found["equal"]
    assert found["market"] == "as the store has it now"
    assert found["fills"]["session"] == found["fills"]["backtest"] > 0
    page = (place / "page.html").read_text(encoding="utf-8")
    assert "to the bit" in page
    assert "http" not in page.split("<script>", maxsplit=1)[0].replace("http-equiv", "")
    lines = (place / "acme.csv").read_text(encoding="utf-8").splitlines()
    cells = lines[120].split(",")
    lines[120] = ",".join([cells[0], *(f"{float(c) * 1.002:.2f}" for c in cells[1:5]), cells[5]])
    (place / "acme.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = tw("data", "import", "acme.csv", "--symbol", "ACME", "--fees", "crypto_spot", "--replace")
    assert done.returncode == 0, done.stderr
    found = document(tw("divergence", "paper", "--json"))
    assert not found["equal"]
    assert found["differences"][0]["cause"] == "event differs"
    assert abs(found["unexplained"]) < 1e-3
    assert sum(row["pnl"] for row in found["causes"]) == pytest.approx(found["pnl"], abs=1e-5)
    shown = tw("divergence", "paper", "--html", "page.html")
    assert shown.returncode == 0
    assert "event differs" in shown.stdout
    assert "event differs" in (place / "page.html").read_text(encoding="utf-8")
    assert document(tw("divergence", "paper", "--market", "session", "--json"))["equal"]


def test_damaged_journals_are_clear_errors(tw: Run, place: Path) -> None:
    segment = place / ACCOUNT / "journal" / "00000001.journal"
    whole = segment.read_bytes()
    for command in ("replay", "divergence"):
        segment.write_bytes(whole[:3000] + bytes([whole[3000] ^ 1]) + whole[3001:])
        done = tw(command, "paper")
        assert done.returncode == 1
        assert "record" in done.stderr
        assert "00000001.journal" in done.stderr
        segment.write_bytes(whole[:-7])  # the tail of a crash
        done = tw(command, "paper")
        assert done.returncode == 0, done.stderr
        segment.write_bytes(whole[:HEADER_BYTES])
        done = tw(command, "paper")
        assert done.returncode == 2
        assert "holds no session" in done.stderr
        assert "Traceback" not in done.stderr
    rewrite_config = "strategy: {name: nobody_knows}\n"
    segment.write_bytes(whole)
    rewrite(place, lambda r: {**r.payload, "config": rewrite_config} if r.kind == "session" else None)
    done = tw("replay", "paper")
    assert done.returncode == 1
    assert "not one of this program" in done.stderr


def test_sessions_that_are_not_there(tw: Run, place: Path) -> None:
    for command in ("replay", "divergence", "status"):
        done = tw(command, "nobody")
        assert done.returncode == 2
        assert "Name one of: paper" in done.stderr
    (place / "empty").mkdir()
    done = tw("replay", "empty")
    assert done.returncode == 2
    assert "there is no journal" in done.stderr
    shutil.rmtree(place / ".tradewright" / "accounts")
    done = tw("status")
    assert done.returncode == 1
    assert "no session has run here" in done.stderr
