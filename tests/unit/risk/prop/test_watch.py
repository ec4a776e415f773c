from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest

from tradewright.core.kernel.floors_nb import is_blocked_nb
from tradewright.core.types.bar import Bars, blank_fields
from tradewright.core.types.dtypes import CLOSE, OPEN
from tradewright.core.types.errors import ConfigError, DataError
from tradewright.core.types.prop import RuleStatus
from tradewright.risk.prop.book import shipped_rules
from tradewright.risk.prop.gap import gap_share
from tradewright.risk.prop.schema import News, RuleSet
from tradewright.risk.prop.watch import RuleWatch, micro
from tradewright.risk.prop.windows import merged, news_windows, weekend_windows

NS, HOUR = 10**9, 3_600 * 10**9
START = int(datetime(2026, 1, 5, 12, tzinfo=UTC).timestamp()) * NS
DAY = 24 * HOUR


def watch(*names: str, initial: int = 100_000, days: int = 30, **changes: object) -> RuleWatch:
    book = shipped_rules()
    found = [rules for name in names for rules in book.find(name)]
    built = [RuleSet.model_validate(r.model_dump(mode="json") | changes) for r in found]
    return RuleWatch(built, Decimal(initial), START, START + days * DAY)


def test_an_account_of_another_size_is_refused() -> None:
    with pytest.raises(ConfigError, match="accounts of 50000, not 100000"):
        watch("topstep.combine.50k")
    with pytest.raises(ConfigError, match="out of range"):
        watch("ftmo.1step", initial=10**13)


def test_a_soft_limit_pauses_until_the_reset_and_then_watches_again() -> None:
    it = watch("topstep.combine.50k+daily", initial=50_000)
    reset = int(it.states["next_reset"][0])
    assert it.step(START + 1, micro(49_500), micro(49_001), 1) == RuleStatus.RUNNING
    assert it.step(START + 2, micro(49_000), micro(49_000), 0) == RuleStatus.PAUSED_BY_DAILY_LOSS  # touching is enough
    assert it.step(START + 3, micro(49_000), micro(49_900), 0) == RuleStatus.PAUSED_BY_DAILY_LOSS
    assert it.step(reset, micro(49_000), micro(49_000), 0) == RuleStatus.RUNNING
    assert it.headroom(micro(49_000), micro(49_000)).now == pytest.approx(1_000 - 1e-6)
    assert it.step(reset + 1, micro(49_000), micro(48_000), 1) == RuleStatus.MAX_LOSS  # the account's floor, too: first
    assert it.step(reset + DAY, micro(60_000), micro(60_000), 0) == RuleStatus.MAX_LOSS  # for good


def test_an_intraday_floor_follows_floating_profit_and_locks() -> None:
    it = watch("apex.50k.intraday", initial=50_000)
    assert it.step(START + 1, micro(50_000), micro(51_500), 1) == RuleStatus.RUNNING
    assert it.headroom(micro(50_000), micro(51_500)).now == pytest.approx(2_500 - 1e-6)
    assert it.step(START + 2, micro(50_000), micro(49_001), 1) == RuleStatus.RUNNING
    assert it.step(START + 3, micro(50_000), micro(54_000), 1) == RuleStatus.RUNNING
    assert it.step(START + 4, micro(50_000), micro(50_101), 1) == RuleStatus.RUNNING  # locked at initial + 100
    assert it.step(START + 5, micro(50_000), micro(50_100), 1) == RuleStatus.MAX_LOSS


def test_a_floor_without_a_lock_follows_quiet_gains_where_touching_it_is_a_breach() -> None:
    it = watch(
        "apex.50k.intraday", initial=50_000, max_loss={"trailing": "intraday_equity", "amount": "2500", "compare": "<="}
    )
    it.step(START + 1, micro(50_000), micro(50_000), 1)
    for k in range(2, 12):  # nothing but floating profit changes
        assert it.step(START + k, micro(50_000), micro(50_000 + 500 * k), 1) == RuleStatus.RUNNING
    assert it.step(START + 20, micro(50_000), micro(53_001), 1) == RuleStatus.RUNNING
    assert it.step(START + 21, micro(50_000), micro(53_000), 1) == RuleStatus.MAX_LOSS


