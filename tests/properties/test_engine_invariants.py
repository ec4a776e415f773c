"""What must hold of any run, whatever its strategy wished: nothing here copies the kernel's way of computing."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.parity.random_scripts import Market, random_plan

from tradewright.core.types.dtypes import ASK, BID, HIGH, LOW, OPEN, PRICE
from tradewright.core.types.events import EventKind, MarketEvents
from tradewright.core.types.ledger import LedgerKind
from tradewright.core.types.order import OrderKind, OrderStatus, Origin, Reason
from tradewright.engine.backtest import BacktestResult, run_backtest
from tradewright.engine.plan import BacktestPlan

MICRO = 1_000_000
ENDED = {OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED}

Case = tuple[int, Market, bool]
cases = st.tuples(st.integers(2_000, 50_000), st.sampled_from(["bars", "ticks"]), st.booleans())
many = settings(max_examples=60, deadline=None, derandomize=True)


@lru_cache(maxsize=2048)
def ran(case: Case) -> tuple[BacktestPlan, BacktestResult]:
    seed, kind, is_cross_section = case
    plan = random_plan(seed, kind, is_cross_section=is_cross_section)
    return plan, run_backtest(plan)


def micro(amount: float) -> int:
    return round(Fraction(amount) * MICRO)


def events_of(plan: BacktestPlan) -> MarketEvents:
    (events,) = plan.blocks()
    return events


@many
@given(cases)
def test_equity_is_cash_and_the_value_of_positions(case: Case) -> None:
    plan, result = ran(case)
    cash = micro(result.initial_cash) + int(result.ledger["cash_micro"].sum())
    value, slack = 0, 0
    for j, instrument in enumerate(plan.instruments):
        lots = int(result.open_lots[j])
        if lots != 0:
            exact = lots * instrument.unit_value * Fraction(result.marks[j]) * Fraction(result.fx[j]) * MICRO
            value += round(exact)
            slack += 1  # a product of doubles may round the last millionth the other way
    assert abs(micro(result.final_equity) - cash - value) <= slack
    if not result.open_lots.any():
        assert micro(result.final_equity) == cash
    if len(result.equity):
        assert result.equity[-1] == result.final_equity or events_of(plan).kind is not None


@many
@given(cases)
def test_ledger_lines_are_the_fills_and_nothing_else(case: Case) -> None:
    _, result = ran(case)
    ledger = result.ledger
    traded = ledger[ledger["kind"] == LedgerKind.TRADE]
    assert traded["fill"].tolist() == result.fills["id"].tolist()
    assert traded["cash_micro"].tolist() == result.fills["cash_micro"].tolist()
    commission = ledger[ledger["kind"] == LedgerKind.COMMISSION]
    charged = result.fills[result.fills["fee_micro"] != 0]
    assert commission["fill"].tolist() == charged["id"].tolist()
    assert (-commission["cash_micro"]).tolist() == charged["fee_micro"].tolist()
    assert not ledger["fill"][(ledger["kind"] != LedgerKind.TRADE) & (ledger["kind"] != LedgerKind.COMMISSION)].any()


class Book:
    """One instrument's books in whole numbers: average cost, results realised when lots are closed."""

    def __init__(self) -> None:
        self.lots = 0
        self.cost = 0  # millionths paid for what is open
        self.realized = 0
        self.splits = 0  # how often an amount had to be divided

    def share(self, amount: int, part: int, whole: int) -> int:
        """Return ``part / whole`` of an amount, halves to even."""
        if part != whole:
            self.splits += 1
        return round(Fraction(amount * part, whole))

    def trade(self, lots: int, cash: int) -> int:
        """Book signed lots bought for ``-cash``; return the result."""
        if self.lots * lots >= 0:
            self.lots += lots
            self.cost -= cash
            return 0
        closed = min(abs(lots), abs(self.lots))
        cost_of_closed = self.share(self.cost, closed, abs(self.lots))
        cash_of_closed = self.share(cash, closed, abs(lots))
        self.lots += lots
        self.cost -= cost_of_closed + (cash - cash_of_closed)
        result = cash_of_closed - cost_of_closed
        self.realized += result
        return result


@many
@given(cases)
def test_books_kept_by_hand_from_the_fills_agree(case: Case) -> None:
    plan, result = ran(case)
    books = [Book() for _ in plan.instruments]
    for fill in result.fills:
        j, lots = int(fill["instrument"]), int(fill["side"] * fill["lots"])
        unit = plan.instruments[j].unit_value
        exact = -lots * unit * Fraction(float(fill["price"])) * Fraction(float(fill["fx"])) * MICRO
        assert abs(int(fill["cash_micro"]) - exact) <= Fraction(51, 100) + abs(exact) / 2**50
        book = books[j]
        result_by_hand = book.trade(lots, int(fill["cash_micro"]))
        assert book.lots == int(fill["position_lots"])
        # each division may round one millionth the other way, here and in what is left
        assert abs(result_by_hand - int(fill["realized_micro"])) <= 2 * book.splits
    assert [book.lots for book in books] == result.open_lots.tolist()
    for j, book in enumerate(books):
        mine = result.fills[result.fills["instrument"] == j]
        assert int(mine["realized_micro"].sum()) == micro(float(result.realized[j]))
        assert abs(book.realized - micro(float(result.realized[j]))) <= book.splits
        if book.lots == 0:
            # nothing is open: what came in is exactly what was realised
            assert int(mine["cash_micro"].sum()) == int(mine["realized_micro"].sum())
        assert int(mine["cash_micro"].sum()) == book.realized - book.cost


