"""Start of the benchmarks: ``python benchmarks/run.py [--workload W1] [--repeats 5] [--json FILE]``."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    runpy.run_module("benchmarks.cli", run_name="__main__")
