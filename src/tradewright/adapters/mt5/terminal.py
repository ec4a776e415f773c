"""The few calls that trading and market data need of a MetaTrader 5 terminal, whichever way it is reached.

Numbers are those of MQL5 (mql5.com/en/docs/constants): types, states, actions, answers. Volumes are MetaTrader's lots,
times are ms UTC whatever the server's zone.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Protocol

from pydantic import BaseModel, ConfigDict

Gate = Callable[[], None]


class TradeMode(IntEnum):
    """ACCOUNT_TRADE_MODE: what kind of money."""

    DEMO = 0
    CONTEST = 1
    REAL = 2


class MarginMode(IntEnum):
    """ACCOUNT_MARGIN_MODE: whether positions of one symbol are one."""

    NETTING = 0
    EXCHANGE = 1
    HEDGING = 2


class Action(IntEnum):
    """TRADE_ACTION: what is asked for."""

    DEAL = 1
    PENDING = 5
    REMOVE = 8
    CLOSE_BY = 10


class OrderType(IntEnum):
    """ORDER_TYPE."""

    BUY = 0
    SELL = 1
    BUY_LIMIT = 2
    SELL_LIMIT = 3
    BUY_STOP = 4
    SELL_STOP = 5
    BUY_STOP_LIMIT = 6
    SELL_STOP_LIMIT = 7
    CLOSE_BY = 8


class OrderState(IntEnum):
    """ORDER_STATE."""

    STARTED = 0
    PLACED = 1
    CANCELED = 2
    PARTIAL = 3
    FILLED = 4
    REJECTED = 5
    EXPIRED = 6
    REQUEST_ADD = 7
    REQUEST_MODIFY = 8
    REQUEST_CANCEL = 9


class Reason(IntEnum):
    """ORDER_REASON: who made an order; SL, TP and SO are made by the server."""

    CLIENT = 0
    MOBILE = 1
    WEB = 2
    EXPERT = 3
    SL = 4
    TP = 5
    SO = 6


class Filling(IntEnum):
    """ORDER_FILLING."""

    FOK = 0
    IOC = 1
    RETURN = 2


class Period(IntEnum):
    """ENUM_TIMEFRAMES, up to a day: the length of a bar."""

    M1 = 1
    M2 = 2
    M3 = 3
    M4 = 4
    M5 = 5
    M6 = 6
    M10 = 10
    M12 = 12
    M15 = 15
    M20 = 20
    M30 = 30
    H1 = 0x4001
    H2 = 0x4002
    H3 = 0x4003
    H4 = 0x4004
    H6 = 0x4006
    H8 = 0x4008
    H12 = 0x400C
    D1 = 0x4018

    @property
    def ms(self) -> int:
        """Return the length; a day of the server's may be an hour shorter or longer."""
        return (self if self < Period.H1 else 60 * (self & 0xFF)) * 60_000


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AccountRow(_Row):
    """The account that the terminal is logged in to."""

    login: int
    server: str
    trade_mode: TradeMode
    margin_mode: MarginMode
    currency: str
    balance: float
    equity: float


class SymbolRow(_Row):
    """How a symbol is traded. ``fillings``: what market orders may ask for."""

    name: str
    contract_size: float
    volume_min: float
    volume_step: float
    fillings: tuple[Filling, ...]


class TickRow(_Row):
    """The newest quote."""

    time_ms: int
    bid: float
    ask: float


class BarRow(_Row):
    """A bar of bids from ``time_ms`` to ``end_ms``; ``ticks``: how often the quote changed.

    ``spread`` is the smallest, in points. The volume that an exchange tells is left out: most brokers have none.
    """

    time_ms: int
    end_ms: int
    open: float
    high: float
    low: float
    close: float
    ticks: int
    spread: int = 0


class Bars(_Row):
    """Bars, the newest may not be over. ``knows_zone``: the server's zone is known, and not only how far it is now.

    Else the times of bars from before the clocks were last moved (`server_zone.last_change_ms`) are not to be used.
    """

    rows: tuple[BarRow, ...]
    knows_zone: bool


class OrderRow(_Row):
    """An order, open or of the history; ``volume_left`` is what has not filled. ``time_ms``: of its newest state."""

    ticket: int
    symbol: str
    type: OrderType
    state: OrderState
    reason: Reason
    volume: float
    volume_left: float
    time_ms: int
    magic: int
    comment: str


class DealRow(_Row):
    """An execution; ``fee`` is what it has cost, below zero for what was earned."""

    ticket: int
    order: int
    symbol: str
    side: int
    volume: float
    price: float
    fee: float
    time_ms: int
    magic: int
    comment: str


class PositionRow(_Row):
    """A position; ``side`` is 1 or -1. Magic number and comment are those of the order that opened it."""

    ticket: int
    symbol: str
    side: int
    volume: float
    price: float
    magic: int = 0
    comment: str = ""


class Request(_Row):
    """What is sent to the server. ``position``: the ticket that a deal closes; ``position_by``: one that closes it."""

    action: Action
    order: int = 0
    symbol: str = ""
    type: OrderType = OrderType.BUY
    volume: float = 0.0
    price: float = 0.0
    stop_limit: float = 0.0
    deviation: int = 0
    is_day: bool = False
    filling: Filling = Filling.RETURN
    position: int = 0
    position_by: int = 0
    magic: int = 0
    comment: str = ""


class Result(_Row):
    """What the server answered: ``code`` as in `answers`, ``order`` the ticket, 0 where it gives none."""

    code: int
    order: int = 0
    volume: float = 0.0
    comment: str = ""


class Terminal(Protocol):
    """One logged-in terminal. Every call may raise the errors of `execution.venue`; none tries twice.

    An answer that is an error is never an empty list.
    """

    @property
    def comment_length(self) -> int:
        """Return how many characters of a comment arrive."""

    async def account(self) -> AccountRow:
        """Return the account."""

    async def symbol(self, name: str) -> SymbolRow | None:
        """Return how a symbol is traded, or None if there is none of that name."""

    async def tick(self, name: str) -> TickRow:
        """Return the newest quote of a symbol."""

    async def bars(self, name: str, period: Period, start_ms: int, end_ms: int) -> Bars:
        """Return the bars of a symbol that begin in ``[start_ms, end_ms)``, ms UTC, as far as the terminal has them."""

    async def orders(self) -> list[OrderRow]:
        """Return open orders."""

    async def positions(self) -> list[PositionRow]:
        """Return open positions."""

    async def history_orders(self, since_ms: int) -> list[OrderRow]:
        """Return orders that ended since a time."""

    async def history_deals(self, since_ms: int) -> list[DealRow]:
        """Return executions since a time; deposits, swaps and pairs closed by each other are none."""

    async def send(self, request: Request, gate: Gate) -> Result:
        """Send a request, once; the gate is asked by the last instruction before."""

    async def close(self) -> None:
        """Release it."""
