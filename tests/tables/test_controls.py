"""Every control of the guard: the wish it refuses, and the one at its edge that it lets through.

Each table runs through the compiled verbs in the loop's order and through the session; they agree to the bit.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.tables.script import (
    PLAIN,
    START,
    Key,
    Outcome,
    Series,
    Setting,
    Wish,
    assert_orders,
    check,
    check_both_sides,
    play,
)

from tradewright.core.types.order import Reason
from tradewright.execution.sim_venue import LatencyParams, SimVenueParams
from tradewright.risk.limits import Limits
from tradewright.strategies.signals import (
    bracket_at,
    cancel,
    limit,
    market,
    on_instrument,
    reduce_only,
    stop,
    tagged,
    target,
)
from tradewright.strategies.signals import (
    replace as amend,
)

FLAT = "100 101 99 100"


def guarded(**limits: object) -> Setting:
    """Setting with limits."""
    return Setting(limits=Limits.model_validate(limits))


def flat(bars: int) -> str:
    """So many bars that stand at 100."""
    return " | ".join([FLAT] * bars)


def reasons(outcome: Outcome) -> list[str]:
    """Return the reason of every verdict in the guard's log; a dot where it let the wish through."""
    return [Reason(int(r)).name if r else "." for r in outcome.result.decisions["reason"]]


# ------------------------------------------------------------------------------------------------ C01, C02: prices
def test_a_limit_may_stand_at_the_collar_and_not_beyond() -> None:
    # 2 % of 100: from 98 to 102.
    check_both_sides(
        FLAT,
        {0: lambda s: (limit(s, 1, 98), limit(s, 1, 97.99), limit(s, 1, 102), limit(s, 1, 102.01))},
        orders="""
            limit buy 0/1 SUBMITTED
            limit buy 0/1 DENIED PRICE_COLLAR
            limit buy 0/1 SUBMITTED
            limit buy 0/1 DENIED PRICE_COLLAR
        """,
        setting=guarded(collar={"share": 0.02}),
    )


def test_a_stop_is_held_by_the_collar_too_and_an_exit_is_not() -> None:
    check(
        flat(3),
        {
            0: lambda s: (stop(s, 1, 102), stop(s, 1, 102.01), market(s, 1)),
            1: lambda s: reduce_only(s, limit(s, -1, 150)),
        },
        fills="1 buy 1 @ 100 strategy",
        orders="""
            stop   buy  0/1 ACCEPTED
            stop   buy  0/1 DENIED PRICE_COLLAR
            market buy  1/1 FILLED
            limit  sell 0/1 ACCEPTED
        """,
        setting=guarded(collar={"share": 0.02}),
    )


def test_a_market_order_is_filled_up_to_the_collar_or_not_at_all() -> None:
    # The open at 102 is just within 2 %, the one at 102.01 is beyond.
    for opens, fills, orders in (
        ("102", "1 buy 1 @ 102 strategy", "market buy 1/1 FILLED"),
        ("102.01", "", "market buy 0/1 CANCELED UNFILLED_REMAINDER"),
    ):
        bars = f"{FLAT} | {opens} 103 101 102 | 100 101 99 100"
        script: dict[Key, Wish] = {0: lambda s: market(s, 1)}
        check_both_sides(bars, script, fills=fills, orders=orders, setting=guarded(collar={"share": 0.02}))


def test_a_market_order_on_quotes_is_filled_up_to_the_collar() -> None:
    feed = "0 quote 99 101 5 5 | 10 quote {0} {1} 5 5 | 20 quote 99 101 5 5"
    setting = guarded(collar={"share": 0.02})
    venue = SimVenueParams(latency=LatencyParams(request_ms=15.0))
    for bid, ask, fills in ((101, 102, "2 buy 1 @ 102 strategy"), (101, 102.01, "")):
        on_quotes = replace(setting, feed=feed.format(bid, ask), venue=venue)
        check("", {0: lambda s: market(s, 1)}, fills=fills, setting=on_quotes)


