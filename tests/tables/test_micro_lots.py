"""Micro lots: what opens goes out in smallest lots, what closes goes whole, and three limits of their own."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import ValidationError
from tests.tables.script import PLAIN, Key, Outcome, Setting, Wish, play

from tradewright.core.types.order import Reason
from tradewright.risk.limits import Limits
from tradewright.strategies.signals import market, reduce_only, target

FLAT = "100 101 99 100"
LEAST = 5


def micro(**changes: float) -> Setting:
    """Setting with micro lots; the smallest lot is 5."""
    limits = {"max_orders_per_day": 100, "max_loss": 50_000.0, "max_open_lots": 3} | changes
    return Setting(instrument=replace(PLAIN, min_lots=LEAST), limits=Limits.model_validate({"micro_lots": limits}))


def flat(bars: int) -> str:
    return " | ".join([FLAT] * bars)


def signed(outcome: Outcome) -> list[int]:
    """Lots of each fill, sales below zero."""
    return [int(row["side"] * row["lots"]) for row in outcome.result.fills]


def reasons(outcome: Outcome) -> list[str]:
    return [Reason(int(r)).name if r else "." for r in outcome.result.decisions["reason"]]


def test_a_wanted_position_is_one_smallest_lot_whatever_its_size_and_a_turn_closes_it_and_opens_one() -> None:
    outcome = play(
        flat(7),
        {
            0: lambda s: target(s, 0.4),
            2: lambda s: target(s, 0.7),  # it is held already, as far as smallest lots go
            3: lambda s: target(s, -0.4),
            5: lambda s: target(s, 0),
        },
        micro(),
    )
    assert signed(outcome) == [LEAST, -2 * LEAST, LEAST]


def test_each_order_adds_one_lot_as_many_as_may_be_open_and_what_closes_goes_whole() -> None:
    script: dict[Key, Wish] = {n: lambda s: market(s, 300) for n in range(0, 8, 2)}
    script[8] = lambda s: reduce_only(s, market(s, -300))
    outcome = play(flat(11), script, micro())
    assert signed(outcome) == [LEAST, LEAST, LEAST, -3 * LEAST]
    assert reasons(outcome) == [".", ".", ".", "MAX_POSITION", "."]


def test_less_than_the_smallest_lot_is_still_refused() -> None:
    assert reasons(play(flat(2), {0: lambda s: market(s, 4)}, micro())) == ["BELOW_MINIMUM_SIZE"]


def test_orders_a_day_are_the_fewer_of_both() -> None:
    script: dict[Key, Wish] = {n: lambda s: market(s, 300) for n in range(3)}
    assert reasons(play(flat(4), script, micro(max_orders_per_day=2))) == [".", ".", "MAX_ORDERS_PER_DAY"]
    wide = micro(max_orders_per_day=2)
    tight = replace(wide, limits=wide.limits.model_copy(update={"max_orders_per_day": 1}))
    assert reasons(play(flat(4), script, tight))[1] == "MAX_ORDERS_PER_DAY"


def test_money_lost_closes_everything_for_good() -> None:
    # Five lots from 100: at 90 fifty are lost, which may be; at 89 it is more.
    bars = f"{FLAT} | {FLAT} | 90 90 90 90 | 89 89 89 89 | 89 89 89 89 | {FLAT} | {FLAT}"
    outcome = play(bars, {0: lambda s: market(s, 300), 5: lambda s: market(s, 300)}, micro(max_loss=50.0))
    assert signed(outcome) == [LEAST, -LEAST]
    assert [int(fill["ts_event"]) for fill in outcome.result.fills][1] > 0
    assert reasons(outcome)[-1] == "MAX_DRAWDOWN"


@pytest.mark.parametrize("name", ["max_orders_per_day", "max_loss", "max_open_lots"])
def test_without_any_of_its_limits_it_is_refused(name: str) -> None:
    limits = {"max_orders_per_day": 1, "max_loss": 1.0, "max_open_lots": 1}
    del limits[name]
    with pytest.raises(ValidationError, match=name):
        Limits.model_validate({"micro_lots": limits})
