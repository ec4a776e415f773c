"""Sound series to plant damage into: the packaged sample, seeded markets, and real files where they are at hand."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tradewright.core.types.bar import Bars
from tradewright.data.importer import ImportOptions, import_file
from tradewright.data.kinds import Kind, canonical
from tradewright.data.quality import Findings, Subject, check
from tradewright.data.sample import samples
from tradewright.data.sessions import calendar_named, sessions_between
from tradewright.data.synthetic import WalkParams, synthetic_bars

MINUTE = 60 * 10**9
HOUR = 60 * MINUTE
DAY = 24 * HOUR
REAL = "TRADEWRIGHT_DEV_DATA"


@dataclass(frozen=True)
class Sound:
    """A series, what it is, and how many findings each rule has on it as it is, with the reason."""

    name: str
    load: Callable[[], pl.DataFrame]
    interval: int
    calendar: str
    explained: dict[str, int]
    has_volume: bool = True

    @property
    def is_intraday(self) -> bool:
        return self.interval < DAY

    @property
    def has_sessions(self) -> bool:
        return self.calendar != "24/7"


def examine(frame: pl.DataFrame, interval: int, calendar: str) -> Findings:
    rows = np.arange(len(frame), dtype=np.int64)
    return check(Subject("bars", Kind.BARS, frame, rows, interval, calendar_named(calendar)))


def frame_of(bars: Bars) -> pl.DataFrame:
    columns = {"ts_open": bars.ts_open, "ts_event": bars.ts_event, "ts_seen": bars.ts_event}
    values = {n: bars.fields[i] for i, n in enumerate(("open", "high", "low", "close", "volume"))}
    return canonical(pl.DataFrame(columns | values), Kind.BARS)


def seeded(interval: int, n: int, calendar: str, seed: int, start: str = "2022-01-03") -> pl.DataFrame:
    """A random walk laid on the sessions of a calendar; bars begin at the open."""
    begin = int(np.datetime64(start, "ns").astype(np.int64))
    sessions = sessions_between(calendar, begin, begin + 3000 * DAY)
    stamps: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = []
    count = 0
    for opens, closes, low, high in zip(
        sessions.opens, sessions.closes, sessions.break_starts, sessions.break_ends, strict=True
    ):
        slots = np.arange(opens, closes, interval, dtype=np.int64)
        stamps.append(slots[(slots + interval <= low) | (slots >= high)] if low else slots)
        count += len(stamps[-1])
        if count >= n:
            break
    ts = np.concatenate(stamps)
    walk = synthetic_bars(len(ts), seed, WalkParams(volatility=0.002, ticks_per_unit=1000, price=50.0))
    return frame_of(replace(walk, ts_open=ts, ts_event=ts + interval))


def sample(symbol: str) -> pl.DataFrame:
    one = next(s for s in samples() if s.entry.symbol == symbol)
    return import_file(one.path, one.params.instrument().calendar).frame


def real(path: str) -> Path:
    folder = os.environ.get(REAL)
    if not folder:
        pytest.skip(f"real market data is not at hand: {REAL} names no folder")
    file = Path(folder) / path
    if not file.is_file():
        pytest.skip(f"real market data is not at hand: no {path} in {REAL}")
    return file


def lean(path: str, interval: int, zone: str = "America/New_York", *, has_quotes: bool = False) -> pl.DataFrame:
    """Read a file of Lean: no header, prices x 10,000 in New York time; currencies have bid and ask, in UTC."""
    with zipfile.ZipFile(real(path)) as archive:
        raw = archive.read(archive.namelist()[0])
    table = pl.read_csv(io.BytesIO(raw), has_header=False)
    table.columns = [f"c{i}" for i in range(table.width)]
    names = ("open", "high", "low", "close")
    if has_quotes:
        values = {n: (pl.col(f"c{i + 1}") + pl.col(f"c{i + 6}")) / 2 for i, n in enumerate(names)}
    else:
        values = {n: pl.col(f"c{i + 1}") / 10_000 for i, n in enumerate(names)}
    volume = pl.lit(0.0) if has_quotes else pl.col("c5").cast(pl.Float64)
    times = pl.col("c0").str.strptime(pl.Datetime("ns"), "%Y%m%d %H:%M").dt.replace_time_zone(zone)
    opens = times.dt.convert_time_zone("UTC").dt.epoch("ns")
    frame = table.select(ts_open=opens, ts_event=opens + interval, ts_seen=opens + interval, volume=volume, **values)
    return canonical(frame, Kind.BARS)


def csv(path: str, calendar: str, **options: str) -> pl.DataFrame:
    return import_file(real(path), calendar_named(calendar), ImportOptions(**options)).frame  # type: ignore[arg-type]


#: Always there.
PACKAGED = (
    Sound("seeded XNYS 5m", lambda: seeded(5 * MINUTE, 20_000, "XNYS", 1), 5 * MINUTE, "XNYS", {}),
    Sound("seeded XNYS 1h", lambda: seeded(HOUR, 5_000, "XNYS", 2), HOUR, "us_equity", {}),
    Sound("seeded XTKS 15m", lambda: seeded(15 * MINUTE, 10_000, "XTKS", 3), 15 * MINUTE, "tse", {}),
    Sound("seeded XLON 30m", lambda: seeded(30 * MINUTE, 8_000, "XLON", 4), 30 * MINUTE, "lse", {}),
    Sound("seeded fx 1h", lambda: seeded(HOUR, 9_000, "fx", 5), HOUR, "fx", {}),
    Sound("seeded 24/7 1m", lambda: seeded(MINUTE, 30_000, "24/7", 6), MINUTE, "24/7", {}),
    # Two bars of Friday 17:00 to 18:00 New York: the source quoted on after the close.
    Sound("sample EURUSD 1h", lambda: sample("EURUSD"), HOUR, "fx", {"outside_session": 2}),
    Sound("sample GOOG 1d", lambda: sample("GOOG"), DAY, "us_equity", {}),
    Sound("sample IBM 1d", lambda: sample("IBM"), DAY, "us_equity", {}),
    Sound("sample MSFT 1d", lambda: sample("MSFT"), DAY, "us_equity", {}),
    Sound("sample SPX 1d", lambda: sample("SPX"), DAY, "us_equity", {}),
    # The source has no volume of the NASDAQ Composite on 2015-05-12 and 2018-01-09.
    Sound("sample IXIC 1d", lambda: sample("IXIC"), DAY, "us_equity", {"zero_volume": 2}),
)

#: Where the folder is at hand. The reasons of what is found in them as they are stand in `docs/data-checks.md`.
REAL_FILES = (
    Sound(
        "AAPL 1h",
        lambda: lean("lean/equity/hour/aapl.zip", HOUR),
        HOUR,
        "us_equity",
        {"gap": 2, "outside_session": 23, "spike": 3, "split": 4},
    ),
    Sound(
        "IBM 1h",
        lambda: lean("lean/equity/hour/ibm.zip", HOUR),
        HOUR,
        "us_equity",
        {"gap": 1, "outside_session": 23, "split": 1},
    ),
    Sound(
        "SPY 1h",
        lambda: lean("lean/equity/hour/spy.zip", HOUR),
        HOUR,
        "us_equity",
        {"gap": 1, "outside_session": 23, "spike": 3},
    ),
    Sound("SPY 1d", lambda: lean("lean/equity/daily/spy.zip", DAY), DAY, "us_equity", {}),
    Sound(
        "EURUSD 1h",
        lambda: lean("lean/forex/hour/eurusd.zip", HOUR, "UTC", has_quotes=True),
        HOUR,
        "fx",
        {"gap": 9, "missing_session": 1, "zero_volume": 1},
        has_volume=False,
    ),
    *(
        Sound(
            f"{coin} 1m",
            lambda coin=coin: csv(f"crypto_1m/{coin}USDT_1min_sample.csv.gz", "24/7", timezone="UTC"),  # type: ignore[misc]
            MINUTE,
            "24/7",
            {},
        )
        for coin in ("BTC", "ETH", "BNB")
    ),
    Sound(
        "NVDA 1h",
        lambda: csv("nvda/NVDA_1h.csv.gz", "us_equity"),
        HOUR,
        "us_equity",
        {"gap": 1, "off_grid": 4, "outside_session": 4, "overlap": 1, "zero_volume": 14},
    ),
    Sound(
        "NVDA 5m",
        lambda: csv("nvda/NVDA_5m.csv.gz", "us_equity"),
        5 * MINUTE,
        "us_equity",
        {"outside_session": 1, "zero_volume": 15},
    ),
    Sound("NVDA 1d", lambda: csv("nvda/NVDA_1d.csv.gz", "us_equity"), DAY, "us_equity", {}),
    Sound(
        "S&P 500 1d",
        lambda: csv("equity_daily/sp500.csv.gz", "us_equity", time_format="%m/%d/%Y"),
        DAY,
        "us_equity",
        {},
    ),
)