def test_an_old_challenge_ends_after_its_days() -> None:
    it = watch("ftmo.2step.challenge.pre2023", days=60)
    resets = [int(it.states["next_reset"][0]) + k * DAY for k in range(30)]  # no change of clocks in January
    assert it.step(resets[28], micro(100_000), micro(100_000), 0) == RuleStatus.RUNNING
    assert it.step(resets[29], micro(100_000), micro(100_000), 0) == RuleStatus.TIME_LIMIT


def test_beyond_the_resets_that_are_known_nothing_is_allowed() -> None:
    it = watch("ftmo.2step", days=1)
    assert it.step(START + DAY, micro(100_000), micro(100_000), 0) == RuleStatus.RUNNING
    assert it.step(START + 3 * DAY, micro(100_000), micro(100_000), 0) == RuleStatus.CLOCK_ENDED
    late = watch("ftmo.2step", days=1)
    late.begin(START + 9 * DAY, micro(100_000), micro(100_000))
    assert late.step(START + 9 * DAY, micro(100_000), micro(100_000), 0) == RuleStatus.CLOCK_ENDED


def test_several_rule_sets_and_an_allowance_for_gaps_leave_the_least_room() -> None:
    firm, wide = watch("ftmo.1step"), watch("ftmo.1step", gap_pct="0.01")
    assert firm.headroom(micro(100_000), micro(100_000), micro(150_000)).now == 3_000
    assert wide.headroom(micro(100_000), micro(100_000), micro(150_000)).now == 1_500
    both = watch("ftmo.1step", "fundednext.stellar.lite")
    assert both.headroom(micro(100_000), micro(100_000)).now == 3_000
    assert watch("e8.futures.model2").headroom(0, 0).now == float("inf")  # no floor at all


def test_windows_around_news_hold_both_ends_and_are_merged() -> None:
    news = shipped_rules().rules["ftmo.2step.account.standard"].news
    assert isinstance(news, News)
    at = np.array([1_000, 1_100, 9_000], np.int64) * NS
    table = news_windows(news, at[::-1].copy())
    assert [(int(w["start"]) // NS, int(w["end"]) // NS) for w in table] == [(880, 1_220), (8_880, 9_120)]
    for second, blocked in ((879, False), (880, True), (1_050, True), (1_220, True), (1_221, False), (9_120, True)):
        assert is_blocked_nb(table, second * NS) == blocked
    assert not is_blocked_nb(table, 1_220 * NS + 1)
    assert not is_blocked_nb(merged(at[:0], at[:0]), 5)


def test_weekends_are_closures_longer_than_a_day() -> None:
    opens = np.array([0, 24, 96, 120], np.int64) * HOUR
    table = weekend_windows(opens, opens + 20 * HOUR, lead_s=1_800)
    assert [(int(w["start"]), int(w["end"])) for w in table] == [(44 * HOUR - HOUR // 2, 96 * HOUR)]


def test_the_gap_allowance_is_the_largest_jump_seen() -> None:
    n = 300
    ts = np.arange(1, n + 1, dtype=np.int64) * HOUR
    fields = blank_fields(ts)
    fields[[OPEN, CLOSE]] = 100.0
    fields[OPEN, 7], fields[OPEN, 9] = 98.0, 101.0
    bars = Bars("X", ts - HOUR, ts, fields)
    assert gap_share(bars) == pytest.approx(0.02)
    assert gap_share(bars, 0.995) == pytest.approx(0.01)
    assert gap_share(bars, 0.5) == 0.0
    with pytest.raises(DataError, match="too few"):
        gap_share(Bars("X", ts[:9], ts[:9], fields[:, :9].copy()))
