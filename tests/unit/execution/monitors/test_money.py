"""What the account is worth at the venue, beside what the session knows of."""

from __future__ import annotations

import pytest

from tradewright.execution.monitors.money import MoneyWatch


def test_movement_counts_and_not_what_the_account_holds_beside() -> None:
    watch = MoneyWatch(0.02)
    assert watch.look(250_000.0, 100_000.0) == ""
    assert watch.look(255_000.0, 105_000.0) == "", "both have earned the same"
    assert watch.gap == 0.0
    assert watch.look(254_000.0, 105_900.0) == "", "1.9 % of what it began with"
    assert "-2,100.00 more than this session knows of" in watch.look(253_900.0, 106_000.0)
    assert watch.look(253_000.0, 106_000.0) == "", "told once"
    assert watch.look(256_000.0, 106_000.0) == ""
    assert "+3,000.00" in watch.look(259_000.0, 106_000.0), "and again when it happens again"


def test_a_lineage_goes_on_with_what_its_journal_says_it_began_with() -> None:
    watch = MoneyWatch(0.02, begun=(250_000.0, 100_000.0))
    assert "+50,000.00" in watch.look(300_000.0, 100_000.0)


@pytest.mark.parametrize("bound", [None, 0.02])
def test_what_is_no_number_is_beyond_every_bound(bound: float | None) -> None:
    watch = MoneyWatch(bound, begun=(1.0, 1.0))
    assert bool(watch.look(float("nan"), 1.0)) is (bound is not None)
