"""Accounts, hours, groups of orders, latency and faults of the exchange, without a network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from tradewright.core.types.bar import Bars, blank_fields
from tradewright.core.types.dtypes import CLOSE, HIGH, LOW, OPEN, VOLUME
from tradewright.core.types.errors import UsageError
from tradewright.core.types.instrument import Instrument
from tradewright.core.types.order import OrderKind, Side
from tradewright.execution.exchange.account import TradingAccount
from tradewright.execution.exchange.exchange import Exchange, ExchangeParams
from tradewright.execution.exchange.faults import FaultScript
from tradewright.execution.exchange.garbling import CutError, Garbler
from tradewright.execution.exchange.market import Hours, Market, QuoteParams, merged, quotes_of_bars
from tradewright.execution.exchange.mischief import Mischief
from tradewright.execution.exchange.orders import Force, Group, Life, Refusal, RefusedError, Update, Wish
from tradewright.execution.exchange.scenarios import SCENARIOS, faults_of
from tradewright.execution.exchange.terms import AccountTerms
from tradewright.execution.sim_venue import LatencyParams

MINUTE = 60_000_000_000
AAA = Instrument("AAA")
#: Close after close; each bar opens where the one before closed.
PATH = (100.0, 101.0, 102.0, 101.0, 100.0, 99.0, 98.0, 99.0, 100.0, 103.0)


def bars_of(path: tuple[float, ...] = PATH, volume: float = 1_000.0) -> Bars:
    n = len(path) - 1
    ts = MINUTE * np.arange(1, n + 1, dtype=np.int64)
    fields = blank_fields(ts)
    first, last = np.array(path[:-1]), np.array(path[1:])
    fields[OPEN], fields[CLOSE] = first, last
    fields[HIGH], fields[LOW], fields[VOLUME] = np.maximum(first, last), np.minimum(first, last), volume
    return Bars("AAA", ts - MINUTE, ts, fields)


@dataclass
class Venue:
    """An exchange with one account, and what it told."""

    hours: Hours = field(default_factory=Hours)
    terms: AccountTerms = field(default_factory=lambda: AccountTerms("a"))
    params: ExchangeParams = field(default_factory=ExchangeParams)
    faults: tuple[str, ...] = ()
    seed: int = 0
    told: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        events = merged([quotes_of_bars(bars_of(), AAA, QuoteParams(half_spread_bps=0.0))])
        self.exchange = Exchange((Market(AAA, self.hours),), events, self.params)
        self.account: TradingAccount = self.exchange.open_account(self.terms, self._hear)
        self.mischief = Mischief(self.account, FaultScript(faults_of(self.faults), self.seed))
        self.exchange.step()

    def _hear(self, update: Update) -> None:
        self.told.append((update.event, update.order.wish.client_id))
        if hasattr(self, "mischief"):
            self.mischief.see(update)

    def send(self, name: str, lots: int = 5, side: Side = Side.BUY, **more: Any) -> Any:  # noqa: ANN401
        wish = Wish("AAA", side, lots, **({"force": Force.GTC, "client_id": name} | more))
        order = self.account.submit(wish, self.exchange.now_ns)
        self.mischief.act(self.exchange.now_ns)
        return order

    def until(self, minute: float) -> None:
        self.exchange.advance(round(minute * MINUTE))
        self.mischief.act(self.exchange.now_ns)


def refusal(venue: Venue, **wish: Any) -> Refusal:  # noqa: ANN401
    with pytest.raises(RefusedError) as caught:
        venue.send(**({"name": "x"} | wish))
    return caught.value.reason


def test_a_quote_never_crosses_and_brackets_the_price_of_its_bar() -> None:
    events = quotes_of_bars(bars_of(), AAA, QuoteParams())
    quotes = events.fields[:, ::2]
    assert (quotes[1] > quotes[0]).all()
    assert (quotes[0] <= events.fields[0, 1::2]).all()
    assert (events.fields[0, 1::2] <= quotes[1]).all()
    assert (np.diff(events.ts_event) >= 0).all()
    assert (events.ts_event < np.repeat(bars_of().ts_event, 8)).all()


def test_what_is_displayed_fills_and_the_rest_waits_for_the_next_quote() -> None:
    venue = Venue()
    order = venue.send("a", 120)
    assert (order.filled, order.life) == (50, Life.PARTIALLY_FILLED)  # 5 % of a bar's 1,000
    venue.until(2)
    assert (order.filled, order.life) == (120, Life.FILLED)
    assert venue.account.book.lots(0) == 120
    assert [event for event, _ in venue.told] == ["accepted", "new", "partial_fill", "partial_fill", "fill"]


def test_money_is_conserved_through_a_round_trip_and_a_turn() -> None:
    venue = Venue(terms=AccountTerms("a", cash=10_000.0))
    venue.send("a", 10)
    venue.until(1)
    venue.send("b", 10, Side.SELL)
    venue.send("c", 4, Side.SELL)
    book = venue.account.book
    paid = sum(-e.order.wish.side * e.lots * round(e.price * 1e6) for e in venue.account.executions)
    assert book.cash_micro == 10_000_000_000 + paid
    assert book.lots(0) == -4
    assert venue.account.means.worth().short < 0


def test_limits_of_the_account_are_kept() -> None:
    venue = Venue(terms=AccountTerms("a", cash=1_000.0, multiplier=1.0, may_short=False))
    assert refusal(venue, lots=11, kind=OrderKind.LIMIT, limit=100.0) is Refusal.BUYING_POWER
    venue.send("a", 5, kind=OrderKind.LIMIT, limit=90.0)  # its cash is reserved
    assert refusal(venue, lots=6, kind=OrderKind.LIMIT, limit=99.0) is Refusal.BUYING_POWER
    assert refusal(venue, lots=1, side=Side.SELL) is Refusal.NOT_SHORTABLE
    venue.send("b", 5)
    venue.send("c", 3, Side.SELL, kind=OrderKind.LIMIT, limit=120.0)
    assert refusal(venue, lots=3, side=Side.SELL) is Refusal.QUANTITY_HELD
    assert refusal(venue, lots=1, kind=OrderKind.LIMIT, limit=90.005) is Refusal.BAD_PRICE
    assert refusal(venue, name="a", lots=1) is Refusal.DUPLICATE_CLIENT_ID
    assert refusal(venue, lots=0) is Refusal.BAD_SIZE


def test_a_bracket_waits_for_the_whole_entry_and_its_exits_cancel_each_other() -> None:
    venue = Venue()
    entry = venue.send("entry", 60, group=Group.BRACKET, take_profit=101.5, stop_loss=95.0)
    target, stop = entry.legs
    assert (entry.life, target.life, stop.life) == (Life.PARTIALLY_FILLED, Life.HELD, Life.HELD)
    venue.until(1)
    assert (entry.life, target.life, stop.life) == (Life.FILLED, Life.NEW, Life.HELD)
    venue.until(5)
    assert (target.life, stop.life) == (Life.FILLED, Life.CANCELED)
    assert venue.account.book.lots(0) == 0


def test_exits_on_the_wrong_side_are_refused() -> None:
    venue = Venue()
    for exits in ({"take_profit": 90.0, "stop_loss": 95.0}, {"take_profit": 110.0, "stop_loss": 105.0}):
        assert refusal(venue, group=Group.BRACKET, **exits) is Refusal.BAD_EXITS
    assert refusal(venue, group=Group.BRACKET, take_profit=110.0) is Refusal.BAD_EXITS


def test_an_entry_that_is_cancelled_takes_its_waiting_exits_with_it() -> None:
    venue = Venue()
    entry = venue.send("entry", kind=OrderKind.LIMIT, limit=90.0, group=Group.BRACKET, take_profit=95.0, stop_loss=85.0)
    venue.account.cancel(entry, venue.exchange.now_ns)
    assert {o.life for o in venue.account.orders.by_id.values()} == {Life.CANCELED}
    assert list(venue.account.orders.open()) == []


def test_a_trailing_stop_follows_the_market() -> None:
    venue = Venue()
    venue.send("a")
    trail = venue.send("t", side=Side.SELL, kind=OrderKind.TRAILING_STOP, trail=1.5)
    venue.until(2)
    assert venue.account.stop_of(trail) == pytest.approx(102.0 - 1.5, abs=0.02)
    venue.until(4)
    assert trail.life is Life.FILLED


def test_replacing_keeps_what_is_filled_and_refuses_less() -> None:
    venue = Venue()
    order = venue.send("a", 120, kind=OrderKind.LIMIT, limit=100.05)
    filled = order.filled
    assert 0 < filled < 120
    with pytest.raises(RefusedError):
        venue.account.replace(
            order, Wish("AAA", Side.BUY, filled, OrderKind.LIMIT, Force.GTC, limit=100.0), MINUTE // 2
        )
    wish = Wish("AAA", Side.BUY, 100, OrderKind.LIMIT, Force.GTC, limit=99.5, client_id="b")
    new = venue.account.replace(order, wish, venue.exchange.now_ns)
    assert (new.filled, new.life, order.life, order.replaced_by) == (
        filled,
        Life.PARTIALLY_FILLED,
        Life.REPLACED,
        new.id,
    )
    venue.until(9)
    assert new.life is Life.FILLED
    assert venue.account.book.lots(0) == 100


def test_orders_wait_for_the_opening_and_day_orders_end_with_the_session() -> None:
    hours = Hours(np.array([2 * MINUTE], np.int64), np.array([4 * MINUTE], np.int64))
    venue = Venue(hours=hours)
    early = venue.send("early", force=Force.DAY)
    rest = venue.send("rest", force=Force.DAY, kind=OrderKind.LIMIT, limit=90.0)
    assert (early.life, rest.life) == (Life.ACCEPTED, Life.ACCEPTED)
    venue.until(1.9)
    assert early.life is Life.ACCEPTED
    venue.until(2)
    assert (early.life, early.average) == (Life.FILLED, 102.01)  # the first quote of the session
    venue.until(4)
    assert (rest.life, rest.ts_expired) == (Life.EXPIRED, 4 * MINUTE)


def test_latency_delays_orders_and_their_answers() -> None:
    venue = Venue(params=ExchangeParams(latency=LatencyParams(request_ms=2_000, answer_ms=3_000)))
    order = venue.send("a")
    assert (order.life, order.filled) == (Life.ACCEPTED, 0)
    start = venue.exchange.now_ns
    venue.exchange.advance(start + 4_999_000_000)
    assert order.filled == 0
    venue.exchange.advance(start + 8_000_000_000)
    assert order.life is Life.FILLED


def test_fill_or_kill_is_whole_or_nothing() -> None:
    venue = Venue()
    assert venue.send("a", 51, force=Force.FOK).life is Life.CANCELED
    assert venue.send("b", 50, force=Force.FOK).life is Life.FILLED
    ioc = venue.send("c", 40, force=Force.IOC)
    assert ioc.life is Life.CANCELED  # nothing is left of this quote


def test_the_same_seed_and_commands_give_the_same_ids_and_events() -> None:
    def lived() -> tuple[list[tuple[str, str]], list[str]]:
        venue = Venue(faults=("trade_bust",), seed=3)
        venue.send("a", 120)
        venue.until(4)
        return venue.told, [e.id for e in venue.account.executions]

    assert lived() == lived()


def test_outside_hands_and_busts_leave_the_books_right() -> None:
    venue = Venue(faults=("trade_bust",))
    venue.send("a", 10)
    assert (venue.account.book.lots(0), venue.account.book.cash_micro) == (0, 100_000_000_000)
    assert venue.told[-1] == ("trade_bust", "a")
    exits: dict[str, Any] = {"group": Group.BRACKET, "take_profit": 120.0, "stop_loss": 90.0}
    venue = Venue(faults=("stop_cancelled_outside",))
    assert venue.send("a", **exits).legs[1].life is Life.CANCELED
    venue = Venue(faults=("exit_rejected",))
    assert venue.send("a", **exits).legs[1].life is Life.REJECTED
    venue = Venue(faults=("closed_outside",))
    venue.send("a", **exits)
    venue.until(1)
    assert venue.account.book.lots(0) == 0
    assert list(venue.account.orders.open()) == []


def test_exits_that_do_not_cancel_each_other_can_both_fill() -> None:
    venue = Venue()
    venue.account.splits_exits = True
    entry = venue.send("a", group=Group.BRACKET, take_profit=101.5, stop_loss=98.5)
    venue.until(7)
    assert [leg.life for leg in entry.legs] == [Life.FILLED, Life.FILLED]
    assert venue.account.book.lots(0) == -5


def test_messages_are_repeated_swapped_lost_or_cut_as_the_script_says() -> None:
    def passed(name: str, count: int = 3) -> list[list[int]]:
        garbler = Garbler(FaultScript(faults_of([name])))
        return [[m["n"] for m in garbler.passed("event fill", {"n": n})] for n in range(count)]

    assert passed("duplicate_fill") == [[0, 0], [1, 1], [2, 2]]
    assert passed("silent_stream") == [[], [], []]
    garbler = Garbler(FaultScript(faults_of(["fill_before_ack"])))
    assert garbler.passed("event new", {"n": 1}) == []
    assert garbler.passed("event fill", {"n": 2}) == [{"n": 2}, {"n": 1}]
    with pytest.raises(CutError):
        passed("cut_during_fills")


def test_scenarios_are_found_by_name_and_number_and_near_misses_are_suggested() -> None:
    assert faults_of(["F01"]) == faults_of(["accept_then_timeout"])
    assert len({s.name for s in SCENARIOS}) == len(SCENARIOS)
    with pytest.raises(UsageError, match="duplicate_fill"):
        faults_of(["duplicate_fil"])
