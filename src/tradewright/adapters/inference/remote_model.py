"""A model behind `tradewright models serve`, as good as the model itself: same rows in, same forecasts out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx
import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.errors import ModelError
from tradewright.core.types.forecast import ForecastTable
from tradewright.core.types.rows import FeatureRows

_FIX = "Check the address and that `tradewright models serve` runs there."


@dataclass(frozen=True, slots=True)
class RemoteParams:
    """How to reach a service.

    Parameters
    ----------
    url : str
        Scheme, host and port.
    token : str
        What it wants to see; empty: nothing.
    timeout_s : float
        Longest wait for a connection, and for an answer.
    chunk_rows : int
        Rows of one request.
    """

    url: str
    token: str = ""
    timeout_s: float = 10.0
    chunk_rows: int = 5_000

    def __repr__(self) -> str:
        """Show everything but the token."""
        return f"RemoteParams(url={self.url!r}, timeout_s={self.timeout_s}, chunk_rows={self.chunk_rows})"


@dataclass(frozen=True, slots=True)
class RemoteDescription:
    """What the service says of a model; ``features`` are expressions by the names of the columns."""

    version: str
    digest: str
    is_unproven: bool
    features: Mapping[str, str]
    feature_set_hash: str
    horizon_ns: int
    lookback: int


class RemoteModel:
    """One model of a service; use it as a context manager, or close it.

    Parameters
    ----------
    params : RemoteParams
        Where the service is.
    name : str
        Of the model there.
    transport : httpx.BaseTransport, optional
        In place of the network, for tests.

    Raises
    ------
    ModelError
        If the service cannot be reached or has no such model.
    """

    def __init__(self, params: RemoteParams, name: str, transport: httpx.BaseTransport | None = None) -> None:
        headers = {"Authorization": f"Bearer {params.token}"} if params.token else {}
        self._client = httpx.Client(
            base_url=params.url, headers=headers, timeout=params.timeout_s, transport=transport, trust_env=False
        )
        self._params = params
        self._path = f"/v1/models/{quote(name, safe='')}"
        self.name = name
        try:
            self.description = self._described()
        except ModelError:
            self.close()
            raise

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release the connection."""
        self.close()

    def close(self) -> None:
        """Release the connection."""
        self._client.close()

    def predict(self, rows: FeatureRows) -> ForecastTable:
        """Return forecasts for rows; many rows go in several requests, each with the rows its first ones look back at.

        Raises
        ------
        ModelError
            If the rows are of other features, the service fails, or another model answers than the one described:
            it was switched meanwhile, and forecasts of two models must not be mixed.
        """
        values = np.full((len(rows), 4), np.nan)
        for asked, first in self._chunks(rows):
            values[asked[first:]] = self._predict(rows.take(asked))[first:]
        told = self.description
        return ForecastTable(
            values,
            rows.symbols,
            rows.instrument,
            rows.ts_event,
            rows.ts_seen,
            told.horizon_ns,
            told.version,
            told.feature_set_hash,
        )

    def _chunks(self, rows: FeatureRows) -> Iterator[tuple[NDArray[np.int64], int]]:
        """Yield row numbers of one request, and how many of them are there to be looked back at only."""
        back = self.description.lookback - 1
        for number in range(len(rows.symbols)):
            mine = np.flatnonzero(rows.instrument == number)
            for start in range(0, len(mine), self._params.chunk_rows):
                begin = max(start - back, 0)
                yield mine[begin : start + self._params.chunk_rows], start - begin

    def _predict(self, rows: FeatureRows) -> NDArray[np.float64]:
        plain = [[None if x != x else x for x in row] for row in rows.values.tolist()]  # noqa: PLR0124  # NaN
        question = {
            "names": rows.names,
            "feature_set_hash": rows.feature_set_hash,
            "symbols": rows.symbols,
            "instrument": rows.instrument.tolist(),
            "ts_event": rows.ts_event.tolist(),
            "ts_seen": rows.ts_seen.tolist(),
            "values": plain,
        }
        told = self._ask("POST", f"{self._path}/predict", question)
        if told.get("digest") != self.description.digest:
            what = f"the model was switched to {told.get('version')} in the middle of the work"
            raise ModelError(what, where=self._params.url, fix="Ask again, or name a version: NAME@VERSION.")
        try:
            found = np.array([[np.nan] * 4 if row is None else row for row in told["values"]], np.float64)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"its answer holds no forecasts: {error}", where=self._params.url, fix=_FIX) from error
        if found.shape != (len(rows), 4):
            what = f"it answered {len(found)} forecasts for {len(rows)} rows"
            raise ModelError(what, where=self._params.url, fix=_FIX)
        return found

    def _described(self) -> RemoteDescription:
        told = self._ask("GET", self._path)
        try:
            return RemoteDescription(**{field: told[field] for field in RemoteDescription.__slots__})
        except KeyError as error:
            raise ModelError(f"its description lacks {error}", where=self._params.url, fix=_FIX) from error

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        where = self._params.url
        try:
            answer = self._client.request(method, path, json=body)
        except httpx.TimeoutException as error:
            what = f"no answer within {self._params.timeout_s:g} s"
            raise ModelError(what, where=where, fix=_FIX) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ModelError(f"cannot be reached: {error}", where=where, fix=_FIX) from error
        try:
            told = answer.json()
        except ValueError as error:
            raise ModelError("its answer is not JSON", where=where, fix=_FIX) from error
        if answer.status_code != HTTPStatus.OK or not isinstance(told, dict):
            said = told if isinstance(told, dict) else {}
            what = str(said.get("what", f"it answered {answer.status_code}"))
            raise ModelError(what, where=where, fix=str(said.get("fix", _FIX)))
        return told
