"""The packaged sample is what its manifest says, and sound."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from tradewright.core.types.errors import UsageError
from tradewright.data.importer import import_file
from tradewright.data.sample import Sample, sample_source, sample_store, samples
from tradewright.data.times import moment_ns


@pytest.mark.parametrize("sample", samples(), ids=lambda s: s.entry.symbol)
def test_file_is_the_one_of_the_manifest(sample: Sample) -> None:
    assert hashlib.sha256(sample.path.read_bytes()).hexdigest() == sample.entry.sha256
    done = import_file(sample.path, sample.params.instrument().calendar)
    assert (len(done.frame), done.timeframe) == (sample.entry.rows, sample.entry.timeframe)
    assert len(done.findings.errors) == 0
    # EURUSD: two bars after Friday's close.
    assert set(done.findings.counts()) <= {"outside_session", "zero_volume"}


def test_sample_is_small_and_complete() -> None:
    folder = sample_source("GOOG").parent
    assert sum(p.stat().st_size for p in folder.glob("*.csv.gz")) < 1_500_000
    assert {p.name for p in folder.glob("*.csv.gz")} == {s.entry.file for s in samples()}


def test_closures_of_the_exchange_are_no_gaps_in_the_stocks() -> None:
    # The week after 11 September 2001 and the storm of 2012 are in the sample, and known to the sessions.
    for symbol in ("AAPL", "GOOG", "IBM", "MSFT", "SPX"):
        sample = next(s for s in samples() if s.entry.symbol == symbol)
        counts = import_file(sample.path, sample.params.instrument().calendar).findings.counts()
        assert not {"gap", "missing_session", "outside_session"} & set(counts), symbol


def test_hours_of_eurusd_keep_the_fx_week(tmp_path: Path) -> None:
    bars = sample_store(tmp_path).load("EURUSD", "1h")
    calendar = samples()[0].params.instrument().calendar
    starts = calendar.day_starts(int(bars.ts_open[0]), int(bars.ts_open[-1]))
    reopenings = bars.ts_open[1:][np.diff(bars.ts_open) > 40 * 3600 * 10**9]
    assert len(reopenings) == 42
    # Every week opens where the New York calendar starts a day: evidence for UTC and for stamps at the start.
    assert np.isin(reopenings, starts).all()


def test_known_prices(tmp_path: Path) -> None:
    store = sample_store(tmp_path)
    goog = store.load("GOOG", "1d")
    assert goog.close[[0, -1]].tolist() == [100.34, 806.19]
    apple = store.load("AAPL", "1d")
    split = int(np.searchsorted(apple.ts_open, moment_ns("2005-02-28", "America/New_York")))
    # The split leaves no jump: the day before closed at 88.99 as traded, 44.495 after halving.
    assert apple.close[split - 1] == 44.495
    assert 0.9 < apple.close[split] / apple.close[split - 1] < 1.1


def test_second_call_changes_nothing(tmp_path: Path) -> None:
    sample_store(tmp_path)
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")}
    sample_store(tmp_path)
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if p.is_file()} == {
        p: t for p, t in before.items() if p.is_file()
    }


def test_unknown_sample() -> None:
    with pytest.raises(UsageError, match=r"no instrument 'TSLA'\. It has: EURUSD, GOOG"):
        sample_source("TSLA")
