"""The survivorship test: the instruments used at a moment are those of that moment, not today's list."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from itertools import pairwise

from tradewright.features.leaks.finding import Detector, LeakFinding, LeakVerdict

#: From a moment, ns UTC, to the symbols that are used, or that belonged.
Members = Callable[[int], Collection[str]]


def check_survivorship(
    used: Members, belonged: Members, moments: Sequence[int], *, chance: float = 1e-6, name: str = "universe"
) -> LeakVerdict:
    """Compare the instruments that are used with those that belonged, moment by moment.

    Two things give a list of survivors away: a symbol that is used before it belonged, and the absence of those that
    left later. The second is judged by chance: of the members at a moment, as many were left out as left later; how
    likely is it that a blind choice avoided so many of them (hypergeometric)?

    Parameters
    ----------
    used : callable
        What the pipeline uses at a moment.
    belonged : callable
        The dated membership table, for example ``Universe.members`` of `data.universe`.
    moments : sequence of int
        When to ask, ns UTC, ascending; the last one is today.
    chance : float
        Below which the absence of those that left is no accident.

    Raises
    ------
    ValueError
        If there is no moment, or they do not ascend.
    """
    if not moments or any(b <= a for a, b in pairwise(moments)):
        msg = "moments must ascend, and there must be one"
        raise ValueError(msg)
    findings = []
    today = set(belonged(moments[-1]))
    for number, moment in enumerate(moments):
        chosen, members = set(used(moment)), set(belonged(moment))
        early = sorted(chosen - members)
        if early:
            detail = f"{_some(early)} used at a moment when it did not belong"
        else:
            leavers = members - today
            likely = _blind(len(members), len(leavers), len(chosen), len(chosen & leavers))
            if likely >= chance:
                continue
            kept = len(chosen & leavers)
            odds = f"a blind choice does so once in {1 / likely:.3g} times"
            detail = f"of {len(leavers)} members that left later {kept} are used; {odds}"
        findings.append(LeakFinding(Detector.SURVIVORSHIP, name, number, moment, detail))
        break
    proves = f"at {len(moments)} moments only members are used, and those that left later are not avoided"
    return LeakVerdict(Detector.SURVIVORSHIP, tuple(findings), len(moments), proves)


def _some(symbols: list[str]) -> str:
    return ", ".join(symbols[:3]) + (f" and {len(symbols) - 3} more" if len(symbols) > 3 else "")


def _blind(members: int, leavers: int, chosen: int, found: int) -> float:
    """Return the chance that a blind choice of ``chosen`` of ``members`` holds at most ``found`` of ``leavers``."""
    ways = math.comb(members, chosen)
    few = sum(math.comb(leavers, k) * math.comb(members - leavers, chosen - k) for k in range(found + 1) if k <= chosen)
    return few / ways if ways else 1.0
