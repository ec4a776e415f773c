"""Asking a terminal over HTTP: what a status says about a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pydantic import SecretStr, ValidationError

from tradewright.adapters.commands import Answer, Command, VenueCommands
from tradewright.adapters.http import RateLimit
from tradewright.execution.venue import (
    VenueAuthError,
    VenueRejectedError,
    VenueTimeoutError,
    VenueUnavailableError,
)

T = TypeVar("T")
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
#: How the bridge says which error it met; time-outs are 504, which every status from 500 on is taken for.
STATUS_OF = {VenueAuthError: 403, VenueRejectedError: 422, VenueUnavailableError: 424, VenueTimeoutError: 504}
NOT_FOUND = 404


def is_local(url: str) -> bool:
    """Return whether an address is one of this machine."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname in _LOOPBACK


def commands(
    url: str, name: str, header: str, token: SecretStr, scheme: str = "", timeout_s: float = 10.0
) -> VenueCommands:
    """Return a sender that shows a token in a header; 20 requests a second."""
    headers = {header: scheme + token.get_secret_value()}
    return VenueCommands(url, RateLimit(20.0, 20.0), name=name, headers=headers, timeout_s=timeout_s)


async def ask(http: VenueCommands, command: Command, where: str, gate: Callable[[], None] | None = None) -> Answer:
    """Send a command; return a success, or that what was asked for is not there (404).

    Raises
    ------
    VenueAuthError, VenueRejectedError, VenueUnavailableError, VenueTimeoutError
        What the status says; as `VenueCommands.send`.
    """
    answer = await (http.send(command, gate) if gate is not None else http.send(command))
    if answer.is_success or (answer.status == NOT_FOUND and command.method == "GET"):
        return answer
    body = answer.body if isinstance(answer.body, dict) else {}
    told = f"{answer.status} {http.clean(str(body.get('what') or body.get('message') or ''))}".strip()
    fix = str(body.get("fix", ""))
    if answer.status in (401, 403):
        raise VenueAuthError(told, where=where, fix=fix or "Check the token, and what it may do.")
    if answer.status == STATUS_OF[VenueUnavailableError]:
        raise VenueUnavailableError(told, where=where, fix=fix)
    raise VenueRejectedError(told, where=where, fix=fix)


def read(make: Callable[[Any], T], answer: Answer, where: str) -> T:
    """Return what is made of an answer's body; raises VenueTimeoutError where it is not as documented."""
    try:
        if answer.status == NOT_FOUND:
            msg = "nothing is there"
            raise ValueError(msg)
        return make(answer.body)
    except (KeyError, TypeError, AttributeError, ValueError, ValidationError) as error:
        what = f"the answer cannot be read: {type(error).__name__}"
        raise VenueTimeoutError(what, where=where, fix="Treated as no answer; the venue is asked again.") from error


def named(table: Mapping[str, T], word: object, prefix: str) -> T:
    """Return what a word of a table means, without its prefix; raises ValueError for a word that it does not have."""
    text = str(word).removeprefix(prefix)
    if text not in table:
        msg = f"{word!r} is not known"
        raise ValueError(msg)
    return table[text]
