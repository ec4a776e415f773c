"""The terminal on this machine, through the official package `MetaTrader5` (Windows only).

The package is blocking and not made for threads: one thread of its own runs its calls, one at a time. The server tells
times as if its own zone were UTC. Which zone that is can be said; else how far it is off is measured at a quote that
has just come, which holds until clocks are moved.
Source: mql5.com/en/docs/python_metatrader5; of bars mt5copyratesrange_py there.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from pydantic import ValidationError

from tradewright.adapters.mt5.server_clock import ServerClock
from tradewright.adapters.mt5.server_zone import ServerZone
from tradewright.adapters.mt5.terminal import (
    AccountRow,
    Action,
    BarRow,
    Bars,
    DealRow,
    Filling,
    Gate,
    OrderRow,
    Period,
    PositionRow,
    Request,
    Result,
    SymbolRow,
    TickRow,
)
from tradewright.core.types.errors import ConfigError, VenueError
from tradewright.execution.venue import VenueAuthError, VenueRejectedError, VenueTimeoutError, VenueUnavailableError

T = TypeVar("T")
_FRESH_S, _LOOK_S = 10.0, 0.1
_DAY_S = 86_400
_NOT_SENT = {-10001, -10003, -10004}  # could not send to the terminal, no terminal
_AUTH = {-6, -8}  # not authorised, automated trading switched off
_BAD = {-2}  # wrong arguments
_OUT_BY, _BUY, _SELL = 3, 0, 1
_FILLING_FLAGS = ((1, Filling.FOK), (2, Filling.IOC))


def load_module() -> Any:  # noqa: ANN401  # the package has no types
    """Return the package; raises ConfigError where it cannot be installed."""
    try:
        return importlib.import_module("MetaTrader5")
    except ImportError as error:
        fix = (
            "On Windows: pip install MetaTrader5. Elsewhere run `tradewright mt5-bridge` on a Windows machine, or use "
            "MetaApi."
        )
        raise ConfigError("the package MetaTrader5 is not installed", where="mt5", fix=fix) from error


class ModuleTerminal:
    """A terminal through the package.

    Parameters
    ----------
    module : module
        As `load_module` returns it.
    clock_ns : callable
        ns UTC, from which the server's zone is measured.
    path : str
        Of ``terminal64.exe``; empty: the one that runs.
    utc_offset_s : int, optional
        How far the server's clock is ahead of UTC now; measured where it is not given.
    zone : ServerZone, optional
        The server's, in place of that: times of other seasons can be told then. Held against the first fresh quote.
    timeout_s : float
        Longest wait for an answer.
    """

    comment_length = 31

    def __init__(
        self,
        module: Any,  # noqa: ANN401
        *,
        clock_ns: Callable[[], int],
        path: str = "",
        utc_offset_s: int | None = None,
        zone: ServerZone | None = None,
        timeout_s: float = 10.0,
    ) -> None:
        self._module, self._clock_ns, self._path, self._timeout_s = module, clock_ns, path, timeout_s
        self._clock = ServerClock(zone, utc_offset_s)
        self._thread = ThreadPoolExecutor(1, "mt5")
        self._turn = asyncio.Lock()
        self._is_started = False

    # ---------------------------------------------------------------------------------------------------- questions

    async def account(self) -> AccountRow:
        """Return the account."""
        row = await self._call("account_info")
        names = ("login", "server", "trade_mode", "margin_mode", "currency", "balance", "equity")
        return _read(lambda: AccountRow(**{name: getattr(row, name) for name in names}))

    async def symbol(self, name: str) -> SymbolRow | None:
        """Return how a symbol is traded; it is put into the Market Watch, or the terminal has no quotes of it."""
        if not await self._call("symbol_select", name, True):
            return None
        row = await self._call("symbol_info", name)
        return _read(
            lambda: SymbolRow(
                name=row.name,
                contract_size=row.trade_contract_size,
                volume_min=row.volume_min,
                volume_step=row.volume_step,
                fillings=tuple(way for flag, way in _FILLING_FLAGS if row.filling_mode & flag),
            )
        )

    async def tick(self, name: str) -> TickRow:
        """Return the newest quote of a symbol."""
        row = await self._call("symbol_info_tick", name)
        if not self._clock.is_compared:
            row = await self._changed(name, row)
        return _read(lambda: TickRow(time_ms=self._clock.utc_ms(row.time_msc), bid=row.bid, ask=row.ask))

    async def bars(self, name: str, period: Period, start_ms: int, end_ms: int) -> Bars:
        """Return bars of a symbol; raises VenueUnavailableError while no quote moves by which to tell the zone."""
        if not self._clock.is_good(self._now_ms()):
            await self._changed(name, await self._call("symbol_info_tick", name))
            if not self._clock.is_good(self._now_ms()):
                raise self._clock.unknown()
        span = (self._clock.server_ms(ms) // 1_000 for ms in (start_ms, end_ms))
        rows = await self._call("copy_rates_range", name, period.value, *span)
        found = _read(lambda: [self._bar(row, period) for row in rows])
        inside = tuple(row for row in found if start_ms <= row.time_ms < end_ms)
        return Bars(rows=inside, knows_zone=self._clock.knows_zone)

    async def orders(self) -> list[OrderRow]:
        """Return open orders."""
        rows = await self._call("orders_get")
        return _read(lambda: [self._order(row, row.time_setup_msc) for row in rows])

    async def positions(self) -> list[PositionRow]:
        """Return open positions."""
        rows = await self._call("positions_get")
        return _read(
            lambda: [
                PositionRow(
                    ticket=row.ticket,
                    symbol=row.symbol,
                    side=1 if row.type == _BUY else -1,
                    volume=row.volume,
                    price=row.price_open,
                    magic=row.magic,
                    comment=row.comment,
                )
                for row in rows
            ]
        )

    async def history_orders(self, since_ms: int) -> list[OrderRow]:
        """Return orders that ended since a time."""
        rows = await self._call("history_orders_get", *self._span(since_ms))
        found = _read(lambda: [self._order(row, row.time_done_msc) for row in rows])
        return [row for row in found if row.time_ms >= since_ms]

    async def history_deals(self, since_ms: int) -> list[DealRow]:
        """Return executions since a time."""
        rows = await self._call("history_deals_get", *self._span(since_ms))
        found = _read(lambda: [self._deal(row) for row in rows if row.type in (_BUY, _SELL) and row.entry != _OUT_BY])
        return [row for row in found if row.time_ms >= since_ms]

    async def send(self, request: Request, gate: Gate) -> Result:
        """Send a request, once."""
        row = await self._call("order_send", _fields(request), gate=gate)
        return _read(lambda: Result(code=row.retcode, order=row.order, volume=row.volume, comment=row.comment))

    async def close(self) -> None:
        """Let go of the terminal; it goes on running."""
        if self._is_started:
            self._is_started = False
            await asyncio.get_running_loop().run_in_executor(self._thread, self._module.shutdown)
        self._thread.shutdown(wait=False)

    # ---------------------------------------------------------------------------------------------------- the inside

    async def _call(self, name: str, *args: object, gate: Gate | None = None) -> Any:  # noqa: ANN401
        """Call a function of the package in its thread; None is its way to say that something failed."""
        async with self._turn:
            if not self._is_started:
                await self._run(lambda: self._module.initialize(*([self._path] if self._path else [])), "initialize")
                self._is_started = True
            if gate is not None:
                gate()  # the next instruction hands the request over
            return await self._run(lambda: getattr(self._module, name)(*args), name)

    async def _run(self, work: Callable[[], Any], name: str) -> Any:  # noqa: ANN401
        where = f"mt5 {name}"

        def inside() -> tuple[Any, tuple[int, str]]:
            answer = work()
            return answer, (1, "") if answer is not None and answer is not False else self._module.last_error()

        job = self._thread.submit(inside)
        try:
            async with asyncio.timeout(self._timeout_s):
                answer, (code, text) = await asyncio.wrap_future(job)
        except TimeoutError:
            self._is_started = False
            if job.cancel():  # an earlier call still holds the thread
                raise VenueUnavailableError("the terminal does not answer; nothing was sent", where=where) from None
            raise VenueTimeoutError("the terminal does not answer", where=where) from None
        if answer is None or answer is False:
            if name in ("symbol_select", "symbol_info") and code in (-4, -1, 1):  # not found
                return None
            self._is_started = self._is_started and code not in _NOT_SENT
            raise _error(code, text, where)
        return answer

    async def _changed(self, name: str, row: Any) -> Any:  # noqa: ANN401
        """Wait for a quote to change, and learn from that one how far the server's clock is from UTC.

        One that stands may be of Friday: its age cannot be told from a zone, and says nothing against one.
        """
        first = row.time_msc
        for _ in range(round(_FRESH_S / _LOOK_S)):
            await asyncio.sleep(_LOOK_S)
            row = await self._call("symbol_info_tick", name)
            if row.time_msc != first:
                self._clock.compare(row.time_msc, self._now_ms())
                break
        self._clock.trust()
        return row

    def _now_ms(self) -> int:
        return self._clock_ns() // 1_000_000

    def _span(self, since_ms: int) -> tuple[int, int]:
        """Return since when, and until when: beyond now, because the server's zone may be ahead."""
        now_s = self._now_ms() // 1_000
        return max(0, since_ms // 1_000 - _DAY_S), now_s + 2 * _DAY_S

    def _order(self, row: Any, time_ms: int) -> OrderRow:  # noqa: ANN401
        names = ("ticket", "symbol", "type", "state", "reason", "magic", "comment")
        volumes = {"volume": row.volume_initial, "volume_left": row.volume_current}
        return OrderRow(**{name: getattr(row, name) for name in names}, **volumes, time_ms=self._clock.utc_ms(time_ms))

    def _bar(self, row: Any, period: Period) -> BarRow:  # noqa: ANN401
        start, end = self._clock.span_ms(int(row["time"]) * 1_000, period.ms)
        prices = {name: float(row[name]) for name in ("open", "high", "low", "close")}
        return BarRow(time_ms=start, end_ms=end, **prices, ticks=int(row["tick_volume"]), spread=int(row["spread"]))

    def _deal(self, row: Any) -> DealRow:  # noqa: ANN401
        names = ("ticket", "order", "symbol", "volume", "price", "magic", "comment")
        return DealRow(
            **{name: getattr(row, name) for name in names},
            side=1 if row.type == _BUY else -1,
            fee=-(row.commission + row.fee),
            time_ms=self._clock.utc_ms(row.time_msc),
        )


def _fields(request: Request) -> dict[str, Any]:
    """Return a request as the package's dictionary; what does not belong to an action is left out."""
    if request.action is Action.REMOVE:
        return {"action": int(request.action), "order": request.order}
    if request.action is Action.CLOSE_BY:
        return {"action": int(request.action), "position": request.position, "position_by": request.position_by}
    fields = {
        "action": int(request.action),
        "symbol": request.symbol,
        "type": int(request.type),
        "volume": request.volume,
        "price": request.price,
        "deviation": request.deviation,
        "type_time": int(request.is_day),  # ORDER_TIME_GTC, ORDER_TIME_DAY
        "type_filling": int(request.filling),
        "magic": request.magic,
        "comment": request.comment,
    }
    fields |= {"position": request.position} if request.position else {}
    return fields | ({"stoplimit": request.stop_limit} if request.stop_limit else {})


def _error(code: int, text: str, where: str) -> VenueError:
    told = f"{text} (code {code})"
    if code in _NOT_SENT:
        return VenueUnavailableError(told, where=where, fix="Start the terminal and log it in.")
    if code in _AUTH:
        return VenueAuthError(told, where=where, fix="Log the terminal in, and switch Algo Trading on.")
    if code in _BAD:
        return VenueRejectedError(told, where=where)
    return VenueTimeoutError(told, where=where, fix="Treated as no answer; the venue is asked.")


def _read(make: Callable[[], T]) -> T:
    """Return what is made of an answer; raises VenueTimeoutError where it is not as documented."""
    try:
        return make()
    except (AttributeError, TypeError, ValidationError, ValueError) as error:
        what = f"an answer of the terminal cannot be read: {type(error).__name__}"
        raise VenueTimeoutError(what, where="mt5", fix="Treated as no answer; the venue is asked again.") from error
