"""Runs the data service until it is told to stop."""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tradewright.core.types.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from tradewright.adapters.redis.params import RedisParams
    from tradewright.services.data_service.params import DataServiceParams

#: Answers under way get so long to finish, seconds.
_LAST_ANSWERS_S = 5
#: A computation in another thread lets answers through after so long, seconds.
_TURN_S = 0.001
#: A connection that asks nothing for so long is closed, seconds.
_IDLE_S = 75


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
    from tradewright.services.data_service.access import TOKEN, check_token
    from tradewright.services.secrets import secret

    token = secret(environment, TOKEN)
    check_token(params.host, token)
    try:
        import uvicorn

        from tradewright.services.data_service.app import make_app
        from tradewright.services.data_service.params import Clocks
        from tradewright.services.data_service.service import DataService
        from tradewright.services.stores import open_store
    except ImportError as error:
        what = f"the data service needs a library that is not installed: {error.name}"
        raise ConfigError(what, where="data serve", fix="pip install 'tradewright[ops]'") from error
    clocks = Clocks(time.time_ns, time.monotonic_ns)
    service = DataService(open_store(root), params, redis_params(environment), clocks)
    for chosen in service.sets.values():
        chosen.fresh()  # compiles now, not at the first request
    app = make_app(service, token, sys.stderr if logs_access else None)
    listener = _listener(params)
    settings = uvicorn.Config(
        app,
        log_config=None,
        log_level="critical",  # answers that fail are reported by the application
        access_log=False,
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=_LAST_ANSWERS_S,
        timeout_keep_alive=_IDLE_S,
    )
    host, port = listener.getsockname()[:2]
    print(f"Serving {root} on http://{f'[{host}]' if ':' in host else host}:{port} (/docs lists the addresses)")
    sys.stdout.flush()
    # uvicorn gives a signal back after it has stopped; by then it has done its work
    signals = [(s, signal.signal(s, lambda *_: None)) for s in (signal.SIGINT, signal.SIGTERM)]
    sys.setswitchinterval(_TURN_S)
    gc.collect()
    gc.freeze()  # what is loaded by now stays: later collections need not look at it
    try:
        uvicorn.Server(settings).run(sockets=[listener])
    finally:
        listener.close()
        for number, handler in signals:
            signal.signal(number, handler)
    print("Stopped.")


def redis_params(environment: Mapping[str, str]) -> RedisParams | None:
    """Return the Redis that the environment names, None where it names none.

    Raises
    ------
    ConfigError
        If the address cannot be understood; it is not repeated, because it may hold a password.
    """
    from pydantic import SecretStr, ValidationError

    from tradewright.adapters.redis.params import RedisParams
    from tradewright.services.data_service.access import REDIS_URL
    from tradewright.services.secrets import secret

    url = secret(environment, REDIS_URL)
    if not url:
        return None
    try:
        return RedisParams(url=SecretStr(url))
    except ValidationError:
        what = "this is not the address of a Redis server"
        raise ConfigError(what, where=REDIS_URL, fix="Write redis://HOST:PORT, rediss://... or unix://PATH.") from None


def _listener(params: DataServiceParams) -> socket.socket:
    """Return a socket that listens, so that a taken address is one clear error."""
    family = socket.AF_INET6 if ":" in params.host else socket.AF_INET
    # naming TCP lets asyncio send small packets at once; else every answer waits 40 ms for an acknowledgement
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((params.host.strip("[]"), params.port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        what = f"cannot listen on {params.host}:{params.port}: {error.strerror or error}"
        raise UsageError(what, where="--port", fix="Choose another port; --port 0 takes a free one.") from error
    listener.setblocking(False)
    return listener
