from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from tradewright.analytics.equity_path import EquityPath
from tradewright.core.kernel.challenge_nb import (
    CLOSES_AT_TARGET,
    CUT,
    N_OUTCOMES,
    SKIPS_QUIET_DAYS,
    STOPPED,
    walk_paths_nb,
)
from tradewright.core.types.errors import ConfigError, DataError, UsageError
from tradewright.core.types.prop import AccountFlag, RuleStatus
from tradewright.core.types.prop_dtypes import day_dtype, day_row_dtype
from tradewright.research.challenge.figures import challenge_figures
from tradewright.research.challenge.paths import Draw, Phase, day_orders, walk
from tradewright.research.challenge.sample import DaySample
from tradewright.research.challenge.study import SCENARIOS, ChallengeParams, ChallengeResult, challenge
from tradewright.risk.prop.book import shipped_rules
from tradewright.risk.prop.schema import RuleSet

HOUR = 3_600_000_000_000
START = int(datetime(2025, 2, 3, tzinfo=UTC).timestamp()) * 10**9
INITIAL = Decimal(100_000)
QUICK = ChallengeParams(INITIAL, paths=500, days=120, worlds=4, world_paths=200)


def made_up(days: int = 60, seed: int = 3, drift: float = 0.0, size: float = 900.0) -> EquityPath:
    """Hourly equity: in the market for eight hours of each day, flat at its end."""
    rng = np.random.default_rng(seed)
    n = 24 * days
    hour = np.arange(n) % 24
    is_open = (hour >= 8) & (hour < 16)
    moves = np.append(0, is_open[:-1]) * rng.normal(drift, size / math.sqrt(8), n)
    equity = np.rint((100_000 + np.cumsum(moves)) * 1e6).astype(np.int64)
    entry = np.maximum.accumulate(np.where(hour == 8, np.arange(n), 0))
    swing = np.rint(is_open * np.abs(rng.normal(0, size / 3, n)) * 1e6).astype(np.int64)
    before = np.append(100_000 * 10**6, equity[:-1])
    return EquityPath(
        stamps=START + np.arange(1, n + 1, dtype=np.int64) * HOUR,
        equity=equity,
        floating=np.where(is_open, equity - equity[entry], 0),
        low=np.minimum(before, equity) - swing,
        high=np.maximum(before, equity) + swing,
        flags=is_open * int(AccountFlag.IS_OPEN) + (hour == 8) * int(AccountFlag.OPENED),
        is_active=is_open | np.append(False, is_open[:-1]),
        cost=(hour == 8) * 20_000_000,
        initial=100_000 * 10**6,
    )


def rules(**changes: object) -> RuleSet:
    """A two-sided test bench: daily and total limits, target, days."""
    values = shipped_rules().rules["ftmo.2step.challenge"].model_dump(mode="json")
    return RuleSet.model_validate(values | {"id": "test.bench", **changes})


KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "intraday": {"max_loss": {"trailing": "intraday_equity", "pct": "0.06", "lock": "initial"}},
    "realised": {"max_loss": {"trailing": "intraday_realised", "pct": "0.06"}},
    "end of day": {"max_loss": {"trailing": "eod_balance", "pct": "0.06", "compare": "<="}},
    "soft": {
        "daily": {
            "anchor": "max_balance_equity",
            "pct_base": "anchor",
            "pct": "0.01",
            "reset": {"tz": "Europe/Prague", "time": "00:00"},
            "breach": "soft",
        },
        "min_days": {"count": 3, "definition": "profitable_day_pct_initial", "threshold": "0.005"},
    },
    "soft floor": {
        "max_loss": {"trailing": "none", "pct": "0.06", "breach": "soft"},
        "daily": None,
        "reset": {"tz": "Europe/Prague", "time": "00:00"},
    },
    "shared out": {"best_day": {"cap": "0.3", "denominator": "sum_positive_days"}, "time_limit_days": 60},
}


