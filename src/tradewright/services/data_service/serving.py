"""Runs the data service until it is told to stop."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tradewright.core.types.errors import ConfigError
from tradewright.services.http_service.access import check_token
from tradewright.services.secrets import secret

if TYPE_CHECKING:
    from tradewright.adapters.redis.params import RedisParams
    from tradewright.services.data_service.params import DataServiceParams

#: What requests must carry, from the environment or a file; the address of Redis may hold a password.
TOKEN = "TRADEWRIGHT_DATA_TOKEN"  # noqa: S105 -- the name of a variable
REDIS_URL = "TRADEWRIGHT_DATA_REDIS_URL"


def serve(
    root: Path, params: DataServiceParams, environment: Mapping[str, str] = os.environ, *, logs_access: bool = False
) -> None:
    """Serve a store until SIGTERM or Ctrl-C.

    Raises
    ------
    ConfigError
        If libraries are missing, a token is needed and not given, a secret cannot be read, or a feature set or the
        address of Redis cannot be understood.
    UsageError
        If the address is taken.
    """
    token = secret(environment, TOKEN)
    check_token(params.host, token, TOKEN)
    try:
        from tradewright.services.data_service.app import make_app
        from tradewright.services.data_service.service import DataService
        from tradewright.services.http_service.answers import Clocks
        from tradewright.services.http_service.serving import run_app
        from tradewright.services.stores import open_market
    except ImportError as error:
        what = f"the data service needs a library that is not installed: {error.name}"
        raise ConfigError(what, where="data serve", fix="pip install 'tradewright[ops]'") from error
    clocks = Clocks(time.time_ns, time.monotonic_ns)
    service = DataService(open_market(root, environment=environment), params, redis_params(environment), clocks)
    for chosen in service.sets.values():
        chosen.fresh()  # compiles now, not at the first request
    app = make_app(service, token, sys.stderr if logs_access else None)
    run_app(app, params.host, params.port, str(root))


def redis_params(environment: Mapping[str, str]) -> RedisParams | None:
    """Return the Redis that the environment names, None where it names none.

    Raises
    ------
    ConfigError
        If the address cannot be understood; it is not repeated, because it may hold a password.
    """
    from pydantic import SecretStr, ValidationError

    from tradewright.adapters.redis.params import RedisParams

    url = secret(environment, REDIS_URL)
    if not url:
        return None
    try:
        return RedisParams(url=SecretStr(url))
    except ValidationError:
        what = "this is not the address of a Redis server"
        raise ConfigError(what, where=REDIS_URL, fix="Write redis://HOST:PORT, rediss://... or unix://PATH.") from None
