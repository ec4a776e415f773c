"""Prop-firm rules against the firms' own worked examples."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tradewright.core.types.prop import AccountFlag, RuleStatus
from tradewright.risk.prop.book import shipped_rules
from tradewright.risk.prop.resets import reset_instants, shown
from tradewright.risk.prop.schema import RuleSet
from tradewright.risk.prop.watch import RuleWatch, micro

_CASES: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("prop_rules.json").read_text(encoding="utf-8"))[
    "cases"
]
_OPEN, _OPENED = int(AccountFlag.IS_OPEN), int(AccountFlag.IS_OPEN | AccountFlag.OPENED)
_FIRST = int(datetime(2026, 1, 5, 12, tzinfo=UTC).timestamp()) * 10**9
_LAST = _FIRST + 60 * 86_400 * 10**9
_HOUR = 3_600 * 10**9


def _case(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    return _CASES[name]["inputs"], _CASES[name]["expected"]


def _rules(name: str) -> RuleSet:
    return shipped_rules().rules[name]


def _watch(rules: RuleSet | str, initial: float) -> RuleWatch:
    found = _rules(rules) if isinstance(rules, str) else rules
    return RuleWatch([found], Decimal(str(initial)), _FIRST, _LAST)


def _resets(watch: RuleWatch) -> list[int]:
    clock = watch.rule_sets[0].clock
    assert clock is not None
    return [int(t) for t in reset_instants(clock, _FIRST, _LAST)]


def _floor(watch: RuleWatch, name: str) -> Decimal:
    """The floor in account currency: the least equity allowed, or where that is a breach too, a millionth less."""
    inclusive = int(watch.rules["daily_inclusive" if name == "day_least_micro" else "max_inclusive"][0])
    return Decimal(int(watch.states[name][0]) - inclusive) / 1_000_000


def test_kat_47_daily_floor_is_midnight_balance_less_a_share_of_the_initial_one() -> None:
    given, expected = _case("KAT-47")
    watch = _watch("ftmo.2step.challenge", given["initial"])
    resets = _resets(watch)
    floors = [_floor(watch, "day_least_micro")]
    for reset, balance in zip(resets, given["midnight_balances"][1:], strict=False):
        # floating results at the reset do not move the anchor
        assert watch.step(reset - 1, micro(balance), micro(balance), 0) == RuleStatus.RUNNING
        assert watch.step(reset, micro(balance), micro(balance + 500), _OPEN) == RuleStatus.RUNNING
        floors.append(_floor(watch, "day_least_micro"))
    assert floors == expected["daily_floor"]


def test_kat_48_an_account_can_break_at_midnight_without_a_tick() -> None:
    given, expected = _case("KAT-48")
    before, after = expected["before_midnight"], expected["after_midnight"]
    balance = micro(given["initial"] + given["closed_today"])
    equity = balance + micro(given["floating"])
    watch = _watch("ftmo.2step.challenge", given["initial"])
    midnight = _resets(watch)[0]
    assert watch.step(midnight - 60 * 10**9, balance, equity, _OPEN) == RuleStatus.RUNNING
    assert _floor(watch, "day_least_micro") == before["floor"]
    assert equity == micro(before["equity"])
    room = watch.headroom(balance, equity)
    assert room.now == before["equity"] - before["floor"]
    assert (balance - micro(before["floor"])) / 1e6 == before["permitted_loss_from_balance"]
    assert room.next_reset == after["equity"] - after["floor"]  # what a guard sees before midnight: 3,000 too little
    assert watch.step(midnight, balance, equity, _OPEN) == RuleStatus.DAILY_LOSS
    assert _floor(watch, "day_least_micro") == after["floor"]
    assert (balance - micro(after["floor"])) / 1e6 == after["permitted_loss_from_balance"]


def test_kat_48_the_breach_is_seen_where_the_next_event_comes_later() -> None:
    given, _ = _case("KAT-48")
    balance = micro(given["initial"] + given["closed_today"])
    watch = _watch("ftmo.2step.challenge", given["initial"])
    midnight = _resets(watch)[0]
    watch.step(midnight - 1, balance, balance + micro(given["floating"]), _OPEN)
    assert watch.step(midnight + 5 * _HOUR, balance, balance, 0) == RuleStatus.DAILY_LOSS


def test_kat_50_equity_at_the_floor_is_not_below_it() -> None:
    given, expected = _case("KAT-50")
    for floating, equity, is_breach in zip(given["floating"], expected["equity"], expected["breach"], strict=True):
        watch = _watch("ftmo.2step.challenge", given["initial"])
        resets = _resets(watch)
        for reset, level in zip(resets, (96_000, given["balance"]), strict=False):  # losses of two days
            watch.step(reset - _HOUR, micro(level), micro(level), 0)
            assert watch.step(reset, micro(level), micro(level), 0) == RuleStatus.RUNNING
        assert given["balance"] + floating == equity
        status = watch.step(resets[1] + _HOUR, micro(given["balance"]), micro(equity), _OPEN)
        assert status == (RuleStatus.MAX_LOSS if is_breach else RuleStatus.RUNNING)
    edge = _watch("ftmo.2step.challenge", given["initial"])
    edge.step(_resets(edge)[0], micro(94_999), micro(95_000), _OPEN)  # one millionth decides
    assert edge.step(_resets(edge)[0] + 1, micro(94_999), micro(90_000), _OPEN) == RuleStatus.RUNNING
    assert edge.step(_resets(edge)[0] + 2, micro(94_999), micro(90_000) - 1, _OPEN) == RuleStatus.MAX_LOSS


def test_kat_52_targets_and_days_counted_by_opening() -> None:
    given, expected = _case("KAT-52")
    phases = shipped_rules().find("ftmo.2step")
    watches = [_watch(phase, given["initial"]) for phase in phases]
    assert [int(w.rules["target_micro"][0]) for w in watches] == [micro(t) for t in expected["targets"]]
    watch, target = watches[0], micro(expected["targets"][0])
    start = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp()) * 10**9
    watch.begin(start, micro(given["initial"]), micro(given["initial"]))
    noon = 12 * _HOUR
    dates = sorted(
        {(day, kind) for trade in given["trades"] for day, kind in zip(trade, ("1open", "2close"), strict=True)}
    )
    for day, kind in dates:
        now = int(datetime.fromisoformat(f"{day}T00:00+00:00").timestamp()) * 10**9 + noon
        flags = _OPENED if kind == "1open" else 0
        status = watch.step(now, target, target, flags)
    assert int(watch.states["counted_days"][0]) == expected["trading_days"]
    assert (status == RuleStatus.PASSED) == expected["meets_min_days"]
    assert watch.step(now + 24 * _HOUR, target, target, _OPENED) == RuleStatus.RUNNING  # the fourth day, but not flat
    assert watch.step(now + 25 * _HOUR, target - 1, target - 1, 0) == RuleStatus.RUNNING
    assert watch.step(now + 26 * _HOUR, target, target, 0) == RuleStatus.PASSED


def test_kat_53_resets_and_what_the_platform_shows_in_the_weeks_between_the_changes() -> None:
    _, expected = _case("KAT-53")
    rules = _rules("ftmo.2step.challenge")
    assert rules.clock is not None
    assert rules.platform is not None
    for row in expected["reset"]:
        wanted = int(datetime.fromisoformat(row["reset_utc"]).timestamp()) * 10**9
        assert reset_instants(rules.clock, wanted - 1, wanted - 1)[0] == wanted
        assert shown(rules.clock, wanted).date().isoformat() == row["prague_date"]
        platform = shown(rules.platform, wanted)
        assert platform.strftime("%H:%M") == row["platform_clock"]
        assert (platform - datetime.fromtimestamp(wanted // 10**9, UTC).replace(tzinfo=None)).seconds == (
            3_600 * row["platform_gmt_plus"]
        )


def test_kat_54_end_of_day_trail_that_locks_at_the_start() -> None:
    given, expected = _case("KAT-54")
    watch = _watch("topstep.combine.50k", given["initial"])
    floors = []
    for reset, balance in zip(_resets(watch), given["eod_balances"], strict=False):
        watch.step(reset - _HOUR, micro(balance), micro(balance + 900), _OPEN)  # intraday peaks are ignored
        watch.step(reset, micro(balance), micro(balance), 0)
        floors.append(_floor(watch, "max_least_micro"))
    assert floors == expected["mll_after_each_day"]
    assert watch.step(_LAST - 1, micro(54_000), micro(50_000), _OPEN) == RuleStatus.MAX_LOSS  # touching is enough here


def test_kat_56_profit_of_the_day_extends_the_room() -> None:
    given, expected = _case("KAT-56")
    balance = micro(given["day_start_balance"] + given["closed_today"])
    names = ("fundednext.stellar.2step", "fundednext.stellar.1step", "fundednext.stellar.lite")
    floors = []
    for name in names:
        watch = _watch(name, given["initial"])
        assert watch.step(_FIRST + _HOUR, balance, balance, _OPEN) == RuleStatus.RUNNING
        floors.append(_floor(watch, "day_least_micro"))
        if name == names[0]:
            assert watch.headroom(balance, balance).now == expected["loss_room_from_balance"]
    assert floors == [expected["floor"], expected["one_step_floor"], expected["lite_floor"]]


@pytest.mark.parametrize("number", range(4))
def test_kat_57_a_share_of_the_higher_of_balance_and_equity(number: int) -> None:
    given, expected = _case("KAT-57")
    case = given["cases"][number]
    name = {0.05: "the5ers.highstakes.step1", 0.03: "quantum.standard"}[case["pct"]]
    watch = _watch(name, 100_000)
    reset = _resets(watch)[0]
    watch.step(reset, micro(case["balance"]), micro(case["equity"]), _OPEN)
    assert _floor(watch, "day_least_micro") == Decimal(str(expected["floor"][number]))


@pytest.mark.parametrize("number", range(2))
def test_kat_59_the_best_day_may_be_too_good(number: int) -> None:
    given, expected = _case("KAT-59")
    values = _rules("e8.futures.model2").model_dump(mode="json", exclude_none=True)
    initial = 100_000
    rules = RuleSet.model_validate(
        values | {"profit_target_amount": str(expected["total"][number]), "initial": "100000"}
    )
    watch = _watch(rules, initial)
    balance = initial
    statuses = []
    for reset, result in zip(_resets(watch), given["days"][number], strict=False):
        balance += result
        statuses.append(watch.step(reset - _HOUR, micro(balance), micro(balance), 0))
    assert balance - initial == expected["total"][number]
    assert int(watch.rules["share_ppm"][0]) * expected["total"][number] / 1e6 == expected["allowed"][number]
    assert (statuses[-1] == RuleStatus.PASSED) == expected["pass"][number]
    assert statuses[:-1] == [RuleStatus.RUNNING] * (len(statuses) - 1)
    if number == 0:
        raised = micro(initial + expected["raised_target"])
        later = _resets(watch)[len(statuses)] - _HOUR
        assert watch.step(later, raised - 1, raised - 1, 0) == RuleStatus.RUNNING
        assert watch.step(later, raised, raised, 0) == RuleStatus.PASSED


def test_days_have_23_and_25_hours_where_the_clock_changes() -> None:
    clock = _rules("ftmo.2step.challenge").clock
    assert clock is not None
    for first, hours in (("2024-03-29", {24, 23}), ("2024-10-25", {24, 25})):
        start = int(datetime.fromisoformat(f"{first}T12:00+00:00").timestamp()) * 10**9
        instants = reset_instants(clock, start, start + 72 * _HOUR)
        assert {int(d) // _HOUR for d in np.diff(instants)} == hours
