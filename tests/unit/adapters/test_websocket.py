"""The WebSocket client against a local server that leaves, falls silent and refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from http import HTTPStatus
from itertools import count

import pytest
from tests.venues.local_venue import LocalVenue
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from tradewright.adapters.websocket import Reconnected, Send, SocketParams, VenueSocket
from tradewright.core.types.errors import SourceError


class Channel(LocalVenue):
    """Serves a list of connections, each a list of messages; then drops, or is silent where the list ends with ''."""

    def __init__(self, *connections: list[str | bytes]) -> None:
        super().__init__()
        self.connections = list(connections)
        self.heard: list[str] = []

    async def stream(self, connection: ServerConnection, target: str) -> None:
        self.requests.append(target)
        messages = self.connections.pop(0) if self.connections else []
        for message in messages:
            if message == "":
                await connection.wait_closed()
            elif message == "?":
                self.heard.append(str(await connection.recv()))
            else:
                await connection.send(message)


def listen(
    channel: Channel,
    wanted: int,
    *,
    on_open: Callable[[Send], Awaitable[None]] | None = None,
    silence_s: float = 5.0,
) -> tuple[list[str | Reconnected], list[float]]:
    """Return the first so many items of a channel, and the pauses made; the clock counts its calls."""
    pauses: list[float] = []
    ticks = count(1)

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(0)

    async def _go(url: str) -> list[str | Reconnected]:
        socket = VenueSocket(
            SocketParams(f"{url}/stream", silence_s=silence_s),
            name="channel",
            on_open=on_open,
            clock_ns=lambda: next(ticks),
            sleep=sleep,
        )
        got: list[str | Reconnected] = []
        async with aclosing(socket.messages()) as messages:
            async for message in messages:
                got.append(message)
                if len(got) == wanted:
                    break
        return got

    with channel:
        return asyncio.run(_go(channel.ws_url)), pauses


def test_messages_come_in_order_and_bytes_are_text() -> None:
    got, pauses = listen(Channel(["a", b"b", "c"]), 3)
    assert got == ["a", "b", "c"]
    assert pauses == []


def test_a_drop_is_mended_and_said() -> None:
    got, pauses = listen(Channel(["a", "b"], ["c"]), 4)
    # clock: 1 connected, 2 a, 3 b, 4 connected again, 5 c
    assert got == ["a", "b", Reconnected(3, 4, "disconnected"), "c"]
    assert len(pauses) == 1


def test_silence_is_a_loss() -> None:
    got, _ = listen(Channel(["a", ""], ["b"]), 3, silence_s=0.2)
    assert got == ["a", Reconnected(2, 3, "silent"), "b"]


def test_pauses_grow_until_a_message_comes() -> None:
    got, pauses = listen(Channel(["a"], [], [], [], ["b"], ["c"]), 8)
    assert [g for g in got if isinstance(g, str)] == ["a", "b", "c"]
    assert [type(g) for g in got].count(Reconnected) == 5
    for pause, longest in zip(pauses, (0.5, 1.0, 2.0, 4.0, 0.5), strict=True):
        assert longest / 4 <= pause <= longest


def test_on_open_runs_after_each_connect() -> None:
    channel = Channel(["?", "a"], ["?", "b"])

    async def subscribe(send: Send) -> None:
        await send("subscribe")

    listen(channel, 3, on_open=subscribe)
    assert channel.heard == ["subscribe", "subscribe"]


def test_on_open_may_refuse() -> None:
    async def refuse(_send: Send) -> None:
        raise SourceError("no keys")

    with pytest.raises(SourceError, match="no keys"):
        listen(Channel(["a"]), 1, on_open=refuse)


def test_sending_goes_to_the_connection_that_is_open() -> None:
    channel = Channel(["a", "?", "b"])

    async def _go(url: str) -> None:
        socket = VenueSocket(SocketParams(url))
        await socket.send("lost: nothing is open")
        async with aclosing(socket.messages()) as messages:
            assert await anext(messages) == "a"
            await socket.send("hello")
            assert await anext(messages) == "b"

    with channel:
        asyncio.run(_go(channel.ws_url))
    assert channel.heard == ["hello"]


def refuse_with(status: int, times: int) -> tuple[list[str | Reconnected], list[float]]:
    """Listen to a server that refuses so many handshakes before it says hello."""
    left = [times]
    pauses: list[float] = []

    def refuse(connection: ServerConnection, _request: Request) -> Response | None:
        if not left[0]:
            return None
        left[0] -= 1
        response = connection.respond(HTTPStatus(status), "no such stream")
        response.headers["Retry-After"] = "7"
        return response

    async def hello(connection: ServerConnection) -> None:
        await connection.send("hello")

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(0)

    async def _go() -> list[str | Reconnected]:
        async with serve(hello, "127.0.0.1", 0, process_request=refuse) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            socket = VenueSocket(SocketParams(f"ws://127.0.0.1:{port}"), name="channel", sleep=sleep)
            async with aclosing(socket.messages()) as messages:
                return [await anext(messages)]

    return asyncio.run(_go()), pauses


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_venue_is_asked_again(status: int) -> None:
    got, pauses = refuse_with(status, 2)
    assert got == ["hello"]
    assert pauses == [7.0, 7.0] if status == 429 else len(pauses) == 2


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_refusal_at_the_start_is_an_error(status: int) -> None:
    with pytest.raises(SourceError, match=f"refused the connection: {status} no such stream"):
        refuse_with(status, 1)


@pytest.mark.parametrize("url", ["http://x", "ws://", "ws://x:99999999"])
def test_an_address_that_cannot_be(url: str) -> None:
    async def _go() -> None:
        async with aclosing(VenueSocket(SocketParams(url)).messages()) as messages:
            await anext(messages)

    with pytest.raises(SourceError, match=r"stream: .+ Correct the address") as caught:
        asyncio.run(_go())
    assert "address" in caught.value.fix


def test_nobody_there_is_waited_for() -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            raise asyncio.CancelledError
        await asyncio.sleep(0)

    async def _go() -> None:
        async with aclosing(VenueSocket(SocketParams("ws://127.0.0.1:9"), sleep=sleep).messages()) as messages:
            await anext(messages)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(_go())
    assert len(pauses) == 3
