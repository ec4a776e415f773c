"""Embedded MLflow on one database a module (making its tables takes seconds), and a real server on loopback."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tradewright.adapters.mlflow.params import MlflowParams, embedded

pytest.importorskip("mlflow")
_PATIENCE_S = 90


@pytest.fixture(scope="package")
def params(tmp_path_factory: pytest.TempPathFactory) -> MlflowParams:
    return embedded(tmp_path_factory.mktemp("mlflow"))


@pytest.fixture
def artefact(tmp_path: Path) -> Path:
    folder = tmp_path / "artefact"
    folder.mkdir()
    (folder / "model.json").write_text('{"kind": "logistic"}')
    return folder


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowParams]:
    """A real `mlflow server` of this test session's own, stopped afterwards."""
    home = tmp_path_factory.mktemp("server")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    words = ["-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    words += ["--backend-store-uri", f"sqlite:///{home}/server.db", "--artifacts-destination", str(home / "artefacts")]
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *words], stdout=log, stderr=log, cwd=home, env=environment, start_new_session=True
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address, process)
        yield MlflowParams(address=address)
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # it has workers; the database goes with it
        process.wait(30)


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=2):  # noqa: S310 -- our own server
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail("the MLflow server did not start")