@pytest.mark.parametrize("options", [0, CLOSES_AT_TARGET])
@pytest.mark.parametrize("kind", list(KINDS))
def test_passing_over_quiet_days_changes_no_bit(kind: str, options: int) -> None:
    path = made_up(drift=15.0)
    it = rules(**KINDS[kind])
    sample = DaySample.of(path, it.clock, 10**11)
    replay = sample.replay()
    phase = Phase.of(it, INITIAL, 80, sample)
    orders = day_orders(len(sample), Draw(300, 80, 4.0, 1), 300, np.random.default_rng(1))
    results = []
    for skips in (0, SKIPS_QUIET_DAYS):
        outcomes, curves = np.zeros((300, N_OUTCOMES), np.int64), np.zeros((300, 81), np.int64)
        walk_paths_nb(phase.record, replay.rows, replay.days, orders, options | skips, outcomes, curves)
        results.append((outcomes, curves))
    assert np.array_equal(results[0][0], results[1][0])
    assert np.array_equal(results[0][1], results[1][1])
    statuses = set(results[0][0][:, 0].tolist())
    assert len(statuses) > 1, statuses  # the bench tells paths apart


def test_an_account_that_stays_paused_does_not_trade() -> None:
    path = made_up(size=2_000.0)
    it = rules(**KINDS["soft floor"])
    sample = DaySample.of(path, it.clock, 10**11)
    phase = Phase.of(it, INITIAL, 80, sample)
    with ThreadPoolExecutor(1) as pool:
        outcomes = walk([phase], [sample.replay()], Draw(200, 80, 5.0, 0), pool)
    paused = outcomes.status[0] == RuleStatus.PAUSED_BY_MAX_LOSS
    assert 20 < paused.sum() < 200
    assert (outcomes.balance[0][paused] < 94_000 * 10**6).all()
    ended = outcomes.curves[0].equity[paused[:200]]
    assert (np.diff(ended, axis=1)[ended[:, :-1] < 94_000 * 10**6] == 0).all()


def test_a_path_that_follows_the_run_is_the_run() -> None:
    path = made_up()
    it = rules()
    sample = DaySample.of(path, it.clock, 10**11)
    assert len(sample) == 61  # Prague's midnight cuts the first and the last day of UTC
    began = np.append(path.initial, path.equity)[sample.first]
    assert sample.results.sum() == pytest.approx(np.sum((path.equity[sample.last] - began) / began * 1e11), abs=100)
    phase = Phase.of(it, INITIAL, 61, sample)
    outcomes, curves = np.zeros((1, N_OUTCOMES), np.int64), np.zeros((1, 62), np.int64)
    replay, order = sample.replay(), np.arange(61, dtype=np.int32)[None]
    walk_paths_nb(phase.record, replay.rows, replay.days, order, SKIPS_QUIET_DAYS, outcomes, curves)
    assert outcomes[0, 0] == RuleStatus.RUNNING
    assert np.array_equal(curves[0], 10**11 + np.append(0, np.cumsum(sample.results)))


def found(path: EquityPath, params: ChallengeParams = QUICK, *names: str) -> ChallengeResult:
    phases = [r for n in names or ("ftmo.2step",) for r in shipped_rules().find(n)]
    return challenge(path, phases, params)


def test_the_result_is_the_same_for_the_same_seed_and_any_number_of_workers() -> None:
    path = made_up(drift=12.0)
    first = found(path)
    again = found(path, replace(QUICK, workers=1))
    other = found(path, replace(QUICK, seed=1))
    assert first.scenarios == again.scenarios
    assert first.worlds == again.worlds
    assert first.scenarios != other.scenarios


def test_an_edge_passes_more_often_than_luck_and_costs_take_from_it() -> None:
    result = found(made_up(drift=12.0))
    share = {s.name: s.probability for s in result.scenarios}
    assert list(share) == list(SCENARIOS)
    assert share["closes only"] >= share["adverse"] > share["edge - 1 SE"]
    assert share["adverse"] > share["costs x2"] > share["no edge"]
    assert share["no edge"] <= 1 / 3 + 4 * math.sqrt(2 / 9 / QUICK.paths)  # two phases without an edge: at most a third
    assert result.worlds is not None
    assert result.worlds.high - result.worlds.low > result.headline.high - result.headline.low
    for scenario in result.scenarios:
        assert scenario.low <= scenario.probability <= scenario.high
        for phase in scenario.phases:
            assert phase.begun == (
                phase.passed + phase.daily_loss + phase.max_loss + phase.time_limit + phase.undecided
            )
        assert scenario.phases[1].begun == scenario.phases[0].passed


