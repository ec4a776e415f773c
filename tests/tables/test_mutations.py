"""A deliberate change of a fill rule is caught: each mutation of the kernel makes at least one table fail.

Mutations are made in a copy of the package, compiled into a cache of its own, and the tables that stand guard are
played on it in a process of their own. `make test` makes those that do not get into each other's way in one copy;
``--all-mutations`` makes each alone, one compilation of the kernel for each.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import tradewright

_PACKAGE = Path(tradewright.__file__).parent
_TABLES = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Mutation:
    """One wrong rule: ``right`` stands once in the kernel file, ``wrong`` replaces it, the table ``guard`` must fail.

    Those made ``together`` stand in one copy, compiled once: no guard among them looks at a rule that another breaks.
    """

    name: str
    file: str
    right: str
    wrong: str
    guard: str
    together: bool = True


MUTATIONS = [
    Mutation(
        "a bar that reaches stop and target is a win",
        "match_bar_nb.py",
        "for step in range(4):",
        "for step in (1, 0, 3, 2):",
        "test_bracket.py::test_both_in_one_bar_is_the_stop",
    ),
    Mutation(
        "a gap over a stop fills at the stop",
        "match_bar_nb.py",
        "taken = taken_price_nb(price, order.side, terms.half_spread_bps + terms.slippage_bps)\n    if order.kind",
        "level = price if order.kind == c.MARKET else order.stop\n"
        "    taken = taken_price_nb(level, order.side, terms.half_spread_bps)\n    if order.kind",
        "test_stop.py::test_gap_fills_at_the_open",
    ),
    Mutation(
        "a market order does not know its collar",
        "match_bar_nb.py",
        "        return np.nan, 0  # beyond its collar",
        "        return taken, 0",
        "test_controls.py::test_a_market_order_is_filled_up_to_the_collar_or_not_at_all",
    ),
    Mutation(
        "a touch fills a limit",
        "match_bar_nb.py",
        "    return price < limit if side > 0 else price > limit",
        "    return price <= limit if side > 0 else price >= limit",
        "test_limit.py::test_touch_is_not_a_fill",
    ),
    Mutation(
        "a stop fills without costs",
        "match_bar_nb.py",
        "taken_price_nb(at, order.side, terms.half_spread_bps + terms.slippage_bps)",
        "at",
        "test_bracket.py::test_fractions_are_of_the_fill_price",
    ),
    Mutation(
        "an order fills on the bar it was sent in",
        "match_bar_nb.py",
        "elif order.ts_active <= bar.ts_open:\n            price, is_maker = at_open_nb",
        "elif order.ts_active <= v.now:\n            price, is_maker = at_open_nb",
        "test_time_in_force.py::test_an_order_sent_inside_a_longer_bar_waits_for_the_next_one",
    ),
    Mutation(
        "reduce-only may turn the position",
        "book_nb.py",
        "lots = min(lots, -order.side * book.position)",
        "lots = min(lots, order.lots)",
        "test_groups_and_reducing.py::test_reduce_only_is_cut_to_what_is_left_when_it_fills",
    ),
    Mutation(
        "a limit that the open jumps over gets the open",
        "match_bar_nb.py",
        "price if v.limit_gap_at_open != 0 else order.limit",
        "price",
        "test_limit.py::test_gap_gives_the_limit",
    ),
    Mutation(
        "a target inside the entry's bar counts the high",
        "match_bar_nb.py",
        "reach = bar.close if is_inside else (bar.low if order.side > 0 else bar.high)",
        "reach = bar.low if order.side > 0 else bar.high",
        "test_bracket.py::test_entry_inside_the_bar_does_not_count_a_possible_target",
    ),
    Mutation(
        "a close beyond a trailing stop's new level is no fill",
        "match_bar_nb.py",
        "return at_stop_nb(order, terms, bar.close, np.nan)",
        "return at_stop_nb(order, terms, bar.close - 1e9 * order.side, np.nan)",
        "test_stop.py::test_trailing_stop_fills_when_the_close_is_beyond_the_new_level",
    ),
    Mutation(
        "a partner of the group stays",
        "book_nb.py",
        "is_partner = done.group != 0 and other.group == done.group",
        "is_partner = False",
        "test_groups_and_reducing.py::test_one_of_a_group_cancels_the_others",
        together=False,
    ),
    Mutation(
        "a bar's volume does not limit the fill",
        "match_bar_nb.py",
        "    if terms.participation > 0.0:\n        room",
        "    if terms.participation > 9.0:\n        room",
        "test_market.py::test_partial_fills_by_share_of_volume",
    ),
    Mutation(
        "the queue before us is ignored",
        "match_tick_nb.py",
        "if order.queue_ahead < 0.0:",
        "if order.queue_ahead < 1e18:",
        "test_ticks.py::test_queue_is_used_up_by_trades_at_our_price",
    ),
]


#: Not touched by any mutation: it passes, or the copy is broken and nothing was shown.
CONTROL = "test_market.py::test_fills_at_the_next_open"


def outcomes(mutations: list[Mutation], folder: Path) -> dict[str, str]:
    """Play the guards on a copy of the package with wrong rules in it; PASSED or FAILED by table."""
    copy, cache = folder / "copy", folder / "cache"
    cache.mkdir()
    shutil.copytree(_PACKAGE, copy / "tradewright", ignore=shutil.ignore_patterns("__pycache__", "*.parquet", "*.csv*"))
    for mutation in mutations:
        source = copy / "tradewright" / "core" / "kernel" / mutation.file
        text = source.read_text(encoding="utf-8")
        assert text.count(mutation.right) == 1, f"the rule has moved: {mutation.right!r} in {mutation.file}"
        source.write_text(text.replace(mutation.right, mutation.wrong), encoding="utf-8")
    tables = [f"{_TABLES / name}" for name in {CONTROL, *(mutation.guard for mutation in mutations)}]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rA", "--tb=no", "-p", "no:cacheprovider", "-p", "no:xdist", *tables],
        env={**os.environ, "PYTHONPATH": str(copy), "NUMBA_CACHE_DIR": str(cache), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=_TABLES.parents[1],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    lines = re.findall(r"^(PASSED|FAILED) \S*?(\w+\.py::\w+)", run.stdout, re.MULTILINE)
    assert len(lines) == len(tables), run.stdout[-3000:] + run.stderr[-3000:]
    return {table: outcome for outcome, table in lines}


@pytest.mark.slow
def test_every_wrong_rule_is_caught(tmp_path: Path) -> None:
    together = [mutation for mutation in MUTATIONS if mutation.together]
    found = outcomes(together, tmp_path)
    assert found.pop(CONTROL) == "PASSED"
    assert {m.name: found[m.guard] for m in together} == {m.name: "FAILED" for m in together}


@pytest.mark.slow
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda m: m.name.replace(" ", "-"))
def test_alone_it_is_caught(mutation: Mutation, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("--all-mutations"):
        pytest.skip("compiles the kernel once for each: runs with --all-mutations")
    assert outcomes([mutation], tmp_path) == {CONTROL: "PASSED", mutation.guard: "FAILED"}
