from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from tradewright.core.types.order import KillLevel
from tradewright.risk.kill.inbox import DONE, KillInbox
from tradewright.risk.kill.requests import KillRequest, acknowledgement, write_kill

SAID = ("ann", "why")


def inbox_of(folder: Path) -> KillInbox:
    return KillInbox(folder, time.time_ns)


def ids(inbox: KillInbox) -> list[str]:
    return [r.id for r in inbox.poll()]


def test_each_request_is_handed_over_once_in_order_of_time(tmp_path: Path) -> None:
    inbox = inbox_of(tmp_path)
    assert inbox.poll() == []
    late = write_kill(tmp_path, KillLevel.CANCEL, "all", SAID, 20)
    early = write_kill(tmp_path, KillLevel.FLATTEN, "all", SAID, 10)
    assert ids(inbox) == [early.id, late.id]
    assert ids(inbox) == []
    assert ids(inbox_of(tmp_path)) == [early.id, late.id]  # a restart finds what nobody acknowledged


def test_requests_of_one_tick_of_the_file_system_are_all_seen(tmp_path: Path) -> None:
    inbox = inbox_of(tmp_path)
    seen: list[str] = []
    for n in range(300):
        write = tmp_path / f"KILL.{n}"
        write.touch()
        stamp = time.time_ns() // 10_000_000 * 10_000_000  # a coarse clock: many changes, one stamp
        os.utime(tmp_path, ns=(stamp, stamp))
        seen += ids(inbox)
    assert len(seen) == len(set(seen)) == 300


def test_a_settled_folder_is_not_listed_but_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.utime(tmp_path, ns=(5, 5))
    inbox = inbox_of(tmp_path)
    os.utime(tmp_path, ns=(5, 5))
    inbox.poll()
    count = 0
    real = os.listdir

    def listing(path: str) -> list[str]:
        nonlocal count
        count += 1
        return real(path)

    monkeypatch.setattr(os, "listdir", listing)
    for _ in range(512):
        inbox.poll()
    assert count == 2


def test_what_was_done_is_written_and_the_request_goes(tmp_path: Path) -> None:
    inbox = inbox_of(tmp_path)
    request = write_kill(tmp_path, KillLevel.CANCEL, "all", SAID, 10)
    (found,) = inbox.poll()
    assert acknowledgement(tmp_path / DONE, request.id) is None
    assert inbox.acknowledge(found, "done so")
    told = acknowledgement(tmp_path / DONE, request.id)
    assert told is not None
    assert (told["did"], told["level"], told["by"], told["pid"]) == ("done so", "CANCEL", "ann", os.getpid())
    assert sorted(p.name for p in tmp_path.iterdir()) == [DONE]


def test_the_same_name_made_again_is_a_new_request(tmp_path: Path) -> None:
    inbox = inbox_of(tmp_path)
    for n in range(3):
        (tmp_path / "KILL").touch()
        os.utime(tmp_path / "KILL", ns=(n, n))
        (found,) = inbox.poll()
        assert inbox.acknowledge(found, "done")
    assert len(list((tmp_path / DONE).iterdir())) == 3


def test_a_file_that_cannot_be_read_cancels_everything(tmp_path: Path) -> None:
    inbox = inbox_of(tmp_path)
    (tmp_path / "request.json").write_text("{", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    (tmp_path / ".draft").touch()  # half-written: its writer is still at it
    found = inbox.poll()
    assert [(r.id, r.level) for r in found if isinstance(r, KillRequest)] == [
        ("folder", KillLevel.CANCEL),
        ("request.json", KillLevel.CANCEL),
    ]
    assert not inbox.acknowledge(found[0], "a folder cannot be taken away")
    assert ids(inbox) == []


def test_a_folder_that_vanishes_cancels_everything_once(tmp_path: Path) -> None:
    folder = tmp_path / "kill"
    inbox = inbox_of(folder)
    shutil.rmtree(folder)
    (found,) = inbox.poll()
    assert isinstance(found, KillRequest)
    assert (found.level, found.scope) == (KillLevel.CANCEL, "all")
    assert ids(inbox) == []
    assert ids(inbox) == []
    (folder / "KILL").touch()  # it was made again
    assert ids(inbox) == ["KILL"]


def test_a_disk_that_refuses_the_acknowledgement_raises_nothing(tmp_path: Path) -> None:
    inbox = inbox_of(tmp_path)
    write_kill(tmp_path, KillLevel.CANCEL, "all", SAID, 10)
    (found,) = inbox.poll()
    shutil.rmtree(tmp_path / DONE)
    (tmp_path / DONE).touch()
    assert not inbox.acknowledge(found, "done")
    assert ids(inbox) == []


def test_an_acknowledgement_is_json(tmp_path: Path) -> None:
    inbox = inbox_of(tmp_path)
    request = write_kill(tmp_path, KillLevel.CANCEL, "all", ("änn", 'quo"te\n'), 10)
    inbox.acknowledge(inbox.poll()[0], "done")
    assert json.loads((tmp_path / DONE / request.id).read_text(encoding="utf-8"))["by"] == "änn"
