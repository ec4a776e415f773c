"""The question that is asked most: an address that was answered once is answered again without being parsed."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from tradewright.services.data_service.latest import LatestFeatures, Question, Served
from tradewright.services.http_service.answers import Clocks

_MOST_ADDRESSES = 4096


class HotPath:
    """Answers known addresses of newest rows while these are in memory; passes on everything else.

    Parameters
    ----------
    app : ASGIApp
        What answers the rest; calls `learn` where it answered such a question.
    latest : LatestFeatures
        The rows.
    clocks : Clocks
        The time of day, for the age of a row.
    """

    def __init__(self, app: ASGIApp, latest: LatestFeatures, clocks: Clocks) -> None:
        self._app = app
        self._latest = latest
        self._clocks = clocks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope["method"] == "GET":
            question = self._latest.addresses.get((scope["path"], scope["query_string"]))
            served = self._latest.ready(question) if question is not None else None
            if served is not None:
                body = served.body(self._clocks.now_ns())
                await send({"type": "http.response.start", "status": 200, "headers": row_headers(served, len(body))})
                await send({"type": "http.response.body", "body": body})
                return
        await self._app(scope, receive, send)


def learn(latest: LatestFeatures, scope: Scope, question: Question) -> None:
    """Remember which question an address is."""
    if len(latest.addresses) < _MOST_ADDRESSES:
        latest.addresses[scope["path"], scope["query_string"]] = question


def row_headers(served: Served, size: int) -> list[tuple[bytes, bytes]]:
    """Return the headers of an answer."""
    return [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % size),
        (b"etag", served.etag),
        (b"cache-control", b"no-store"),
    ]
