"""Command line of the benchmarks; see README.md."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import spec
from benchmarks.harness import PEERS, Bench, Row, is_proven

UNITS = {"W1": (1_000_000, "M bars/s"), "W2": (20_000_000, "M bars/s"), "W2S": (20_000_000, "M bars/s"),
         "W3": (2_000_000, "M events/s"), "W4": (1_000_000, "M bars/s")}  # fmt: skip


def table_of(name: str, rows: list[Row]) -> Table:
    """The rows of one workload as a table; ``x ours`` is the engine's best time over ours."""
    size, unit = UNITS[name]
    table = Table(title=spec.TITLES[name], title_justify="left", caption_justify="left")
    for title in (
        "engine",
        "best s",
        "median s",
        unit,
        "x ours",
        "peak MB",
        "own rules",
        "with ours",
        "note",
    ):
        table.add_column(title, justify="left" if title in ("engine", "own rules", "with ours", "note") else "right")
    ours = next((row for row in rows if row.engine == "ours" and is_proven(row)), None)
    for row in rows:
        if row.missing:
            table.add_row(row.engine, "-", "-", "-", "-", "-", "missing", "", row.missing)
            continue
        ratio = f"{row.best / ours.best:.2f}" if ours and is_proven(row) else "-"
        table.add_row(
            f"{row.engine} {row.version}", f"{row.best:.4f}", f"{row.median:.4f}",
            f"{size / row.best / 1e6:.2f}", ratio, f"{row.peak_rss / 1e6:.0f}", row.reference,
            row.ours, row.note,
        )  # fmt: skip
    return table


def print_costs(console: Console) -> int:
    """Print what one session event and one start cost; return 1 if the session differs from the loop."""
    from benchmarks.session_cost import N_EVENTS, session_cost, start_seconds

    cost = session_cost()
    same = "same fills as the compiled loop" if cost.is_equal else "DIFFERS from the compiled loop"
    console.print(
        f"Session: median {cost.median:.1f} us an event, 99 % under {cost.p99:.1f} us ({N_EVENTS:,} bars, {same})."
    )
    console.print(f"Start of `tradewright --help`: {start_seconds(['--help']):.2f} s.")
    if Path(".tradewright/store").is_dir():
        arguments = ["backtest", "--strategy", "ema_cross", "--data", "EURUSD@1h"]
        console.print(f"Second start of a backtest with its report: {start_seconds(arguments):.2f} s.")
    return 0 if cost.is_equal else 1


def main(arguments: list[str] | None = None) -> int:
    """Run the chosen workloads, print a table each, and write JSON if asked."""
    parser = argparse.ArgumentParser(prog="benchmarks/run.py", description="tradewright beside its peers")
    parser.add_argument("--workload", action="append", choices=spec.WORKLOADS, help="repeatable; default: all")
    parser.add_argument("--engine", action="append", choices=["ours", *PEERS], help="repeatable; default: all")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    parser.add_argument(
        "--peers-python",
        default=os.environ.get("TRADEWRIGHT_PEERS_PYTHON", sys.executable),
        help="interpreter that has the peers (or TRADEWRIGHT_PEERS_PYTHON); default: this one",
    )
    options = parser.parse_args(arguments)
    if options.repeats < 1:
        parser.error("--repeats must be 1 or more")
    console = Console(width=None if sys.stdout.isatty() else 150)
    results: dict[str, list[dict[str, object]]] = {}
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="tradewright-bench-") as folder:
        bench = Bench(Path(folder), options.repeats, options.peers_python)
        for name in options.workload or spec.WORKLOADS:
            rows = bench.workload(name, set(options.engine or ()))
            console.print(table_of(name, rows))
            results[name] = [asdict(row) for row in rows]
            wrong += sum(1 for row in rows if row.engine == "ours" and not row.missing and not is_proven(row))
    if not options.workload and not options.engine:
        wrong += print_costs(console)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    console.print(f"Measured on {machine}. 'own rules': equal to a plain simulation of the engine's own fill rules.")
    if options.json:
        options.json.write_text(json.dumps({"machine": machine, "workloads": results}, indent=1) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
