"""What the interface has told, put together, does not grow from day to day."""

from __future__ import annotations

import datetime as dt

from ib_async import CommissionReport, Contract, Execution, Order

from tradewright.adapters.ibkr.order_news import OrderNews
from tradewright.adapters.ibkr.order_rows import Names
from tradewright.core.types.instrument import Instrument

HOUR = 3_600 * 1_000_000_000
CONTRACT = Contract(conId=7, symbol="X")


class Told:
    """Orders of one account, and a clock."""

    def __init__(self) -> None:
        self.now = 0
        self.news = OrderNews(Names({"X": Instrument("X")}, {7: "X"}), "U1", lambda: self.now)

    def order(self, number: int, status: str, perm_id: int = 0) -> None:
        perm_id = perm_id or number
        order = Order(orderId=number, clientId=1, permId=perm_id, account="U1", action="BUY", totalQuantity=5)
        order.orderRef = f"id{number}"
        self.news.open_order(CONTRACT, order, status)

    def execution(self, name: str) -> int:
        row = Execution(execId=name, acctNumber="U1", side="BOT", shares=5, price=100.0, orderRef="id1", permId=1)
        row.time = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
        return len(self.news.execution(CONTRACT, row))


def test_what_ended_two_days_ago_is_forgotten_and_what_works_is_not() -> None:
    told = Told()
    told.order(1, "Submitted")
    told.order(2, "Submitted")
    told.order(2, "Filled")
    assert told.execution("0000.01") == 1
    told.news.commission(CommissionReport(execId="0000.01", commission=1.0, currency="USD"))
    told.now = 47 * HOUR
    told.order(3, "Cancelled")
    assert set(told.news.orders) == {(1, 1), (1, 2), (1, 3)}
    assert told.execution("0000.02") == 2  # the version before is taken back
    told.now = 49 * HOUR
    told.order(4, "Submitted")
    assert set(told.news.orders) == {(1, 1), (1, 3), (1, 4)}
    told.now = 96 * HOUR
    told.order(5, "Submitted")
    assert set(told.news.orders) == {(1, 1), (1, 4), (1, 5)}
    assert told.execution("0000.03") == 1


def test_a_number_that_is_given_again_is_not_forgotten_with_the_order_that_had_it() -> None:
    told = Told()
    told.order(1, "Cancelled")
    told.now = 49 * HOUR
    told.order(1, "", perm_id=9)  # the venue has not spoken of it yet
    told.order(2, "Submitted")
    assert set(told.news.orders) == {(1, 1), (1, 2)}
