"""Small files and frames that the data tests share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tradewright.data.importer import Imported, ImportOptions, import_file
from tradewright.data.presets import CALENDARS

Write = Callable[..., Path]
Load = Callable[..., Imported]

HEADER = "time,open,high,low,close,volume"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes lines to a CSV file under a header."""

    def _write(*rows: str, header: str = HEADER, name: str = "prices.csv") -> Path:
        path = tmp_path / name
        path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
        return path

    return _write


@pytest.fixture
def load() -> Load:
    """Return a function that imports a file with options given by name."""

    def _load(path: Path, calendar: str = "24/7", **options: object) -> Imported:
        return import_file(path, CALENDARS[calendar], ImportOptions(**options))  # type: ignore[arg-type]

    return _load
