"""Fills on quotes and on trades, and what latency does to them. Times are milliseconds."""

from __future__ import annotations

from dataclasses import replace

from tests.tables.script import NS_PER_MS, PLAIN, START, Key, Outcome, Setting, Wish, check, with_fees

from tradewright.execution.sim_venue import LatencyParams, SimVenueParams
from tradewright.strategies.signals import (
    bracket_at,
    cancel,
    good_till,
    immediate,
    limit,
    market,
    reduce_only,
    stop,
    stop_limit,
    tagged,
    trailing_stop,
)
from tradewright.strategies.signals import replace as amend


def on(feed: str, **more: object) -> Setting:
    """Play a feed."""
    return replace(Setting(feed=feed), **more)  # type: ignore[arg-type]  # the names are those of Setting


def lagging(request_ms: float, answer_ms: float) -> SimVenueParams:
    """Constant latency."""
    return SimVenueParams(latency=LatencyParams(request_ms=request_ms, answer_ms=answer_ms))


def times(outcome: Outcome) -> list[tuple[float, float]]:
    """When each fill happened and when we knew, in milliseconds."""
    fills = outcome.result.fills
    return [
        ((e - START) / NS_PER_MS, (s - START) / NS_PER_MS)
        for e, s in zip(fills["ts_event"], fills["ts_seen"], strict=True)
    ]


SHARED = replace(PLAIN, participation=1.0)  # no more than the size shown
CALM = """
    0 quote  99.90 100.10 50 50
    1 quote  99.90 100.10 50 50
    2 quote  99.90 100.10 50 50
"""


# ------------------------------------------------------------------------------------------------------------- quotes
def test_market_takes_the_quote() -> None:
    # A buy takes the ask that stands, a sell the bid; the fill is known with the next event.
    check(
        script={0: lambda s: market(s, 10), 1: lambda s: market(s, -10)},
        fills="""
            1 buy  10 @ 100.10 strategy
            2 sell 10 @ 99.90  strategy
        """,
        setting=on(CALM),
    )


def test_market_pays_slippage_but_no_modelled_spread() -> None:
    # The spread is in the quote; 1 bp of slippage comes on top: 100.10 x 1.0001.
    check(
        script={0: lambda s: market(s, 10)},
        fills="1 buy 10 @ 100.11001 strategy",
        setting=on(CALM, instrument=with_fees(half_spread_bps=5, slippage_bps=1)),
    )


def test_limit_needs_the_ask_below_it() -> None:
    # Bid for 99.90: an ask at 99.90 is a touch, an ask at 99.89 is through, and the fill is the limit.
    check(
        script={0: lambda s: limit(s, 10, 99.90)},
        fills="2 buy 10 @ 99.90 strategy",
        setting=on("""
            0 quote 99.90 100.10 50 50
            1 quote 99.80  99.90 50 50
            2 quote 99.80  99.89 50 50
        """),
    )


def test_sell_limit_needs_the_bid_above_it() -> None:
    # The mirror image.
    check(
        script={0: lambda s: limit(s, -10, 100.10)},
        fills="2 sell 10 @ 100.10 strategy",
        setting=on("""
            0 quote  99.90 100.10 50 50
            1 quote 100.10 100.20 50 50
            2 quote 100.11 100.20 50 50
        """),
    )


def test_limit_at_the_other_side_takes_it() -> None:
    # Sent at the ask it trades at once, as a taker.
    outcome = check(script={0: lambda s: limit(s, 10, 100.10)}, fills="1 buy 10 @ 100.10 strategy", setting=on(CALM))
    assert outcome.result.fills["is_maker"].tolist() == [0]


def test_partial_by_quoted_size() -> None:
    # 50 are shown, then 50 again, then 20: a quote fills no more than it shows.
    check(
        script={0: lambda s: market(s, 110)},
        fills="""
            1 buy 50 @ 100.10 strategy
            1 buy 50 @ 100.20 strategy
            2 buy 10 @ 100.30 strategy
        """,
        orders="market buy 110/110 FILLED",
        setting=on(
            """
            0 quote  99.90 100.10 50 50
            1 quote 100.00 100.20 50 50
            2 quote 100.10 100.30 20 20
            """,
            instrument=SHARED,
        ),
    )


