"""What every call passes: its size, its token, its rate, and the line that is written about it."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tradewright.services.control.tokens import Person, Tokens
from tradewright.services.http_service.answers import Clocks, iso, json_bytes

MOST_BYTES = 64 * 1024
#: Calls a minute: of one person; of all who have no token, together. Those without never use up the others' share.
_PERSON_A_MINUTE, _STRANGERS_A_MINUTE = 120, 30
_MINUTE_NS = 60 * 10**9


class _Bucket:
    def __init__(self, a_minute: int) -> None:
        self._most = self._left = float(a_minute)
        self._at_ns = 0

    def take(self, now_ns: int) -> bool:
        self._left = min(self._most, self._left + (now_ns - self._at_ns) * self._most / _MINUTE_NS)
        self._at_ns = now_ns
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


class Door:
    """Lets calls through that carry a token; ``POST /kill`` with one is never refused for its rate.

    Parameters
    ----------
    app : ASGIApp
        What is behind it; finds the `Person` in ``scope["state"]["person"]``.
    tokens : Tokens
        Whom it knows.
    clocks : Clocks
        For the log and the rates.
    audit : callable
        Is given a line of JSON for every call.
    """

    def __init__(self, app: ASGIApp, tokens: Tokens, clocks: Clocks, audit: Callable[[str], None]) -> None:
        self._app = app
        self._tokens = tokens
        self._clocks = clocks
        self._audit = audit
        self._strangers = _Bucket(_STRANGERS_A_MINUTE)
        self._buckets: dict[str, _Bucket] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
        person = self._tokens.who(given.strip()) if scheme.lower() == b"bearer" else None
        seen: dict[str, object] = {"status": 0}
        scope.setdefault("state", {}).update(person=person, audit=seen)

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen["status"] = message["status"]
            await send(message)

        try:
            await self._through(scope, person, receive, watched)
        finally:
            line = {"time": iso(self._clocks.now_ns()), "by": person.name if person else "", "method": scope["method"]}
            self._audit(json_bytes(line | {"path": scope["path"]} | seen).decode())

    async def _through(self, scope: Scope, person: Person | None, receive: Receive, send: Send) -> None:
        now = self._clocks.steady_ns()
        if person is None:
            if self._strangers.take(now):
                await _refuse(send, HTTPStatus.UNAUTHORIZED, "this call has no token that is known")
            else:
                await _refuse(send, HTTPStatus.TOO_MANY_REQUESTS, "too many calls without a token")
            return
        is_kill = (scope["method"], scope["path"]) == ("POST", "/kill")
        bucket = self._buckets.setdefault(person.name, _Bucket(_PERSON_A_MINUTE))
        if not bucket.take(now) and not is_kill:
            await _refuse(send, HTTPStatus.TOO_MANY_REQUESTS, "too many calls")
            return
        body = await _body(receive)
        if body is None:
            await _refuse(send, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a call has at most {MOST_BYTES} bytes")
            return

        async def replayed() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replayed, send)


async def _body(receive: Receive) -> bytes | None:
    """Return the whole body, or None where it is too large; no more than that is ever held."""
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if len(body) > MOST_BYTES:
            return None
        if message["type"] != "http.request" or not message.get("more_body"):
            return body


async def _refuse(send: Send, status: HTTPStatus, what: str) -> None:
    body = json_bytes({"what": what, "where": "request", "fix": "See docs/kill-switch.md."})
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    headers += [(b"www-authenticate", b"Bearer")] if status is HTTPStatus.UNAUTHORIZED else []
    await send({"type": "http.response.start", "status": status.value, "headers": headers})
    await send({"type": "http.response.body", "body": body})
