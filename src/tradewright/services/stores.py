"""Opens stores with what only the process knows: the time, and passwords."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tradewright.core.types.errors import ConfigError

if TYPE_CHECKING:
    from tradewright.adapters.postgres.params import PostgresParams
    from tradewright.adapters.postgres.store import PostgresStore
    from tradewright.data.store import BarStore

#: The password itself, or the file that holds it (Docker and Kubernetes mount secrets as files).
PASSWORD = "TRADEWRIGHT_POSTGRES_PASSWORD"  # noqa: S105 -- the name of a variable
PASSWORD_FILE = "TRADEWRIGHT_POSTGRES_PASSWORD_FILE"  # noqa: S105


def open_store(root: Path) -> BarStore:
    """Return the Parquet store in a folder; its writes are recorded with the time of this machine."""
    from tradewright.data.store import BarStore

    return BarStore(root, time.time_ns)


def open_postgres(params: PostgresParams, environment: Mapping[str, str] = os.environ) -> PostgresStore:
    """Return the store in a PostgreSQL database; nothing is connected yet.

    Raises
    ------
    ConfigError
        If the database's libraries are not installed, or the file with the password cannot be read.
    """
    try:
        from tradewright.adapters.postgres.store import PostgresStore
    except ImportError as error:
        what = f"PostgreSQL needs a library that is not installed: {error.name}"
        raise ConfigError(what, where="data.postgres", fix="pip install 'tradewright[ops]'") from error
    return PostgresStore(params, postgres_password(environment), time.time_ns)


def postgres_password(environment: Mapping[str, str]) -> str:
    """Return the password from the environment or the file it names; empty where neither is given.

    Raises
    ------
    ConfigError
        If both are given, or the file cannot be read.
    """
    direct, file = environment.get(PASSWORD, ""), environment.get(PASSWORD_FILE, "")
    if direct and file:
        what = f"{PASSWORD} and {PASSWORD_FILE} are both set"
        raise ConfigError(what, where="environment", fix="Set one of them.")
    if not file:
        return direct
    try:
        return Path(file).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        what = f"the file named by {PASSWORD_FILE} cannot be read"
        raise ConfigError(what, where=file, fix="Check the path and its rights.") from error