def test_immediate_or_cancel_on_quotes() -> None:
    # What the standing quote does not fill is cancelled at once.
    check(
        script={0: lambda s: (immediate(s, market(s, 110)), immediate(s, limit(s, 5, 99)))},
        fills="1 buy 50 @ 100.10 strategy",
        orders="""
            market buy 50/110 CANCELED UNFILLED_REMAINDER
            limit  buy  0/5   CANCELED UNFILLED_REMAINDER
        """,
        setting=on(CALM, instrument=SHARED),
    )


def test_stop_on_quotes() -> None:
    # A sell stop waits for the bid to come down to it and takes the bid, a gap included.
    check(
        script={0: lambda s: (stop(s, -10, 99.90 - 0.10), stop(s, -5, 99.0))},
        fills="2 sell 10 @ 99.50 strategy",
        setting=on("""
            0 quote 99.90 100.10 50 50
            1 quote 99.81 100.10 50 50
            2 quote 99.50  99.70 50 50
        """),
    )


def test_stop_limit_on_quotes() -> None:
    # Triggered at an ask of 100.60, beyond its limit of 100.50: it rests and fills when the ask falls below.
    check(
        script={0: lambda s: stop_limit(s, 10, 100.30, 100.50)},
        fills="3 buy 10 @ 100.50 strategy",
        setting=on("""
            0 quote  99.90 100.10 50 50
            1 quote 100.40 100.60 50 50
            2 quote 100.30 100.50 50 50
            3 quote 100.20 100.40 50 50
        """),
    )


def test_trailing_stop_on_quotes() -> None:
    # It follows the bid up to 101.00 and sells once the bid has come back by 0.50.
    check(
        script={0: lambda s: trailing_stop(s, -10, 0.5)},
        fills="3 sell 10 @ 100.50 strategy",
        setting=on("""
            0 quote  99.90 100.10 50 50
            1 quote 101.00 101.20 50 50
            2 quote 100.51 100.71 50 50
            3 quote 100.50 100.70 50 50
        """),
    )


def test_bracket_on_quotes() -> None:
    # Bought at 100.10; the target of 100.50 needs a bid above it.
    check(
        script={0: lambda s: bracket_at(s, market(s, 10), 99.0, 100.5)},
        fills="""
            1 buy  10 @ 100.10 strategy
            3 sell 10 @ 100.50 take_profit
        """,
        orders="""
            market buy  10/10 FILLED
            stop   sell  0/10 CANCELED CANCELED_BY_OCO
            limit  sell 10/10 FILLED
        """,
        setting=on("""
            0 quote  99.90 100.10 50 50
            1 quote 100.00 100.20 50 50
            2 quote 100.50 100.70 50 50
            3 quote 100.51 100.71 50 50
        """),
    )


# ------------------------------------------------------------------------------------------------------------- trades
def test_market_on_a_feed_of_trades_fills_at_the_next_trade() -> None:
    # No quotes are known: the next trade, half the spread and slippage against us: 100.20 x 1.0005 = 100.2501.
    check(
        script={0: lambda s: market(s, 10)},
        fills="1 buy 10 @ 100.2501 strategy",
        setting=on("0 trade 100.00 5 1\n1 trade 100.20 5 1", instrument=with_fees(half_spread_bps=4, slippage_bps=1)),
    )


def test_through_fills_and_touch_does_not() -> None:
    # Sellers trade at 99.90, which is our price, then at 99.89, which is through it.
    check(
        script={0: lambda s: limit(s, 10, 99.90)},
        fills="2 buy 10 @ 99.90 strategy",
        setting=on("0 trade 100.00 5 -1\n1 trade 99.90 5 -1\n2 trade 99.89 5 -1"),
    )


def test_a_buyer_does_not_fill_a_bid() -> None:
    # The taker of the trade at 99.80 was a buyer: our bid is on the same side.
    check(
        script={0: lambda s: limit(s, 10, 99.90)},
        fills="2 buy 10 @ 99.90 strategy",
        setting=on("0 trade 100.00 5 -1\n1 trade 99.80 5 1\n2 trade 99.80 5 -1"),
    )


def test_partial_by_traded_size() -> None:
    # Half of what trades through may be ours: 4 of 8, then 6 of 12.
    check(
        script={0: lambda s: limit(s, 10, 99.90)},
        fills="""
            1 buy 4 @ 99.90 strategy
            2 buy 6 @ 99.90 strategy
        """,
        setting=on(
            "0 trade 100.00 5 -1\n1 trade 99.80 8 -1\n2 trade 99.80 12 -1", instrument=replace(PLAIN, participation=0.5)
        ),
    )


