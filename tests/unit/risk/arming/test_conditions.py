from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from tradewright.core.types.errors import UsageError
from tradewright.core.types.order import TradingState
from tradewright.risk.arming.arm_file import HOUR_NS, LONGEST_NS, VALID_NS, Armed, ArmFile, phrase_of
from tradewright.risk.arming.conditions import (
    NEEDED_LIMITS,
    ArmingFacts,
    Condition,
    ModelFacts,
    OrderFacts,
    check_conditions,
    missing_conditions,
)
from tradewright.risk.limits import Limits

HASHES = ("main", "config", "code", "model")
ARMED = Armed(*HASHES, by="ann", at_ns=100, until_ns=200)
LIMITS = Limits(max_order_value=1e3, max_position_value=1e4, intraday_loss=0.02, max_drawdown=0.1)
GOOD = ArmingFacts(
    kind="live",
    now_ns=150,
    armed=ARMED,
    running=HASHES,
    key_trouble="",
    model=ModelFacts("trend", is_proven=True),
    limits=LIMITS,
    orders=OrderFacts(),
    state=TradingState.ACTIVE,
    state_why="",
    is_lease_free=True,
    drift_ms=-20.0,
    max_drift_ms=500.0,
    release_trouble="",
)


def codes(facts: ArmingFacts) -> list[Condition]:
    return [m.condition for m in missing_conditions(facts)]


def test_with_everything_there_nothing_is_missing() -> None:
    assert missing_conditions(GOOD) == ()
    check_conditions(GOOD)
    assert codes(replace(GOOD, model=ModelFacts(is_marked_unproven=True))) == []


@pytest.mark.parametrize(
    ("change", "condition"),
    [
        ({"kind": "paper"}, Condition.KIND),
        ({"armed": None}, Condition.ARMED),
        ({"now_ns": 200}, Condition.ARM_EXPIRED),
        ({"now_ns": 99}, Condition.ARM_EXPIRED),  # a clock that was set back arms nothing
        ({"running": ("other", *HASHES[1:])}, Condition.ARM_MATCHES),
        ({"running": ("main", "other", "code", "model")}, Condition.ARM_MATCHES),
        ({"running": ("main", "config", "other", "model")}, Condition.ARM_MATCHES),
        ({"running": (*HASHES[:3], "other")}, Condition.ARM_MATCHES),
        ({"key_trouble": "X is missing"}, Condition.KEYS),
        ({"model": ModelFacts()}, Condition.MODEL),
        ({"model": ModelFacts("trend")}, Condition.MODEL),
        *(({"limits": LIMITS.model_copy(update={name: None})}, Condition.LIMITS) for name in NEEDED_LIMITS),
        ({"orders": OrderFacts(unknown=("A",))}, Condition.RECONCILED),
        ({"orders": OrderFacts(differing=("X",))}, Condition.RECONCILED),
        ({"orders": OrderFacts(trouble="damaged")}, Condition.RECONCILED),
        ({"state": TradingState.REDUCING}, Condition.STATE),
        ({"state": TradingState.HALTED}, Condition.STATE),
        ({"state": TradingState.KILLED}, Condition.STATE),
        ({"is_lease_free": False}, Condition.LEASE),
        ({"drift_ms": 501.0}, Condition.CLOCK),
        ({"drift_ms": -501.0}, Condition.CLOCK),
        ({"drift_ms": math.nan}, Condition.CLOCK),
        ({"release_trouble": "code is a, approved is b"}, Condition.RELEASE),
    ],
)
def test_each_condition_is_missed_alone(change: dict[str, object], condition: Condition) -> None:
    assert codes(replace(GOOD, **change)) == [condition]  # type: ignore[arg-type]


def test_all_that_is_missing_is_listed_at_once() -> None:
    bad = replace(
        GOOD,
        kind="paper",
        armed=None,
        key_trouble="no keys",
        model=ModelFacts(),
        limits=Limits(),
        orders=OrderFacts(trouble="damaged"),
        state=TradingState.KILLED,
        is_lease_free=False,
        drift_ms=math.nan,
        release_trouble="none",
        drill_trouble="none",
    )
    found = codes(bad)
    assert set(found) == set(Condition) - {Condition.ARM_EXPIRED, Condition.ARM_MATCHES}
    with pytest.raises(UsageError) as raised:
        check_conditions(bad)
    assert raised.value.exit_code == 2
    assert all(code.value in raised.value.fix for code in found)


def test_the_arm_file_wants_the_phrase_a_name_and_an_end(tmp_path: Path) -> None:
    file = ArmFile(tmp_path / "account" / "arm.json")
    assert file.read() is None
    good = replace(ARMED, at_ns=0, until_ns=VALID_NS)
    for armed, phrase in (
        (good, "yes"),
        (good, phrase_of("paper")),
        (replace(good, by=" "), phrase_of("main")),
        (replace(good, until_ns=0), phrase_of("main")),
        (replace(good, until_ns=LONGEST_NS + 1), phrase_of("main")),
    ):
        with pytest.raises(UsageError):
            file.arm(armed, phrase)
    assert file.read() is None
    assert file.arm(good, f" {phrase_of('main')}\n") == good
    assert file.read() == good
    assert VALID_NS == 12 * HOUR_NS


def test_an_arm_file_that_was_changed_arms_nothing(tmp_path: Path) -> None:
    file = ArmFile(tmp_path / "arm.json")
    file.arm(replace(ARMED, at_ns=0, until_ns=VALID_NS), phrase_of("main"))
    file.path.write_bytes(file.path.read_bytes().replace(b"432", b"932"))
    assert file.read() is None
    assert file.disarm()
    assert not file.disarm()
