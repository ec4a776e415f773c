"""Who may ask: this machine without a token, others only with one."""

from __future__ import annotations

import hmac
import ipaddress
from http import HTTPStatus

from starlette.types import ASGIApp, Receive, Scope, Send

from tradewright.core.types.errors import ConfigError
from tradewright.services.http_service.answers import json_bytes

_SHORTEST_TOKEN = 16


def is_this_machine(host: str) -> bool:
    """Return whether a host name or address reaches nobody but this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_token(host: str, token: str, variable: str) -> None:
    """Refuse to listen beyond this machine without a token that deserves the name; ``variable`` is where it is given.

    Raises
    ------
    ConfigError
        If it is missing or short.
    """
    if token and (len(token) < _SHORTEST_TOKEN or not token.isascii() or not token.isprintable()):
        what = f"the token must be at least {_SHORTEST_TOKEN} printable ASCII characters"
        raise ConfigError(what, where=variable, fix="Make one, for example with: openssl rand -hex 32")
    if not token and not is_this_machine(host):
        what = f"listening on {host} lets others in, and there is no token to tell them apart"
        raise ConfigError(what, where="--host", fix=f"Set {variable} or {variable}_FILE, or use 127.0.0.1.")


class Guard:
    """Lets requests through that may ask.

    With a token, every request must carry it (``Authorization: Bearer ...``); only ``/health`` answers without, and
    says less. Without one, requests must be addressed to this machine, so that no web page can reach us under a name
    of its own that it points at 127.0.0.1.

    Parameters
    ----------
    app : ASGIApp
        What is guarded.
    token : str
        The token; empty: none.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if self._token:
            scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
            is_known = hmac.compare_digest(given.strip(), self._token) and scheme.lower() == b"bearer"
            if not is_known and scope["path"] != "/health":
                what = "this service wants a token" if not given else "this is not the token"
                await _refuse(send, HTTPStatus.UNAUTHORIZED, what, "Send the header Authorization: Bearer TOKEN.")
                return
        else:
            is_known = _is_local(headers.get(b"host", b""))
            if not is_known:
                what = "without a token only requests addressed to this machine are answered"
                await _refuse(send, HTTPStatus.FORBIDDEN, what, "Use 127.0.0.1 or localhost in the address.")
                return
        scope.setdefault("state", {})["is_known"] = is_known
        await self._app(scope, receive, send)


def _is_local(host: bytes) -> bool:
    name = host.decode("latin-1")
    return is_this_machine(name.rpartition("]")[0] + "]" if name.startswith("[") else name.partition(":")[0])


async def _refuse(send: Send, status: HTTPStatus, what: str, fix: str) -> None:
    body = json_bytes({"what": what, "where": "request", "fix": fix})
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status is HTTPStatus.UNAUTHORIZED:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status.value, "headers": headers})
    await send({"type": "http.response.body", "body": body})
