from __future__ import annotations

from pathlib import Path

import pytest

from tradewright.core.types.order import KillLevel, TradingState
from tradewright.risk.kill.inbox import DONE, KillInbox
from tradewright.risk.kill.requests import acknowledgement, write_kill, write_release
from tradewright.risk.kill.switch import RELEASE_VALID_NS, KillSwitch, tighten
from tradewright.risk.trading_state import TradingStateFile

SAID = ("ann", "why")
TWO = ("ann", "bob", "mended")


class Sink:
    """A desk that remembers."""

    def __init__(self, *, is_deaf: bool = False) -> None:
        self.kills: dict[str, KillLevel] = {}
        self.heard: list[tuple[object, ...]] = []
        self.is_deaf = is_deaf

    def kill(self, level: KillLevel, scope: str, by: str, reason: str) -> None:
        self.heard.append(("kill", level, scope, by, reason))
        if not self.is_deaf:
            self.kills[scope] = max(level, self.kills.get(scope, KillLevel.NONE))

    def release(self, scope: str, by: str, confirmed_by: str, reason: str) -> None:
        self.heard.append(("release", scope, by, confirmed_by, reason))
        if not self.is_deaf:
            self.kills.pop(scope, None)


class Account:
    def __init__(self, root: Path, sink: Sink | None = None) -> None:
        self.now, self.is_ready = 1_000, True
        self.sink = sink or Sink()
        self.state = TradingStateFile(root / "state.json")
        self.folder = root / "kill"
        inbox = KillInbox(self.folder, lambda: self.now)
        self.switch = KillSwitch(self.sink, inbox, self.state, lambda: self.now, lambda: self.is_ready)

    def look(self) -> int:
        """Look for requests; a second time, to write down what was done."""
        count = self.switch.poll()
        self.switch.poll()
        return count

    def did(self, request_id: str) -> str:
        told = acknowledgement(self.folder / DONE, request_id)
        return str(told["did"]) if told else ""


@pytest.fixture
def account(tmp_path: Path) -> Account:
    made = Account(tmp_path)
    made.state.write(TradingState.ACTIVE, "ann", "begin", 1)
    return made


@pytest.mark.parametrize(
    ("level", "state"),
    [
        (KillLevel.REDUCE_ONLY, TradingState.REDUCING),
        (KillLevel.BLOCK_NEW, TradingState.HALTED),
        (KillLevel.CANCEL, TradingState.KILLED),
        (KillLevel.FLATTEN, TradingState.KILLED),
    ],
)
def test_a_kill_reaches_the_sink_the_disk_and_who_asked(
    account: Account, level: KillLevel, state: TradingState
) -> None:
    request = write_kill(account.folder, level, "all", SAID, 10)
    assert account.switch.poll() == 1
    assert account.sink.heard == [("kill", level, "all", *SAID)]
    assert not account.did(request.id)  # cancels go out before the disk is waited for
    assert account.switch.poll() == 0
    assert account.state.read().state is state
    assert account.did(request.id).startswith(f"{level.name} of all: the gate is closed")
    assert account.look() == 0


def test_the_strictest_is_carried_out_first_and_stays(account: Account) -> None:
    mild = write_kill(account.folder, KillLevel.BLOCK_NEW, "all", SAID, 10)
    write_kill(account.folder, KillLevel.FLATTEN, "all", SAID, 11)
    assert account.look() == 2
    assert [h[1] for h in account.sink.heard] == [KillLevel.FLATTEN, KillLevel.BLOCK_NEW]
    assert account.state.read().state is TradingState.KILLED
    assert account.did(mild.id).startswith("FLATTEN of all")


def test_a_kill_of_a_part_leaves_the_account_active(account: Account) -> None:
    write_kill(account.folder, KillLevel.CANCEL, "strategy:S", SAID, 10)
    account.look()
    assert account.sink.kills == {"strategy:S": KillLevel.CANCEL}
    assert account.state.read().state is TradingState.ACTIVE


def test_a_sink_that_does_not_obey_is_told_of(tmp_path: Path) -> None:
    account = Account(tmp_path, Sink(is_deaf=True))
    request = write_kill(account.folder, KillLevel.CANCEL, "all", SAID, 10)
    account.look()
    assert account.did(request.id).startswith("NOT carried out")
    assert account.state.read().state is TradingState.KILLED


