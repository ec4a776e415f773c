"""Where market data is read from: files unless settings or environment say PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from tradewright.adapters.postgres.params import PostgresParams, params_of
from tradewright.adapters.postgres.store import PostgresStore
from tradewright.core.types.errors import ConfigError
from tradewright.data.store import BarStore
from tradewright.services.stores import ADDRESS, BACKEND, PASSWORD, open_market, open_postgres

URL = "postgresql://ann:p%40ss@db.example:5433/market?schema=desk"


def test_files_unless_something_says_otherwise(tmp_path: Path) -> None:
    assert isinstance(open_market(tmp_path, environment={}), BarStore)
    assert isinstance(open_market(tmp_path, "files", {BACKEND: "postgres", ADDRESS: URL}), BarStore)
    assert isinstance(open_market(tmp_path, environment={BACKEND: "postgres", ADDRESS: URL}), PostgresStore)
    with pytest.raises(ConfigError, match="'mongo' is no place"):
        open_market(tmp_path, environment={BACKEND: "mongo"})


def test_what_an_address_says() -> None:
    params, password = params_of(URL)
    assert params == PostgresParams(host="db.example", port=5433, database="market", user="ann", db_schema="desk")
    assert password == "p@ss"  # noqa: S105
    assert params_of("postgres://db.example") == (PostgresParams(host="db.example"), "")


def test_a_database_is_opened_once_with_the_password_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("from file\n")
    environment = {ADDRESS: URL, f"{PASSWORD}_FILE": str(file)}
    store = open_postgres(environment)
    assert open_postgres(environment) is store
    assert open_postgres({ADDRESS: URL}) is not store
    assert "from file" not in store.place
    with pytest.raises(ConfigError, match="cannot be read"):
        open_postgres({ADDRESS: URL, f"{PASSWORD}_FILE": str(tmp_path / "none")})
    with pytest.raises(ConfigError, match="not the address") as caught:
        open_postgres({ADDRESS: "postgresql://ann:hush@db:port/x"})
    assert "hush" not in str(caught.value)
