"""What a run would have been under rules about news, weekends and stops: by hand, and no row more than that."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from tradewright.analytics.equity_path import EquityPath
from tradewright.core.types.prop import AccountFlag
from tradewright.research.challenge.keeping import RunRecord, keep, not_kept
from tradewright.risk.prop.book import shipped_rules
from tradewright.risk.prop.schema import RuleSet

HOUR = 3_600_000_000_000
FRIDAY = int(datetime(2025, 2, 7, 20, tzinfo=UTC).timestamp()) * 10**9
OPEN, OPENED = int(AccountFlag.IS_OPEN), int(AccountFlag.OPENED)
MICRO = 10**6


def rules(**changes: object) -> RuleSet:
    values = shipped_rules().rules["ftmo.2step.challenge"].model_dump(mode="json")
    return RuleSet.model_validate(values | {"id": "test.keeping", "news": None, "weekend": None} | changes)


@pytest.fixture
def path() -> EquityPath:
    """Two trades. The first is held over a weekend and closed in row 4, the second is rows 5 to 7; each costs 10."""
    stamps = FRIDAY + HOUR * np.array([0, 1, 2, 60, 61, 62, 63, 64], np.int64)
    changes = np.array([0, -10, 100, -400, 50, -10, 30, 20]) * MICRO
    equity = 100_000 * MICRO + np.cumsum(changes)
    flags = np.array([0, OPEN | OPENED, OPEN, OPEN, 0, OPEN | OPENED, OPEN, 0])
    floating = np.where(flags & OPEN, np.array([0, 0, 100, -300, 0, 0, 30, 0]) * MICRO, 0)
    return EquityPath(
        stamps=stamps,
        equity=equity,
        floating=floating,
        low=equity - 5 * MICRO,
        high=equity + 5 * MICRO,
        flags=flags,
        is_active=np.array([False, *[True] * 7]),
        cost=np.array([0, 10, 0, 0, 0, 10, 0, 0]) * MICRO,
        initial=100_000 * MICRO,
    )


def changes_of(path: EquityPath) -> list[int]:
    return [int(change) // MICRO for change in np.diff(path.equity, prepend=path.initial)]


NOTHING = RunRecord(np.zeros(8))


def test_rules_that_forbid_nothing_change_nothing(path: EquityPath) -> None:
    kept = keep(path, rules(), NOTHING)
    assert kept.path is path
    assert kept.told == ()


def test_a_weekend_is_flat_and_the_exit_costs_what_the_entry_did(path: EquityPath) -> None:
    kept = keep(path, rules(weekend="flat_before_close"), NOTHING)
    assert changes_of(kept.path) == [0, -10, 90, 0, 0, -10, 30, 20]
    assert kept.path.flags.tolist() == [0, OPEN | OPENED, 0, 0, 0, OPEN | OPENED, OPEN, 0]
    assert kept.path.floating[2] == 0
    assert (kept.path.low[[3, 4]] == kept.path.equity[[3, 4]]).all()
    assert (kept.path.equity - kept.path.low)[[1, 6]].tolist() == [5 * MICRO] * 2
    assert kept.told == ("flat weekends (1 positions closed before one)",)
    again = keep(kept.path, rules(weekend="flat_before_close"), NOTHING)
    assert np.array_equal(again.path.equity, kept.path.equity)


def test_an_entry_in_a_news_window_is_not_made(path: EquityPath) -> None:
    news = {"window_s": [-120, 120], "applies_to": ["open"], "events": "red"}
    moment = FRIDAY + 62 * HOUR - 60 * 10**9  # a minute before the bar of the second entry ends
    kept = keep(path, rules(news=news), replace(NOTHING, news=np.array([moment])))
    assert changes_of(kept.path) == [0, -10, 100, -400, 50, 0, 0, 0]
    assert kept.path.flags[5:].tolist() == [0, 0, 0]
    assert not kept.path.is_active[5:].any()
    elsewhere = keep(path, rules(news=news), replace(NOTHING, news=np.array([FRIDAY + 30 * 60 * HOUR])))
    assert np.array_equal(elsewhere.path.equity, path.equity)


def test_what_is_not_known_is_named(path: EquityPath) -> None:
    news = {"window_s": [-120, 120], "applies_to": ["open", "close"], "events": "red"}
    assert not_kept(rules(news=news), NOTHING) == ("news windows",)
    assert keep(path, rules(news=news), NOTHING).path is path
    assert not_kept(rules(news=news), replace(NOTHING, news=np.zeros(0, np.int64))) == ("news windows for close",)
    assert not_kept(rules(), NOTHING) == ()


def test_an_entry_without_a_stop_or_with_too_wide_a_one_is_not_made(path: EquityPath) -> None:
    required = rules(stop_loss_required={"max_risk_pct": "0.02"})
    risk = np.zeros(8)
    risk[1], risk[5] = 0.02, np.inf
    kept = keep(path, required, RunRecord(risk))
    assert changes_of(kept.path) == [0, -10, 100, -400, 50, 0, 0, 0]
    risk[1] = 0.021
    assert changes_of(keep(path, required, RunRecord(risk)).path) == [0] * 8
