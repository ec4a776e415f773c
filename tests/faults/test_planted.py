"""A fault suite that catches nothing proves nothing: each classic mistake makes its scenario fail."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.faults.planted import BUGS, Planted, plant
from tests.faults.soak import run

_SEEDS = 12


def is_caught(scenario: Callable[[int], object]) -> bool:
    for seed in range(_SEEDS):
        try:
            scenario(seed)
        except Exception:  # noqa: BLE001 - a broken invariant, or a machine that came to a stop
            return True
    return False


@pytest.mark.parametrize("bug", BUGS, ids=lambda b: b.name.replace(" ", "-"))
def test_it_is_caught(bug: Planted) -> None:
    with plant(bug):
        assert is_caught(lambda seed: run(bug.guard, seed))
    run(bug.guard, 0)  # and it was the mistake that was caught


def test_there_are_enough() -> None:
    assert len({bug.name for bug in BUGS}) >= 20
