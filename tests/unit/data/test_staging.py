"""The stage: a piece is whole or absent, whatever stopped its writing; two downloads never share one."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from tests.unit.data.scripted_history import DAY, START, hourly

from tradewright.core.types.errors import StoreError
from tradewright.data.fetch_record import FetchRecord, read_record, write_quarantine, write_record
from tradewright.data.kinds import Kind
from tradewright.data.ports import Fetched, Piece, Wanted
from tradewright.data.staging import PieceRecord, Stage, is_key, write_frame, write_text

WANTED = Wanted("AC/ME", Kind.BARS, "1h", START, START + DAY)
PIECE = Piece("day-1", START, START + DAY)
REFUSED = pl.DataFrame({"reason": ["no number"], "row": ["x"]})
FETCHED = Fetched(hourly(START, START + DAY), "an archive", "ab" * 32, quarantined=REFUSED, notes=("a note",))


class _StopError(BaseException):
    """Something that nobody expects."""


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path, "scripted", WANTED)


def names(stage: Stage) -> list[str]:
    return sorted(p.name for p in stage.folder.iterdir() if p.name != "lock")


def test_a_piece_is_found_again_as_it_was(stage: Stage) -> None:
    with stage:
        record = stage.put(PIECE, FETCHED)
    with stage:
        assert stage.find(PIECE) == record
        assert stage.records() == (record,)
        assert stage.rows(record).equals(FETCHED.frame)
        refused = stage.quarantine(record)
    assert refused is not None
    assert refused.equals(REFUSED)
    assert (record.origin, record.sha256, record.rows, record.quarantined) == ("an archive", "ab" * 32, 24, 1)
    assert record.notes == ("a note",)


def test_another_span_under_the_same_key_is_another_piece(stage: Stage) -> None:
    with stage:
        stage.put(PIECE, FETCHED)
        assert stage.find(Piece("day-1", START, START + DAY - 1)) is None
        assert stage.find(Piece("day-2", START, START + DAY)) is None


@pytest.mark.parametrize(
    ("suffix", "damage"),
    [(s, d) for s in (".json", ".parquet") for d in (b"", b"{}", None)] + [("~quarantine.parquet", None)],
)
def test_a_damaged_piece_is_absent(stage: Stage, suffix: str, damage: bytes | None) -> None:
    with stage:
        stage.put(PIECE, FETCHED)
        path = stage.folder / f"day-1{suffix}"
        path.unlink() if damage is None else path.write_bytes(damage)
        assert stage.find(PIECE) is None


def test_other_rows_than_the_record_says_are_noticed(stage: Stage) -> None:
    with stage:
        stage.put(PIECE, FETCHED)
        write_frame(stage.folder / "day-1.parquet", hourly(START, START + DAY, 0.5))
        assert stage.find(PIECE) is None


def test_rows_of_another_version_are_noticed(stage: Stage) -> None:
    with stage:
        stage.put(PIECE, FETCHED)
        write_frame(stage.folder / "day-1.parquet", FETCHED.frame.drop("volume"))
        assert stage.find(PIECE) is None


def test_discarded_pieces_leave_nothing(stage: Stage) -> None:
    with stage:
        stage.discard([stage.put(PIECE, FETCHED)])
        assert names(stage) == []


def test_a_piece_that_is_put_again_loses_what_it_had(stage: Stage) -> None:
    with stage:
        stage.put(PIECE, FETCHED)
        record = stage.put(PIECE, Fetched(hourly(START, START), "x", is_final=False))
        assert stage.find(PIECE) == record
        assert (record.rows, record.is_final, stage.quarantine(record)) == (0, False, None)


@pytest.mark.parametrize("stop_at", range(9))
def test_stopped_anywhere_it_is_whole_or_absent(stage: Stage, monkeypatch: pytest.MonkeyPatch, stop_at: int) -> None:
    def stopping(real: Callable[..., object]) -> Callable[..., object]:
        def run(*args: object, **kwargs: object) -> object:
            calls.append(real.__name__)
            if len(calls) > stop_at:
                raise _StopError
            return real(*args, **kwargs)

        return run

    calls: list[str] = []
    with stage, monkeypatch.context() as patch:
        patch.setattr(os, "fsync", stopping(os.fsync))
        patch.setattr(Path, "replace", stopping(Path.replace))
        with pytest.raises(_StopError):
            stage.put(PIECE, FETCHED)
    was_whole = stop_at >= 8  # the record's rename was the eighth
    with stage:
        assert (stage.find(PIECE) is not None) == was_whole
        assert was_whole or names(stage) == []  # the next download sweeps


def test_a_full_disk_says_what_to_do(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with stage:
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(StoreError, match="No space left"):
            stage.put(PIECE, FETCHED)


def test_a_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / ".fetch").write_text("in the way", encoding="utf-8")
    with pytest.raises(StoreError, match="cannot be staged"), Stage(tmp_path, "scripted", WANTED):
        pass


def test_only_one_at_a_time(stage: Stage, tmp_path: Path) -> None:
    other = Stage(tmp_path, "scripted", WANTED)
    with stage, pytest.raises(StoreError, match="another download"), other:
        pass
    with other:
        assert other.records() == ()


@pytest.mark.parametrize(
    ("text", "good"), [("a-1.x_Y", True), ("", False), (".a", False), ("a/b", False), ("ä", False)]
)
def test_keys(text: str, good: bool) -> None:
    assert is_key(text) is good
    assert not is_key("a" * 201)


def piece(start: int, end: int, *, final: bool = True, digest: str = "d") -> PieceRecord:
    return PieceRecord(key=f"{start}-{end}", start=start, end=end, rows=1, digest=digest, origin="o", is_final=final)


def test_new_pieces_take_the_place_of_what_they_cover() -> None:
    record = FetchRecord(source="s", symbol="A", pieces=(piece(0, 10), piece(10, 20, final=False)))
    assert record.resumes_at == 10
    after = record.updated([piece(5, 12), piece(12, 15)])
    spans = [(p.start, p.end, p.is_final, p.digest) for p in after.pieces]
    assert spans == [(0, 5, True, ""), (5, 12, True, "d"), (12, 15, True, "d"), (15, 20, False, "")]
    assert after.resumes_at == 15
    assert after.open_spans() == [(15, 20)]
    assert after.updated([piece(15, 20)]).resumes_at == 20


def test_one_piece_inside_another_leaves_both_ends() -> None:
    after = FetchRecord(source="s", symbol="A", pieces=(piece(0, 10),)).updated([piece(4, 6)])
    assert [(p.start, p.end) for p in after.pieces] == [(0, 4), (4, 6), (6, 10)]


def test_the_record_is_read_back(tmp_path: Path) -> None:
    assert read_record(tmp_path) is None
    record = FetchRecord(source="s", symbol="A", options={"market": "spot"}, pieces=(piece(0, 10),))
    write_record(tmp_path, record)
    assert read_record(tmp_path) == record
    write_text(tmp_path / "fetch.json", "{}")
    with pytest.raises(StoreError, match="record of downloads"):
        read_record(tmp_path)


def test_a_quarantine_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "quarantine").write_text("in the way", encoding="utf-8")
    with pytest.raises(StoreError, match="quarantine"):
        write_quarantine(tmp_path, [(piece(0, 1), REFUSED)])
