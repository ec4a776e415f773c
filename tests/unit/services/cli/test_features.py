"""`tradewright features` in this process: what people see, and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tradewright.data.sample import sample_store
from tradewright.services.cli.app import app

SMALL = "features:\n  ret: log_return(2)\n  price: close_price\n"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of the sample; only to be copied."""
    folder = tmp_path_factory.mktemp("sample")
    sample_store(folder)
    return folder


@pytest.fixture
def root(sample: Path, tmp_path: Path) -> Path:
    shutil.copytree(sample, tmp_path / "store")
    (tmp_path / "small.yaml").write_text(SMALL, encoding="utf-8")
    return tmp_path


def run(root: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["features", *words, "--store", str(root / "store")])


def test_tables_for_people(root: Path) -> None:
    assert "holds no features" in run(root, "list").output
    small = ("--set", str(root / "small.yaml"))
    assert "2 features of 2,148 bars, built" in run(root, "build", "GOOG", *small).output
    assert "was there already" in run(root, "build", "GOOG@1d", *small).output
    (root / "store/features/GOOG/1d/stranger.parquet").write_bytes(b"PAR1")
    listed = run(root, "list")
    assert listed.exit_code == 0
    assert "GOOG" in listed.output
    assert "stranger.parquet is no table of features" in listed.output
    shown = run(root, "show", "GOOG").output
    assert "return.log.v1(2)" in shown
    assert "sound" in shown
    (file,) = (root / "store/features/GOOG/1d").glob("????????????????????????????????.parquet")
    raw = bytearray(file.read_bytes())
    raw[8] ^= 0xFF
    file.write_bytes(raw)
    assert "sound" not in run(root, "show", "GOOG").output


def test_a_check_for_people_says_what_it_means(root: Path) -> None:
    done = run(root, "check", "GOOG", "--set", str(root / "small.yaml"), "--bars", "500", "--horizon", "3")
    assert done.exit_code == 0
    assert "no leak found" in done.output
    assert "exact: every value at each of 500 events" in done.output
    assert "not run: survivorship" in done.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("build", "GOOG", "--set", "nothing"), "no set of features named"),
        (("build", "GOOG@1d", "--timeframe", "1h"), "exclude each other"),
        (("build", "GOOG", "--reference", "NOBODY"), "unknown instrument"),
        (("build", "GOOG", "--start", "soon"), "soon"),
        (("show", "NOBODY"), "no table of features"),
        (("check", "--pipeline", "pipe.py"), "needs bars"),
        (("check", "GOOG", "--bars", "50"), "too few"),
    ],
)
def test_wrong_calls_are_refused(root: Path, words: tuple[str, ...], message: str) -> None:
    done = run(root, *words)
    assert done.exit_code == 2
    assert message in done.output
    assert not (root / "store/features").exists()
