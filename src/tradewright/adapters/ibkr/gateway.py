"""One connection to TWS or IB Gateway: made when needed, made again when lost, shared by all requests.

`ib_async` connects, encodes requests and decodes contract details. Rows of history and live data are taken from the
messages before its decoder reads them: it drops a whole answer when one number in it is malformed, and it replaces
the venue's time of tick-by-tick data by the time of receipt.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from ib_async import IB, Contract, ContractDetails, StartupFetchNONE
from ib_async.util import getLoop
from ib_async.wrapper import RequestError

from tradewright.adapters.ibkr.errors import (
    CLIENT_ID_IN_USE,
    LINK_BACK_EMPTY,
    LINK_BACK_FULL,
    LINK_LOST,
    Verdict,
    id_in_use,
    not_running,
    refusal,
    verdict,
)
from tradewright.adapters.ibkr.pacing import PacedRequest, Pacer
from tradewright.adapters.ibkr.params import IbkrParams
from tradewright.adapters.ibkr.symbols import ContractSpec
from tradewright.core.types.errors import SourceError

Fields = list[str]
Sleep = Callable[[float], Awaitable[None]]

_BARS, _TICKS = 17, (96, 97, 98)
_LIVE_BAR, _LIVE_TICK = 50, 99
_LONGEST_PACING_WAIT_S = 600.0


class Wire(Protocol):
    """The part of `ib_async.Client` that is used here; it has no type annotations of its own."""

    def getReqId(self) -> int:  # noqa: N802
        """Return the next request number."""

    def reqContractDetails(self, req_id: int, contract: Contract) -> None:  # noqa: N802
        """Ask what a contract is."""

    def reqHistoricalData(self, req_id: int, contract: Contract, *rest: object) -> None:  # noqa: N802
        """Ask for bars."""

    def reqHistoricalTicks(self, req_id: int, contract: Contract, *rest: object) -> None:  # noqa: N802
        """Ask for ticks."""

    def cancelHistoricalData(self, req_id: int) -> None:  # noqa: N802
        """Cancel a request for bars."""

    def reqRealTimeBars(self, req_id: int, contract: Contract, *rest: object) -> None:  # noqa: N802
        """Subscribe to five-second bars."""

    def cancelRealTimeBars(self, req_id: int) -> None:  # noqa: N802
        """End a subscription to five-second bars."""

    def reqTickByTickData(self, req_id: int, contract: Contract, *rest: object) -> None:  # noqa: N802
        """Subscribe to ticks."""

    def cancelTickByTickData(self, req_id: int) -> None:  # noqa: N802
        """End a subscription to ticks."""


class _Registry(Protocol):
    def startReq(self, key: int, contract: Contract) -> asyncio.Future[list[ContractDetails]]: ...  # noqa: N802


class _Broken(Exception):  # noqa: N818
    """The answer broke off, was garbled, or the connection was lost before it was complete."""


class _Answered(Exception):  # noqa: N818
    """A request was answered by a numbered message instead of rows."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Ask:
    """A request for history: ``send`` puts it on the wire; ``width`` is the number of fields of a row."""

    send: Callable[[Wire, int], None]
    width: int
    paced: PacedRequest
    where: str


@dataclass(slots=True)
class _Pending:
    width: int
    done: asyncio.Future[list[Fields]]
    rows: list[Fields] = field(default_factory=list)


class Listener(Protocol):
    """Who receives live messages and what happens to the connection."""

    def on_fields(self, req_id: int, fields: Fields) -> None:
        """Take one message."""

    def on_message(self, req_id: int, code: int, message: str) -> None:
        """Take a numbered message; ``req_id`` is -1 when it is about no request."""

    def on_lost(self) -> None:
        """Take note that the connection is gone."""


