from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from tradewright.core.types.errors import ConfigError
from tradewright.core.types.order import KillLevel
from tradewright.services.control.app import NONCE_NS, ControlPorts
from tradewright.services.control.door import MOST_BYTES
from tradewright.services.control.serving import ControlParams, control_app, serve_control
from tradewright.services.control.tokens import tokens_from
from tradewright.services.http_service.answers import Clocks

ANN, BOB, EVE, KIM = (f"{c}3f9b1d7e8a2c4056bd19{c}7e64af0c21" for c in "acde")
ENVIRONMENT = {
    "TRADEWRIGHT_CONTROL_TRADE": f"ann={ANN} bob={BOB}",
    "TRADEWRIGHT_CONTROL_KILL": f"kim={KIM}",
    "TRADEWRIGHT_CONTROL_READ": f"eve={EVE}",
}


@dataclass
class Session:
    """What the endpoint drives; a client for it."""

    kills: dict[str, KillLevel] = field(default_factory=dict)
    heard: list[tuple[object, ...]] = field(default_factory=list)
    status: dict[str, object] = field(default_factory=lambda: {"is_reconciled": True, "is_flat": True})
    lines: list[dict[str, Any]] = field(default_factory=list)
    now: int = 10**18
    refuses: bool = False

    def kill(self, level: KillLevel, scope: str, by: str, reason: str) -> None:
        self.heard.append((level, scope, by, reason))
        self.kills[scope] = level

    def release(self, scope: str, by: str, confirmed_by: str, reason: str) -> None:
        self.heard.append((scope, by, confirmed_by, reason))
        if not self.refuses:
            self.kills.pop(scope, None)

    def __post_init__(self) -> None:
        nonces = iter(f"nonce{n}" for n in range(1000))
        ports = ControlPorts(
            self,
            lambda: self.status,
            Clocks(lambda: self.now, lambda: self.now),
            lambda: next(nonces),
            lambda line: self.lines.append(json.loads(line)),
        )
        self.app = control_app(ports, ENVIRONMENT, ControlParams())

    def call(self, method: str, path: str, token: str = "", **more: Any) -> httpx.Response:  # noqa: ANN401
        async def inside() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                headers = {"Authorization": f"Bearer {token}"} if token else {}
                return await client.request(method, path, headers=headers | more.pop("headers", {}), **more)

        return asyncio.run(inside())

    def kill_call(self, token: str = KIM, **body: object) -> httpx.Response:
        return self.call("POST", "/kill", token, json=body)

    def release_call(self, token: str, **body: object) -> httpx.Response:
        return self.call("POST", "/release", token, json=body)


def test_killing_is_one_step() -> None:
    session = Session()
    answer = session.kill_call()
    assert (answer.status_code, answer.json()) == (200, {"scope": "all", "level": "CANCEL"})
    assert session.heard == [(KillLevel.CANCEL, "all", "kim", "no reason given")]
    assert session.kill_call(ANN, level="FLATTEN", scope="symbol:X", reason="r").status_code == 200
    assert session.heard[-1] == (KillLevel.FLATTEN, "symbol:X", "ann", "r")


def test_releasing_takes_two_people() -> None:
    session = Session()
    session.kill_call()
    first = session.release_call(ANN, reason="mended")
    nonce = first.json()["nonce"]
    assert session.kills
    second = session.release_call(BOB, nonce=nonce)
    assert (second.status_code, second.json()) == (200, {"scope": "all", "level": "NONE"})
    assert session.heard[-1] == ("all", "ann", "bob", "mended")
    assert session.release_call(BOB, nonce=nonce).status_code == 409  # a nonce is good once


def test_the_same_person_cannot_confirm_and_uses_the_nonce_up() -> None:
    session = Session()
    session.kill_call()
    nonce = session.release_call(ANN, reason="mended").json()["nonce"]
    assert session.release_call(ANN, nonce=nonce).status_code == 403
    assert session.release_call(BOB, nonce=nonce).status_code == 409
    assert session.kills == {"all": KillLevel.CANCEL}


def test_a_nonce_lives_a_minute() -> None:
    session = Session()
    nonce = session.release_call(ANN, reason="mended").json()["nonce"]
    session.now += NONCE_NS
    assert session.release_call(BOB, nonce=nonce).status_code == 409
    assert session.release_call(BOB, nonce="nonce77").status_code == 409


@pytest.mark.parametrize(
    ("status", "accepts", "code"),
    [
        ({"is_reconciled": False, "is_flat": True}, True, 409),
        ({"is_reconciled": True, "is_flat": False}, False, 409),
        ({"is_reconciled": True, "is_flat": False}, True, 200),
        ({}, True, 409),
    ],
)
def test_a_release_needs_a_reconciled_and_flat_session(status: dict[str, object], accepts: bool, code: int) -> None:
    session = Session(status=status)
    assert session.release_call(ANN, reason="r", accept_open=accepts).status_code == code


