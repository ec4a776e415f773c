from __future__ import annotations

from pathlib import Path

import pytest

from tradewright.core.types.errors import StoreError, UsageError
from tradewright.core.types.order import TradingState
from tradewright.risk.trading_state import TradingStateFile


@pytest.mark.parametrize("state", list(TradingState))
def test_a_state_is_read_as_it_was_written(tmp_path: Path, state: TradingState) -> None:
    file = TradingStateFile(tmp_path / "account" / "state.json")
    written = file.write(state, "ann", "because", 17)
    assert TradingStateFile(file.path).read() == written
    assert (written.state, written.by, written.why, written.at_ns) == (state, "ann", "because", 17)


def test_no_file_is_killed(tmp_path: Path) -> None:
    found = TradingStateFile(tmp_path / "state.json").read()
    assert found.state is TradingState.KILLED
    assert "no state file" in found.why


def test_every_damaged_byte_is_killed(tmp_path: Path) -> None:
    file = TradingStateFile(tmp_path / "state.json")
    file.write(TradingState.ACTIVE, "ann", "because", 17)
    whole = file.path.read_bytes()
    for at in range(len(whole)):
        file.path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert file.read().state is TradingState.KILLED, at
        file.path.write_bytes(whole[:at])
        if at < len(whole) - 1:  # the last byte ends the line and says nothing
            assert file.read().state is TradingState.KILLED, at
    file.path.write_bytes(whole)
    assert file.read().state is TradingState.ACTIVE


def test_a_folder_in_its_place_is_killed(tmp_path: Path) -> None:
    assert TradingStateFile(tmp_path).read().state is TradingState.KILLED


def test_nobody_and_no_reason_are_refused(tmp_path: Path) -> None:
    file = TradingStateFile(tmp_path / "state.json")
    for by, why in (("", "because"), ("ann", " ")):
        with pytest.raises(UsageError, match="name and a reason"):
            file.write(TradingState.ACTIVE, by, why, 0)
    assert not file.path.exists()


def test_what_cannot_be_written_leaves_the_old_state(tmp_path: Path) -> None:
    file = TradingStateFile(tmp_path / "state.json")
    file.write(TradingState.HALTED, "ann", "because", 17)
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be written"):
        TradingStateFile(tmp_path / "file" / "state.json").write(TradingState.ACTIVE, "ann", "because", 18)
    assert file.read().state is TradingState.HALTED
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []
