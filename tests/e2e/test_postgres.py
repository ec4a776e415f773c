"""Market data from a real PostgreSQL server: published once, then read by runs and features like the files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from tests.services.postgres_server import PostgresServer, postgres_server

Run = Callable[..., CompletedProcess[str]]


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as found:
        if isinstance(found, str):
            pytest.skip(found)
        yield found


@pytest.fixture
def environment(server: PostgresServer, tmp_path: Path) -> dict[str, str]:
    """Variables that name the server: the address in a secret file, the password inside it."""
    secret = tmp_path / "address"
    where = f"{server.host}:{server.port}/{server.database}"
    secret.write_text(f"postgresql://{server.user}:{server.password}@{where}?schema={tmp_path.name[-20:-1]}x\n")
    return {"TRADEWRIGHT_POSTGRES_URL_FILE": str(secret)}


def test_a_run_and_features_read_the_database_like_the_files(
    tw: Run, place: Path, server: PostgresServer, environment: dict[str, str]
) -> None:
    from_files = json.loads(tw("backtest", "run.yaml", "--json", "--no-report", "--out", "files").stdout)
    key = json.loads(tw("features", "build", "ACME", "--json").stdout)["key"]

    published = tw("data", "publish", "--json", **environment)
    assert published.returncode == 0, published.stderr
    assert [(d["symbol"], d["added"]) for d in json.loads(published.stdout)] == [("ACME", 240)]
    assert "everything was there already" in tw("data", "publish", "ACME@1h", **environment).stdout
    shutil.rmtree(place / ".tradewright")

    asked = ("--set", "data.backend=postgres")
    found = tw("backtest", "run.yaml", "--json", "--no-report", "--out", "base", *asked, **environment)
    assert found.returncode == 0, found.stderr
    document = json.loads(found.stdout)
    assert document["fingerprint"] == from_files["fingerprint"]
    assert (place / "base" / "orders.parquet").read_bytes() == (place / "files" / "orders.parquet").read_bytes()

    chosen = environment | {"TRADEWRIGHT_DATA__BACKEND": "postgres"}
    again = tw("backtest", "run.yaml", "--json", "--no-report", "--out", "env", **chosen)
    assert json.loads(again.stdout)["fingerprint"] == from_files["fingerprint"]
    assert [e["symbol"] for e in json.loads(tw("data", "list", "--json", **chosen).stdout)] == ["ACME"]
    assert json.loads(tw("features", "build", "ACME", "--json", **chosen).stdout)["key"] == key

    everything = [p.read_bytes() for p in place.rglob("*") if p.is_file()]
    told = [text.encode() for done in (published, found, again) for text in (done.stdout, done.stderr)]
    for hidden in (server.password, f":{server.port}"):
        assert not any(hidden.encode() in text for text in [*everything, *told])


@pytest.mark.parametrize(
    ("address", "code", "what"),
    [
        ("", 2, "the address of the database is not set"),
        ("mysql://user:hush@127.0.0.1/x", 2, "this is not the address of a PostgreSQL database"),
        ("postgresql://user:hush@127.0.0.1:99999/x", 2, "this is not the address of a PostgreSQL database"),
        ("postgresql://user:hush@127.0.0.1/x?schema=No!", 2, "this is not the address of a PostgreSQL database"),
        ("postgresql://user:hush@127.0.0.1:1/x", 1, "the database does not answer"),
    ],
)
def test_a_wrong_address_is_told_without_its_password(tw: Run, address: str, code: int, what: str) -> None:
    done = tw("backtest", "run.yaml", "--set", "data.backend=postgres", TRADEWRIGHT_POSTGRES_URL=address)
    assert (done.returncode, what in done.stderr) == (code, True), done.stderr
    assert "hush" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_another_backend_is_refused(tw: Run) -> None:
    done = tw("data", "list", TRADEWRIGHT_DATA__BACKEND="mongo")
    assert (done.returncode, "'mongo' is no place for market data" in done.stderr) == (2, True)
