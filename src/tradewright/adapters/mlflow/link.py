"""The client of MLflow, and its errors in our words."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tradewright.adapters.mlflow.params import MlflowParams
from tradewright.core.types.errors import StoreError, UsageError

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

_QUIET = ("mlflow", "alembic")


class Link:
    """A client that is made when it is first needed.

    Parameters
    ----------
    params : MlflowParams
        Where MLflow is.
    """

    def __init__(self, params: MlflowParams) -> None:
        self.params = params
        self._client: MlflowClient | None = None

    @contextmanager
    def client(self) -> Iterator[MlflowClient]:
        """Give the client; whatever it meets comes out as a `StoreError`.

        Raises
        ------
        UsageError
            If mlflow is not installed.
        StoreError
            If MLflow cannot be reached, or refuses.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its own use of its own libraries
            try:
                if self._client is None:
                    self._client = self._connected()
                yield self._client
            except ImportError as error:
                fix = "pip install 'tradewright[mlops]', or leave MLflow out."
                raise UsageError("MLflow is not installed", where="mlflow", fix=fix) from error
            except (StoreError, UsageError):
                raise
            except Exception as error:
                reason = str(error).strip().split("\n", 1)[0][:300]
                fix = "Check that it runs and the address; models and their registry do not depend on it."
                what = f"MLflow did not take it: {reason or type(error).__name__}"
                raise StoreError(what, where=self.params.place, fix=fix) from error

    def _connected(self) -> MlflowClient:
        # It would tell its makers about every call, and has no other switch.
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("DO_NOT_TRACK", "true")
        for name in _QUIET:  # tables made, tables updated: of no use to our users
            logging.getLogger(name).setLevel(logging.ERROR)
        os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = str(self.params.retries)
        os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = str(max(1, round(self.params.timeout_s)))
        from mlflow.tracking import MlflowClient  # noqa: PLC0415 -- two seconds, and only for those who want it

        address = self.params.address
        if address.startswith("sqlite:///"):
            Path(address.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
        return MlflowClient(tracking_uri=address, registry_uri=address)


def experiment_id(client: MlflowClient, params: MlflowParams, name: str) -> str:
    """Return the id of an experiment, which is made where there is none."""
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    folder = params.artefact_folder
    location = None if folder is None else folder.resolve().as_uri()
    return str(client.create_experiment(name, artifact_location=location))
