"""A local TWS: speaks the interface's wire protocol on a TCP port, from a seeded market, and misbehaves on a script.

Server version 176. Messages are a four-byte length and fields ended by zero bytes; field order as in the TWS API
(`EClient`, `EDecoder`) for that version: the handshake ``API\\0 v157..178`` is answered by version and time, then
startApi (71) by nextValidId (9) and managedAccounts (15). Spoken: 9 contract details, 20 and 25 historical bars, 50
and 51 five-second bars, 96 historical ticks, 97 and 98 tick-by-tick, 61 positions; orders in `ibkr_orders`.

A request of bars also returns the bar before the span, as the real one may.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Self

import numpy as np
from tests.venues.faults import Fault, FaultScript
from tests.venues.ibkr_market import Market
from tests.venues.ibkr_orders import ORDER_FAULTS, TwsOrders

from tradewright.adapters.ibkr.params import IbkrParams

SERVER_VERSION = 176
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BAR_SECONDS = {
    "1 secs": 1,
    "5 secs": 5,
    "10 secs": 10,
    "15 secs": 15,
    "30 secs": 30,
    "1 min": 60,
    "2 mins": 120,
    "5 mins": 300,
    "15 mins": 900,
    "30 mins": 1800,
    "1 hour": 3600,
    "1 day": 86_400,
}
_UNIT_SECONDS = {"S": 1, "D": 86_400, "W": 7 * 86_400, "M": 30 * 86_400, "Y": 365 * 86_400}
_KNOWN = {"AAPL", "EUR", "ES", "BTC", "NIFTY"}
_ZONES = {"CASH": "US/Eastern", "FUT": "US/Central", "CONTFUT": "US/Central", "CRYPTO": "US/Eastern"}
_HOURS = {
    "CASH": "20240102:1715-20240103:1700;20240103:1715-20240104:1700",
    "FUT": "20240102:1700-20240103:1600;20240103:1700-20240104:1600",
    "CONTFUT": "20240102:1700-20240103:1600;20240103:1700-20240104:1600",
}


_HMDS = "Historical Market Data Service error message:"
_LOST = (1100, "Connectivity between IBKR and Trader Workstation has been lost.")
#: Faults that answer a request for history with a numbered message.
_MESSAGES = {
    "pacing": (162, f"{_HMDS}Historical data request pacing violation"),
    "no_data": (162, f"{_HMDS}HMDS query returned no data: X@SMART"),
    "not_subscribed": (354, "Requested market data is not subscribed. Error&BEST/STK/Top&BEST/STK/Top"),
    "no_permission": (162, f"{_HMDS}No market data permissions for ISLAND STK"),
    "cancelled": (162, f"{_HMDS}API historical data query cancelled: 1"),
    "refused": (10314, "End Date/Time: The date, time, or time-zone entered is invalid."),
    "invalid": (321, "Error validating request.-'bN' : cause - what to show field is missing or incorrect."),
}
#: What can go wrong where; the words of `Fault.kind`, the keys are what `Fault.path` begins with.
#: drop: the connection breaks in the middle; garbled: fewer fields than announced; slow: in small parts; busy: the
#: client id is in use; offline and back_empty: the gateway's own connection is lost and restored, with subscriptions
#: kept (1102) and forgotten (1101); gap: a five-second bar is missing; bust: the subscription is ended by 10225.
KINDS = {
    "connect": ("drop", "silent", "busy"),
    "details": ("drop", "silent", "invalid", "no_definition", "odd_zone", "two_contracts"),
    "bars": (
        *_MESSAGES,
        "drop",
        "silent",
        "slow",
        "offline",
        "garbled",
        "duplicate",
        "conflict",
        "reorder",
        "malformed",
    ),
    "ticks": (*_MESSAGES, "drop", "silent", "slow", "offline", "garbled", "reorder", "malformed", "no_times"),
    "order": ORDER_FAULTS,
    "live": ("drop", "silent", "offline", "back_empty", "gap", "duplicate", "malformed", "bust", "not_subscribed"),
}


@dataclass
class IbkrVenue:
    """The server; a context manager, on a free port of the loopback. Faults of streams come at the fifth message.

    Parameters
    ----------
    faults : sequence of Fault
        The script; `KINDS` lists what this venue knows. A path is ``connect``, ``details AAPL``, ``bars AAPL``,
        ``ticks AAPL TRADES`` or ``live AAPL BARS``.
    market : Market
        What is traded.
    live_start : int
        Second at which live data begins; goes on from there whoever listens.
    live_pause_s : float
        Real time between two live messages.
    seed : int
        Of faults that happen by chance.
    orders : TwsOrders, optional
        Takes orders; then a client id is used by one connection at a time.
    """

    faults: Sequence[Fault] = ()
    market: Market = field(default_factory=Market)
    live_start: int = 1_704_186_000  # Tuesday 2024-01-02 09:00 UTC
    live_pause_s: float = 0.002
    seed: int = 0
    orders: TwsOrders | None = None

    def __post_init__(self) -> None:
        self.requests: list[tuple[str, list[str]]] = []
        self.script = FaultScript(self.faults, self.seed)
        self.live_second: dict[str, int] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        _close(self._listener)
        for each in self._sockets:
            _close(each)
        for thread in self._threads:
            thread.join(timeout=5)

    def cut(self) -> None:
        """Break every connection."""
        for each in self._sockets:
            _close(each)

    def params(self, **changes: object) -> IbkrParams:
        """Return parameters that meet this server."""
        params = IbkrParams(port=self.port, connect_timeout_s=5, request_timeout_s=5, backoff_s=0.01)
        return replace(params, **changes)  # type: ignore[arg-type]

    def asked(self, what: str) -> list[list[str]]:
        """Return the fields of the requests of one sort, in order."""
        with self._lock:
            return [fields for kind, fields in self.requests if kind == what]

    def fault(self, path: str, fields: list[str]) -> str:
        """Note a request and return the fault that it meets, or nothing."""
        kind = path.split(" ", maxsplit=1)[0]
        with self._lock:
            self.requests.append((kind, fields))
            fault = self.script.take(path, KINDS[kind])
        return fault.kind if fault else ""

    def next_live(self, key: str, step: int) -> int:
        """Return the second of the next live message; the market does not wait for listeners."""
        with self._lock:
            now = self.live_second.get(key, self.live_start)
            self.live_second[key] = now + step
            return now

    def is_closing(self, pause_s: float = 0.0) -> bool:
        """Wait a little; return whether the server ends."""
        return self._closing.wait(pause_s)

    def _start(self, target: object, *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets.append(connection)
            self._start(_Session(self, connection).run)

    def start(self, target: object, *args: object) -> None:
        """Run something beside the session."""
        self._start(target, *args)


class _Session:
    """One client."""

    def __init__(self, venue: IbkrVenue, connection: socket.socket) -> None:
        self.venue = venue
        self.connection = connection
        self.buffer = b""
        self.sending = threading.Lock()
        self.subscribed: set[str] = set()
        self.client_id = 0

    def run(self) -> None:
        try:
            fault = self.venue.fault("connect", [])
            if fault == "drop":
                return
            if self._receive(4) != b"API\0":
                return
            versions = self._message().decode()
            low, high = versions.removeprefix("v").split("..")
            if not int(low) <= SERVER_VERSION <= int(high.split(" ")[0]):
                return
            if fault == "silent":
                self.venue.is_closing(30)
                return
            self.send(SERVER_VERSION, "20240102 09:00:00 GMT")
            self.client_id = int(self._message().decode().split("\0")[2])  # startApi
            orders = self.venue.orders
            if orders is not None and any(s.client_id == self.client_id for s in orders.sessions):
                fault = "busy"
            if fault == "busy":
                self.error(
                    -1, 326, "Unable to connect as the client id is already in use. Retry with a unique client id."
                )
                return
            self.send(15, 1, orders.accounts if orders is not None else "DU0000001")
            self.send(9, 1, orders.next_number if orders is not None else 1)
            if orders is not None:
                orders.sessions.append(self)
            self.error(-1, 2104, "Market data farm connection is OK:usfarm")
            while True:
                self._answer(self._message().decode().split("\0")[:-1])
        except (OSError, EOFError):
            pass
        finally:
            if self.venue.orders is not None and self in self.venue.orders.sessions:
                self.venue.is_closing(self.venue.orders.id_kept_s)
                self.venue.orders.sessions.remove(self)
            _close(self.connection)

    def _answer(self, fields: list[str]) -> None:
        number = int(fields[0])
        if number == 9:
            self._details(fields)
        elif number == 20:
            self._bars(fields)
        elif number == 96:
            self._ticks(fields)
        elif number in (50, 97):
            self._live(fields)
        elif number in (51, 98):
            self.subscribed.discard(fields[-1])
        elif self.venue.orders is not None:
            self._order(self.venue.orders, fields)
        elif number == 61:
            self.send(62, 1)

    def _order(self, orders: TwsOrders, fields: list[str]) -> None:
        fault = self.venue.fault(f"order {fields[16]}", fields) if fields[0] == "3" else ""
        if fault == "lost":
            raise EOFError
        orders.answer(self, fields, fault)
        if fault == "drop":
            raise EOFError

    # ----------------------------------------------------------------------------------------------------- contracts
    def _details(self, fields: list[str]) -> None:
        # 9, 8, request, conId, symbol, type, month, strike, right, multiplier, exchange, primary, currency, local
        req_id, symbol, sec_type, month, exchange, currency = (fields[i] for i in (2, 4, 5, 6, 10, 12))
        fault = self.venue.fault(f"details {symbol}", fields)
        if fault == "drop":
            raise EOFError
        if fault == "silent":
            return
        if fault == "invalid":
            self.error(req_id, *_MESSAGES[fault])
            return
        if symbol not in _KNOWN or fault == "no_definition":
            self.error(req_id, 200, "No security definition has been found for the request")
            return
        zone = "Asia/Calcutta" if symbol == "NIFTY" else _ZONES.get(sec_type, "US/Eastern")
        zone = "Moon/Crater" if fault == "odd_zone" else zone
        for con_id in (265598, 265599) if fault == "two_contracts" else (265598,):
            head = (
                10,
                req_id,
                symbol,
                sec_type,
                month,
                "0",
                "",
                exchange,
                currency,
                f"{symbol}{con_id}",
                symbol,
                symbol,
            )
            middle = (con_id, "0.01", "", "LMT,MKT", exchange, "1", "0", symbol, "NASDAQ", month, "", "", "", zone)
            hours = _HOURS.get(sec_type, "20240102:0400-20240102:2000;20240103:0400-20240103:2000")
            tail = (hours, hours, "", "0", "0", "1", "", "", "26", month, "COMMON", "0.0001", "0.0001", "100")
            self.send(*head, *middle, *tail)
        self.send(52, 1, req_id)

    # ------------------------------------------------------------------------------------------------------- history
    def _bars(self, fields: list[str]) -> None:
        # 20, request, contract (12 fields), expired, end, bar size, duration, rth, what, format, update, options
        req_id, end, setting, duration, what = (fields[i] for i in (1, 15, 16, 17, 19))
        fault = self.venue.fault(f"bars {fields[3]}", fields)
        if self._says(req_id, fault):
            return
        last = (
            datetime.strptime(end, "%Y%m%d-%H:%M:%S").replace(tzinfo=UTC)
            if end
            else _EPOCH + timedelta(seconds=self.venue.live_start)
        )
        count, unit = duration.split(" ")
        length = _BAR_SECONDS[setting]
        stop = int((last - _EPOCH).total_seconds())
        start = stop - int(count) * _UNIT_SECONDS[unit]
        if length == 86_400:
            rows = self.venue.market.days(_EPOCH + timedelta(seconds=start), last)
        else:
            rows = self.venue.market.bars(start - length, stop, length)
        if what != "TRADES":
            rows = [[*row[:5], "-1", "-1", "-1"] for row in rows]
        if not rows:
            self.error(req_id, *_MESSAGES["no_data"])
            return
        rows = _spoil(rows, fault)
        self._rows((17, req_id, str(start), str(stop), len(rows)), rows, (), fault)

    def _ticks(self, fields: list[str]) -> None:
        # 96, request, contract (12 fields), expired, start, end, number, what, rth, ignore size, options
        req_id, start, end, number, what = (fields[i] for i in (1, 15, 16, 17, 18))
        fault = self.venue.fault(f"ticks {fields[3]} {what}", fields)
        if self._says(req_id, fault):
            return
        rows = self._forward(start, int(number), what) if start else self._backward(end, int(number), what)
        rows = _spoil(rows, fault)
        message = {"TRADES": 98, "BID_ASK": 97}[what]
        half = len(rows) // 2  # in two messages, the last of which says so
        self._rows((message, req_id, half), rows[:half], ("0",), "" if fault in ("drop", "garbled") else fault)
        self._rows((message, req_id, len(rows) - half), rows[half:], ("1",), fault)

    def _forward(self, start: str, number: int, what: str) -> list[list[str]]:
        """Return ticks from ``start`` on: of one session only, and the last second whole."""
        market = self.venue.market
        at = int((datetime.strptime(start, "%Y%m%d-%H:%M:%S").replace(tzinfo=UTC) - _EPOCH).total_seconds())
        if not market.is_open(np.array([at]))[0]:
            return []
        rows: list[list[str]] = []
        for second in self._session(at, 1):
            if len(rows) >= number:
                break
            rows += market.ticks(second, what)
        return rows

    def _backward(self, end: str, number: int, what: str) -> list[list[str]]:
        at = int((datetime.strptime(end, "%Y%m%d-%H:%M:%S").replace(tzinfo=UTC) - _EPOCH).total_seconds()) - 1
        rows: list[list[str]] = []
        for second in self._session(at, -1):
            if len(rows) >= number:
                break
            rows = self.venue.market.ticks(second, what) + rows
        return rows

    def _session(self, at: int, step: int) -> Iterator[int]:
        """Yield the seconds of the session from ``at`` on, at most a day."""
        for begin in range(at, at + step * 86_400, step * 1024):
            span = np.arange(begin, begin + step * 1024, step, dtype=np.int64)
            closed = np.flatnonzero(~self.venue.market.is_open(span))
            yield from span[: closed[0] if len(closed) else len(span)].tolist()
            if len(closed):
                return

    def _says(self, req_id: str, fault: str) -> bool:
        """Send the numbered message of a fault; return whether that was the answer."""
        if fault in _MESSAGES:
            self.error(req_id, *_MESSAGES[fault])
        elif fault == "offline":
            self._restored(1102)
        elif fault != "silent":
            return False
        return True

    def _restored(self, code: int) -> None:
        self.error(-1, *_LOST)
        self.error(-1, code, "Connectivity between IBKR and Trader Workstation has been restored.")

    def _rows(self, head: Sequence[object], rows: list[list[str]], tail: Sequence[object], fault: str) -> None:
        flat = [value for row in rows for value in row]
        if fault == "garbled":
            flat = flat[:-1]
        message = _encoded((*head, *flat, *tail))
        if fault == "drop":
            self._raw(message[: len(message) // 2])
            raise EOFError
        if fault == "slow":
            for i in range(0, len(message), max(1, len(message) // 5)):
                self._raw(message[i : i + max(1, len(message) // 5)])
                self.venue.is_closing(0.005)
            return
        self._raw(message)

    # ---------------------------------------------------------------------------------------------------------- live
    def _live(self, fields: list[str]) -> None:
        # 50, 3, request, contract (12 fields), bar size, ...     97, request, contract (12 fields), tick type, ...
        is_bars = fields[0] == "50"
        req_id, symbol = (fields[2], fields[4]) if is_bars else (fields[1], fields[3])
        kind = "BARS" if is_bars else {"Last": "TRADES", "BidAsk": "BID_ASK"}[fields[14]]
        fault = self.venue.fault(f"live {symbol} {kind}", fields)
        if fault == "not_subscribed":
            self.error(req_id, 10089 if is_bars else 10189, "Requested market data requires additional subscription.")
            return
        self.subscribed.add(req_id)
        self.venue.start(self._stream, req_id, f"{symbol} {kind}", kind, fault)

    def _stream(self, req_id: str, key: str, kind: str, fault: str) -> None:
        """Send live messages until cancelled; the fault happens to the fifth."""
        sent = 0
        step = 5 if kind == "BARS" else 1
        try:
            while req_id in self.subscribed and not self.venue.is_closing(self.venue.live_pause_s):
                second = self.venue.next_live(key, step)
                messages = self._live_messages(req_id, kind, second)
                sent += 1
                if sent == 5 and fault:
                    messages = self._live_fault(req_id, fault, messages)
                for message in messages:
                    self.send(*message)
        except OSError:
            pass

    def _live_messages(self, req_id: str, kind: str, second: int) -> list[list[object]]:
        market = self.venue.market
        if kind == "BARS":
            return [[50, 3, req_id, *row] for row in market.bars(second, second + 5, 5)]
        if kind == "TRADES":
            return [[99, req_id, 1, r[0], r[2], r[3], "0", r[4], r[5]] for r in market.ticks(second, kind)]
        return [[99, req_id, 3, r[0], *r[2:6], "0"] for r in market.ticks(second, kind)]

    def _live_fault(self, req_id: str, fault: str, messages: list[list[object]]) -> list[list[object]]:
        if fault == "drop":
            _close(self.connection)
            raise OSError
        if fault == "silent":
            self.subscribed.discard(req_id)
            return []
        if fault == "gap":
            return []
        if fault == "duplicate":
            return messages * 2
        if fault == "malformed":
            return [[*m[:4], "abc", *m[5:]] for m in messages]
        if fault == "back_empty":
            self.subscribed.discard(req_id)
            self._restored(1101)
            return []
        if fault == "offline":
            self._restored(1102)
            return []
        if fault == "bust":
            self.subscribed.discard(req_id)
            self.error(req_id, 10225, "Bust event occurred, current subscription is deactivated.")
            return []
        raise AssertionError(fault)

    # ---------------------------------------------------------------------------------------------------------- wire
    def error(self, req_id: object, code: int, message: str) -> None:
        """Send a numbered message; the last field is the reason of an order's rejection."""
        self.send(4, 2, req_id, code, message, "")

    def send(self, *fields: object) -> None:
        """Send one message; what the venue does goes on where nobody hears it any more."""
        try:
            self._raw(_encoded(fields))
        except OSError:
            self.subscribed.clear()

    def _raw(self, data: bytes) -> None:
        with self.sending:
            self.connection.sendall(data)

    def _message(self) -> bytes:
        (length,) = struct.unpack(">I", self._receive(4))
        return self._receive(length)

    def _receive(self, count: int) -> bytes:
        while len(self.buffer) < count:
            data = self.connection.recv(65536)
            if not data:
                raise EOFError
            self.buffer += data
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken


def _encoded(fields: Sequence[object]) -> bytes:
    body = "".join(f"{value}\0" for value in fields).encode()
    return struct.pack(">I", len(body)) + body


def _spoil(rows: list[list[str]], fault: str) -> list[list[str]]:
    """Return the rows as a faulty server sends them; ticks of one second stay in their order."""
    middle = len(rows) // 2
    if fault == "duplicate":
        return rows[: middle + 1] + rows[middle:]
    if fault == "conflict":
        odd = [rows[middle][0], *(repr(float(v) + 1) for v in rows[middle][1:5]), *rows[middle][5:]]
        return [*rows[: middle + 1], odd, *rows[middle + 1 :]]
    if fault == "reorder":
        seconds = sorted({row[0] for row in rows}, reverse=True)
        return [row for second in seconds for row in rows if row[0] == second]
    if fault == "no_times":
        return [["", *row[1:]] for row in rows]
    if fault == "malformed":
        bad = [*rows[middle][:2], "abc", *rows[middle][3:]]
        return [*rows[:middle], bad, *rows[middle:]]
    return rows


def _close(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