def test_a_collar_in_average_ranges_needs_fourteen_bars() -> None:
    # Every bar ranges over 2, so that one average true range is 2; after 13 bars it is not known, which refuses.
    check(
        flat(14),
        {12: lambda s: limit(s, 1, 100), 13: lambda s: (limit(s, 1, 98), limit(s, 1, 97.99))},
        orders="""
            limit buy 0/1 DENIED PRICE_COLLAR
            limit buy 0/1 SUBMITTED
            limit buy 0/1 DENIED PRICE_COLLAR
        """,
        setting=guarded(collar={"atr": 1.0}),
    )


def test_a_replaced_order_is_held_by_the_collar() -> None:
    check(
        flat(3),
        {
            0: lambda s: tagged(s, limit(s, 1, 99), 7),
            1: lambda s: amend(s, 7, 97),
        },
        orders="limit buy 0/1 ACCEPTED | limit buy 0/1 DENIED PRICE_COLLAR",
        setting=guarded(collar={"share": 0.02}),
    )


def test_own_fills_that_move_too_far_disable_the_strategy() -> None:
    # Fills at 100 and 101 are 1 % apart, which is allowed; 101.01 is not, and nothing is opened from then on.
    for second, verdict in (("101", "FILLED"), ("101.01", "DENIED COLLAR_OVER_TIME")):
        check(
            f"{FLAT} | {FLAT} | {second} 102 100 101 | 101 102 100 101 | 101 102 100 101",
            {0: lambda s: market(s, 1), 1: lambda s: market(s, 1), 3: lambda s: market(s, 1)},
            fills=f"1 buy 1 @ 100 strategy | 2 buy 1 @ {second} strategy"
            + (" | 4 buy 1 @ 101 strategy" if verdict == "FILLED" else ""),
            orders=f"market buy 1/1 FILLED | market buy 1/1 FILLED | market buy {int(verdict == 'FILLED')}/1 {verdict}",
            setting=guarded(collar_over_time={"share": 0.01, "seconds": 120}),
        )


# --------------------------------------------------------------------------------------- C03, C05, C06: how much
def test_order_size() -> None:
    check(
        FLAT,
        {0: lambda s: (market(s, 10), market(s, 11))},
        orders="market buy 0/10 SUBMITTED | market buy 0/11 DENIED MAX_ORDER_SIZE",
        setting=guarded(max_order_size=10.5),
    )


def test_order_size_as_a_share_of_the_bar() -> None:
    # The bar traded 200, of which 5 % are 10.
    check(
        "100 101 99 100 200",
        {0: lambda s: (market(s, 10), market(s, 11))},
        orders="market buy 0/10 SUBMITTED | market buy 0/11 DENIED MAX_ORDER_SIZE",
        setting=guarded(max_volume_share=0.05),
    )


def test_order_size_as_a_share_of_the_quote() -> None:
    # Ten are offered and 20 are bid for, of which half are 5 and 10.
    feed = replace(guarded(max_volume_share=0.5), feed="0 quote 99 101 20 10")
    outcome = play("", {0: lambda s: (market(s, 6), limit(s, 5, 90), limit(s, -11, 110), limit(s, -10, 111))}, feed)
    assert reasons(outcome) == ["MAX_ORDER_SIZE", ".", "MAX_ORDER_SIZE", "."]


def test_position_size_counts_what_works() -> None:
    # Six working and four more are ten; five more would be eleven.
    check_both_sides(
        FLAT,
        {0: lambda s: (limit(s, 6, 99), limit(s, 5, 99), limit(s, 4, 99))},
        orders="limit buy 0/6 SUBMITTED | limit buy 0/5 DENIED MAX_POSITION | limit buy 0/4 SUBMITTED",
        setting=guarded(max_position_size=10),
    )


def test_gross_exposure_counts_both_sides() -> None:
    # 1,500 allowed: ten bought and five sold short elsewhere at 100 are that; one more is not.
    other = Series(replace(PLAIN, symbol="Y"), flat(1))
    outcome = play(
        flat(1),
        {("Y", 0): lambda s: (market(s, -5), on_instrument(s, market(s, 10), 0), on_instrument(s, market(s, 1), 0))},
        replace(guarded(max_gross_value=1500), others=(other,)),
    )
    assert reasons(outcome) == [".", ".", "MAX_GROSS_EXPOSURE"]


