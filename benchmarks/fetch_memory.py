"""Peak memory of `data fetch` for a long history of one-second bars, from a local Binance that serves daily archives.

``python -m benchmarks.fetch_memory [--days 15 30 60]``

Every fetch is a process of its own; its peak is what the system says of it. The venue runs in this process, answers
over HTTP on loopback, and makes its archives from a seed. A day has 86,400 bars.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

_START = date(2024, 11, 16)
#: Runs the command, and says the peak of its memory in MiB last on stderr.
_PROGRAM = """
import sys
from benchmarks.worker import peak_rss
from tradewright.services.cli.app import main
try:
    main()
finally:
    print(peak_rss() >> 20, file=sys.stderr)
"""


def fetch(folder: Path, days: int, address: str) -> tuple[int, float, float]:
    """Fetch so many days into a new store; return rows, peak MiB and seconds."""
    words = ["data", "fetch", "binance", "BTCUSDT", "--timeframe", "1s", "--json", "--store", str(folder)]
    span = ["--start", str(_START), "--end", str(_START + timedelta(days=days))]
    where = {"TRADEWRIGHT_BINANCE_ARCHIVE_URL": address, "TRADEWRIGHT_BINANCE_REST_URL": address}
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *words, *span],
        env=os.environ | where,
        capture_output=True,
        text=True,
        check=False,
    )
    taken = time.perf_counter() - started
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    told = json.loads(done.stdout)
    if told["rows"] != days * 86_400:
        raise SystemExit(f"{told['rows']} rows came, not {days * 86_400}")
    return told["rows"], float(done.stderr.split()[-1]), taken


def main() -> None:
    """Fetch one span after the other, longest last, and report."""
    from tests.venues.binance_venue import BinanceVenue

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, nargs="+", default=[15, 30, 60])
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, BinanceVenue() as venue:
        for days in asked.days:
            rows, peak, taken = fetch(Path(folder) / str(days), days, venue.http_url)
            print(f"{days} days: {rows:,} rows, peak {peak:,.0f} MiB, {taken:.0f} s", flush=True)


if __name__ == "__main__":
    main()
