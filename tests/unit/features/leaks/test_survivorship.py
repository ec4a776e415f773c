"""The survivorship test: today's list is found, and a blind choice is not."""

from __future__ import annotations

import numpy as np
import pytest

from tradewright.features.leaks import check_survivorship
from tradewright.features.leaks.survivorship import _blind

NAMES = [f"S{k}" for k in range(60)]
LEFT_AT = {name: (k if k % 3 == 0 else 99) for k, name in enumerate(NAMES)}
DAYS = range(0, 70, 5)


def members(day: int) -> list[str]:
    return [n for n in NAMES if day < LEFT_AT[n] + 1]


def test_survivors_alone_are_found_by_who_is_missing() -> None:
    (finding,) = check_survivorship(lambda _d: members(99 - 30), members, DAYS).findings
    assert finding.bar == 0
    assert "0 are used" in finding.detail


def test_a_symbol_before_its_time_is_found() -> None:
    joined_late = {"NEW": 40}

    def belonged(day: int) -> list[str]:
        return members(day) + [n for n, at in joined_late.items() if day >= at]

    (finding,) = check_survivorship(lambda d: [*members(d), "NEW"], belonged, DAYS).findings
    assert (finding.bar, finding.ts_event) == (0, 0)
    assert "NEW" in finding.detail


@pytest.mark.parametrize("seed", range(20))
def test_blind_choices_and_the_dated_list_are_let_pass(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 30))
    assert check_survivorship(members, members, DAYS).is_clean
    assert check_survivorship(lambda d: rng.permutation(members(d))[:size], members, DAYS).is_clean


def test_chances_are_counted() -> None:
    assert _blind(4, 2, 2, 0) == pytest.approx(1 / 6)
    assert _blind(4, 2, 2, 2) == pytest.approx(1.0)


def test_moments_must_ascend() -> None:
    with pytest.raises(ValueError, match="ascend"):
        check_survivorship(members, members, [3, 3])
