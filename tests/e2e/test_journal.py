"""`tradewright journal`: what it says of a sound, a torn and a changed journal."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tradewright.execution.journal.disk import FolderDisk
from tradewright.execution.journal.writing import Journal

_SECOND = 1_000_000_000


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from tradewright.services.cli.app import main; main()", "journal", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with Journal(FolderDisk(tmp_path / "j"), lambda: 0) as journal:
        journal.append("session", {"mode": "paper", "code_hash": "c"}, 0, 0)
        for k in range(10):
            kind = ("intent", "order")[k % 2]
            journal.append(kind, {"intent": {"client_id": f"ID{k // 2}"}}, k * _SECOND, k * _SECOND)
    return tmp_path / "j"


def test_verify(folder: Path) -> None:
    done = run("verify", str(folder), "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["records"], told["kinds"]) == (0, 11, {"intent": 5, "order": 5, "session": 1})
    assert run("verify", str(folder), "--head", told["head"]).returncode == 0
    lost = run("verify", str(folder), "--head", "00" * 32)
    assert (lost.returncode, "not in its chain" in lost.stderr) == (1, True)
    segment = next(folder.glob("*.journal"))
    whole = segment.read_bytes()
    segment.write_bytes(whole[:-5])
    assert json.loads(run("verify", str(folder), "--json").stdout)["torn_bytes"] > 0
    segment.write_bytes(whole.replace(b"ID2", b"ID9"))
    changed = run("verify", str(folder))
    assert (changed.returncode, "is damaged" in changed.stderr, "Traceback" in changed.stderr) == (1, True, False)


def test_show_and_export(folder: Path, tmp_path: Path) -> None:
    shown = json.loads(run("show", str(folder), "--order", "ID3", "--json").stdout)
    assert [r["sequence"] for r in shown] == [8, 9]
    assert shown[0]["mode"] == "paper"
    assert "ID4" in run("show", str(folder), "--kind", "intent", "--last", "1").stdout
    out = tmp_path / "out.jsonl"
    window = ("--since", "1970-01-01T00:00:02", "--until", "1970-01-01T00:00:05")
    assert run("export", str(folder), "--out", str(out), *window).returncode == 0
    assert [json.loads(line)["sequence"] for line in out.read_text(encoding="utf-8").splitlines()] == [4, 5, 6]


def test_wrong_calls_say_what_to_do(folder: Path, tmp_path: Path) -> None:
    for words, said in (
        (("verify", str(tmp_path / "none")), "there is no journal"),
        (("show", str(folder), "--since", "noon"), "is not a time"),
    ):
        done = run(*words)
        assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (2, True, False)
    out = run("export", str(folder), "--out", str(tmp_path / "no" / "x"))
    assert (out.returncode, "cannot be written" in out.stderr) == (1, True)
