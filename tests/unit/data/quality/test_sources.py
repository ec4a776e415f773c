from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from tests.unit.data.quality.sound import HOUR, seeded

from tradewright.core.types.errors import UsageError
from tradewright.data.kinds import Kind
from tradewright.data.quality import Findings, Subject, compare
from tradewright.data.sessions import calendar_named


@pytest.fixture(scope="module")
def bars() -> pl.DataFrame:
    return seeded(HOUR, 1000, "XNYS", 4)


def held(one: pl.DataFrame, other: pl.DataFrame) -> Findings:
    def subject(name: str, frame: pl.DataFrame) -> Subject:
        return Subject(name, Kind.BARS, frame, np.arange(len(frame), dtype=np.int64), HOUR, calendar_named("XNYS"))

    return compare(subject("one", one), subject("other", other))


def near(bars: pl.DataFrame) -> pl.DataFrame:
    """The same market as another source sees it: a basis point off, other volume, some bars absent."""
    noise = np.random.default_rng(1).normal(1.0, 1e-4, len(bars))
    return bars.with_columns(close=pl.col("close") * noise, volume=pl.col("volume") * 0.6)[::3]


def test_sources_that_agree(bars: pl.DataFrame) -> None:
    assert held(bars, near(bars)).counts() == {}


def test_closes_that_differ_are_runs_with_place_and_size(bars: pl.DataFrame) -> None:
    at = pl.int_range(pl.len()).is_between(300, 309)
    wrong = bars.with_columns(close=pl.when(at).then(pl.col("close") * 1.02).otherwise(pl.col("close")))
    frame = held(wrong, bars).frame
    assert frame.select("rule", "row").rows() == [("price_disagreement", 300)]
    assert frame["detail"][0].startswith("10 closes until ")
    assert "198 bps" in frame["detail"][0]  # ln 1.02


def test_source_that_is_a_bar_late(bars: pl.DataFrame) -> None:
    late = bars.with_columns(pl.col("close").shift(1).fill_null(strategy="backward"))
    assert held(late, bars).frame.select("rule").rows() == [("source_lag",)]
    assert "one bar later" in held(late, bars).frame["detail"][0]
    assert "one bar earlier" in held(bars, late).frame["detail"][0]


def test_volume_in_other_units(bars: pl.DataFrame) -> None:
    lots = bars.with_columns(volume=pl.col("volume") / 100)
    frame = held(lots, bars).frame
    assert frame["rule"].to_list() == ["volume_disagreement"]
    assert "0.01 times" in frame["detail"][0]


def test_what_cannot_be_compared_is_refused(bars: pl.DataFrame) -> None:
    with pytest.raises(UsageError, match="equal times"):
        held(bars, bars.with_columns(pl.col("ts_open") + 1))