def test_net_exposure_lets_a_hedge_through() -> None:
    # 1,000 net: ten bought here leave nothing to buy there; what is sold there is a hedge.
    other = Series(replace(PLAIN, symbol="Y"), flat(1))
    outcome = play(
        flat(1),
        {("Y", 0): lambda s: (on_instrument(s, market(s, 10), 0), market(s, 1), market(s, -10), market(s, -1))},
        replace(guarded(max_net_value=1000), others=(other,)),
    )
    assert reasons(outcome) == [".", "MAX_NET_EXPOSURE", ".", "MAX_NET_EXPOSURE"]


# ------------------------------------------------------------------------------------------ C07 to C10: how often
def test_the_throttle_keeps_a_share_for_cancels() -> None:
    # Five messages at once, two kept for cancels; one message a minute comes back, and cancels are never refused.
    def burst(s: np.ndarray) -> None:
        for n in range(4):
            tagged(s, limit(s, 1, 90 + n), n + 1)
        for n in range(3):
            cancel(s, n + 1)

    outcome = play(
        flat(8),
        {0: burst, 2: lambda s: limit(s, 1, 80), 3: lambda s: limit(s, 1, 81), 4: lambda s: limit(s, 1, 82)},
        guarded(throttle={"per_second": 1 / 60, "burst": 5, "cancel_share": 0.4}),
    )
    # the six messages of bar 0 leave the bucket empty; what is kept for cancels has come back after two minutes, the
    # third lets an order through
    assert reasons(outcome) == [".", ".", ".", "MESSAGE_THROTTLE", ".", ".", ".", "MESSAGE_THROTTLE", ".", "."]


def test_orders_per_day() -> None:
    # Two a day; a new day begins with the fifth bar of six hours.
    outcome = play(
        flat(6),
        {0: lambda s: (limit(s, 1, 90), limit(s, 1, 91), limit(s, 1, 92)), 4: lambda s: limit(s, 1, 93)},
        replace(guarded(max_orders_per_day=2), minutes=360),
    )
    assert reasons(outcome) == [".", ".", "MAX_ORDERS_PER_DAY", "."]


def test_signals_per_hour() -> None:
    # One an hour where no forecast is known: at the close of bar 59 it is 59 minutes old, of bar 60 an hour.
    outcome = play(
        flat(61),
        {0: lambda s: limit(s, 1, 90), 59: lambda s: limit(s, 1, 91), 60: lambda s: limit(s, 1, 92)},
        guarded(signals_per_hour=[{"per_hour": 1}]),
    )
    assert reasons(outcome) == [".", "SIGNALS_PER_HOUR", "."]


def test_repeated_execution_disables_until_a_person_enables() -> None:
    # Two buys in five minutes are allowed, the third disables; sells count by themselves.
    for fills, last in ((2, "."), (3, "REPEATED_EXECUTION")):
        outcome = play(
            flat(8),
            {**{n: lambda s: market(s, 1) for n in range(fills)}, 5: lambda s: limit(s, 1, 90)},
            guarded(repeated_execution={"fills": 3, "seconds": 300}),
        )
        assert reasons(outcome)[-1] == last


def test_duplicates() -> None:
    # Same side, size within 1 % and price within a tick, within 60 seconds: refused, unless tags tell them apart.
    outcome = play(
        flat(3),
        {
            0: lambda s: (
                tagged(s, limit(s, 100, 90), 1),
                limit(s, 101, 90.01),
                limit(s, 102, 90),
                limit(s, 100, 90.04),
                tagged(s, limit(s, 100, 90), 2),
                limit(s, -100, 90.01),
                market(s, 5),
                market(s, 5),
            ),
            1: lambda s: limit(s, 100, 90),
        },
        guarded(duplicate_seconds=60),
    )
    assert reasons(outcome) == [".", "DUPLICATE_ORDER", ".", ".", ".", ".", ".", "DUPLICATE_ORDER", "."]


