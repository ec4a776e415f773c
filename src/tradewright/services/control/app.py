"""The addresses of the control endpoint: kill in one step, release in two, status."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import ASGIApp

from tradewright.core.types.order import KillLevel
from tradewright.risk.kill.switch import KillSink
from tradewright.services.control.door import Door
from tradewright.services.control.tokens import KILL, READ, TRADE, Person, Tokens
from tradewright.services.http_service.answers import JSON, Clocks, json_bytes
from tradewright.services.http_service.error_answers import add_error_answers
from tradewright.services.http_service.problems import ProblemError

#: The second person has so long.
NONCE_NS = 60 * 10**9
_STRICT = ConfigDict(extra="forbid")
ScopeText = Annotated[str, Field(pattern=r"^(all|(strategy|symbol):[^\s:/\\]{1,64})$")]


class KillCall(BaseModel):
    """Body of ``POST /kill``; everything has a default, so that an empty object stops."""

    model_config = _STRICT

    level: Literal["REDUCE_ONLY", "BLOCK_NEW", "CANCEL", "FLATTEN"] = "CANCEL"
    scope: ScopeText = "all"
    reason: Annotated[str, Field(max_length=500)] = ""


class ReleaseCall(BaseModel):
    """Body of ``POST /release``: scope and reason in the first step, the nonce alone in the second."""

    model_config = _STRICT

    scope: ScopeText = "all"
    reason: Annotated[str, Field(max_length=500)] = ""
    accept_open: bool = False
    nonce: str = ""


@dataclass(frozen=True, slots=True)
class ControlPorts:
    """What the endpoint drives. ``status`` has at least ``is_reconciled`` and ``is_flat``; ``nonce`` cannot be guessed.

    All of them are called on the event loop of the session.
    """

    sink: KillSink
    status: Callable[[], Mapping[str, object]]
    clocks: Clocks
    nonce: Callable[[], str]
    audit: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _First:
    """A first step that waits."""

    call: ReleaseCall
    by: str
    until_ns: int


@dataclass(slots=True)
class _Waiting:
    """First steps by nonce; few, because each lives a minute."""

    steps: dict[str, _First] = field(default_factory=dict)

    def put(self, nonce: str, first: _First, now_ns: int) -> None:
        """Keep a step."""
        self._forget(now_ns)
        self.steps[nonce] = first

    def _forget(self, now_ns: int) -> None:
        self.steps = {k: s for k, s in self.steps.items() if now_ns < s.until_ns}

    def take(self, nonce: str, now_ns: int) -> _First | None:
        """Return the step of a nonce, once."""
        self._forget(now_ns)
        found = next((k for k in self.steps if hmac.compare_digest(k.encode(), nonce.encode())), None)
        return self.steps.pop(found) if found is not None else None


def make_control_app(ports: ControlPorts, tokens: Tokens) -> ASGIApp:
    """Return the application."""
    app = FastAPI(title="tradewright control", docs_url=None, redoc_url=None, openapi_url=None)
    add_error_answers(app)
    waiting = _Waiting()

    @app.get("/status")
    async def status(request: Request) -> Response:
        _person(request, READ)
        return _json(dict(ports.status()) | {"kills": {k: v.name for k, v in sorted(ports.sink.kills.items())}})

    @app.post("/kill")
    async def kill(request: Request, call: KillCall) -> Response:
        person = _person(request, KILL)
        _note(request, call.model_dump())
        ports.sink.kill(KillLevel[call.level], call.scope, person.name, call.reason or "no reason given")
        level = ports.sink.kills.get(call.scope, KillLevel.NONE)
        return _json({"scope": call.scope, "level": level.name})

    @app.post("/release")
    async def release(request: Request, call: ReleaseCall) -> Response:
        person = _person(request, TRADE)
        _note(request, call.model_dump(exclude={"nonce"}) | {"step": 2 if call.nonce else 1})
        return _second(ports, waiting, person, call.nonce) if call.nonce else _first(ports, waiting, person, call)

    return Door(app, tokens, ports.clocks, ports.audit)


def _first(ports: ControlPorts, waiting: _Waiting, person: Person, call: ReleaseCall) -> Response:
    if not call.reason.strip():
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "a release needs a reason", "reason", "Say why.")
    _check_flat(ports, call)
    nonce, now = ports.nonce(), ports.clocks.steady_ns()
    waiting.put(nonce, _First(call, person.name, now + NONCE_NS), now)
    return _json({"nonce": nonce, "valid_s": NONCE_NS // 10**9, "next": "another person posts this nonce"})


def _second(ports: ControlPorts, waiting: _Waiting, person: Person, nonce: str) -> Response:
    first = waiting.take(nonce, ports.clocks.steady_ns())
    if first is None:
        what = "this nonce is not known, was used, or is over"
        raise ProblemError(HTTPStatus.CONFLICT, what, "nonce", "Take the first step again.")
    if first.by == person.name:
        raise ProblemError(HTTPStatus.FORBIDDEN, f"{person.name} asked for it", "nonce", "Another person confirms.")
    _check_flat(ports, first.call)
    scope = first.call.scope
    ports.sink.release(scope, first.by, person.name, first.call.reason)
    if scope in ports.sink.kills:
        fix = "GET /status; release again when it is reconciled."
        raise ProblemError(HTTPStatus.CONFLICT, "the session does not agree with its venue", "release", fix)
    return _json({"scope": scope, "level": KillLevel.NONE.name})


def _check_flat(ports: ControlPorts, call: ReleaseCall) -> None:
    status = ports.status()
    if status.get("is_reconciled") is not True:
        raise ProblemError(HTTPStatus.CONFLICT, "the session is not reconciled", "release", "Wait, then ask again.")
    if status.get("is_flat") is not True and not call.accept_open:
        raise ProblemError(HTTPStatus.CONFLICT, "the session is not flat", "release", "accept_open says that you know.")


def _person(request: Request, wanted: str) -> Person:
    person: Any = request.scope["state"]["person"]
    if not isinstance(person, Person) or wanted not in person.may:
        raise ProblemError(HTTPStatus.FORBIDDEN, f"this token may not {wanted}", "request", "Use one that may.")
    return person


def _note(request: Request, call: dict[str, object]) -> None:
    """Put what was asked into the audit line."""
    request.scope["state"]["audit"].update(call)


def _json(answer: dict[str, Any]) -> Response:
    return Response(json_bytes(answer), media_type=JSON, headers={"Cache-Control": "no-store"})
