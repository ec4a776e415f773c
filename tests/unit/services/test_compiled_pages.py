"""A template is compiled once, and again when it changes."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest

from tradewright.core.kernel import cache_folder
from tradewright.services.report.render import page_environment


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder with one template, and a cache folder of its own beside it."""
    (tmp_path / "page.j2").write_text("hello {{ name }}", encoding="utf-8")
    monkeypatch.setattr(cache_folder, "cache_folder", lambda: tmp_path)
    return tmp_path


def _page(folder: Path) -> str:
    return page_environment(folder).get_template("page.j2").render(name="<you>")


def test_the_second_process_does_not_compile(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _page(folder) == "hello &lt;you&gt;"
    with monkeypatch.context() as patched:
        patched.delattr(jinja2.Environment, "compile")
        assert _page(folder) == "hello &lt;you&gt;"


def test_a_changed_template_is_compiled_again(folder: Path) -> None:
    assert _page(folder) == "hello &lt;you&gt;"
    (folder / "page.j2").write_text("goodbye {{ name }}", encoding="utf-8")
    assert _page(folder) == "goodbye &lt;you&gt;"


@pytest.mark.parametrize("length", [0, 1, 40, -20])
def test_damaged_byte_code_is_replaced(folder: Path, length: int) -> None:
    assert _page(folder) == "hello &lt;you&gt;"
    (kept,) = folder.glob("page-*")
    sound = kept.read_bytes()
    kept.write_bytes(sound[:length])
    assert _page(folder) == "hello &lt;you&gt;"
    assert kept.read_bytes() == sound
