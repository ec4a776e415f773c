from __future__ import annotations

import os
from pathlib import Path

import pytest

from tradewright.core.types.errors import StoreError, UsageError
from tradewright.core.types.order import KillLevel, TradingState
from tradewright.risk.kill.requests import (
    KillRequest,
    ReleaseRequest,
    check_scope,
    level_named,
    read_request,
    state_of,
    write_kill,
    write_release,
)

SAID = ("ann", "it doubles orders")


@pytest.mark.parametrize("level", [level for level in KillLevel if level])
def test_a_request_is_read_as_it_was_written(tmp_path: Path, level: KillLevel) -> None:
    written = write_kill(tmp_path, level, "symbol:EUR", SAID, 17)
    assert read_request(tmp_path / written.id) == written
    assert written == KillRequest(level, "symbol:EUR", *SAID, 17, written.id)


def test_a_release_is_read_as_it_was_written(tmp_path: Path) -> None:
    written = write_release(tmp_path, "all", ("ann", "bob", "mended"), 17)
    assert read_request(tmp_path / written.id) == written
    assert isinstance(written, ReleaseRequest)


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("KILL", KillLevel.CANCEL),
        ("kill", KillLevel.CANCEL),
        ("KILL.REDUCE_ONLY", KillLevel.REDUCE_ONLY),
        ("KILL.block-new", KillLevel.BLOCK_NEW),
        ("KILL.FLATTEN", KillLevel.FLATTEN),
        ("KILL.NONE", KillLevel.CANCEL),
        ("KILL.txt", KillLevel.CANCEL),
    ],
)
def test_an_empty_file_with_the_name_is_a_request(tmp_path: Path, name: str, level: KillLevel) -> None:
    (tmp_path / name).touch()
    os.utime(tmp_path / name, ns=(5, 7))
    found = read_request(tmp_path / name)
    assert isinstance(found, KillRequest)
    assert (found.level, found.scope, found.ts) == (level, "all", 7)


def test_every_damaged_byte_is_a_cancel_of_everything(tmp_path: Path) -> None:
    path = tmp_path / write_kill(tmp_path, KillLevel.REDUCE_ONLY, "strategy:S", SAID, 17).id
    whole = path.read_bytes()
    for at in range(0, len(whole), 3):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        found = read_request(path)
        assert isinstance(found, KillRequest), at
        assert (found.level, found.scope) == (KillLevel.CANCEL, "all"), at
        assert path.name in found.reason


def test_a_damaged_release_does_not_release(tmp_path: Path) -> None:
    path = tmp_path / write_release(tmp_path, "all", ("ann", "bob", "mended"), 17).id
    path.write_bytes(path.read_bytes().replace(b"bob", b"rob"))
    found = read_request(path)
    assert isinstance(found, KillRequest)
    assert found.level is KillLevel.CANCEL


def test_a_copy_under_another_name_is_not_the_request(tmp_path: Path) -> None:
    path = tmp_path / write_release(tmp_path, "all", ("ann", "bob", "mended"), 17).id
    path.rename(tmp_path / "again.json")
    assert isinstance(read_request(tmp_path / "again.json"), KillRequest)


def test_what_is_gone_is_nothing(tmp_path: Path) -> None:
    assert read_request(tmp_path / "KILL") is None


def test_a_level_that_does_not_exist_stops_all_the_same() -> None:
    assert level_named("flaten") is KillLevel.CANCEL
    assert level_named(" flatten\n") is KillLevel.FLATTEN


@pytest.mark.parametrize("scope", ["", "ALL", "strategy:", "symbol:a b", "account:x", "symbol:../x", "all\n"])
def test_a_scope_that_does_not_exist_is_refused(tmp_path: Path, scope: str) -> None:
    with pytest.raises(UsageError, match="is no scope"):
        check_scope(scope)
    with pytest.raises(UsageError):
        write_kill(tmp_path, KillLevel.CANCEL, scope, SAID, 1)
    assert not list(tmp_path.iterdir())


def test_states_only_get_stricter_with_levels() -> None:
    states = [state_of(level) for level in KillLevel]
    assert states == sorted(states)
    assert states[0] is TradingState.ACTIVE
    assert states[-1] is TradingState.KILLED


def test_a_disk_that_refuses_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be written"):
        write_kill(tmp_path / "file", KillLevel.CANCEL, "all", SAID, 1)
