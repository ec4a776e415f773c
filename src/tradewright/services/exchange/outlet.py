"""One WebSocket connection's way out: messages queue up, a script may garble them, a slow reader is cut off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from starlette.websockets import WebSocket, WebSocketState

from tradewright.execution.exchange.garbling import CutError, Garbler, Message

_LONGEST = 20_000


class Outlet:
    """Messages for one connection.

    Parameters
    ----------
    socket : WebSocket
        The connection, accepted.
    garbler : Garbler
        What happens to messages on the way.
    packed : callable
        Turns a message into what is sent, text or bytes.
    """

    def __init__(self, socket: WebSocket, garbler: Garbler, packed: Callable[[Any], str | bytes]) -> None:
        self._socket, self._garbler, self._packed = socket, garbler, packed
        self._queue: asyncio.Queue[str | bytes | None] = asyncio.Queue(_LONGEST)

    def say(self, message: object) -> None:
        """Send what belongs to the conversation itself; it is never garbled."""
        self._put(self._packed(message))

    def tell(self, place: str, message: Message, subject: str = "") -> None:
        """Send what happened, as far as the script lets it."""
        try:
            passed = self._garbler.passed(place, message, subject)
        except CutError:
            self.cut()
            return
        for each in passed:
            self._put(self._packed(each))

    def cut(self) -> None:
        """End the connection; what waits is lost."""
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(None)

    async def pump(self) -> None:
        """Send until the connection ends."""
        while (item := await self._queue.get()) is not None:
            if isinstance(item, bytes):
                await self._socket.send_bytes(item)
            else:
                await self._socket.send_text(item)
        if self._socket.application_state is WebSocketState.CONNECTED:
            await self._socket.close(1011)

    def _put(self, item: str | bytes) -> None:
        if self._queue.full():
            self.cut()
        else:
            self._queue.put_nowait(item)


async def converse(outlet: Outlet, listen: Callable[[], Any]) -> None:
    """Send and listen at the same time until either ends."""
    tasks = [asyncio.ensure_future(outlet.pump()), asyncio.ensure_future(listen())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
