"""Run one random script through both paths and print a fingerprint; started by `test_cold_cache`."""

from __future__ import annotations

import sys

from tests.parity.random_scripts import assert_same, fingerprint, random_plan

from tradewright.engine.backtest import run_backtest


def main() -> None:
    """Compare both paths, then say what they produced."""
    plan = random_plan(int(sys.argv[1]), "bars")
    loop = run_backtest(plan)
    assert_same(loop, run_backtest(plan, "session"), "cold")
    sys.stdout.write(fingerprint(loop) + "\n")


if __name__ == "__main__":
    main()
