"""Who may ask, and that nobody can be let in by mistake."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from tests.services.served_store import Asking, World

from tradewright.adapters.redis.params import RedisParams
from tradewright.core.types.errors import ConfigError
from tradewright.services.cli.layers import Layered
from tradewright.services.data_service.app import make_app
from tradewright.services.data_service.serving import TOKEN, redis_params
from tradewright.services.http_service.access import check_token, is_this_machine
from tradewright.services.secrets import secret

GOOD = "0123456789abcdef-swordfish"


def test_with_a_token_every_request_needs_it(world: World, asking: Asking) -> None:
    async def scenario() -> None:
        async with asking(world.service(), GOOD) as client:
            for path in ("/v1/bars/SYN/1m", "/v1/datasets", "/openapi.json", "/docs", "/nothing"):
                for header in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {GOOD}"}):
                    answer = await client.get(path, headers=header)
                    assert answer.status_code == 401
                    assert answer.headers["www-authenticate"] == "Bearer"
                    assert GOOD not in answer.text
            good = {"Authorization": f"Bearer {GOOD}", "Host": "data.example"}
            assert (await client.get("/v1/bars/SYN/1m", headers=good)).status_code == 200
            assert (await client.get("/health")).json() == {"status": "ok"}
            assert "counts" in (await client.get("/health", headers=good)).json()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8765", 200),
        ("localhost", 200),
        ("[::1]:1", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example", 403),
    ],
)
def test_without_a_token_only_this_machine_is_answered(world: World, asking: Asking, host: str, status: int) -> None:
    async def scenario() -> None:
        async with asking(world.service()) as client:
            assert (await client.get("/v1/datasets", headers={"Host": host})).status_code == status

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("host", "token", "is_refused"),
    [
        ("127.0.0.1", "", False),
        ("::1", "", False),
        ("localhost", "", False),
        ("0.0.0.0", "", True),  # noqa: S104 -- refused
        ("::", "", True),
        ("192.168.1.5", "", True),
        ("data.example", "", True),
        ("0.0.0.0", GOOD, False),  # noqa: S104
        ("127.0.0.1", "short", True),
        ("127.0.0.1", "with a line\nbreak in it", True),
    ],
)
def test_beyond_this_machine_a_token_is_needed(host: str, token: str, is_refused: bool) -> None:
    if not is_refused:
        check_token(host, token, TOKEN)
        return
    with pytest.raises(ConfigError) as caught:
        check_token(host, token, TOKEN)
    assert token == "" or token not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "is_here"), [("127.8.8.8", True), ("[::1]", True), ("", False), ("localhost.x", False)]
)
def test_what_this_machine_is(host: str, is_here: bool) -> None:
    assert is_this_machine(host) is is_here


def test_secrets_come_from_the_environment_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(GOOD + "\n")
    assert secret({}, TOKEN) == ""
    assert secret({TOKEN: GOOD}, TOKEN) == GOOD
    assert secret({f"{TOKEN}_FILE": str(file)}, TOKEN) == GOOD
    for wrong in ({TOKEN: GOOD, f"{TOKEN}_FILE": str(file)}, {f"{TOKEN}_FILE": str(tmp_path / "none")}):
        with pytest.raises(ConfigError) as caught:
            secret(wrong, TOKEN)
        assert GOOD not in str(caught.value)


def test_the_address_of_redis_is_a_secret() -> None:
    assert redis_params({}) is None
    found = redis_params({"TRADEWRIGHT_DATA_REDIS_URL": "redis://:swordfish@h:1"})
    assert found == RedisParams(url=SecretStr("redis://:swordfish@h:1"))
    with pytest.raises(ConfigError) as caught:
        redis_params({"TRADEWRIGHT_DATA_REDIS_URL": "swordfish"})
    assert "swordfish" not in str(caught.value)


def test_the_log_has_a_line_for_each_request_and_no_secret(world: World) -> None:
    lines = io.StringIO()

    async def scenario() -> None:
        service = world.service()
        transport = httpx.ASGITransport(make_app(service, GOOD, lines))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            good = {"Authorization": f"Bearer {GOOD}"}
            await client.get("/v1/bars/SYN/1m", params={"limit": "5", "x": GOOD}, headers=good)
            await client.get("/v1/datasets", headers={"Authorization": f"Bearer {GOOD}x"})
        await service.close()

    asyncio.run(scenario())
    assert GOOD not in lines.getvalue()
    found = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [(f["method"], f["path"], f["status"]) for f in found] == [
        ("GET", "/v1/bars/SYN/1m", 422),
        ("GET", "/v1/datasets", 401),
    ]


def test_the_variables_of_the_service_are_no_settings_of_a_run() -> None:
    layered = Layered()
    names = ("TOKEN", "TOKEN_FILE", "REDIS_URL", "REDIS_URL_FILE")
    layered.add_environment({f"TRADEWRIGHT_DATA_{n}": "x" for n in names}, ["data", "strategy"])
    assert layered.values == {}
