"""Roll schedules: by hand, and blind to what is not over yet."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tradewright.core.types.errors import DataError, UsageError
from tradewright.data.rolls import Contract, Roll, RollParams, RollRule, roll_schedule

#: Trading days 0 to 4, 7 to 11, 14 to 18, ... : weeks of five.
DAYS = np.array([7 * w + d for w in range(8) for d in range(5)], np.int64)
CONTRACTS = [Contract("H", 17), Contract("M", 38), Contract("U", 90)]


def figures(column: str, rows: dict[str, dict[int, float]]) -> pl.DataFrame:
    flat = [(symbol, day, value) for symbol, days in rows.items() for day, value in days.items()]
    return pl.DataFrame(flat, schema={"symbol": pl.String, "day": pl.Int64, column: pl.Float64}, orient="row")


def test_days_before_expiry_count_trading_days() -> None:
    rolls = roll_schedule(CONTRACTS, DAYS, RollParams(RollRule.DAYS_BEFORE_EXPIRY, days=5))
    assert rolls == (Roll(10, "H", "M"), Roll(31, "M", "U"))
    assert roll_schedule(CONTRACTS, DAYS, RollParams(days=0))[0] == Roll(17, "H", "M")
    # a last day that is a holiday counts as the trading day before it
    assert roll_schedule([Contract("H", 12), Contract("M", 38)], DAYS, RollParams(days=1))[0].day == 10


def test_a_crossover_decides_about_the_next_day() -> None:
    volume = {"H": dict.fromkeys(range(20), 10.0), "M": dict.fromkeys(range(20), 5.0) | {9: 11.0, 10: 12.0}}
    daily = figures("volume", volume)
    rule = RollRule.VOLUME_CROSSOVER
    assert roll_schedule(CONTRACTS[:2], DAYS, RollParams(rule, days=1), daily)[0] == Roll(10, "H", "M")
    assert roll_schedule(CONTRACTS[:2], DAYS, RollParams(rule, days=1, lag_days=2), daily)[0].day == 11
    assert roll_schedule(CONTRACTS[:2], DAYS, RollParams(rule, days=1, confirm_days=2), daily)[0].day == 11
    # three days in a row never come: the latest day decides
    assert roll_schedule(CONTRACTS[:2], DAYS, RollParams(rule, days=1, confirm_days=3), daily)[0].day == 16
    assert roll_schedule(CONTRACTS[:2], DAYS[:8], RollParams(rule, days=1, confirm_days=3), daily) == ()


def test_open_interest_is_its_own_column() -> None:
    daily = figures("open_interest", {"H": {7: 10.0}, "M": {7: 11.0}})
    assert roll_schedule(CONTRACTS[:2], DAYS, RollParams(RollRule.OPEN_INTEREST), daily)[0].day == 8
    with pytest.raises(UsageError, match="needs daily volume"):
        roll_schedule(CONTRACTS[:2], DAYS, RollParams(RollRule.VOLUME_CROSSOVER), daily)


@pytest.mark.parametrize("rule", [RollRule.VOLUME_CROSSOVER, RollRule.OPEN_INTEREST])
@pytest.mark.parametrize(("confirm", "lag"), [(1, 1), (2, 1), (1, 2), (3, 2)])
def test_no_roll_depends_on_a_day_that_is_not_over(rule: RollRule, confirm: int, lag: int) -> None:
    rng = np.random.default_rng(confirm * 10 + lag)
    params = RollParams(rule, days=2, confirm_days=confirm, lag_days=lag)
    column = "volume" if rule is RollRule.VOLUME_CROSSOVER else "open_interest"
    for _ in range(30):
        rows = {c.symbol: {int(d): float(rng.integers(0, 100)) for d in DAYS} for c in CONTRACTS}
        daily = figures(column, rows)
        whole = roll_schedule(CONTRACTS, DAYS, params, daily)
        for at in rng.integers(lag, len(DAYS), 4).tolist():
            known_until = int(DAYS[at - lag])
            noise = pl.when(pl.col("day") > known_until).then(pl.lit(50.0) - pl.col(column)).otherwise(pl.col(column))
            other = roll_schedule(CONTRACTS, DAYS, params, daily.with_columns(noise.alias(column)))
            today = int(DAYS[at])
            assert [r for r in other if r.day <= today] == [r for r in whole if r.day <= today]


def test_bad_requests_are_refused() -> None:
    with pytest.raises(DataError, match="not in order of expiry"):
        roll_schedule(CONTRACTS[::-1], DAYS, RollParams())
    with pytest.raises(DataError, match="do not ascend"):
        roll_schedule(CONTRACTS, DAYS[::-1], RollParams())
    with pytest.raises(DataError, match="H would roll before the first trading day"):
        roll_schedule(CONTRACTS, DAYS, RollParams(days=99))
    with pytest.raises(UsageError, match="a day is known once it is over"):
        RollParams(lag_days=0)
    with pytest.raises(UsageError, match="0 is not possible"):
        RollParams(confirm_days=0)
