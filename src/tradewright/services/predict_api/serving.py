"""Runs the inference API until it is told to stop."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tradewright.core.types.errors import ConfigError
from tradewright.services.http_service.access import check_token
from tradewright.services.runs.forecasting import TOKEN
from tradewright.services.secrets import secret


@dataclass(frozen=True, slots=True)
class PredictApiParams:
    """Where the service listens, and how many seconds a switch in the registry may go unnoticed."""

    host: str = "127.0.0.1"
    port: int = 8766
    refresh_s: float = 1.0


def serve(
    root: Path, params: PredictApiParams, environment: Mapping[str, str] = os.environ, *, logs_access: bool = False
) -> None:
    """Serve the models of a registry until SIGTERM or Ctrl-C.

    Raises
    ------
    ConfigError
        If libraries are missing, or a token is needed and not given.
    UsageError
        If the address is taken.
    """
    token = secret(environment, TOKEN)
    check_token(params.host, token, TOKEN)
    try:
        from tradewright.services.http_service.answers import Clocks
        from tradewright.services.http_service.serving import run_app
        from tradewright.services.predict_api.app import make_app
        from tradewright.services.predict_api.registered import RegisteredModels
        from tradewright.services.predict_api.served import ServedModels
    except ImportError as error:
        what = f"the inference service needs a library that is not installed: {error.name}"
        raise ConfigError(what, where="models serve", fix="pip install 'tradewright[ml,ops]'") from error
    clocks = Clocks(time.time_ns, time.monotonic_ns)
    models = ServedModels(RegisteredModels(root), round(params.refresh_s * 1e9), clocks.steady_ns)
    for name in models.source.names():
        models.get(name)  # loads now, not at the first request
    run_app(make_app(models, clocks, token, sys.stderr if logs_access else None), params.host, params.port, str(root))
