"""Challenge simulation against random walks whose chances are known in closed form."""

from __future__ import annotations

import json
import math
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tradewright.core.types.prop import AccountFlag
from tradewright.research.challenge.paths import Draw, Phase, walk
from tradewright.research.challenge.sample import DaySample
from tradewright.risk.prop.schema import RuleSet

_CASE: dict[str, Any] = json.loads(Path(__file__).with_name("prop_rules.json").read_text(encoding="utf-8"))["cases"][
    "KAT-62"
]
_INITIAL = Decimal(100_000)
_UNIT = 1_000_000_000  # one hundredth of the account, in millionths


def rule_set(target: int, floor: int, trailing: str = "none") -> RuleSet:
    """Units of one hundredth; touching the floor is ruin."""
    return RuleSet.model_validate(
        {
            "id": f"walk.{trailing}", "firm": "A walk", "product": "", "phase": "", "status": "official",
            "source": ["Feller"], "as_of": "2026-01", "review_by": date(2030, 1, 1), "version": 1,
            "profit_target_pct": f"0.{target:02d}", "reset": {"tz": "UTC", "time": "00:00"},
            "max_loss": {"trailing": trailing, "pct": f"0.{floor:02d}", "compare": "<="},
        }
    )  # fmt: skip


def steps(up: int, down: int, flags: int = 0) -> DaySample:
    """Days of one step each, so many up and so many down."""
    moves = np.array([_UNIT] * up + [-_UNIT] * down, np.int64)
    zero = np.zeros(len(moves), np.int64)
    return DaySample(
        close=moves, low=np.minimum(moves, 0), high=np.maximum(moves, 0), floating=zero, cost=zero, flags=zero + flags,
        is_active=moves != 0, first=np.arange(len(moves)), calendar_days=len(moves),
    )  # fmt: skip


def share(phases: list[RuleSet], sample: DaySample, paths: int, seed: int) -> float:
    horizon = 1_200  # of which these walks need a small part
    built = [Phase.of(r, _INITIAL, horizon, sample) for r in phases]
    with ThreadPoolExecutor(2) as pool:
        found = walk(built, [sample.replay()] * len(built), Draw(paths, horizon, 1.0, seed), pool)
    decided = found.status[0] > 2
    assert decided.all()
    return float(found.has_passed.mean())


def is_near(found: float, wanted: float, paths: int) -> bool:
    return abs(found - wanted) <= 4.0 * math.sqrt(wanted * (1.0 - wanted) / paths)


@pytest.mark.parametrize("number", range(4))
def test_kat_62_gamblers_ruin(number: int) -> None:
    case, wanted = _CASE["inputs"]["cases"][number], _CASE["expected"]["pass_probability"][number]
    up = round(case["p"] * 100)
    found = share([rule_set(case["target"], case["floor"])], steps(up, 100 - up), 3_000, seed=number)
    assert is_near(found, wanted, 3_000), (found, wanted)


def test_kat_62_two_phases_without_an_edge_are_passed_by_one_in_three() -> None:
    found = share([rule_set(10, 10), rule_set(5, 10)], steps(1, 1), 3_000, seed=9)
    assert is_near(found, _CASE["expected"]["two_step_zero_edge"], 3_000), found


@pytest.mark.parametrize(("target", "floor"), [(10, 10), (6, 4)])
@pytest.mark.parametrize("trailing", ["intraday_equity", "intraday_realised", "eod_balance"])
def test_kat_63_a_trailing_floor_takes_what_a_static_one_gives(target: int, floor: int, trailing: str) -> None:
    """From each new peak the walk reaches the next before falling ``floor`` with chance floor / (floor + 1)."""
    wanted = (floor / (floor + 1)) ** target
    found = share([rule_set(target, floor, trailing)], steps(1, 1), 3_000, seed=floor)
    assert is_near(found, wanted, 3_000), (found, wanted)


def test_an_open_position_does_not_pass() -> None:
    sample = steps(1, 0, int(AccountFlag.IS_OPEN))
    phase = Phase.of(rule_set(5, 10), _INITIAL, 20, sample)
    with ThreadPoolExecutor(1) as pool:
        found = walk([phase], [sample.replay()], Draw(100, 20, 1.0, 0), pool)
    assert not found.has_passed.any()
    assert (found.balance == int(_INITIAL) * 10**6 + 20 * _UNIT).all()