# ------------------------------------------------------------------------------------------- C12 to C14: the data
def test_stale_data() -> None:
    # Y's newest bar ended with bar 0; five minutes later it is too old to be acted on, four minutes are not.
    other = Series(replace(PLAIN, symbol="Y"), FLAT)
    outcome = play(
        flat(6),
        {("X", n): lambda s: on_instrument(s, market(s, 1), 1) for n in (4, 5)},
        replace(guarded(max_data_age_seconds=240), others=(other,)),
    )
    assert reasons(outcome) == [".", "STALE_DATA"]


def test_data_that_jumps_or_stands_still() -> None:
    # The first price is a jump from nothing; 105 from 100 is one of 5 %, 110.26 from 105 one of a little more.
    outcome = play(
        f"{FLAT} | {FLAT} | 100 105 100 105 | 110.26 110.26 110.26 110.26 | 110.26 111 110 110.26 | "
        "110.26 111 110 110.26 | 110.26 111 110 110.26",
        {n: lambda s: limit(s, 1, 50) for n in range(7)},
        guarded(data={"max_jump": 0.05, "max_frozen": 3}),
    )
    bad = "UNREASONABLE_DATA"
    assert reasons(outcome) == [bad, ".", ".", bad, ".", ".", bad]


@pytest.mark.parametrize(
    "quote", ["nan 101", "99 nan", "0 101", "-1 101", "101.01 101", "99 inf"], ids=lambda q: q.replace(" ", "/")
)
def test_prices_that_are_none(quote: str) -> None:
    # Nothing is opened on them, and the mark stays where it was: ten long keep their value.
    feed = f"0 quote 99 101 5 5 | 10 quote 99 101 5 5 | 20 quote {quote} 5 5 | 30 quote 99 101 5 5"
    setting = replace(guarded(data={}), feed=feed)
    outcome = play("", {0: lambda s: market(s, 5), 2: lambda s: market(s, 1), 3: lambda s: limit(s, 1, 50)}, setting)
    assert reasons(outcome) == [".", "UNREASONABLE_DATA", "."]
    assert outcome.result.equity.tolist()[2] == outcome.result.equity.tolist()[1]


def test_a_locked_quote_is_one() -> None:
    setting = replace(guarded(data={}), feed="0 quote 100 100 5 5")
    assert reasons(play("", {0: lambda s: market(s, 1)}, setting)) == ["."]


# ------------------------------------------------------------------------------------------ C15, C16: when and what
def test_windows_begin_at_their_first_moment_and_end_before_their_last() -> None:
    # Closes of bars 0 to 3 are 00:01 to 00:04; the window is [00:02, 00:04).
    window = {"start": "2024-01-02T00:02:00Z", "end": "2024-01-02T00:04:00Z"}
    outcome = play(flat(4), {n: lambda s: limit(s, 1, 90) for n in range(4)}, guarded(windows={"dates": [window]}))
    assert reasons(outcome) == [".", "BLACKOUT", "BLACKOUT", "."]


def test_news_hold_to_their_last_second() -> None:
    news = {"times": ["2024-01-02T00:03:00Z"], "before_seconds": 60, "after_seconds": 60}
    outcome = play(flat(5), {n: lambda s: limit(s, 1, 90) for n in range(5)}, guarded(windows={"news": news}))
    assert reasons(outcome) == [".", "BLACKOUT", "BLACKOUT", "BLACKOUT", "."]