@many
@given(cases)
def test_positions_are_the_signed_sums_of_fills(case: Case) -> None:
    plan, result = ran(case)
    signed = result.fills["side"] * result.fills["lots"]
    for j in range(len(plan.instruments)):
        mine = result.fills["instrument"] == j
        assert np.array_equal(np.cumsum(signed[mine]), result.fills["position_lots"][mine])
    assert (result.fills["lots"] > 0).all()


def orders_of(result: BacktestResult) -> dict[int, list[np.void]]:
    """Rows of the order log by id; an exit has several when its entry was filled again after the first had ended."""
    orders: dict[int, list[np.void]] = {}
    for order in result.orders:
        same = orders.setdefault(int(order["id"]), [])
        assert not same or (order["parent"] != 0 and order["ts_created"] >= same[-1]["ts_done"] > 0)
        same.append(order)
    return orders


def order_at(orders: dict[int, list[np.void]], fill: np.void) -> np.void:
    """Return the row of the order that a fill belongs to: the newest that was there at its time and had not ended."""
    rows = [
        o
        for o in orders[int(fill["order"])]
        if o["ts_created"] <= fill["ts_event"] and (o["ts_done"] == 0 or o["ts_done"] >= fill["ts_event"])
    ]
    assert rows, "a fill of no order"
    return rows[0] if rows[0]["ts_done"] == fill["ts_event"] else rows[-1]


@many
@given(cases)
def test_orders_and_fills_tell_the_same_story(case: Case) -> None:
    _, result = ran(case)
    orders = orders_of(result)
    filled: dict[tuple[int, int], int] = {}
    for fill in result.fills:
        order = order_at(orders, fill)
        assert (order["instrument"], order["side"]) == (fill["instrument"], fill["side"])
        assert (order["origin"], order["parent"]) == (fill["origin"], fill["parent"])
        key = (int(order["id"]), int(order["ts_created"]))
        filled[key] = filled.get(key, 0) + int(fill["lots"])
    for order in result.orders:
        key = (int(order["id"]), int(order["ts_created"]))
        status = OrderStatus(int(order["status"]))
        assert int(order["filled"]) == filled.get(key, 0)
        assert int(order["filled"]) <= int(order["lots"]) or status is OrderStatus.DENIED
        assert (status is OrderStatus.FILLED) == (0 < int(order["filled"]) == int(order["lots"])) or status in ENDED
        assert (int(order["ts_done"]) > 0) == (status in ENDED or status is OrderStatus.DENIED)
        if status is OrderStatus.DENIED:
            assert key not in filled
            assert int(order["reason"]) != Reason.NONE
        if status is OrderStatus.PARTIALLY_FILLED:
            assert 0 < int(order["filled"]) < int(order["lots"])
        if status in {OrderStatus.ACCEPTED, OrderStatus.SUBMITTED}:
            assert int(order["filled"]) == 0
        if status in {OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.REJECTED}:
            assert int(order["reason"]) != Reason.NONE


@many
@given(cases)
def test_no_fill_comes_before_its_cause_or_after_its_end(case: Case) -> None:
    plan, result = ran(case)
    events = events_of(plan)
    assert events.kind is not None
    assert events.instrument is not None
    bars = {
        (int(events.instrument[i]), int(events.ts_event[i])): int(events.ts_open[i])
        for i in np.flatnonzero(events.kind == int(EventKind.BAR))
    }
    orders = orders_of(result)
    for fill in result.fills:
        order = order_at(orders, fill)
        assert fill["ts_seen"] >= fill["ts_event"] >= order["ts_created"]
        if order["origin"] == Origin.STRATEGY:
            opened = bars.get((int(fill["instrument"]), int(fill["ts_event"])))
            if opened is not None:  # the whole bar lies after the decision
                assert order["ts_created"] <= opened
        if order["ts_done"]:
            assert fill["ts_event"] <= order["ts_done"]
    assert (np.diff(result.fills["ts_seen"]) >= 0).all()
    assert (np.diff(result.stamps) > 0).all()


