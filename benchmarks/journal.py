"""The journal: a durable append, a written one, and recovery of a day with 100,000 records.

``python -m benchmarks.journal [--folder PATH] [--records 100000]``. The folder decides which disk is measured. Exits with
1 if recovery takes more than 5 seconds of CPU or a record is missing.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tradewright.execution.journal.disk import FolderDisk
from tradewright.execution.journal.reading import JournalReader
from tradewright.execution.journal.writing import Durability, Journal

SECONDS = 5.0
PAYLOAD: dict[str, object] = {
    "client_id": "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
    "instrument": "AAPL",
    "side": 1,
    "kind": 2,
    "lots": 100,
    "limit_price": 187.32,
    "strategy": "ema_cross",
    "status": 3,
    "venue_id": "b0b6dd9d-8b9b-48a9-ba46-b9d54906e415",
}


def timed(journal: Journal, n: int, durability: Durability) -> str:
    """Append ``n`` records and return percentiles."""
    took = np.empty(n)
    for k in range(n):
        began = time.perf_counter_ns()
        journal.append("intent", PAYLOAD, k, k, durability)
        took[k] = time.perf_counter_ns() - began
    p50, p99, worst = np.percentile(took, [50, 99, 100]) / 1e3
    return f"p50 {p50:9.1f} us   p99 {p99:9.1f} us   worst {worst:9.1f} us   n {n:,}"


def main() -> int:
    """Run all parts."""
    parser = argparse.ArgumentParser(description="The journal's speed.")
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--records", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        disk = FolderDisk(Path(name))
        with Journal(disk, time.time_ns) as journal:
            print(f"append, durable    {timed(journal, 3_000, Durability.DURABLE)}")
            print(f"append, written    {timed(journal, options.records, Durability.WRITTEN)}")
            print(f"append, buffered   {timed(journal, 3_000, Durability.BUFFERED)}")
        began, busy = time.perf_counter(), time.process_time()
        found = sum(1 for _ in JournalReader(disk))
        took, busy = time.perf_counter() - began, time.process_time() - busy
        megabytes = sum(len(disk.read(n)) for n in disk.names()) / 1e6
    print(
        f"recovery           {found:,} records, {megabytes:.1f} MB, read and verified in {took:.2f} s ({busy:.2f} s of CPU)"
    )
    return 0 if busy <= SECONDS * found / 100_000 and found == options.records + 6_000 else 1


if __name__ == "__main__":
    sys.exit(main())
