"""A model behind HTTP answers as the model itself does, to the bit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.services.http_server import served
from tests.services.toy_forecaster import ToyForecaster

from tradewright.adapters.inference.remote_model import RemoteModel, RemoteParams
from tradewright.core.types.errors import ModelError, UsageError
from tradewright.core.types.rows import FeatureRows
from tradewright.models.model import FittedModel
from tradewright.services.http_service.answers import Clocks
from tradewright.services.predict_api.app import make_app
from tradewright.services.predict_api.served import LoadedModel, ServedModels

TOKEN = "0123456789abcdef-tuna"  # noqa: S105


def looking_back(rows: FeatureRows) -> NDArray[np.float64]:
    """Read three rows of its instrument: what a request leaves out changes the answer."""
    out = np.full((len(rows), 4), np.nan)
    for number in range(len(rows.symbols)):
        mine = np.flatnonzero(rows.instrument == number)
        x = np.nan_to_num(rows.values[mine]).sum(axis=1)
        for k in range(2, len(mine)):
            up = 1.0 / (1.0 + np.exp(-(x[k] + x[k - 1] / 3.0 + x[k - 2] / 7.0)))
            out[mine[k]] = [up, (1.0 - up) / 3.0, 2.0 * (1.0 - up) / 3.0, up / 1e3]
    return out


@dataclass
class Shelf:
    """One model, whose digest a test may change."""

    digest_now: str = "d1"

    def names(self) -> tuple[str, ...]:
        return ("m",)

    def digest(self, name: str) -> str:
        if name != "m":
            raise UsageError(f"no version of '{name}' is promoted")
        return self.digest_now

    def load(self, name: str) -> LoadedModel:
        model = FittedModel(ToyForecaster(looking_back, 3), ("a", "b"), "hash", 900)
        return LoadedModel("1.2.3", self.digest(name), {"a": "rsi_wilder(14)", "b": "ema(20)"}, True, model)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def url(shelf: Shelf) -> Iterator[str]:
    clocks = Clocks(lambda: 0, lambda: 0)
    with served(make_app(ServedModels(shelf, 0, clocks.steady_ns), clocks, TOKEN)) as address:
        yield address


def rows(n: int = 41) -> FeatureRows:
    rng = np.random.default_rng(3)
    values = rng.normal(size=(n, 2)) * 1e-3
    values[5, 1] = np.nan
    stamps = np.arange(n, dtype=np.int64) * 60
    return FeatureRows(("a", "b"), values, ("X", "Y"), np.arange(n) % 2, stamps, stamps + 1, "hash")


@pytest.mark.parametrize("chunk", [1, 2, 7, 1_000])
def test_remote_equals_local_whatever_the_size_of_a_request(url: str, shelf: Shelf, chunk: int) -> None:
    with RemoteModel(RemoteParams(url, TOKEN, chunk_rows=chunk), "m") as remote:
        found = remote.predict(rows())
    expected = shelf.load("m").model.predict(rows())
    assert found.values.tobytes() == expected.values.tobytes()
    assert (found.model_version, found.feature_set_hash, found.horizon_ns) == ("1.2.3", "hash", 900)


def test_the_description_tells_what_the_model_wants(url: str) -> None:
    with RemoteModel(RemoteParams(url, TOKEN), "m") as remote:
        told = remote.description
    assert told.features == {"a": "rsi_wilder(14)", "b": "ema(20)"}
    assert (told.lookback, told.is_unproven, told.digest) == (3, True, "d1")


def test_forecasts_of_two_models_are_never_mixed(url: str, shelf: Shelf) -> None:
    with RemoteModel(RemoteParams(url, TOKEN), "m") as remote:
        shelf.digest_now = "d2"
        with pytest.raises(ModelError, match="switched"):
            remote.predict(rows())


def test_other_columns_are_refused(url: str) -> None:
    other = FeatureRows(("b", "a"), rows().values, ("X",), np.zeros(41, np.int64), rows().ts_event, rows().ts_seen)
    with RemoteModel(RemoteParams(url, TOKEN), "m") as remote, pytest.raises(ModelError):
        remote.predict(other)


def test_an_unknown_model_and_a_wrong_token_are_clear_errors(url: str) -> None:
    with pytest.raises(ModelError, match="no version of 'other'"):
        RemoteModel(RemoteParams(url, TOKEN), "other")
    with pytest.raises(ModelError, match="token"):
        RemoteModel(RemoteParams(url, "wrong"), "m")


def test_a_service_that_is_not_there_is_a_clear_error() -> None:
    with pytest.raises(ModelError, match="cannot be reached"):
        RemoteModel(RemoteParams("http://127.0.0.1:1"), "m")


def test_a_silent_service_is_a_clear_error() -> None:
    def silent(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("nothing")

    with pytest.raises(ModelError, match="no answer within"):
        RemoteModel(RemoteParams("http://x"), "m", httpx.MockTransport(silent))


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}"])
def test_an_answer_of_another_kind_is_a_clear_error(body: bytes) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=body))
    with pytest.raises(ModelError):
        RemoteModel(RemoteParams("http://x"), "m", transport)


def test_the_token_is_not_shown() -> None:
    assert TOKEN not in repr(RemoteParams("http://x", TOKEN))
