"""Where the PostgreSQL server is. The password is never part of it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class PostgresParams(BaseModel):
    """Address of a database.

    The password comes from the environment variable or the file that `services.stores` reads, or from the server's
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
