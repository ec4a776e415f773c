from __future__ import annotations

from pathlib import Path

import pytest

from tradewright.core.types.errors import StoreError, UsageError
from tradewright.services.runs.folder import RunDraft, free_folder


def test_a_published_folder_is_whole_and_alone(tmp_path: Path) -> None:
    target = tmp_path / "runs" / "one"
    with RunDraft(target) as draft:
        (draft.path / "file").write_text("x", encoding="utf-8")
        assert not target.exists()
        assert draft.publish() == target
    assert [p.name for p in target.iterdir()] == ["file"]
    assert [p.name for p in target.parent.iterdir()] == ["one"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_what_is_not_published_leaves_no_trace(tmp_path: Path, error: type[BaseException]) -> None:
    def write() -> None:
        with RunDraft(tmp_path / "runs" / "deep" / "one") as draft:
            (draft.path / "file").write_text("x", encoding="utf-8")
            raise error

    with pytest.raises(error):
        write()
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(StoreError, match="cannot be written"), RunDraft(tmp_path / "file" / "one"):
        pytest.fail("the draft was made")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(UsageError, match="in this place already"), RunDraft(tmp_path):
        pytest.fail("the draft was made")


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    target = tmp_path / "one"
    target.mkdir()
    with RunDraft(target) as draft:
        (draft.path / "file").write_text("x", encoding="utf-8")
        draft.publish()
    assert (target / "file").is_file()


def test_two_runs_of_one_second_get_two_names(tmp_path: Path) -> None:
    first = free_folder(tmp_path, "20240101T000000Z", "a-1")
    first.mkdir()
    assert first.name == "20240101T000000Z-a-1"
    assert free_folder(tmp_path, "20240101T000000Z", "a-1").name == "20240101T000000Z-a-1-2"
