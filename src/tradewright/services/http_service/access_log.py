"""One line of JSON for each request: when, what, how it went and how long it took; no query, no header, no secret."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any, TextIO

from starlette.types import ASGIApp, Receive, Scope, Send

from tradewright.services.http_service.answers import Clocks, iso, json_bytes


class AccessLog:
    """Writes a line when an answer is complete.

    Parameters
    ----------
    app : ASGIApp
        What answers.
    out : TextIO
        Where the lines go.
    clocks : Clocks
        Time of day and a steady clock.
    """

    def __init__(self, app: ASGIApp, out: TextIO, clocks: Clocks) -> None:
        self._app = app
        self._out = out
        self._clocks = clocks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = self._clocks.steady_ns(), [0]
        try:
            await self._app(scope, receive, _watching(send, status))
        finally:
            line = {
                "time": iso(self._clocks.now_ns()),
                "method": scope["method"],
                "path": scope["path"],
                "status": status[0],
                "ms": round((self._clocks.steady_ns() - began) / 1e6, 3),
            }
            self._out.write(json_bytes(line).decode() + "\n")


def _watching(send: Send, status: list[int]) -> Callable[[MutableMapping[str, Any]], Any]:
    async def watched(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            status[0] = message["status"]
        await send(message)

    return watched
