"""The connection that carries orders: `ib_async`'s socket and codec, and nothing of its view of the account.

Its `IB` object infers states (an error makes an order cancelled) and drops what it cannot read. Here only the venue's
own reports move an order, and a message that cannot be read fails the questions that are open.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

from ib_async.client import Client
from ib_async.util import getLoop

from tradewright.adapters.ibkr.order_errors import (
    CLIENT_ID_IN_USE,
    DUPLICATE_ORDER_ID,
    LINK_BACK,
    LINK_LOST,
    is_notice,
    order_error,
)
from tradewright.adapters.ibkr.order_rows import KnownOrder
from tradewright.adapters.ibkr.trading_params import IbkrTradingParams, LiveAccount, has_play_money
from tradewright.core.types.errors import VenueError
from tradewright.execution.venue import VenueAuthError, VenueRejectedError, VenueTimeoutError, VenueUnavailableError

#: Questions that have no number; their answers can only be told apart by asking one at a time.
OPEN_ORDERS, COMPLETED, POSITIONS, TIME = "open orders", "completed orders", "positions", "time"
#: Messages that are rows of an answer, and those that end one; of numbered questions the number stands first.
_ROWS = {"openOrder": OPEN_ORDERS, "completedOrder": COMPLETED, "position": POSITIONS, "currentTime": TIME}
_ENDS = {"openOrderEnd": OPEN_ORDERS, "completedOrdersEnd": COMPLETED, "positionEnd": POSITIONS, "currentTime": TIME}
_NUMBERED_ROWS = frozenset({"accountSummary", "contractDetails", "execDetails"})
_NUMBERED_ENDS = frozenset({"accountSummaryEnd", "contractDetailsEnd", "execDetailsEnd"})
_NEWS = frozenset({"openOrder", "orderStatus", "execDetails", "commissionReport"})
#: How long a client id is asked for that is taken: a gateway lets one go only when it has seen its connection end.
_LETS_GO_S, _ASKED_AGAIN_S = 2.0, 0.1
Args = tuple[Any, ...]


@dataclass(slots=True)
class _Question:
    """What is being answered: rows, each the arguments of one message."""

    done: asyncio.Future[list[Args]]
    rows: list[Args] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """Somebody waits for a word about an order: a report that is wanted, or a message of this code."""

    done: asyncio.Future[None]
    wants: Callable[[KnownOrder], bool]
    code: int


class _Messages:
    """What the decoder calls: every message by its name."""

    def __init__(self, take: Callable[..., None], zone: str) -> None:
        self._take = take
        self.ib = SimpleNamespace(TimezoneTWS=zone)
        self.defaultTimezone = UTC

    def __getattr__(self, name: str) -> Callable[..., None]:
        return partial(self._take, name)


class OrderLink:
    """One API connection to TWS or IB Gateway, made when needed and made again when lost.

    Parameters
    ----------
    params : IbkrTradingParams
        Where to, and which account is meant.
    on_message : callable
        Takes the name and arguments of every message that answers no question: orders, executions, commissions.
    on_gap : callable
        Is told why events may have been missed; None as the reason: the connection is gone.
    """

    def __init__(
        self, params: IbkrTradingParams, on_message: Callable[[str, Args], None], on_gap: Callable[[str | None], None]
    ) -> None:
        self._params, self._on_message, self._on_gap = params, on_message, on_gap
        self._client: Any = None
        self._is_cut = False  # the gateway has lost Interactive Brokers
        self._refused = ""  # why a connection was not kept
        self._is_closed = False
        self._connecting, self._asking = asyncio.Lock(), asyncio.Lock()
        self._questions: dict[str | int, _Question] = {}
        self._waiting: dict[int, _Waiting] = {}  # by order number
        logging.getLogger("ib_async").setLevel(logging.CRITICAL)  # everything is told by errors and gaps

    # ---------------------------------------------------------------------------------------------------- connection

    async def ready(self) -> Any:  # noqa: ANN401  # ib_async.Client, which has no annotations
        """Return the client, connected and logged in to the account that is meant.

        Raises
        ------
        VenueUnavailableError
            If nothing answers, or another program uses the client id.
        VenueAuthError
            If the gateway is logged in to other accounts, or to another kind.
        """
        async with self._connecting:
            if self._is_closed:
                raise VenueUnavailableError("the connection was closed by us", where=self._params.name)
            if self._client is None or not self._client.isReady():
                self._client = await self._connected_in_time()
            return self._client

    async def _connected_in_time(self) -> Any:  # noqa: ANN401
        now = asyncio.get_running_loop().time
        until = now() + _LETS_GO_S
        while True:
            try:
                return await self._connected()
            except VenueUnavailableError:
                if not self._refused or self._is_closed or now() > until:
                    raise
            await asyncio.sleep(_ASKED_AGAIN_S)

    async def _connected(self) -> Any:  # noqa: ANN401
        params = self._params
        # the library keeps the first event loop it ever saw, which is closed when a program runs a second one
        getattr(getLoop, "cache_clear", lambda: None)()
        client = cast("Any", Client)(_Messages(self._take, params.zone))
        client.MaxRequests = 0  # its queue would send orders after the gate was asked; the limit is ours
        client.decoder.interpret = partial(self._interpret, client.decoder.handlers)
        self._refused, self._is_cut = "", False
        where = f"{params.name} {params.host}:{params.port}"
        lost = asyncio.Event()
        client.conn.disconnected += lambda _message: lost.set()
        tasks = [
            asyncio.ensure_future(client.connectAsync(params.host, params.port, params.client_id, params.timeout_s)),
            asyncio.ensure_future(lost.wait()),  # the library would wait on for an answer
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()  # a no-operation once it is done
        outcome = (await asyncio.gather(*tasks, return_exceptions=True))[0]
        if isinstance(outcome, BaseException):
            client.disconnect()
            fix = "Start TWS or IB Gateway, log in, and enable the API (Configure > API > Settings)."
            what = self._refused or f"no TWS or IB Gateway answers: {type(outcome).__name__} {outcome}".rstrip()
            raise VenueUnavailableError(what, where=where, fix="" if self._refused else fix)
        self._check_accounts(client, where)
        return client

    def _check_accounts(self, client: Any, where: str) -> None:  # noqa: ANN401
        accounts, mine = list(client.getAccounts()), self._params.account
        wrong = [a for a in accounts if has_play_money(a) is isinstance(mine, LiveAccount)]
        if mine.account_id in accounts and not wrong:
            return
        client.disconnect()
        kind = "live" if isinstance(mine, LiveAccount) else "paper"
        what = (
            f"the gateway is logged in to {', '.join(accounts) or 'nothing'}, not to the {kind} account that is meant"
        )
        raise VenueAuthError(what, where=where, fix="Log the gateway in to that account, or name another port.")

    async def close(self) -> None:
        """End the connection for good."""
        self._is_closed = True
        if self._client is not None:
            self._client.disconnect()
            await asyncio.sleep(0)  # the transport closes in the loop's next round

    @property
    def account_count(self) -> int:
        """How many accounts the gateway trades."""
        return len(self._client.getAccounts())

    def need_link(self) -> None:
        """Raise VenueUnavailableError where an order would not get beyond the gateway."""
        if self._is_cut:
            what = "the gateway has no connection to Interactive Brokers; nothing was sent"
            raise VenueUnavailableError(what, where=self._params.name, fix="It reconnects itself.")

    # ----------------------------------------------------------------------------------------------------- questions

    async def ask(self, key: str | int, send: Callable[[], None]) -> list[Args]:
        """Send a question and return the rows of its answer.

        Raises
        ------
        VenueRejectedError
            If the venue does not answer it.
        VenueTimeoutError
            If there is no whole answer in time. A question without a number then costs the connection, as one that
            nobody waits for any more: its late answer could be taken for that of the next.
        """
        if isinstance(key, int):
            return await self._ask(key, send)
        async with self._asking:
            try:
                return await self._ask(key, send)
            except (VenueTimeoutError, asyncio.CancelledError):
                self._client.disconnect()
                raise

    async def _ask(self, key: str | int, send: Callable[[], None]) -> list[Args]:
        question = _Question(asyncio.get_running_loop().create_future())
        self._questions[key] = question
        try:
            send()
            async with asyncio.timeout(self._params.timeout_s):
                return await question.done
        except (TimeoutError, ConnectionError) as error:
            raise VenueTimeoutError("no whole answer", where=f"{self._params.name} {key}") from error
        finally:
            self._questions.pop(key, None)

    async def heard(
        self, number: int, send: Callable[[], None], wants: Callable[[KnownOrder], bool], code: int = 0
    ) -> None:
        """Send something about an order and wait for the report that is wanted, or a message of a code.

        Raises
        ------
        VenueError
            What any other message about the order means; VenueTimeoutError if nobody speaks of it.
        """
        waiting = _Waiting(asyncio.get_running_loop().create_future(), wants, code)
        self._waiting[number] = waiting
        try:
            send()
            async with asyncio.timeout(self._params.timeout_s):
                await waiting.done
        except (TimeoutError, ConnectionError) as error:
            raise VenueTimeoutError("no word of the order", where=f"{self._params.name} order {number}") from error
        finally:
            self._waiting.pop(number, None)

    def told(self, number: int, known: KnownOrder) -> None:
        """Say what is known of an order now, to whoever waits for it."""
        waiting = self._waiting.get(number)
        if waiting is not None and not waiting.done.done() and waiting.wants(known):
            waiting.done.set_result(None)

    # ------------------------------------------------------------------------------------------------------ messages

    def _interpret(self, handlers: dict[int, Callable[[list[str]], None]], fields: list[str]) -> None:
        """Decode a message; one that cannot be read may have been part of any answer."""
        try:
            handler = handlers.get(int(fields[0]))
            if handler is not None:
                handler(fields)
        except (ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError) as error:
            what = f"a message cannot be read: {type(error).__name__}"
            self._fail(VenueTimeoutError(what, where=self._params.name))
            self._on_gap(what)

    def _take(self, name: str, *args: Any) -> None:  # noqa: ANN401  # as decoded
        if name in _ROWS:
            self._row(_ROWS[name], args)
        if name in _ENDS:
            self._finish(_ENDS[name])
        elif name in _NUMBERED_ENDS:
            self._finish(args[0])
        elif name in _NUMBERED_ROWS and args[0] in self._questions:
            self._row(args[0], args[1:])
        elif name in _NEWS:
            self._on_message(name, args)
        elif name == "error":
            self._error(*args[:3])
        elif name == "nextValidId" and self._client is not None:
            self._client.updateReqId(args[0])
        elif name == "connectionClosed":
            self._fail(VenueTimeoutError("the connection was lost", where=self._params.name))
            self._on_gap(None)

    def _row(self, key: str | int, args: Args) -> None:
        if key in self._questions:
            self._questions[key].rows.append(args)

    def _finish(self, key: str | int) -> None:
        question = self._questions.get(key)
        if question is not None and not question.done.done():
            question.done.set_result(question.rows)

    def _fail(self, error: VenueError) -> None:
        for question in self._questions.values():
            if not question.done.done():
                question.done.set_exception(error)
        for waiting in self._waiting.values():
            if not waiting.done.done():
                waiting.done.set_exception(error)

    def _error(self, number: int, code: int, message: str) -> None:
        if code in LINK_LOST:
            self._is_cut = True
        elif code in LINK_BACK:
            self._is_cut = False
            self._on_gap(f"{message} (code {code})")
        elif code == CLIENT_ID_IN_USE:
            self._refused = f"client id {self._params.client_id} is used by another program; give each its own"
        elif not is_notice(code):
            self._answered(number, code, message)

    def _answered(self, number: int, code: int, message: str) -> None:
        """Take a message as the answer to a question, or as word of an order."""
        question, waiting = self._questions.get(number), self._waiting.get(number)
        if code == DUPLICATE_ORDER_ID:
            self._client.reqIds(1)  # what is free now; the answer is taken below
        if question is not None and not question.done.done():
            what = f"{message.strip().rstrip('.')} (code {code})"
            question.done.set_exception(VenueRejectedError(what, where=self._params.name))
        elif waiting is not None and not waiting.done.done():
            if code == waiting.code:
                waiting.done.set_result(None)
            else:
                waiting.done.set_exception(order_error(code, message, f"{self._params.name} order {number}"))
