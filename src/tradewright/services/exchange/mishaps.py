"""What goes wrong with requests: lost on the way there or back, refused, late. Around any application."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tradewright.execution.exchange.faults import FaultScript
from tradewright.execution.exchange.scenarios import (
    FAILED_ANSWER,
    LATE_ANSWER,
    LOST_ANSWER,
    LOST_REQUEST,
    REQUEST_FAULTS,
)

#: An answer that is lost is waited for so long, then the connection ends; clients give up earlier.
_LOST_S = 30.0


class Mishaps:
    """Answers badly where the script says so.

    Parameters
    ----------
    app : ASGIApp
        What answers well.
    script : FaultScript
        What goes wrong; places are ``METHOD /path``. Addresses below ``/simulation`` always work.
    refusal : callable
        Returns the body of a status in the venue's words.
    lost_s : float
        So long a client waits for an answer that does not come, before the connection ends.
    """

    def __init__(
        self, app: ASGIApp, script: FaultScript, refusal: Callable[[int], bytes], lost_s: float = _LOST_S
    ) -> None:
        self._app, self._script, self._refusal, self._lost_s = app, script, refusal, lost_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        fault = None
        if scope["type"] == "http" and not scope["path"].startswith("/simulation"):
            fault = self._script.take(f"{scope['method']} {scope['path']}", REQUEST_FAULTS)
        if fault is None:
            await self._app(scope, receive, send)
        elif fault.kind == LOST_REQUEST:
            await self._lose(send)
        elif fault.kind == LOST_ANSWER:
            await self._app(scope, receive, _nothing)
            await self._lose(send)
        elif fault.kind == FAILED_ANSWER:
            await self._app(scope, receive, _nothing)
            await self._refuse(send, 504, -1.0)
        elif fault.kind == LATE_ANSWER:
            await asyncio.sleep(fault.seconds)
            await self._app(scope, receive, send)
        else:
            await self._refuse(send, int(fault.kind), fault.seconds)

    async def _lose(self, send: Send) -> None:
        """Say nothing for a long time, then break off."""
        await asyncio.sleep(self._lost_s)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})

    async def _refuse(self, send: Send, status: int, retry_after_s: float) -> None:
        body = self._refusal(status)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        if status in {429, 503} and retry_after_s >= 0.0:
            headers.append((b"retry-after", f"{retry_after_s:.0f}".encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def _nothing(_: Message) -> None:
    """Let an answer fall on the floor."""
