"""The local exchange in a thread of this process, on a free port of this machine: for drills and benchmarks."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import uvicorn

from tradewright.core.types.errors import RunError
from tradewright.services.exchange.markets import Wanted
from tradewright.services.exchange.params import ExchangeServiceParams
from tradewright.services.exchange.serving import make_app, make_runner

_PATIENCE_S = 10.0


class EmbeddedExchange:
    """Serves one synthetic market while its ``with`` block runs, with time at the given speed.

    Raises
    ------
    RunError
        If it does not start.
    """

    def __init__(self, symbol: str = "DRILL", speed: float = 1.0) -> None:
        params = ExchangeServiceParams(speed=speed, port=0, requests_per_minute=1_000_000)
        self.keys = params.keys
        runner = make_runner(params, Wanted((f"synthetic:{symbol}",), Path("nowhere"), seed=params.seed))
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(100)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._ready = threading.Event()
        settings = uvicorn.Config(
            make_app(params, runner), log_config=None, access_log=False, ws="websockets-sansio", loop="asyncio"
        )
        settings.timeout_graceful_shutdown = 1
        self._server = uvicorn.Server(settings)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listener]}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        for _ in range(int(_PATIENCE_S / 0.01)):
            if self._server.started:
                return self
            self._ready.wait(0.01)
        raise RunError("the local exchange did not start", where="exchange", fix="Try again.")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(_PATIENCE_S)
        self._listener.close()
