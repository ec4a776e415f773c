"""A deliberate change of a fill rule is caught: each mutation of the kernel makes at least one table fail.

Every mutation is made in a copy of the package, which is compiled into a cache of its own, and the tables that stand
guard over the rule are run against it in a process of its own. `make test` runs a sample; ``--all-mutations`` all.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import tradewright

_PACKAGE = Path(tradewright.__file__).parent
_TESTS = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Mutation:
    """One wrong rule: ``right`` stands once in the kernel file, ``wrong`` replaces it, ``guards`` must notice."""

    name: str
    file: str
    right: str
    wrong: str
    guards: str
    in_sample: bool = False


MUTATIONS = [
    Mutation(
        "a bar that reaches stop and target is a win",
        "match_bar_nb.py",
        "for step in range(4):",
        "for step in (1, 0, 3, 2):",
        "test_bracket.py",
        in_sample=True,
    ),
    Mutation(
        "a gap over a stop fills at the stop",
        "match_bar_nb.py",
        "    fill_nb(venue, j, k, taken_price_nb(price, order.side, cost_bps), 0)\n\n\n@compiled\ndef fill_stop_nb",
        "    at = price if order.kind == c.MARKET else order.stop\n"
        "    fill_nb(venue, j, k, taken_price_nb(at, order.side, cost_bps), 0)\n\n\n@compiled\ndef fill_stop_nb",
        "test_stop.py",
    ),
    Mutation(
        "a touch fills a limit",
        "match_bar_nb.py",
        "    return price < limit if side > 0 else price > limit",
        "    return price <= limit if side > 0 else price >= limit",
        "test_limit.py",
    ),
    Mutation(
        "a stop fills without costs",
        "match_bar_nb.py",
        "taken_price_nb(order.stop, order.side, terms.half_spread_bps + terms.slippage_bps)",
        "order.stop",
        "test_stop.py",
    ),
    Mutation(
        "an order fills on the bar it was sent in",
        "match_bar_nb.py",
        "elif order.ts_active <= ts_open:\n            fill_at_open_nb",
        "elif order.ts_active <= v.now:\n            fill_at_open_nb",
        "test_time_in_force.py",
    ),
    Mutation(
        "reduce-only may turn the position",
        "book_nb.py",
        "lots = min(lots, -order.side * book.position)",
        "lots = min(lots, order.lots)",
        "test_groups_and_reducing.py",
        in_sample=True,
    ),
    Mutation(
        "a limit that the open jumps over gets the open",
        "match_bar_nb.py",
        "price if v.limit_gap_at_open != 0 else order.limit",
        "price",
        "test_limit.py",
    ),
    Mutation(
        "a target inside the entry's bar counts the high",
        "match_bar_nb.py",
        "reach = close if is_inside else (low if order.side > 0 else high)",
        "reach = low if order.side > 0 else high",
        "test_bracket.py",
    ),
    Mutation(
        "a trailing stop is tested at the level of its own bar",
        "match_bar_nb.py",
        "    fill_stop_nb(venue, j, k, close)\n",
        "    fill_stop_nb(venue, j, k, best - 1e9 * order.side)\n",
        "test_stop.py",
    ),
    Mutation(
        "a partner of the group stays",
        "book_nb.py",
        "is_partner = done.group != 0 and other.group == done.group",
        "is_partner = False",
        "test_groups_and_reducing.py",
    ),
    Mutation(
        "a bar's volume does not limit the fill",
        "match_bar_nb.py",
        "    if terms.participation > 0.0:\n        room",
        "    if terms.participation > 9.0:\n        room",
        "test_market.py",
    ),
    Mutation(
        "the queue before us is ignored",
        "match_tick_nb.py",
        "if order.queue_ahead < 0.0:",
        "if order.queue_ahead < 1e18:",
        "test_ticks.py",
        in_sample=True,
    ),
]


def mutated(mutation: Mutation, folder: Path) -> Path:
    """Copy the package with one wrong rule in it; return the folder to import it from."""
    shutil.copytree(_PACKAGE, folder / "tradewright", ignore=shutil.ignore_patterns("__pycache__", "sample*"))
    source = folder / "tradewright" / "core" / "kernel" / mutation.file
    text = source.read_text()
    assert text.count(mutation.right) == 1, f"the rule has moved: {mutation.right!r} is not once in {mutation.file}"
    source.write_text(text.replace(mutation.right, mutation.wrong))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda m: m.name.replace(" ", "-"))
def test_is_caught(mutation: Mutation, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if not (mutation.in_sample or request.config.getoption("--all-mutations")):
        pytest.skip("runs with --all-mutations")
    copy = mutated(mutation, tmp_path / "copy")
    cache = tmp_path / "cache"
    cache.mkdir()
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist"),
            *("--rootdir", str(_TESTS.parent), str(_TESTS / "tables" / mutation.guards)),
        ],
        env={**os.environ, "PYTHONPATH": str(copy), "NUMBA_CACHE_DIR": str(cache), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=_TESTS.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    # 1 is pytest's word for "tests ran and some failed"; anything else means that nothing was tested
    assert run.returncode == 1, run.stdout[-2000:] + run.stderr[-2000:]
    assert "AssertionError" in run.stdout, run.stdout[-2000:]
