"""Opens stores with what only the process knows: the time, and where a database is.

Market data lies in files under a folder, or in PostgreSQL; the settings of a run say which (``data.backend``), and the
same variable of the environment says it for commands without settings. What belongs to a store and is no market data
(snapshots, universes, splits, features) lies in the folder either way.
"""

from __future__ import annotations

import atexit
import os
import time
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from tradewright.core.types.errors import ConfigError
from tradewright.services.secrets import secret

if TYPE_CHECKING:
    from tradewright.adapters.postgres.store import PostgresStore
    from tradewright.data.store import BarStore, MarketStore

Backend = Literal["files", "postgres"]
#: Sets ``data.backend``, of a run as every variable of this form does.
BACKEND = "TRADEWRIGHT_DATA__BACKEND"
#: Address of the database, ``postgresql://USER@HOST:PORT/DATABASE``; with ``_FILE`` the file that holds it.
ADDRESS = "TRADEWRIGHT_POSTGRES_URL"
#: Its password, where the address holds none; with ``_FILE`` the file that holds it.
PASSWORD = "TRADEWRIGHT_POSTGRES_PASSWORD"  # noqa: S105 -- the name of a variable


def open_store(root: Path) -> BarStore:
    """Return the Parquet store in a folder; its writes are recorded with the time of this machine."""
    from tradewright.data.store import BarStore

    return BarStore(root, time.time_ns)


def open_market(root: Path, backend: Backend | None = None, environment: Mapping[str, str] = os.environ) -> MarketStore:
    """Return the store that market data is read from; nothing is connected yet.

    Parameters
    ----------
    root : Path
        Folder of the files, if they are what is read.
    backend : "files" or "postgres", optional
        As the settings of a run say; else the environment does, and files are read where it says nothing.
    environment : mapping of str to str
        Where the address and the password of the database are looked for.

    Raises
    ------
    ConfigError
        As `open_postgres`, and if the environment names another backend.
    """
    chosen = backend or environment.get(BACKEND, "") or "files"
    if chosen not in get_args(Backend):
        fix = f"Allowed: {', '.join(get_args(Backend))}."
        raise ConfigError(f"'{chosen}' is no place for market data", where=f"environment, {BACKEND}", fix=fix)
    return open_store(root) if chosen == "files" else open_postgres(environment)


def open_postgres(environment: Mapping[str, str] = os.environ) -> PostgresStore:
    """Return the store in the database that the environment names; nothing is connected yet.

    Raises
    ------
    ConfigError
        If the database's libraries are not installed, or the address is missing, wrong, or in a file that cannot be
        read. The address is not repeated, because it may hold a password.
    """
    address = secret(environment, ADDRESS)
    if not address:
        fix = f"Set {ADDRESS}, or {ADDRESS}_FILE to the file that holds it: postgresql://USER@HOST:PORT/DATABASE"
        raise ConfigError("the address of the database is not set", where="data.backend postgres", fix=fix)
    return _postgres(address, secret(environment, PASSWORD), os.getpid())


@lru_cache(maxsize=4)
def _postgres(address: str, password: str, _process: int) -> PostgresStore:
    """Open a database once in a process; one that was forked must not use its parent's connections."""
    try:
        from tradewright.adapters.postgres.params import params_of
        from tradewright.adapters.postgres.store import PostgresStore
    except ImportError as error:
        what = f"PostgreSQL needs a library that is not installed: {error.name}"
        raise ConfigError(what, where="data.backend postgres", fix="pip install 'tradewright[ops]'") from error
    try:
        params, inside = params_of(address)
    except ValueError:
        what = "this is not the address of a PostgreSQL database"
        fix = "Write postgresql://USER@HOST:PORT/DATABASE, and ?schema=NAME for tables outside the schema tradewright."
        raise ConfigError(what, where=ADDRESS, fix=fix) from None
    store = PostgresStore(params, password or inside, time.time_ns)
    atexit.register(store.close)
    return store
