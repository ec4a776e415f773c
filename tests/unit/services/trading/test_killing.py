from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tradewright.core.types.errors import UsageError
from tradewright.core.types.order import KillLevel, TradingState
from tradewright.execution.orders.lease import Lease
from tradewright.risk.kill.inbox import KillInbox
from tradewright.risk.kill.pending import SECOND, PendingRelease, ReleaseRules
from tradewright.risk.kill.requests import KillRequest, read_request
from tradewright.risk.kill.switch import KillSwitch
from tradewright.risk.trading_state import TradingStateFile
from tradewright.services.trading.folder import AccountFolder, existing, known_accounts
from tradewright.services.trading.killing import ask_release, await_settled, confirm_release, kill

SAID = ("ann", "why")
NOW = 1_700_000_000 * SECOND
NO_DELAY = ReleaseRules(delay_ns=0)


class Sink:
    def __init__(self) -> None:
        self.kills: dict[str, KillLevel] = {}

    def kill(self, level: KillLevel, scope: str, by: str, reason: str) -> None:  # noqa: ARG002
        self.kills[scope] = level

    def release(self, scope: str, by: str, confirmed_by: str, reason: str) -> None:  # noqa: ARG002
        self.kills.pop(scope, None)


@contextmanager
def session(folder: AccountFolder) -> Iterator[Sink]:
    """Hold the lease and carry out requests, as a running session does, in a thread."""
    sink, is_over = Sink(), threading.Event()
    switch = KillSwitch(
        sink, KillInbox(folder.kill, time.time_ns), TradingStateFile(folder.state), lambda: NOW + 99, lambda: True
    )

    def work() -> None:
        while not is_over.wait(0.005):
            switch.poll()

    with Lease(folder.path):
        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield sink
        finally:
            is_over.set()
            thread.join()


@pytest.fixture
def folder(tmp_path: Path) -> AccountFolder:
    made = AccountFolder("main", tmp_path)
    TradingStateFile(made.state).write(TradingState.ACTIVE, "ann", "begin", 1)
    return made


def pending(*, accepts_open: bool = True, scope: str = "all") -> PendingRelease:
    return PendingRelease(scope, "ann", "mended", "abcd", NOW, accepts_open)


def test_a_kill_while_nothing_runs_is_kept(folder: AccountFolder) -> None:
    (outcome,) = kill([folder], KillLevel.FLATTEN, "all", SAID, 0.0, NOW)
    assert (outcome.state, outcome.did, outcome.is_live, outcome.is_kept) == ("KILLED", "", False, True)
    (request,) = [read_request(p) for p in folder.kill.iterdir()]
    assert isinstance(request, KillRequest)
    assert (request.level, request.by) == (KillLevel.FLATTEN, "ann")


def test_a_live_session_says_what_it_did(folder: AccountFolder) -> None:
    with session(folder) as sink:
        (outcome,) = kill([folder], KillLevel.CANCEL, "all", SAID, 5.0, NOW)
    assert outcome.did == "CANCEL of all: the gate is closed; orders are being cancelled"
    assert sink.kills == {"all": KillLevel.CANCEL}


def test_a_session_that_hangs_is_told_apart_from_none(folder: AccountFolder) -> None:
    with Lease(folder.path):
        (outcome,) = kill([folder], KillLevel.CANCEL, "all", SAID, 0.02, NOW)
    assert (outcome.did, outcome.is_live) == ("", True)
    assert outcome.state == "KILLED"


def test_what_the_disk_refuses_is_told_and_the_rest_is_done(folder: AccountFolder) -> None:
    folder.kill.touch()  # a file where the folder should be
    (outcome,) = kill([folder], KillLevel.CANCEL, "all", SAID, 0.0, NOW)
    assert (outcome.state, len(outcome.troubles), outcome.is_kept) == ("KILLED", 1, True)
    folder.state.unlink()
    folder.state.mkdir()
    (outcome,) = kill([folder], KillLevel.CANCEL, "all", SAID, 0.0, NOW)
    assert (len(outcome.troubles), outcome.is_kept) == (2, False)
    (outcome,) = kill([folder], KillLevel.CANCEL, "symbol:X", SAID, 0.0, NOW)  # only the request says that
    assert (len(outcome.troubles), outcome.is_kept) == (1, False)