def test_a_window_that_closes_flattens_and_an_exit_is_let_through() -> None:
    # 2024-01-02 is a Tuesday.
    weekly = {"start": "Tue 00:02", "end": "Tue 00:04", "close": True}
    check_both_sides(
        flat(6),
        {0: lambda s: market(s, 5), 4: lambda s: market(s, 2)},
        fills="1 buy 5 @ 100 strategy | 2 sell 5 @ 100 risk | 5 buy 2 @ 100 strategy",
        orders="market buy 5/5 FILLED | market sell 5/5 FILLED | market buy 2/2 FILLED",
        setting=guarded(windows={"weekly": [weekly]}),
    )
    outcome = play(flat(3), {0: lambda s: market(s, 5)}, guarded(windows={"weekly": [weekly]}))
    assert reasons(outcome) == [".", "."]
    check(
        flat(4),
        {0: lambda s: market(s, 5), 1: lambda s: target(s, 0.0)},
        fills="1 buy 5 @ 100 strategy | 2 sell 5 @ 100 strategy",
        setting=guarded(windows={"weekly": [{**weekly, "close": False}]}),
    )


def test_only_what_is_allowed_is_traded() -> None:
    other = Series(replace(PLAIN, symbol="Y"), FLAT)
    outcome = play(
        FLAT,
        {("X", 0): lambda s: market(s, 1), ("Y", 0): lambda s: market(s, 1)},
        replace(guarded(allowed=["Y"]), others=(other,)),
    )
    assert reasons(outcome) == ["NOT_ALLOWED", "."]


# ------------------------------------------------------------------------------ C17 to C19: exits, stops, ourselves
def test_no_trade_with_ourselves() -> None:
    # A sell rests at 101: a buy at 101 would meet it, at 100.99 not; a market buy at 100 does not reach it.
    check_both_sides(
        FLAT,
        {0: lambda s: (limit(s, -5, 101), limit(s, 5, 101), limit(s, 5, 100.99), market(s, 1))},
        orders="""
            limit  sell 0/5 SUBMITTED
            limit  buy  0/5 DENIED SELF_MATCH
            limit  buy  0/5 SUBMITTED
            market buy  0/1 SUBMITTED
        """,
        setting=guarded(prevent_self_match=True),
    )


def test_an_exit_cancels_what_it_would_meet() -> None:
    # Five long with a buy resting at 99.5: an exit at 99.5 takes that one off and goes through.
    outcome = play(
        flat(3),
        {0: lambda s: market(s, 5), 1: lambda s: (limit(s, 1, 99.5), reduce_only(s, limit(s, -5, 99.5)))},
        guarded(prevent_self_match=True),
    )
    assert_orders(
        outcome,
        """
            market buy  5/5 FILLED
            limit  buy  0/1 CANCELED SELF_MATCH
            limit  sell 5/5 FILLED
        """,
    )


def test_a_position_without_a_stop_is_closed_in_time() -> None:
    # Entered with bar 1, at whose close the clock begins; two minutes later it is closed, with a stop it is not.
    check_both_sides(
        flat(6),
        {0: lambda s: market(s, 5)},
        fills="1 buy 5 @ 100 strategy | 4 sell 5 @ 100 risk",
        orders="market buy 5/5 FILLED | market sell 5/5 FILLED",
        setting=guarded(naked_seconds=120),
    )
    check_both_sides(
        flat(6),
        {0: lambda s: bracket_at(s, market(s, 5), 90)},
        fills="1 buy 5 @ 100 strategy",
        orders="market buy 5/5 FILLED | stop sell 0/5 ACCEPTED",
        setting=guarded(naked_seconds=120),
    )
    check(
        flat(6),
        {0: lambda s: market(s, 5), 2: lambda s: reduce_only(s, stop(s, -5, 90))},
        fills="1 buy 5 @ 100 strategy",
        setting=guarded(naked_seconds=120),
    )
    check(
        flat(6),
        {0: lambda s: market(s, 5), 2: lambda s: reduce_only(s, stop(s, -4, 90))},  # one is left uncovered
        fills="1 buy 5 @ 100 strategy | 4 sell 5 @ 100 risk",
        setting=guarded(naked_seconds=120),
    )


