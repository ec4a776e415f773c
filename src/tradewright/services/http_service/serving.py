"""Runs an application over HTTP until it is told to stop."""

from __future__ import annotations

import gc
import signal
import socket
import sys

import uvicorn
from starlette.types import ASGIApp

from tradewright.core.types.errors import UsageError

#: Answers under way get so long to finish, seconds.
_LAST_ANSWERS_S = 5
#: A computation in another thread lets answers through after so long, seconds.
_TURN_S = 0.001
#: A connection that asks nothing for so long is closed, seconds.
_IDLE_S = 75


def run_app(app: ASGIApp, host: str, port: int, what: str, *, hears_sockets: bool = False) -> None:
    """Serve until SIGTERM or Ctrl-C; ``what`` is served, as it is told to people.

    ``hears_sockets``: it answers WebSockets too, and has no page of addresses.

    Raises
    ------
    UsageError
        If the address is taken.
    """
    listener = _listener(host, port)
    settings = uvicorn.Config(
        app,
        log_config=None,
        log_level="critical",  # answers that fail are reported by the application
        access_log=False,
        server_header=False,
        ws="websockets-sansio" if hears_sockets else "none",
        timeout_graceful_shutdown=_LAST_ANSWERS_S,
        timeout_keep_alive=_IDLE_S,
    )
    name, number = listener.getsockname()[:2]
    place, more = f"[{name}]" if ":" in name else name, "" if hears_sockets else " (/docs lists the addresses)"
    print(f"Serving {what} on http://{place}:{number}{more}")
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
        for kind, handler in signals:
            signal.signal(kind, handler)
    print("Stopped.")


def _listener(host: str, port: int) -> socket.socket:
    """Return a socket that listens, so that a taken address is one clear error."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # naming TCP lets asyncio send small packets at once; else every answer waits 40 ms for an acknowledgement
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host.strip("[]"), port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        what = f"cannot listen on {host}:{port}: {error.strerror or error}"
        raise UsageError(what, where="--port", fix="Choose another port; --port 0 takes a free one.") from error
    listener.setblocking(False)
    return listener
