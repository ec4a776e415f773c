"""A venue on 127.0.0.1 in a thread of its own: plain HTTP, so that it can break the protocol, and WebSocket."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlsplit

from tests.venues.faults import HTTP_FAULTS, Fault, FaultScript
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed


@dataclass(frozen=True)
class Request:
    """One GET request; ``target`` is path and query as sent."""

    target: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]  # names in lower case


@dataclass(frozen=True)
class Reply:
    """What is answered."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    kind: str = "application/json"


def as_json(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """Return a JSON reply."""
    return Reply(status, json.dumps(value, separators=(",", ":")).encode(), headers or {})


class LocalVenue:
    """Serves `answer` and `stream` while its ``with`` block runs.

    A venue overrides both, and `busy` for its wording of a 429 or 418. ``requests`` lists the targets asked for, in
    order of arrival.
    """

    def __init__(self, faults: Sequence[Fault] = (), seed: int = 0) -> None:
        self.script = FaultScript(faults, seed)
        self.requests: list[str] = []
        self.http_url = ""
        self.ws_url = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=type(self).__name__, daemon=True)

    async def answer(self, request: Request) -> Reply:
        """Return the reply to a request that no HTTP fault hit."""
        return Reply(404, request.path.encode())

    async def stream(self, connection: ServerConnection, target: str) -> None:
        """Talk on one WebSocket connection until it ends."""

    def busy(self, status: int) -> object:
        """Return the JSON body of 429 and 418."""
        return {"message": HTTPStatus(status).phrase}

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(10)
        if self._failure is not None:
            raise self._failure
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._loop is not None and self._stop is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        if error is None and self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - handed over to the test's thread
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        http = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        async with http, serve(self._streaming, "127.0.0.1", 0, close_timeout=0.1, ping_interval=None) as sockets:
            self.http_url = f"http://127.0.0.1:{http.sockets[0].getsockname()[1]}"
            self.ws_url = f"ws://127.0.0.1:{next(iter(sockets.sockets)).getsockname()[1]}"
            self._ready.set()
            await self._stop.wait()
            http.close()
            mine = asyncio.current_task()
            talks = [task for task in asyncio.all_tasks() if task is not mine and task.get_name().startswith("talk")]
            for task in talks:
                task.cancel()
            await asyncio.gather(*talks, return_exceptions=True)

    async def _streaming(self, connection: ServerConnection) -> None:
        current = asyncio.current_task()
        assert current is not None
        current.set_name(f"talk {current.get_name()}")
        target = connection.request.path if connection.request is not None else ""
        with suppress(ConnectionClosed):
            await self.stream(connection, target)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        current = asyncio.current_task()
        assert current is not None
        current.set_name(f"talk {current.get_name()}")
        try:
            while (request := await _read_request(reader)) is not None:
                self.requests.append(request.target)
                if not await self._handle(request, writer):
                    break
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            with suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _handle(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        """Answer one request, well or badly; False where the connection is to be cut."""
        fault = self.script.take(request.target, HTTP_FAULTS)
        kind = "" if fault is None else fault.kind
        if fault is not None and kind.isdecimal():
            headers = {"Retry-After": f"{fault.seconds:.0f}"} if fault.seconds >= 0 and kind != "500" else {}
            body = self.busy(int(kind)) if kind in {"429", "418"} else {"message": HTTPStatus(int(kind)).phrase}
            _write(writer, as_json(body, int(kind), headers))
        elif kind == "cut":
            return False
        elif kind == "garbage":
            _write(writer, Reply(200, b"<html>please stand by</html>", kind="text/html"))
        else:
            if fault is not None and kind == "slow":
                await asyncio.sleep(fault.seconds)
            reply = await self.answer(request)
            _write(writer, reply, is_whole=kind != "truncated")
        await writer.drain()
        return kind != "truncated"


async def _read_request(reader: asyncio.StreamReader) -> Request | None:
    """Return the next request of a connection; None at its end."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = head.split("\r\n")
    target = first.split(" ")[1]
    parts = urlsplit(target)
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)
    }
    return Request(target, parts.path, dict(parse_qsl(parts.query)), headers)


def _write(writer: asyncio.StreamWriter, reply: Reply, *, is_whole: bool = True) -> None:
    """Write a reply; one that is not whole promises more bytes than it has."""
    phrase = "I'm a teapot" if reply.status == 418 else HTTPStatus(reply.status).phrase
    headers = {"Content-Type": reply.kind, "Content-Length": str(len(reply.body)), **reply.headers}
    if not is_whole:
        headers["Content-Length"] = str(len(reply.body) + 1)
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    body = reply.body if is_whole else reply.body[: len(reply.body) // 2]
    writer.write(f"HTTP/1.1 {reply.status} {phrase}\r\n{head}\r\n".encode("latin-1") + body)