def test_a_release_that_the_session_refuses_is_not_a_success() -> None:
    session = Session(refuses=True)
    session.kill_call()
    nonce = session.release_call(ANN, reason="mended").json()["nonce"]
    assert session.release_call(BOB, nonce=nonce).status_code == 409


@pytest.mark.parametrize(
    ("token", "method", "path", "code"),
    [
        ("", "GET", "/status", 401),
        ("wrong" * 8, "POST", "/kill", 401),
        (EVE, "GET", "/status", 200),
        (KIM, "GET", "/status", 200),
        (EVE, "POST", "/kill", 403),
        (EVE, "POST", "/release", 403),
        (KIM, "POST", "/release", 403),
        (ANN[:-1], "POST", "/kill", 401),
        (ANN, "GET", "/docs", 404),
        (ANN, "GET", "/openapi.json", 404),
        (ANN, "GET", "/kill", 405),
    ],
)
def test_each_token_may_what_its_scope_says(token: str, method: str, path: str, code: int) -> None:
    session = Session()
    body: dict[str, Any] = {"json": {}} if method == "POST" else {}
    assert session.call(method, path, token, **body).status_code == code
    assert session.heard == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"level": "NONE"}',
        b'{"level": "ALL"}',
        b'{"scope": "account:x"}',
        b'{"scope": "symbol:../x"}',
        b'{"levle": "FLATTEN"}',
        b'{"reason": "' + b"x" * 501 + b'"}',
    ],
)
def test_a_call_that_cannot_be_understood_is_refused_with_words(content: bytes) -> None:
    session = Session()
    answer = session.call("POST", "/kill", KIM, content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert set(answer.json()) == {"what", "where", "fix"}
    assert session.heard == []


def test_a_large_call_is_refused() -> None:
    session = Session()
    assert session.call("POST", "/kill", KIM, content=b"x" * (MOST_BYTES + 1)).status_code == 413
    assert session.call("POST", "/kill", content=b"x" * (MOST_BYTES + 1)).status_code == 401


def test_every_call_leaves_a_line_without_a_secret() -> None:
    session = Session()
    session.call("GET", "/status")
    session.kill_call(KIM, reason="r")
    nonce = session.release_call(ANN, reason="mended").json()["nonce"]
    session.release_call(BOB, nonce=nonce)
    told = [(line["by"], line["path"], line["status"]) for line in session.lines]
    assert told == [("", "/status", 401), ("kim", "/kill", 200), ("ann", "/release", 200), ("bob", "/release", 200)]
    assert session.lines[1]["level"] == "CANCEL"
    text = json.dumps(session.lines)
    assert not any(secret in text for secret in (ANN, BOB, EVE, KIM, nonce))


def test_strangers_cannot_use_up_the_rate_of_others_and_a_kill_has_none() -> None:
    session = Session()
    codes = [session.call("GET", "/status").status_code for _ in range(40)]
    assert codes == [401] * 30 + [429] * 10
    codes = [session.call("GET", "/status", KIM).status_code for _ in range(125)]
    assert codes == [200] * 120 + [429] * 5
    assert session.kill_call(KIM).status_code == 200
    session.now += 10**9
    assert session.call("GET", "/status", KIM).status_code == 200


@pytest.mark.parametrize(
    "trade",
    [
        "",
        "ann=",
        ANN,
        "ann=short",
        "ann=" + "a" * 40,
        "ann=changeme-changeme-0123456789",
        "ann=tradewright-tradewright-tradewright",
        f"ann={ANN} bob={ANN}",
        "ann=ünsafe-3f9b1d7e8a2c4056bd19",
    ],
)
def test_it_does_not_start_on_secrets_that_are_none(trade: str) -> None:
    with pytest.raises(ConfigError) as raised:
        tokens_from({"TRADEWRIGHT_CONTROL_TRADE": trade})
    assert "openssl" in raised.value.fix or "NAME=TOKEN" in raised.value.fix or "One token" in raised.value.fix
    assert ANN not in str(raised.value)


def test_it_does_not_listen_beyond_this_machine_in_the_clear() -> None:
    session = Session()
    ports = ControlPorts(session, dict, Clocks(lambda: 0, lambda: 0), str, lambda _: None)
    with pytest.raises(ConfigError, match="in the clear"):
        control_app(ports, ENVIRONMENT, ControlParams(host="0.0.0.0"))  # noqa: S104
    control_app(ports, ENVIRONMENT, ControlParams(host="0.0.0.0", is_behind_tls=True))  # noqa: S104


def test_it_answers_beside_a_session_on_its_loop_and_stops_with_it() -> None:
    session = Session()

    async def inside() -> int:
        port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        found: Callable[[int], None] = port.set_result
        work = asyncio.create_task(serve_control(session.app, ControlParams(port=0), found))
        url = f"http://127.0.0.1:{await port}/kill"
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(url, json={}, headers={"Authorization": f"Bearer {KIM}"})
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        return answer.status_code

    assert asyncio.run(inside()) == 200
    assert session.kills == {"all": KillLevel.CANCEL}