class Gateway:
    """The connection.

    Parameters
    ----------
    params : IbkrParams
        Where to and how.
    pacer : Pacer
        Limits of requests for history.
    sleep : callable
        Coroutine function that waits for some seconds.
    listener : Listener, optional
        Receives live data.
    """

    def __init__(
        self, params: IbkrParams, pacer: Pacer, *, sleep: Sleep = asyncio.sleep, listener: Listener | None = None
    ) -> None:
        self.params = params
        self._pacer = pacer
        self._sleep = sleep
        self._listener = listener
        self._ib: IB | None = None
        self._was_connected = False
        self._is_link_lost = False
        self._is_closing = False
        self._connecting = asyncio.Lock()
        self._pending: dict[int, _Pending] = {}
        self._asked: dict[int, asyncio.Future[list[ContractDetails]]] = {}
        self._contracts: dict[ContractSpec, ContractDetails] = {}
        # every message arrives here and is reported as an error, a note or a gap; the library would print it as well
        logging.getLogger("ib_async").setLevel(logging.CRITICAL)

    # ---------------------------------------------------------------------------------------------------- connection
    async def wire(self) -> Wire:
        """Return the connection, made now if there is none.

        Raises
        ------
        SourceError
            If nothing answers at the address, or the client id is taken.
        """
        return cast("Wire", (await self._connected()).client)

    async def _connected(self) -> IB:
        async with self._connecting:
            if self._ib is not None and self._ib.isConnected():
                return self._ib
            attempt = 0
            while True:
                attempt += 1
                try:
                    self._ib = await self._connect()
                except SourceError:
                    # a gateway that was there may be restarting; one that never was is a mistake in the settings
                    if not self._was_connected or attempt >= self.params.max_attempts:
                        raise
                    await self._sleep(self.params.backoff(attempt))
                else:
                    self._was_connected, self._is_link_lost = True, False
                    return self._ib

    async def _connect(self) -> IB:
        params = self.params
        # the library keeps the first event loop it ever saw, which is closed when a program runs a second one
        getattr(getLoop, "cache_clear", lambda: None)()
        ib = IB()
        ib.RaiseRequestErrors = True
        ib.errorEvent.clear()  # its own listener would ask for account values, which no market-data source needs
        failed: asyncio.Future[SourceError] = asyncio.get_running_loop().create_future()

        def fail(error: SourceError) -> None:
            if not failed.done():
                failed.set_result(error)

        def on_error(_req_id: int, code: int, _message: str, _contract: object) -> None:
            if code == CLIENT_ID_IN_USE:
                fail(id_in_use(params))

        def on_closed(_message: str) -> None:
            fail(not_running(params, "it closed the connection"))

        ib.errorEvent += on_error
        ib.client.conn.disconnected += on_closed
        connecting = asyncio.ensure_future(
            ib.connectAsync(
                params.host,
                params.port,
                params.client_id,
                timeout=params.connect_timeout_s,
                readonly=True,
                fetchFields=StartupFetchNONE,
            )
        )
        try:
            await asyncio.wait({connecting, failed}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            connecting.cancel()  # a no-operation once it is done
        outcome: list[IB | BaseException] = await asyncio.gather(connecting, return_exceptions=True)
        result = outcome[0]
        ib.errorEvent -= on_error
        ib.client.conn.disconnected -= on_closed
        if isinstance(result, OSError | TimeoutError | asyncio.CancelledError):
            raise self._why(failed, result) from result
        if isinstance(result, BaseException):
            raise result
        self._attach(ib)
        return ib

    def _why(self, failed: asyncio.Future[SourceError], error: BaseException) -> SourceError:
        if isinstance(error, ConnectionRefusedError):
            return not_running(self.params, "connection refused")
        if isinstance(error, TimeoutError):
            return not_running(self.params, f"nothing within {self.params.connect_timeout_s:g} s")
        if failed.done():
            return failed.result()
        return not_running(self.params, str(error) or type(error).__name__)

    def _attach(self, ib: IB) -> None:
        handlers: dict[int, Callable[[Fields], None]] = ib.client.decoder.handlers
        handlers[_BARS] = self._take_bars
        for number in _TICKS:
            handlers[number] = self._take_ticks
        handlers[_LIVE_BAR] = lambda fields: self._take_live(2, fields)
        handlers[_LIVE_TICK] = lambda fields: self._take_live(1, fields)
        ib.errorEvent += self._take_message
        ib.disconnectedEvent += self._take_disconnect

    async def close(self) -> None:
        """End the connection."""
        self._is_closing = True
        if self._ib is not None:
            self._ib.disconnect()
            self._ib = None
            await asyncio.sleep(0)  # the transport closes in the loop's next round

    async def restart(self) -> None:
        """Drop the connection so that the next request makes a new one."""
        await self.close()
        self._is_closing = False

    # ------------------------------------------------------------------------------------------------------ messages
    def _take_bars(self, fields: Fields) -> None:
        # 17, request, start, end, number of rows, rows
        self._take_rows(int(fields[1]), fields[4], fields[5:], is_last=True)

    def _take_ticks(self, fields: Fields) -> None:
        # 96 to 98, request, number of rows, rows, whether these are the last
        self._take_rows(int(fields[1]), fields[2], fields[3:-1], is_last=fields[-1] != "0")

    def _take_rows(self, req_id: int, count: str, flat: Fields, *, is_last: bool) -> None:
        pending = self._pending.get(req_id)
        if pending is None or pending.done.done():
            return
        if len(flat) != int(count) * pending.width:
            pending.done.set_exception(_Broken(f"the answer is garbled: {len(flat)} fields for {count} rows"))
            return
        pending.rows += [flat[i : i + pending.width] for i in range(0, len(flat), pending.width)]
        if is_last:
            pending.done.set_result(pending.rows)

    def _take_live(self, at: int, fields: Fields) -> None:
        if self._listener is not None and fields[at].lstrip("-").isdigit():
            self._listener.on_fields(int(fields[at]), fields)

    def _take_message(self, req_id: int, code: int, message: str, _contract: object) -> None:
        if code in LINK_LOST:
            self._is_link_lost = True
            self._fail_pending(_Broken(f"{message} (code {code})"))
        elif code in (LINK_BACK_EMPTY, LINK_BACK_FULL):
            self._is_link_lost = False
        pending = self._pending.get(req_id)
        asked = self._asked.get(req_id)
        if asked is not None:  # the library takes code 321 for a warning and would wait for ever
            if not asked.done() and verdict(code, message) is not Verdict.INFORMATION:
                asked.set_exception(_Answered(code, message))
        elif pending is not None:
            if not pending.done.done() and verdict(code, message) is not Verdict.INFORMATION:
                pending.done.set_exception(_Answered(code, message))
        elif self._listener is not None:
            self._listener.on_message(req_id, code, message)

    def _take_disconnect(self) -> None:
        self._fail_pending(_Broken("the connection was closed"))
        if self._listener is not None and not self._is_closing:
            self._listener.on_lost()

    def _fail_pending(self, error: _Broken) -> None:
        for asked in self._asked.values():
            if not asked.done():
                asked.set_exception(error)
        for pending in self._pending.values():
            if not pending.done.done():
                pending.done.set_exception(error)

    # ------------------------------------------------------------------------------------------------------ requests
    async def contract(self, spec: ContractSpec) -> ContractDetails:
        """Return the one contract that a spec names; asked once.

        Raises
        ------
        SourceError
            If there is none, or more than one.
        """
        if spec not in self._contracts:
            named = Contract(**spec.fields, includeExpired=spec.sec_type == "FUT")
            found = await self._retry(spec.label, lambda: self._details(named))
            if len(found) != 1:
                names = ", ".join(sorted(str(d.contract.localSymbol) for d in found if d.contract)) or "none"
                what = f"{len(found)} contracts fit: {names}"
                fix = "Name the exchange and currency, or the last trading day of a future (ES@20261218)."
                raise SourceError(what, where=f"ibkr {spec.label}", fix=fix)
            named.conId = found[0].contract.conId if found[0].contract else 0
            found[0].contract = named  # as asked for, SMART and expired included, with its number
            self._contracts[spec] = found[0]
        return self._contracts[spec]

    async def _details(self, contract: Contract) -> list[ContractDetails]:
        ib = await self._connected()
        wire, req_id = cast("Wire", ib.client), -1
        try:
            req_id = wire.getReqId()
            asked = cast("_Registry", ib.wrapper).startReq(req_id, contract)
            self._asked[req_id] = asked
            wire.reqContractDetails(req_id, contract)
            async with asyncio.timeout(self.params.request_timeout_s):
                return await asked
        except RequestError as error:
            raise _Answered(error.code, error.message) from error
        except ConnectionError as error:
            raise _Broken(f"connection lost: {error}") from error
        finally:
            self._asked.pop(req_id, None)

    async def rows(self, ask: Ask) -> list[Fields]:
        """Ask for history, again where that helps, and return the rows as received; none where there is no data.

        Raises
        ------
        SourceError
            If Interactive Brokers refuses, or every attempt failed.
        """
        rows: list[Fields] = await self._retry(ask.where, lambda: self._ask_once(ask))
        return rows

    async def _ask_once(self, ask: Ask) -> list[Fields]:
        async with self._pacer.slot(ask.paced):
            wire = await self.wire()
            done: asyncio.Future[list[Fields]] = asyncio.get_running_loop().create_future()
            req_id = -1
            try:
                req_id = wire.getReqId()
                self._pending[req_id] = _Pending(ask.width, done)
                ask.send(wire, req_id)
                async with asyncio.timeout(self.params.request_timeout_s):
                    return await done
            except TimeoutError:
                with suppress(ConnectionError):
                    wire.cancelHistoricalData(req_id)
                raise
            except _Answered as answer:
                if verdict(answer.code, answer.message) is Verdict.NO_DATA:
                    return []
                raise
            except ConnectionError as error:
                raise _Broken(f"connection lost: {error}") from error
            finally:
                self._pending.pop(req_id, None)

    async def _retry(self, where: str, once: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401
        """Do something until it works, is refused, or was tried often enough."""
        params, problem = self.params, ""
        for attempt in range(1, params.max_attempts + 1):
            pause = params.backoff(attempt)
            try:
                return await once()
            except _Broken as error:
                problem = str(error)
            except TimeoutError:
                problem = f"no answer within {params.request_timeout_s:g} s"
            except _Answered as answer:
                problem = f"{answer.message} (code {answer.code})"
                kind = verdict(answer.code, answer.message)
                if kind is Verdict.REFUSED:
                    raise refusal(answer.code, answer.message, f"ibkr {where}") from answer
                if kind is Verdict.PACING:
                    pause = min(params.pacing_wait_s * 2.0 ** (attempt - 1), _LONGEST_PACING_WAIT_S)
            if attempt < params.max_attempts:
                await self._sleep(pause)
        fix = "Try again later; look at the connection state in TWS or IB Gateway."
        if self._is_link_lost:
            fix = "The gateway has no connection to Interactive Brokers; try again once it is back."
        what = f"no complete answer in {params.max_attempts} attempts; the last: {problem.strip().rstrip('.')}"
        raise SourceError(what, where=f"ibkr {where}", fix=fix)