def test_stop_on_a_feed_of_trades() -> None:
    # Triggered by the trade at 100.60 and filled by it.
    check(
        script={0: lambda s: stop(s, 10, 100.50)},
        fills="2 buy 10 @ 100.60 strategy",
        setting=on("0 trade 100.00 5 1\n1 trade 100.49 5 1\n2 trade 100.60 5 1"),
    )


def test_trades_do_not_fill_market_orders_where_quotes_are_known() -> None:
    # The quote that stands is the price, not the print.
    check(
        script={0: lambda s: market(s, 10)},
        fills="1 buy 10 @ 100.10 strategy",
        setting=on("0 quote 99.90 100.10 50 50\n1 trade 99.95 5 -1"),
    )


QUEUE = SimVenueParams(queue="careful")


def test_queue_is_used_up_by_trades_at_our_price() -> None:
    # 50 stand before our bid. 30 and 20 trade: none are left before us; the next trade at our price is ours.
    check(
        script={0: lambda s: limit(s, 10, 99.90)},
        fills="3 buy 10 @ 99.90 strategy",
        setting=on(
            """
            0 quote 99.90 100.10 50 50
            1 trade 99.90 30 -1
            2 trade 99.90 20 -1
            3 trade 99.90 15 -1
            """,
            venue=QUEUE,
        ),
    )


def test_a_shrinking_quote_shortens_the_queue_only_when_less_is_shown_than_stood_before_us() -> None:
    # Behind 50; the bid shows 70: still 50. It shows 20: 20. A trade of 25 reaches us.
    check(
        script={0: lambda s: limit(s, 10, 99.90)},
        fills="3 buy 10 @ 99.90 strategy",
        setting=on(
            """
            0 quote 99.90 100.10 50 50
            1 quote 99.90 100.10 70 50
            2 quote 99.90 100.10 20 50
            3 trade 99.90 25 -1
            """,
            venue=QUEUE,
        ),
    )


def test_what_is_not_displayed_counts_as_endless_or_as_nothing() -> None:
    # Our bid of 99.80 is behind the best: nobody can see what stands there. When a trade comes down to it, the careful
    # reading waits for a quote at our price, the other takes the queue as empty.
    feed = """
        0 quote 99.90 100.10 50 50
        1 quote 99.90 100.10 50 50
        2 trade 99.80 15 -1
    """
    bid: dict[Key, Wish] = {0: lambda s: limit(s, 10, 99.80)}
    check(script=bid, setting=on(feed, venue=QUEUE))
    check(
        script=bid,
        fills="2 buy 10 @ 99.80 strategy",
        setting=on(feed, venue=SimVenueParams(queue="displayed")),
    )


def test_without_the_queue_model_a_trade_at_our_price_is_a_touch() -> None:
    # Never filled, whatever trades at it.
    check(
        script={0: lambda s: limit(s, 10, 99.90)},
        setting=on("0 quote 99.90 100.10 50 50\n1 trade 99.90 500 -1\n2 trade 99.90 500 -1"),
    )


def test_a_replaced_order_goes_to_the_end_of_the_queue() -> None:
    # 45 of the 50 before us trade; then we move away and back: 50 stand before us again, and a trade of 10 is not ours.
    check(
        script={
            0: lambda s: tagged(s, limit(s, 10, 99.90), 1),
            2: lambda s: amend(s, 1, 99.80),
            3: lambda s: amend(s, 1, 99.90),
        },
        setting=on(
            """
            0 quote 99.90 100.10 50 50
            1 trade 99.90 45 -1
            2 quote 99.90 100.10 50 50
            3 quote 99.90 100.10 50 50
            4 trade 99.90 10 -1
            """,
            venue=QUEUE,
        ),
    )


# ------------------------------------------------------------------------------------------------------------ latency
LADDER = "\n".join(f"{t} quote {100 + t - 0.1:.2f} {100 + t + 0.1:.2f} 50 50" for t in range(10))


