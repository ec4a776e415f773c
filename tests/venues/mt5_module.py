"""The package `MetaTrader5` as the adapter sees it, on a local trade server: blocking calls, None where one fails.

The server's clock is ``ahead_s`` ahead of UTC, and its times are told as if that were UTC.
"""

from __future__ import annotations

import threading
from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray
from tests.venues.mt5_server import CONTRACT_SIZE, STEP, Mt5Server, Ticket

_PRICES = tuple((name, "<f8") for name in ("open", "high", "low", "close"))
#: MqlRates, as the package hands it out.
RATES = np.dtype([("time", "<i8"), *_PRICES, ("tick_volume", "<u8"), ("spread", "<i4"), ("real_volume", "<u8")])


class Mt5Module:
    """Stands in for the module. ``is_stuck`` blocks every call until it is set."""

    def __init__(self, server: Mt5Server, ahead_s: int = 3 * 3_600, *, moves: bool = True) -> None:
        self.server, self.ahead_ms, self.moves = server, ahead_s * 1_000, moves
        self.error = (1, "Success")
        self.is_running = True
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.threads: set[int] = set()
        self._ticks = 0

    # ----------------------------------------------------------------------------------------------- the terminal
    def initialize(self, *path: str) -> bool:
        del path
        return self._said(self.is_running, (-10003, "IPC initialize failed"))

    def shutdown(self) -> None:
        return None

    def last_error(self) -> tuple[int, str]:
        return self.error

    def _said(self, well: bool, otherwise: tuple[int, str]) -> bool:
        self.threads.add(threading.get_ident())
        self.goes_on.wait(5)
        self.error = (1, "Success") if well else otherwise
        return well

    def _is_there(self) -> bool:
        return self._said(self.is_running, (-10004, "No IPC connection"))

    # -------------------------------------------------------------------------------------------------- questions
    def account_info(self) -> SimpleNamespace | None:
        if not self._is_there():
            return None
        balance, equity = self.server.money()
        server = self.server
        return SimpleNamespace(
            login=server.login,
            server="Local-Demo",
            trade_mode=server.trade_mode,
            margin_mode=server.margin_mode,
            currency="USD",
            balance=balance,
            equity=equity,
        )

    def symbol_select(self, name: str, enable: bool) -> bool:
        return self._is_there() and self._said(enable and name == self.server.local.symbol, (-1, "Call failed"))

    def symbol_info(self, name: str) -> SimpleNamespace | None:
        if not self._is_there():
            return None
        return SimpleNamespace(
            name=name, trade_contract_size=CONTRACT_SIZE, volume_min=STEP, volume_step=STEP, filling_mode=2
        )

    def symbol_info_tick(self, name: str) -> SimpleNamespace | None:
        if not (self._is_there() and name == self.server.local.symbol):
            return None
        self._ticks += self.moves
        bid, ask = self.server.local.runner.exchange.top(0)
        return SimpleNamespace(time_msc=self._ms(self.server.local.now_ns) + self._ticks, bid=bid, ask=ask)

    def copy_rates_range(self, name: str, period: int, start: int, end: int) -> NDArray[np.void] | None:
        if not (self._is_there() and name == self.server.local.symbol):
            return None
        minutes = period if period < 0x4000 else 60 * (period & 0xFF)
        rows = self.server.bars(60 * minutes, self.ahead_ms // 1_000)
        return np.array([(*row, 2, 0) for row in rows if start <= row[0] <= end], dtype=RATES)

    def orders_get(self) -> tuple[SimpleNamespace, ...] | None:
        if not self._is_there():
            return None
        with self.server.local.lock:
            return tuple(self._order(ticket) for ticket in self.server.open())

    def history_orders_get(self, start: int, end: int) -> tuple[SimpleNamespace, ...] | None:
        if not self._is_there():
            return None
        with self.server.local.lock:
            rows = [self._order(ticket) for ticket in self.server.ended()]
        return tuple(row for row in rows if start * 1_000 <= row.time_done_msc <= end * 1_000)

    def history_deals_get(self, start: int, end: int) -> tuple[SimpleNamespace, ...] | None:
        if not self._is_there():
            return None
        with self.server.local.lock:
            rows = [self._deposit(), *(self._deal(number, n) for n, (number, _) in enumerate(self.server.deals))]
        return tuple(row for row in rows if start * 1_000 <= row.time_msc <= end * 1_000)

    def positions_get(self) -> tuple[SimpleNamespace, ...] | None:
        if not self._is_there():
            return None
        name = self.server.local.symbol
        with self.server.local.lock:
            found = self.server.positions()
        return tuple(
            SimpleNamespace(
                ticket=p.number,
                symbol=name,
                type=int(p.lots < 0),
                volume=abs(p.lots) * STEP,
                price_open=p.price,
                magic=p.magic,
                comment=p.comment,
            )
            for p in found
        )

    def order_send(self, request: dict[str, float]) -> SimpleNamespace | None:
        comment = str(request.get("comment", ""))
        if not self._is_there():
            return None
        if len(comment) > 31:
            self.error = (-2, 'Invalid "comment" argument')
            return None
        code, ticket, volume, arrives = self.server.send(request, comment)
        if not self._said(arrives, (-10005, "IPC timeout")):
            return None
        return SimpleNamespace(retcode=code, order=ticket, volume=volume, comment="", deal=0, price=0.0)

    # ----------------------------------------------------------------------------------------------------- the rows
    def _ms(self, ns: int) -> int:
        return ns // 1_000_000 + self.ahead_ms

    def _order(self, ticket: Ticket) -> SimpleNamespace:
        return SimpleNamespace(
            ticket=ticket.number,
            symbol=self.server.local.symbol,
            type=ticket.type,
            state=ticket.state,
            reason=ticket.reason,
            volume_initial=ticket.volume,
            volume_current=ticket.left,
            time_setup_msc=self._ms(ticket.work.ts_created),
            time_done_msc=self._ms(ticket.work.ts_updated),
            magic=ticket.magic,
            comment=ticket.comment,
        )

    def _deal(self, number: int, place: int) -> SimpleNamespace:
        execution = self.server.deals[place][1]
        ticket = self.server.ticket_of(execution)
        return SimpleNamespace(
            ticket=number,
            order=ticket.number,
            symbol=self.server.local.symbol,
            type=ticket.type % 2,
            entry=0,
            volume=round(execution.lots * STEP, 8),
            price=execution.price,
            commission=-0.07,
            fee=0.0,
            time_msc=self._ms(execution.ts),
            magic=ticket.magic,
            comment=ticket.comment,
        )

    def _deposit(self) -> SimpleNamespace:
        """A deal of every account that is no trade."""
        row = SimpleNamespace(ticket=1, order=0, symbol="", type=2, entry=0, volume=0.0, price=0.0)
        row.commission, row.fee, row.magic, row.comment, row.time_msc = 0.0, 0.0, 0, "Deposit", self._ms(self._start)
        return row

    @property
    def _start(self) -> int:
        return int(self.server.local.runner.exchange.events.ts_open[0])
