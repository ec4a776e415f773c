"""A download that is killed at random moments, again and again, ends with the rows of one that was not.

Fifty kills for each vendor, faults on, take some minutes: they run with ``--all-kills``; the suite takes one.
"""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
from tests.e2e.conftest import run_in
from tests.e2e.test_fetch import CASES, document, started
from tests.venues.faults import any_request_may_fail

KILLS = 50


@pytest.mark.parametrize("name", CASES)
def test_killed_at_random_moments(tmp_path: Path, name: str, request: pytest.FixtureRequest) -> None:
    kills = KILLS if request.config.getoption("--all-kills") else 1
    case, rng, killed, finished = CASES[name], np.random.default_rng(len(name)), 0, 0
    with case.venue(()) as address:
        clean = document(run_in(tmp_path, *case.fetch("clean", "--json"), **address))
    faults = any_request_may_fail(0.05) if name == "binance" else case.faults
    with case.venue(faults) as address:
        while killed < kills or finished == 0:
            store = f"store-{finished}"
            patience = rng.uniform(0.6, 3.0) if killed < kills else 60.0
            with started(tmp_path, *case.fetch(store, "--workers", "2", "--json"), **address) as process:
                try:
                    out, err = process.communicate(timeout=patience)
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGKILL)
                    process.communicate(timeout=30)
                    killed += 1
                    continue
            assert process.returncode == 0, (out, err)
            (entry,) = document(run_in(tmp_path, "data", "show", clean["symbol"], "--store", store, "--json"))
            assert entry["fingerprint"] == clean["fingerprint"]
            assert run_in(tmp_path, "data", "check", clean["symbol"], "--store", store).returncode == 0
            finished += 1
    assert killed == kills