def test_an_order_meets_the_quote_that_stands_when_it_arrives() -> None:
    # Decided at 0 ms, two and a half under way: it takes the ask of 2 ms, 102.10. Answered 4 later: known at 6.5 ms,
    # booked with the event of 7 ms; until then the account is flat.
    outcome = check(
        script={0: lambda s: market(s, 10)},
        fills="7 buy 10 @ 102.10 strategy",
        setting=on(LADDER, venue=lagging(2.5, 4)),
    )
    assert times(outcome) == [(2.5, 6.5)]
    positions = [outcome.accounts["X", t].position for t in range(10)]
    assert positions == [0, 0, 0, 0, 0, 0, 0, 10, 10, 10]
    assert outcome.accounts["X", 3].working == 1


def test_request_latency_only() -> None:
    # Arrives at 1.5 ms and takes 101.10; known at once, with the next event.
    outcome = check(
        script={0: lambda s: market(s, 10)},
        fills="2 buy 10 @ 101.10 strategy",
        setting=on(LADDER, venue=lagging(1.5, 0)),
    )
    assert times(outcome) == [(1.5, 1.5)]


def test_answer_latency_only() -> None:
    # Arrives at once and takes 100.10; known 3.5 ms later.
    outcome = check(
        script={0: lambda s: market(s, 10)},
        fills="4 buy 10 @ 100.10 strategy",
        setting=on(LADDER, venue=lagging(0, 3.5)),
    )
    assert times(outcome) == [(0, 3.5)]


def test_a_cancel_can_come_too_late() -> None:
    # The limit at 101.20 fills at 1.5 ms on arrival; the cancel sent at 1 ms arrives at 2.5 ms and finds nothing.
    check(
        script={0: lambda s: tagged(s, limit(s, 10, 101.20), 1), 1: lambda s: cancel(s, 1)},
        fills="2 buy 10 @ 101.10 strategy",
        orders="limit buy 10/10 FILLED",
        setting=on(LADDER, venue=lagging(1.5, 0)),
    )


def test_measured_latencies_are_taken_in_turn() -> None:
    # Rows (request, answer): (0.5, 0), (0, 1.5), (2.5, 0), (0, 1.5). Each message takes the next row: the first order
    # the 0.5; its acceptance 1.5 and its fill 0, which may not overtake: both at 2.0; the second order, sent at 3,
    # takes row 3, which is 0: it meets the quote of 3 ms, 103.10; acceptance 0 (row 0), fill 1.5 (row 1): known at 4.5.
    table = ((0.5, 0.0), (0.0, 1.5), (2.5, 0.0), (0.0, 1.5))
    outcome = check(
        script={0: lambda s: market(s, 10), 3: lambda s: market(s, 5)},
        fills="""
            2 buy 10 @ 100.10 strategy
            5 buy  5 @ 103.10 strategy
        """,
        setting=on(LADDER, venue=SimVenueParams(latency=LatencyParams(table=table))),
    )
    assert times(outcome) == [(0.5, 2.0), (3.0, 4.5)]


def test_events_seen_late_are_decided_late() -> None:
    # Every quote is seen 2 ms after it was true: decided at 2, the order arrives at 2 + 1.5 and takes the ask of 3 ms.
    outcome = check(
        script={0: lambda s: market(s, 10)},
        fills="4 buy 10 @ 103.10 strategy",
        setting=on(LADDER, venue=lagging(1.5, 0), seen_after_ms=2.0),
    )
    assert times(outcome)[0][0] == 3.5


def test_an_order_that_expires_under_way_never_trades() -> None:
    # Good till 1 ms, at the venue at 2.5 ms.
    check(
        script={0: lambda s: good_till(s, market(s, 10), START + NS_PER_MS)},
        orders="market buy 0/10 EXPIRED EXPIRED_TIME",
        setting=on(LADDER, venue=lagging(2.5, 0)),
    )


def test_a_reduce_only_order_that_arrives_too_late_is_cancelled() -> None:
    # Two reduce-only sells are under way together; the first closes the position, the second finds nothing to reduce
    # and does not wait for the next position.
    check(
        script={
            0: lambda s: market(s, 10),
            4: lambda s: (reduce_only(s, market(s, -10)), reduce_only(s, market(s, -10))),
            6: lambda s: market(s, 5),
        },
        fills="""
            2 buy  10 @ 101.10 strategy
            6 sell 10 @ 104.90 strategy
            8 buy   5 @ 107.10 strategy
        """,
        orders="""
            market buy  10/10 FILLED
            market sell 10/10 FILLED
            market sell  0/10 CANCELED CANCELED_POSITION_CLOSED
            market buy   5/5  FILLED
        """,
        setting=on(LADDER, venue=lagging(1.5, 0)),
    )