def test_taking_the_mean_out_leaves_none() -> None:
    path = made_up(drift=12.0)
    sample = DaySample.of(path, rules().clock, 10**11)
    active = np.count_nonzero(sample.is_active)
    charge = sample.is_active * (float(sample.results.sum()) / active)
    ends = sample.replay(charge).days["end_micro"]
    assert abs(int(ends.sum())) <= len(sample)
    assert sample.results.sum() > 10**9


def test_what_a_try_is_worth_follows_from_fee_and_payout() -> None:
    path = made_up(drift=12.0)
    assert found(path).expected is None
    assert math.isnan(found(path).break_even)
    result = found(path, replace(QUICK, fee=Decimal(500), payout=Decimal(3_000)))
    share = result.headline.probability
    assert result.expected is not None
    assert result.expected.value == pytest.approx(3_000 * share - 500)
    assert result.break_even == pytest.approx(500 / share)
    figures = {f.name: f for f in challenge_figures(result)}
    assert figures["challenge.expected_value"].low < figures["challenge.expected_value"].high
    assert figures["challenge.pass_probability"].low == result.headline.low
    assert figures["challenge.pass_probability.no_edge"].value < share
    assert {f.scope for f in figures.values()} == {"challenge"}


def test_breaches_on_the_runs_own_days_are_counted_and_begin_anew() -> None:
    assert found(made_up(size=300.0)).violations == 0
    wild = made_up(size=300.0)
    day = np.arange(len(wild)) // 24
    fall = np.isin(day, (10, 20)) & (np.arange(len(wild)) % 24 == 12)
    crashed = replace(wild, low=np.where(fall, wild.low - 6_000 * 10**6, wild.low))
    # each of the two days breaks both phases once
    assert found(crashed).violations == 4
    assert found(crashed, QUICK, "ftmo.1step").violations == 2


def test_larger_positions_break_the_daily_limit_more_often() -> None:
    small, large = (found(made_up(), replace(QUICK, size=size)) for size in (1.0, 4.0))
    lost = [r.headline.phases[0].daily_loss for r in (small, large)]
    assert lost[0] < lost[1]


def test_a_target_counts_when_flat_or_when_it_is_taken() -> None:
    path = made_up(drift=12.0)
    held = replace(path, flags=path.flags | int(AccountFlag.IS_OPEN), is_active=np.ones(len(path), np.bool_))
    assert found(held).headline.passed == 0
    assert found(held, replace(QUICK, closes_at_target=True)).headline.passed > 0


