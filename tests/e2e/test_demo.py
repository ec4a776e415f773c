from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """An empty folder: the demo brings its own data."""
    return tmp_path


@pytest.mark.slow
def test_the_demo_ends_with_reports_and_a_page_that_links_them(tw: Run, place: Path) -> None:
    done = tw("demo")
    assert done.returncode == 0, done.stderr
    page = place / done.stdout.rsplit(":", 1)[-1].strip()
    links = re.findall(r'href="([^"]+)"', page.read_text(encoding="utf-8"))
    assert len(links) == 7
    for link in links:
        assert (page.parent / link).read_text(encoding="utf-8").startswith("<!doctype html>")
    assert "luck" in done.stdout
    for example in sorted(EXAMPLES.glob("*.yaml")):
        refused = tw("backtest", str(example), "--set", "no_such_parameter=1")
        assert "strategies/my_strategy.py" in refused.stderr or "no_such_parameter" in refused.stderr
    ready = tw("backtest", str(EXAMPLES / "ema_cross.yaml"), "--no-report")
    assert ready.returncode == 0, ready.stderr
