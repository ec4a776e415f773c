"""Commands in processes of their own, forked from one that has imported the libraries: half a second less for each.

Only what others wrote is imported beforehand. Our own modules are imported by each process anew, in the order in which
its command asks for them, so a circle or a forgotten import shows as it does to a user. Forks of one process share its
seed of hashes: tests let two of them take turns, so no command has the seed of the one before it.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

MAIN = "from tradewright.services.cli.app import main; main()"
# polars is left out: it starts threads, and a fork has only one
_LIBRARIES = "asyncio numba numpy orjson pydantic pydantic_settings rich.progress scipy.optimize sqlite3 typer yaml"
_ROOT = Path(__file__).resolve().parents[2]
_LARGEST = 1 << 20


class Preloaded:
    """The process that forks; it ends when `close` is called, or with the process that made it."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._asks, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with there:
            program = f"from tests.e2e.preloaded import serve; serve({there.fileno()}); {MAIN}"
            words = [sys.executable, "-c", program]
            self._process = subprocess.Popen(words, cwd=_ROOT, env=environment, pass_fds=[there.fileno()])

    def run(
        self, words: tuple[str, ...], folder: Path, environment: dict[str, str], timeout_s: float
    ) -> subprocess.CompletedProcess[str]:
        """Run the command as `subprocess.run` does with `capture_output`."""
        asked = json.dumps([words, str(folder), environment]).encode()
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            socket.send_fds(self._asks, [asked], [out.fileno(), err.fileno()])
            process = int(self._asks.recv(_LARGEST))
            self._asks.settimeout(timeout_s)
            try:
                code = int(self._asks.recv(_LARGEST))
            except TimeoutError:
                os.kill(process, signal.SIGKILL)
                self._asks.settimeout(None)
                self._asks.recv(_LARGEST)
                raise subprocess.TimeoutExpired(words, timeout_s) from None
            self._asks.settimeout(None)
            told = [os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode() for file in (out, err)]
        return subprocess.CompletedProcess(words, code, *told)

    def close(self) -> None:
        """End the process."""
        self._asks.close()
        self._process.wait(30)


def serve(descriptor: int) -> None:
    """Fork for each request; return in the forked process, which then is the command."""
    for library in _LIBRARIES.split():
        importlib.import_module(library)
    assert len(list(Path("/proc/self/task").iterdir())) == 1, "a fork has only one thread"
    gc.freeze()
    asks = socket.socket(fileno=descriptor)
    while True:
        asked, descriptors, _, _ = socket.recv_fds(asks, _LARGEST, 2)
        if not asked:
            raise SystemExit
        process = os.fork()
        if not process:
            break
        for each in descriptors:
            os.close(each)
        asks.send(str(process).encode())
        asks.send(str(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])).encode())
    asks.close()
    for stream, each in enumerate(descriptors, 1):
        os.dup2(each, stream)
        os.close(each)
    words, folder, environment = json.loads(asked)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv[1:] = words