def test_a_limit_in_calendar_days_is_kept_in_days_with_data() -> None:
    path = made_up(56)
    weekday = (np.arange(len(path)) // 24) % 7 < 5
    keep = {
        f: getattr(path, f)[weekday]
        for f in ("stamps", "equity", "floating", "low", "high", "flags", "is_active", "cost")
    }
    sample = DaySample.of(replace(path, **keep), rules().clock, 10**11)
    phase = Phase.of(rules(time_limit_days=30), INITIAL, 60, sample)
    assert len(sample) / sample.calendar_days == pytest.approx(
        6 / 7, abs=0.05
    )  # Friday's last hour is Saturday in Prague
    assert int(phase.record["time_limit_days"][0]) == 30 * len(sample) // sample.calendar_days < 30


def test_days_are_drawn_in_blocks_that_go_round() -> None:
    orders = day_orders(7, Draw(1, 5_000, 10.0, 0), 4, np.random.default_rng(0))
    assert orders.min() == 0
    assert orders.max() == 6
    follows = np.mean((np.diff(orders, axis=1) % 7) == 1)
    assert follows == pytest.approx(0.9 + 0.1 / 7, abs=0.01)
    assert np.bincount(orders.ravel(), minlength=7) == pytest.approx(np.full(7, 20_000 / 7), rel=0.2)


def test_who_did_not_reach_a_phase_is_not_counted_in_it() -> None:
    path = made_up(size=3_000.0)
    its = shipped_rules().find("ftmo.2step")
    samples = [DaySample.of(path, r.clock, 10**11) for r in its]
    phases = [Phase.of(r, INITIAL, 60, s) for r, s in zip(its, samples, strict=True)]
    with ThreadPoolExecutor(2) as pool:
        outcomes = walk(phases, [s.replay() for s in samples], Draw(600, 60, 5.0, 0), pool)
    reached = outcomes.status[1] != -1
    assert np.array_equal(reached, outcomes.status[0] == RuleStatus.PASSED)
    assert 0 < reached.sum() < 600
    assert len(outcomes.curves[0].equity) == 200
    assert np.array_equal(outcomes.curves[1].status, outcomes.status[1][reached][:200])


def test_what_cannot_be_simulated_is_refused() -> None:
    path = made_up()
    with pytest.raises(DataError, match=r"1\d rule days"):
        found(made_up(18))
    idle = replace(path, is_active=np.zeros(len(path), np.bool_))
    with pytest.raises(DataError, match="no trade"):
        found(idle)
    ruined = replace(path, equity=path.equity - 10**12)
    with pytest.raises(DataError, match="fell to zero"):
        found(ruined)
    with pytest.raises(ConfigError, match="no profit target"):
        found(path, QUICK, "ftmo.2step.account.swing")
    with pytest.raises(ConfigError, match="accounts of 50000"):
        found(path, QUICK, "topstep.combine.50k")


@pytest.mark.parametrize(
    "change",
    [{"paths": 99}, {"days": 0}, {"worlds": -1}, {"block": 0.5}, {"size": 0.0}, {"size": math.nan}, {"seed": -1}],
)
def test_parameters_out_of_range_are_refused_by_name(change: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        replace(QUICK, **change)
    assert caught.value.where == next(iter(change))


BUFFER: dict[str, Any] = {
    "daily": {
        "anchor": "balance",
        "pct_base": "initial",
        "pct": "0.03",
        "reset": {"tz": "Europe/Prague", "time": "00:00"},
        "breach": "soft",
    },
    "max_loss": {"trailing": "none", "pct": "0.08"},
    "profit_target_pct": None,
    "min_days": None,
    "id": "mine.buffer",
}


@pytest.mark.parametrize("options", [0, CLOSES_AT_TARGET])
@pytest.mark.parametrize("kind", list(KINDS))
def test_own_rules_change_no_bit_of_what_quiet_days_are_passed_over(kind: str, options: int) -> None:
    it, mine = rules(**KINDS[kind]), rules(**BUFFER)
    sample = DaySample.of(held_overnight(), it.clock, 10**11)
    phase, replay = Phase.of(it, INITIAL, 80, sample, (mine,)), sample.replay()
    orders = day_orders(len(sample), Draw(300, 80, 4.0, 1), 300, np.random.default_rng(1))
    results = []
    for skips in (0, SKIPS_QUIET_DAYS):
        outcomes, curves = np.zeros((300, N_OUTCOMES), np.int64), np.zeros((300, 81), np.int64)
        walk_paths_nb(phase.record, replay.rows, replay.days, orders, options | skips, outcomes, curves)
        results.append((outcomes, curves))
    assert np.array_equal(results[0][0], results[1][0])
    assert np.array_equal(results[0][1], results[1][1])
    assert results[0][0][:, STOPPED].any()
    assert results[0][0][:, CUT].any() or kind == "soft"


def held_overnight() -> EquityPath:
    """In the market from the first to the last hour, a new position every third day."""
    path = made_up(drift=10.0, size=1_500.0)
    hour = np.arange(len(path))
    is_open, opened = hour % 72 != 71, hour % 72 == 0
    rng = np.random.default_rng(8)
    equity = path.initial + np.cumsum(
        np.rint(np.where(opened, 0.0, rng.normal(6.0, 300.0, len(path)))).astype(int) * 10**6
    )
    entry = np.maximum.accumulate(np.where(opened, hour, 0))
    return replace(
        path,
        equity=equity,
        floating=np.where(is_open, equity - equity[entry], 0),
        low=equity - 10**8,
        high=equity + 10**8,
        flags=is_open * int(AccountFlag.IS_OPEN) + opened * int(AccountFlag.OPENED),
        is_active=np.ones(len(path), np.bool_),
    )


def by_hand(*days: list[tuple[int, int, int]]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Days of rows (equity, floating, flags) in whole units, relative to the beginning of each day."""
    sizes = [len(day) for day in days]
    rows = np.zeros(sum(sizes), day_row_dtype)
    for row, (close, floating, flags) in zip(rows, [r for day in days for r in day], strict=True):
        row["close_micro"] = row["low_micro"] = row["high_micro"] = close * 10**6
        row["floating_micro"], row["flags"] = floating * 10**6, flags
    table = np.zeros(len(days), day_dtype)
    table["first"], table["n"] = np.cumsum([0, *sizes[:-1]]), sizes
    return rows, table


def test_own_floor_stops_the_day_before_the_firms_and_lets_the_next_one_trade() -> None:
    is_open, opened = int(AccountFlag.IS_OPEN), int(AccountFlag.IS_OPEN | AccountFlag.OPENED)
    rows, days = by_hand(
        [(0, 0, opened), (-3_500, -3_500, is_open), (-6_000, -6_000, is_open), (-6_000, 0, 0)],
        [(0, 0, opened), (2_000, 0, 0)],
    )
    sample = DaySample.of(made_up(), rules().clock, 10**11)
    order = np.array([[0, 1]], np.int32)
    ends = []
    for own in ((), (rules(**BUFFER),)):
        phase = Phase.of(rules(), INITIAL, 2, sample, own)
        outcomes, curves = np.zeros((1, N_OUTCOMES), np.int64), np.zeros((1, 3), np.int64)
        walk_paths_nb(phase.record, rows, days, order, 0, outcomes, curves)
        ends.append(outcomes[0].tolist())
    assert ends[0][:2] == [RuleStatus.DAILY_LOSS, 1]
    assert ends[1] == [RuleStatus.RUNNING, 2, (100_000 - 3_500 + 2_000) * 10**6, 1, 0]


def test_positions_are_cut_before_the_reset_that_would_break_a_floor() -> None:
    """4,000 closed and 7,000 floating against it: at midnight the floor is 99,000, and equity 97,000 without a tick.

    Five sevenths may stay: 5,000 floating of a balance of 102,000. What the night does counts for that part alone.
    """
    is_open, opened = int(AccountFlag.IS_OPEN), int(AccountFlag.IS_OPEN | AccountFlag.OPENED)
    rows, days = by_hand(
        [(4_000, 0, 0), (4_000, 0, opened), (-3_000, -7_000, is_open)],
        [(700, -6_300, is_open), (1_400, 0, 0), (1_400, 0, opened), (2_400, 0, 0)],
    )
    sample = DaySample.of(made_up(), rules().clock, 10**11)
    order = np.array([[0, 1]], np.int32)
    ends = []
    for own in ((), (rules(**BUFFER | {"daily": None, "reset": BUFFER["daily"]["reset"]}),)):
        phase = Phase.of(rules(), INITIAL, 2, sample, own)
        outcomes, curves = np.zeros((1, N_OUTCOMES), np.int64), np.zeros((1, 3), np.int64)
        walk_paths_nb(phase.record, rows, days, order, 0, outcomes, curves)
        ends.append(outcomes[0].tolist())
    assert ends[0][:2] == [RuleStatus.DAILY_LOSS, 1]
    status, taken, balance, stopped, cut = ends[1]
    assert (status, taken, stopped, cut) == (RuleStatus.RUNNING, 2, 0, 1)
    assert balance == pytest.approx((97_000 + 1_000 + 1_000) * 10**6, abs=2 * 10**4)  # a millionth of a position


def test_own_rules_need_the_firms_clock() -> None:
    daily = {**BUFFER["daily"], "reset": {"tz": "UTC", "time": "00:00"}}
    sample = DaySample.of(made_up(), rules().clock, 10**11)
    with pytest.raises(ConfigError, match="another time"):
        Phase.of(rules(), INITIAL, 60, sample, (rules(**BUFFER | {"daily": daily}),))


def test_a_buffer_saves_accounts_from_the_firms_daily_limit() -> None:
    path, params = held_overnight(), replace(QUICK, worlds=0)
    phases = shipped_rules().find("ftmo.2step")
    bare = challenge(path, phases, params)
    kept = challenge(path, phases, params, own=(rules(**BUFFER),))
    losses = [sum(p.daily_loss for p in r.headline.phases) for r in (bare, kept)]
    assert losses[1] < losses[0]
    assert 0 < kept.headline.stopped <= params.paths
    assert kept.headline.cut > 0
    assert bare.headline.stopped == bare.headline.cut == 0