def test_a_release_of_a_dead_session_waits_for_its_next_start(folder: AccountFolder) -> None:
    kill([folder], KillLevel.CANCEL, "all", SAID, 0.0, NOW - 1)
    ask_release(folder, pending())
    outcome = confirm_release(folder, "bob", "abcd", 0.0, NOW, NO_DELAY)
    assert (outcome.state, outcome.did, outcome.is_live) == ("ACTIVE", "", False)
    assert not folder.pending.exists()
    sink = Sink()
    switch = KillSwitch(
        sink, KillInbox(folder.kill, time.time_ns), TradingStateFile(folder.state), lambda: NOW, lambda: True
    )
    switch.start()  # the old kill is carried out, and then the release that is younger
    assert sink.kills == {}
    assert switch.state.read().state is TradingState.ACTIVE


def test_a_release_of_a_live_session_is_answered(folder: AccountFolder) -> None:
    with session(folder) as sink:
        kill([folder], KillLevel.CANCEL, "all", SAID, 5.0, NOW - 1)
        ask_release(folder, pending())
        outcome = confirm_release(folder, "bob", "abcd", 5.0, NOW, NO_DELAY)
    assert (outcome.did, outcome.state, outcome.is_live) == ("released", "ACTIVE", True)
    assert sink.kills == {}


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("", "no running session says"),
        ("{}", "no running session says"),
        (f'{{"written_ns": {NOW - 11 * SECOND}, "is_reconciled": true, "is_flat": true}}', "no running session says"),
        (f'{{"written_ns": {NOW}, "is_reconciled": false, "is_flat": true}}', "does not agree"),
        (f'{{"written_ns": {NOW}, "is_reconciled": true, "is_flat": false}}', "holds positions"),
        (f'{{"written_ns": {NOW}, "is_reconciled": 1, "is_flat": 1}}', "does not agree"),
    ],
)
def test_a_release_needs_a_session_that_is_reconciled_and_flat(folder: AccountFolder, status: str, words: str) -> None:
    if status:
        folder.status.write_text(status, encoding="utf-8")
    with pytest.raises(UsageError, match=words):
        ask_release(folder, pending(accepts_open=False))
    assert not folder.pending.exists()
    ask_release(folder, pending())


def test_what_was_flat_at_the_first_step_must_be_at_the_second(folder: AccountFolder) -> None:
    folder.status.write_text(f'{{"written_ns": {NOW}, "is_reconciled": true, "is_flat": true}}', encoding="utf-8")
    ask_release(folder, pending(accepts_open=False))
    folder.status.unlink()
    with pytest.raises(UsageError, match="no running session"):
        confirm_release(folder, "bob", "abcd", 0.0, NOW, NO_DELAY)
    assert TradingStateFile(folder.state).read().state is TradingState.ACTIVE


def test_whoever_waits_is_told_once_what_for_and_goes_on_as_soon_as_the_session_is_flat(
    folder: AccountFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradewright.services.trading.killing._PATIENCE_S", 0.0)
    notes: list[str] = []

    def flat(is_flat: str) -> None:
        text = f'{{"written_ns": {time.time_ns()}, "is_reconciled": true, "is_flat": {is_flat}}}'
        folder.status.write_text(text, encoding="utf-8")

    def note(what: str) -> None:
        notes.append(what)
        flat("true")

    flat("false")
    await_settled(folder, 60.0, note)
    assert notes == ["the session holds positions or has working orders"]
    await_settled(folder, 60.0, note)
    flat("false")
    await_settled(folder, 0.0, note)
    assert len(notes) == 1, "nobody waits for what is so, or for no time"


def test_a_name_that_was_mistyped_makes_no_account(folder: AccountFolder) -> None:
    assert [f.name for f in known_accounts(folder.root)] == ["main"]
    with pytest.raises(UsageError) as raised:
        existing("mian", folder.root)
    assert "Known: main." in raised.value.fix
    for name in ("../main", "", "..", "Main", "a/b"):
        with pytest.raises(UsageError):
            existing(name, folder.root)