@many
@given(cases)
@example((6128, "bars", False))  # a gap over a target that turns into a market order
@example((2362, "ticks", False))  # filled in part on arrival, and replaced in the same instant
def test_no_fill_lies_outside_the_market(case: Case) -> None:
    plan, result = ran(case)
    events = events_of(plan)
    assert events.kind is not None
    assert events.instrument is not None
    orders = orders_of(result)
    for fill in result.fills:
        j, price, order = int(fill["instrument"]), float(fill["price"]), order_at(orders, fill)
        fees = plan.instruments[j].fees
        is_limit = int(order["kind"]) in {OrderKind.LIMIT, OrderKind.STOP_LIMIT}
        # a replaced order has another limit, and is active from another time, than when it filled first; what filled
        # it whole at once came after any replacement
        is_last = order["ts_active"] < fill["ts_event"] or order["lots"] == fill["lots"]
        if is_limit and plan.venue.target == "limit" and order["ts_active"] <= fill["ts_event"] and is_last:
            assert price * fill["side"] <= order["limit"] * fill["side"], "a limit got a worse price than its own"
        at = np.flatnonzero((events.instrument == j) & (events.ts_event == fill["ts_event"]))
        at = at[events.kind[at] == int(EventKind.BAR)]
        if len(at) == 0:
            continue
        low, high = float(events.fields[LOW, at[0]]), float(events.fields[HIGH, at[0]])
        cost = (fees.half_spread_bps + fees.slippage_bps) * 1e-4
        allowance = 1e-12 + (0.0 if fill["is_maker"] else cost)
        is_resting = fill["is_maker"] or order["origin"] == Origin.TAKE_PROFIT
        if is_resting and float(events.fields[OPEN, at[0]]) * fill["side"] < price * fill["side"]:
            continue  # the open jumped over a resting limit or target, which gets its own, worse, price
        assert low * (1 - allowance) <= price <= high * (1 + allowance)
    for i in np.flatnonzero(events.kind == int(EventKind.QUOTE)):
        assert events.fields[BID, i] < events.fields[ASK, i]
    assert (events.fields[PRICE][events.kind == int(EventKind.TRADE)] > 0).all()


@many
@given(cases)
def test_reduce_only_never_enlarges_or_turns(case: Case) -> None:
    _, result = ran(case)
    reducing = {int(o["id"]) for o in result.orders if o["is_reduce_only"]}
    for fill in result.fills:
        if int(fill["order"]) in reducing:
            after = int(fill["position_lots"])
            before = after - int(fill["side"] * fill["lots"])
            assert abs(after) < abs(before)
            assert before * after >= 0


@many
@given(cases)
def test_of_a_bracket_only_one_exit_completes(case: Case) -> None:
    _, result = ran(case)
    done: dict[int, np.void] = {}
    for order in result.orders[np.argsort(result.orders["ts_done"], kind="stable")]:
        parent = int(order["parent"])
        if parent == 0 or order["status"] != OrderStatus.FILLED:
            continue
        if parent in done:  # the entry was filled again after the first exit and got new ones
            assert order["ts_created"] >= done[parent]["ts_done"]
        done[parent] = order


@many
@given(cases)
def test_of_a_group_only_one_order_fills(case: Case) -> None:
    _, result = ran(case)
    orders = orders_of(result)
    grouped = [(fill, order_at(orders, fill)) for fill in result.fills]
    grouped = [(fill, order) for fill, order in grouped if order["group"] > 0 and not order["is_reduce_only"]]
    for n, (fill, order) in enumerate(grouped):
        for later, other in grouped[n + 1 :]:
            if (other["instrument"], other["group"]) == (order["instrument"], order["group"]):
                assert other["id"] == order["id"] or other["ts_active"] >= fill["ts_event"], (fill, later)


@many
@given(cases, st.floats(0.05, 0.95))
def test_the_future_does_not_change_the_past(case: Case, share: float) -> None:
    plan, whole = ran(case)
    events = events_of(plan)
    assert events.kind is not None
    assert events.instrument is not None
    stop = max(1, int(len(events) * share))
    while stop < len(events) and events.ts_event[stop] == events.ts_event[stop - 1]:
        stop += 1
    # another market from here on: prices of the first half backwards
    fields = events.fields.copy()
    fields[:4, stop:] = fields[:4, stop:] * 0.5
    other = MarketEvents(
        fields, events.ts_open, events.ts_event, events.ts_seen, kind=events.kind, instrument=events.instrument
    )
    changed = run_backtest(replace(plan, blocks=lambda: (other,)))
    last = int(events.ts_event[stop - 1])
    kept = whole.stamps <= last
    assert np.array_equal(whole.stamps[kept], changed.stamps[changed.stamps <= last])
    assert whole.equity[kept].tobytes() == changed.equity[changed.stamps <= last].tobytes()
    seen = int(events.ts_seen[stop - 1])
    early, early_changed = (
        r.fills[(r.fills["ts_seen"] <= seen) & (r.fills["ts_event"] <= last)] for r in (whole, changed)
    )
    assert early.tobytes() == early_changed.tobytes()
