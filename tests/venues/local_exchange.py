"""The local exchange in a thread of its own, on a free port of this machine."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import uvicorn

from tradewright.services.exchange.markets import Wanted
from tradewright.services.exchange.params import ExchangeServiceParams
from tradewright.services.exchange.serving import make_app, make_runner

KEY, SECRET = "PKLOCALEXCHANGE", "local-exchange"


class LocalExchange:
    """Serves while its ``with`` block runs; time moves only by `advance`, unless a speed is given.

    Parameters
    ----------
    specs : str
        What is served; one synthetic market if nothing is said.
    lost_s : float
        How long a client waits for an answer that is lost.
    changes
        Other settings of the service.
    """

    def __init__(self, *specs: str, lost_s: float = 0.3, wanted: Wanted | None = None, **changes: Any) -> None:  # noqa: ANN401
        self.params = ExchangeServiceParams(**({"speed": 0.0, "port": 0, "requests_per_minute": 100_000} | changes))
        base = wanted or Wanted(specs or ("synthetic:SYN",), Path("nowhere"), seed=self.params.seed)
        self.runner = make_runner(self.params, replace(base, fills=self.params.fills))
        self._app = make_app(self.params, self.runner, lost_s)
        # naming TCP lets asyncio send small packets at once; else every answer waits 40 ms for an acknowledgement
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(100)
        self.port = int(self._socket.getsockname()[1])
        self.http_url, self.ws_url = f"http://127.0.0.1:{self.port}", f"ws://127.0.0.1:{self.port}"
        settings = uvicorn.Config(
            self._app, log_config=None, log_level="critical", access_log=False, ws="websockets-sansio", loop="asyncio"
        )
        settings.timeout_graceful_shutdown = 1
        self._server = uvicorn.Server(settings)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        for _ in range(500):
            if self._server.started:
                return self
            time.sleep(0.01)
        msg = "the exchange did not start"
        raise TimeoutError(msg)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()

    def listeners(self) -> int:
        """How many connections get order events."""
        return int(self.command("advance", moments=0)["listeners"])

    def watchers(self) -> int:
        """How many connections get market data."""
        return int(self.command("advance", moments=0)["watchers"])

    def advance(self, moments: int = 1) -> dict[str, Any]:
        """Let the market move on by some moments."""
        return self.command("advance", moments=moments)

    def command(self, what: str, **body: Any) -> dict[str, Any]:  # noqa: ANN401
        """Tell the simulation something; return its state."""
        answer = httpx.post(f"{self.http_url}/simulation/{what}", json=body, trust_env=False)
        state: dict[str, Any] = answer.raise_for_status().json()
        return state
