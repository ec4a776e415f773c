"""On bars and without latency the local exchange fills as the backtest does: same prices, fees and cash, to the bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tradewright.core.kernel import codes as c
from tradewright.core.kernel.records import instrument_records, single_event
from tradewright.core.types.dtypes import message_dtype, order_dtype
from tradewright.core.types.events import MarketEvents
from tradewright.core.types.instrument import FeeModel, Instrument
from tradewright.core.types.message import VenueMessage
from tradewright.core.types.order import OrderKind, Side, Verb
from tradewright.data.synthetic import WalkParams, synthetic_bars
from tradewright.engine.backtest import copy_event, run_backtest
from tradewright.engine.plan import plan_of_bars
from tradewright.execution.exchange.account import TradingAccount
from tradewright.execution.exchange.exchange import Exchange
from tradewright.execution.exchange.market import Market
from tradewright.execution.exchange.orders import Force, Group, Life, Wish
from tradewright.execution.exchange.terms import AccountTerms
from tradewright.execution.sim_venue import SimVenue, SimVenueParams
from tradewright.strategies.registry import built_in

FEES = FeeModel(taker_bps=2.0, maker_bps=1.0, minimum=0.5, half_spread_bps=1.0, slippage_bps=0.5)
AAA = Instrument("AAA", fees=FEES, margin_initial=0.25, margin_maintenance=0.1)
BARS = synthetic_bars(600, 7, WalkParams("AAA", interval=3_600_000_000_000, volatility=0.006))
ROW = tuple[int, int, float, float, int]


def opened(multiplier: float = 50.0) -> tuple[Exchange, TradingAccount]:
    events = MarketEvents.from_bars([BARS])
    exchange = Exchange((Market(AAA),), events)
    return exchange, exchange.open_account(AccountTerms("a", multiplier=multiplier), lambda _: None)


def executed(account: TradingAccount) -> list[ROW]:
    return [(e.order.wish.side, e.lots, e.price, e.fee_micro / 1e6, e.ts) for e in account.executions]


def test_a_strategys_orders_fill_as_in_its_backtest() -> None:
    strategy = built_in("ema_cross")
    params = strategy.params.model_validate({"fast": 3, "slow": 9, "allow_short": False})
    result = run_backtest(replace(plan_of_bars([AAA], [BARS], strategy, params)))
    exchange, account = opened()
    sent = sorted((int(o["ts_created"]), int(o["id"])) for o in result.orders)
    orders = {int(o["id"]): o for o in result.orders}
    while not exchange.is_over:
        exchange.step()
        for _, number in [s for s in sent if s[0] == exchange.now_ns]:
            o = orders[number]
            if o["status"] != c.DENIED:
                account.submit(Wish("AAA", Side(int(o["side"])), int(o["lots"]), force=Force.GTC), exchange.now_ns)
    expected = [(f["side"], f["lots"], f["price"], f["fee_micro"] / 1e6, f["ts_event"]) for f in result.fills]
    assert len(expected) > 20
    assert executed(account) == expected
    assert account.book.cash_micro == 100_000_000_000 + int(result.ledger["cash_micro"].sum())
    assert account.means.worth().equity / 1e6 == result.final_equity


WISHES = (
    Wish(
        "AAA",
        Side.BUY,
        7,
        OrderKind.LIMIT,
        Force.GTC,
        limit=99.5,
        group=Group.BRACKET,
        take_profit=101.5,
        stop_loss=98.0,
    ),
    Wish("AAA", Side.BUY, 5, group=Group.BRACKET, force=Force.GTC, take_profit=150.0, stop_loss=90.0),
    Wish("AAA", Side.SELL, 9, OrderKind.STOP, Force.GTC, stop=97.0),
    Wish("AAA", Side.BUY, 4, OrderKind.STOP_LIMIT, Force.GTC, stop=102.0, limit=102.5),
)


@pytest.mark.parametrize("at", [0, 40, 200])
def test_brackets_and_stops_fill_as_at_the_simulated_venue(at: int) -> None:
    events = MarketEvents.from_bars([BARS])
    event = single_event()
    venue = SimVenue(SimVenueParams(slots=64), instrument_records([AAA], "USD"), event)
    exchange, account = opened()
    mark = float(BARS.close[at])
    wishes = [_moved(wish, round(mark - 100.0, 2)) for wish in WISHES]
    expected: list[ROW] = []
    for i in range(len(events)):
        copy_event(events, i, event)
        answers = [a for a in venue.on_market() if a.verb is Verb.ORDER_FILLED]
        for answer in answers:
            header, order = answer.header[0], answer.order[0]
            row = (order["side"], header["fill_lots"], header["fill_price"], header["fill_fee"], header["ts_sent"])
            expected.append(tuple(v.item() for v in row))
        exchange.step()
        if i == at:
            for n, wish in enumerate(wishes):
                venue.submit(_message(wish, 8 * (n + 1), exchange.now_ns, mark))
                account.submit(wish, exchange.now_ns)
    assert len(expected) >= 4
    assert [row[:3] for row in executed(account)] == [row[:3] for row in expected]
    assert [row[4] for row in executed(account)] == [row[4] for row in expected]
    ends = {leg.life for order in account.orders.by_id.values() for leg in order.legs}
    assert Life.FILLED in ends


def _moved(wish: Wish, by: float) -> Wish:
    names = ("limit", "stop", "take_profit", "stop_loss")
    prices = {name: getattr(wish, name) for name in names}
    return replace(wish, **{name: round(price + by, 2) for name, price in prices.items() if price is not None})


def _message(wish: Wish, number: int, now: int, mark: float) -> VenueMessage:
    order, header = np.zeros(1, order_dtype), np.zeros(1, message_dtype)
    for name in ("limit", "stop", "trail", "watermark", "stop_loss", "take_profit", "trail_protect"):
        order[name] = np.nan
    for name in ("limit", "stop", "stop_loss", "take_profit"):
        if getattr(wish, name) is not None:
            order[name] = getattr(wish, name)
    order["id"], order["kind"], order["side"], order["lots"] = number, int(wish.kind), int(wish.side), wish.lots
    order["tif"], order["ts_expire"], order["attach_unit"], order["ts_created"] = c.GTC, c.NEVER, 1, now
    order["origin"], order["status"], order["queue_ahead"] = c.FROM_STRATEGY, c.SUBMITTED, np.inf
    if wish.kind is OrderKind.LIMIT and wish.limit is not None:
        order["is_triggered"] = wish.limit * wish.side > mark * wish.side
    header["verb"], header["ts_sent"], header["ts_open"] = int(Verb.SUBMIT_ORDER), now, now
    return VenueMessage(header, order)
