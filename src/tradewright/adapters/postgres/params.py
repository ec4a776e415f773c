"""Where the PostgreSQL server is. The password is never part of it."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field


class PostgresParams(BaseModel):
    """Address of a database.

    Address and password come from the environment or the files that `services.stores` reads, or from the server's
    own means (peer authentication, ``~/.pgpass``).

    Parameters
    ----------
    host : str
        Name or address, or the folder of a Unix socket.
    port : int
        TCP port.
    database, user : str
        As on the server.
    db_schema : str
        Schema that holds the tables; made on the first write.
    connect_timeout_s : int
        Seconds after which a server that does not answer is reported.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65_535)] = 5432
    database: str = "tradewright"
    user: str = "tradewright"
    db_schema: Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,40}$")] = "tradewright"
    connect_timeout_s: Annotated[int, Field(ge=1, le=300)] = 10

    @property
    def place(self) -> str:
        """The address for messages."""
        return f"postgresql://{self.user}@{self.host}:{self.port}/{self.database}"


def params_of(address: str) -> tuple[PostgresParams, str]:
    """Return what ``postgresql://USER:PASSWORD@HOST:PORT/DATABASE?schema=NAME`` says, and the password; parts may lack.

    Raises
    ------
    ValueError
        If it is no such address; the message may hold the password.
    """
    parts = urlsplit(address)
    query = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
    if parts.scheme not in ("postgresql", "postgres") or parts.fragment or set(query) - {"schema"}:
        raise ValueError(address)
    found = {
        "host": parts.hostname,
        "port": parts.port,
        "database": unquote(parts.path.removeprefix("/")),
        "user": unquote(parts.username or ""),
        "db_schema": query.get("schema"),
    }
    return PostgresParams.model_validate({k: v for k, v in found.items() if v}), unquote(parts.password or "")
