"""The control endpoint beside a session, on its event loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from tradewright.core.types.errors import ConfigError, UsageError
from tradewright.core.types.order import KillLevel
from tradewright.risk.kill.requests import ALL
from tradewright.services.control.app import ControlPorts, make_control_app
from tradewright.services.control.tokens import tokens_from
from tradewright.services.http_service.access import is_this_machine


@dataclass(frozen=True, slots=True)
class ControlParams:
    """Where it listens. Beyond this machine it needs ``is_behind_tls``: a proxy that encrypts, or tokens would leak."""

    host: str = "127.0.0.1"
    port: int = 8767
    is_behind_tls: bool = False


class _Server(uvicorn.Server):
    """Leaves signals to the session."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def control_app(ports: ControlPorts, environment: Mapping[str, str], params: ControlParams) -> ASGIApp:
    """Return the application, or refuse before anything listens.

    Raises
    ------
    ConfigError
        If tokens are missing, short or easy to guess, or it would listen beyond this machine in the clear.
    """
    if not is_this_machine(params.host) and not params.is_behind_tls:
        what = f"listening on {params.host} would send tokens in the clear"
        raise ConfigError(what, where="control", fix="Use 127.0.0.1, behind a proxy that encrypts.")
    return make_control_app(ports, tokens_from(environment))


async def serve_control(app: ASGIApp, params: ControlParams, started: Callable[[int], None] | None = None) -> None:
    """Serve until cancelled; ``started`` is given the port.

    Raises
    ------
    UsageError
        If the address is taken.
    """
    family = socket.AF_INET6 if ":" in params.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((params.host.strip("[]"), params.port))
    except OSError as error:
        listener.close()
        what = f"cannot listen on {params.host}:{params.port}: {error.strerror or error}"
        raise UsageError(what, where="control", fix="Choose another port.") from error
    settings = uvicorn.Config(app, log_config=None, access_log=False, server_header=False, ws="none", lifespan="off")
    server = _Server(settings)
    work = asyncio.create_task(server.serve(sockets=[listener]))
    if started is not None:
        started(int(listener.getsockname()[1]))
    try:
        await asyncio.shield(work)
    finally:
        server.should_exit = server.force_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await work
        listener.close()


def audit_file(path: Path) -> Callable[[str], None]:
    """Return what appends a line to a file; only the owner may read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(line: str) -> None:
        with contextlib.suppress(OSError):  # a full disk must not keep anybody from killing
            os.write(handle, line.encode() + b"\n")

    return write


def kill_on_signals(loop: asyncio.AbstractEventLoop, kill: Callable[[KillLevel, str, str, str], None]) -> None:
    """Let SIGUSR1 cancel and SIGUSR2 flatten everything. SIGTERM stays what it was: an orderly stop is no kill.

    Windows has neither signal: there the file and the command remain.
    """
    for name, level in (("SIGUSR1", KillLevel.CANCEL), ("SIGUSR2", KillLevel.FLATTEN)):
        number = getattr(signal, name, None)
        if number is not None:
            loop.add_signal_handler(number, kill, level, ALL, "signal", name)