# ------------------------------------------------------------------------------------------ C20, C23: after losses
def test_a_days_loss_limit_that_only_a_person_lifts() -> None:
    # Four bars a day, 100 may be lost. Without the latch bar 4 begins a new day and trades (`test_refusals`).
    check_both_sides(
        "100 100 100 100 | 100 100 89.99 89.99 | 91 91 91 91 | 91 91 91 91 | 91 91 91 91 | 91 91 91 91",
        {0: lambda s: market(s, 10), 4: lambda s: market(s, 3)},
        fills="1 buy 10 @ 100 strategy | 2 sell 10 @ 91 risk",
        orders="""
            market buy  10/10 FILLED
            market sell 10/10 FILLED
            market buy   0/3  DENIED INTRADAY_LOSS
        """,
        setting=Setting(minutes=360, cash=1000.0, limits=Limits(intraday_loss=0.1, intraday_loss_needs_reset=True)),
    )


def test_two_losses_within_an_hour_make_sizes_smaller() -> None:
    # Each trip loses a tick. Two losses 60 minutes apart halve what comes after them that day; 61 minutes do not.
    losing = "100 100 100 100 | 100 100 100 100 | 99.99 99.99 99.99 99.99"
    for minutes, size in ((1, 5), (21, 10)):
        outcome = play(
            f"{losing} | {losing} | {FLAT} | {FLAT}",
            {0: lambda s: market(s, 10), 1: lambda s: market(s, -10), 3: lambda s: market(s, 10),
             4: lambda s: market(s, -10), 6: lambda s: market(s, 10)},
            replace(guarded(loss_streak={}), minutes=minutes),
        )  # fmt: skip
        assert int(outcome.result.fills["lots"][-1]) == size


def test_a_target_is_made_smaller_once_and_closing_is_not() -> None:
    losing = "100 100 100 100 | 100 100 100 100 | 99.99 99.99 99.99 99.99"
    outcome = play(
        f"{losing} | {losing} | {flat(4)}",
        {0: lambda s: market(s, 10), 1: lambda s: market(s, -10), 3: lambda s: market(s, 10),
         4: lambda s: market(s, -10), 6: lambda s: target(s, 10, 1), 7: lambda s: target(s, 10, 1),
         8: lambda s: target(s, 0.0, 1)},
        guarded(loss_streak={}),
    )  # fmt: skip
    assert outcome.result.fills["lots"].tolist() == [10, 10, 10, 10, 5, 5]


def test_a_streak_may_stop_all_new_risk_for_the_day() -> None:
    losing = "100 100 100 100 | 100 100 100 100 | 99.99 99.99 99.99 99.99"
    outcome = play(
        f"{losing} | {FLAT} | {FLAT}",
        {0: lambda s: market(s, 10), 1: lambda s: market(s, -10), 3: lambda s: market(s, 10)},
        guarded(loss_streak={"losses": 1, "reduce_by": 1.0}),
    )
    assert reasons(outcome) == [".", ".", "LOSS_STREAK"]


# ------------------------------------------------------------------------------------------------------ C25: canary
def test_canary_caps() -> None:
    canary = {"symbols": ["X"], "max_orders_per_day": 2, "max_order_value": 500, "max_position_value": 800}
    outcome = play(
        FLAT,
        {0: lambda s: (limit(s, 6, 100), limit(s, 5, 100), limit(s, 4, 100), limit(s, 3, 100), limit(s, -1, 100))},
        guarded(canary=canary),
    )
    assert reasons(outcome) == ["CANARY", ".", "CANARY", ".", "CANARY"]
    other = Series(replace(PLAIN, symbol="Y"), FLAT)
    outcome = play(FLAT, {("Y", 0): lambda s: market(s, 1)}, replace(guarded(canary=canary), others=(other,)))
    assert reasons(outcome) == ["CANARY"]


def test_the_log_holds_the_figures_a_verdict_was_given_by() -> None:
    outcome = play(flat(2), {0: lambda s: (market(s, 5), market(s, 11))}, guarded(max_order_size=10))
    first, second = outcome.result.decisions
    assert (first["ts"], first["lots"], first["reason"], first["mark"]) == (START + 60_000_000_000, 5, 0, 100.0)
    assert (second["lots"], second["reserved_micro"], second["orders_today"]) == (11, 500_000_000, 1)
    assert second["order"] == outcome.result.orders["id"][0]  # the denial is the first to end