def test_a_disk_that_refuses_does_not_keep_the_gate_open(account: Account, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    account.switch.state = TradingStateFile(tmp_path / "file" / "state.json")
    request = write_kill(account.folder, KillLevel.CANCEL, "all", SAID, 10)
    account.look()
    assert account.sink.kills == {"all": KillLevel.CANCEL}
    assert "cannot be written" in account.did(request.id)
    assert account.switch.troubles


@pytest.mark.parametrize(
    ("state", "level"),
    [
        (TradingState.ACTIVE, KillLevel.NONE),
        (TradingState.REDUCING, KillLevel.REDUCE_ONLY),
        (TradingState.HALTED, KillLevel.BLOCK_NEW),
        (TradingState.KILLED, KillLevel.CANCEL),
    ],
)
def test_the_stored_state_binds_the_start(account: Account, state: TradingState, level: KillLevel) -> None:
    account.state.write(state, "ann", "stored", 2)
    assert account.switch.start() is state
    assert account.sink.kills.get("all", KillLevel.NONE) is level


def test_no_state_or_a_damaged_one_is_killed_at_the_start(account: Account) -> None:
    account.state.path.write_text("{}", encoding="utf-8")
    assert account.switch.start() is TradingState.KILLED
    assert account.sink.kills == {"all": KillLevel.CANCEL}
    account.state.path.unlink()
    account.sink.kills.clear()
    assert account.switch.start() is TradingState.KILLED
    assert account.sink.kills == {"all": KillLevel.CANCEL}


def test_what_was_pulled_while_nothing_ran_binds_the_start(account: Account) -> None:
    write_kill(account.folder, KillLevel.FLATTEN, "all", SAID, 10)
    write_kill(account.folder, KillLevel.CANCEL, "symbol:X", SAID, 11)
    assert account.switch.start() is TradingState.KILLED
    assert account.sink.kills == {"all": KillLevel.FLATTEN, "symbol:X": KillLevel.CANCEL}


@pytest.mark.parametrize(("text", "level"), [("FLATTEN", KillLevel.FLATTEN), ("yes", KillLevel.CANCEL)])
def test_the_environment_kills_before_anything_connects(account: Account, text: str, level: KillLevel) -> None:
    assert account.switch.start(text) is TradingState.KILLED
    assert account.sink.kills == {"all": level}


def test_a_release_waits_until_the_sink_agrees_with_its_venue(account: Account) -> None:
    account.switch.kill(KillLevel.CANCEL, "all", *SAID)
    account.look()
    assert account.state.read().state is TradingState.KILLED
    account.now += 10
    request = write_release(account.folder, "all", TWO, account.now)
    account.is_ready = False
    account.look()
    assert account.sink.kills
    assert not account.did(request.id)
    account.is_ready = True
    account.look()
    assert account.sink.kills == {}
    assert account.did(request.id) == "released"
    found = account.state.read()
    assert (found.state, found.by) == (TradingState.ACTIVE, "ann and bob")


def test_a_later_kill_makes_a_waiting_release_void(account: Account) -> None:
    account.is_ready = False
    request = write_release(account.folder, "all", TWO, 20)
    account.look()
    write_kill(account.folder, KillLevel.CANCEL, "all", SAID, 30)
    account.look()
    account.is_ready = True
    account.look()
    assert account.did(request.id) == "void: a kill came after it"
    assert account.sink.kills == {"all": KillLevel.CANCEL}
    assert account.state.read().state is TradingState.KILLED


def test_an_old_release_is_void(account: Account) -> None:
    account.switch.kill(KillLevel.CANCEL, "all", *SAID)
    request = write_release(account.folder, "all", TWO, account.now + 1)
    account.now += RELEASE_VALID_NS + 2
    account.look()
    assert account.did(request.id).startswith("void: it is too old")
    assert account.sink.kills


def test_a_release_that_the_sink_refuses_leaves_the_state(account: Account) -> None:
    account.switch.kill(KillLevel.CANCEL, "all", *SAID)
    account.sink.is_deaf = True
    account.now += 10
    request = write_release(account.folder, "all", TWO, account.now)
    account.look()
    assert account.did(request.id).startswith("refused")
    assert account.state.read().state is TradingState.KILLED


def test_a_state_is_never_loosened_by_a_kill(tmp_path: Path) -> None:
    file = TradingStateFile(tmp_path / "state.json")
    assert tighten(file, TradingState.REDUCING, "ann", "first", 5) is TradingState.KILLED  # there was no file
    assert file.read().at_ns == 5
    file.write(TradingState.HALTED, "ann", "x", 6)
    assert tighten(file, TradingState.REDUCING, "bob", "y", 7) is TradingState.HALTED
    assert file.read().by == "ann"
    assert tighten(file, TradingState.KILLED, "", "", 8) is TradingState.KILLED


def test_a_kill_of_a_strategy_that_does_not_trade_here_says_so_and_stands(account: Account) -> None:
    inbox = KillInbox(account.folder, lambda: account.now)
    account.switch = KillSwitch(
        account.sink, inbox, account.state, lambda: account.now, lambda: True, ["quick", "slow.one"]
    )
    wrong = write_kill(account.folder, KillLevel.CANCEL, "strategy:quack", SAID, 10)
    right = write_kill(account.folder, KillLevel.CANCEL, "strategy:slow.one", SAID, 11)
    account.look()
    assert account.did(wrong.id) == (
        "NOT a strategy of this session: strategy:quack; it has strategy:quick, strategy:slow.one"
    )
    assert account.did(right.id).startswith("CANCEL of strategy:slow.one: the gate is closed")
    assert set(account.sink.kills) == {"strategy:quack", "strategy:slow.one"}
