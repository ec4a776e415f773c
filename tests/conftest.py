"""Options and fixtures of all tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

# test folders are no packages, but a folder may share a module (`tests.tables.script`) among its tests
_ROOT = str(Path(__file__).resolve().parents[1])
if _ROOT not in sys.path:
    sys.path.insert(0, _ROOT)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--remake-golden", action="store_true", help="write the golden files anew from what the program computes"
    )
    parser.addoption(
        "--all-mutations", action="store_true", help="break every fill rule on purpose, not only a sample of them"
    )
    parser.addoption("--all-kills", action="store_true", help="kill a download of each vendor fifty times, not once")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes more than a few seconds; still part of `make test`")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files with a slow test first, so that no worker begins one when the others are done."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture
def remake_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be written instead of compared."""
    return bool(request.config.getoption("--remake-golden"))
