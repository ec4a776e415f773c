"""The HTTP face of the models: addresses, parameters, status codes."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TextIO

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel
from starlette.types import ASGIApp

from tradewright import __version__
from tradewright.core.types.errors import ModelError, UsageError
from tradewright.services.http_service.access import Guard
from tradewright.services.http_service.access_log import AccessLog
from tradewright.services.http_service.answers import JSON, Clocks, json_bytes
from tradewright.services.http_service.docs_page import docs_page
from tradewright.services.http_service.error_answers import add_error_answers
from tradewright.services.http_service.problems import ProblemError, not_found
from tradewright.services.predict_api.questions import Answer, Description, Health, Question, forecast_lists
from tradewright.services.predict_api.served import LoadedModel, ServedModels

#: A question of more rows is answered in another thread, so that short ones need not wait for it.
_SHORT_ROWS = 64


def make_app(models: ServedModels, clocks: Clocks, token: str = "", log: TextIO | None = None) -> ASGIApp:
    """Return the application.

    Parameters
    ----------
    models : ServedModels
        What answers.
    clocks : Clocks
        For the log.
    token : str
        What requests must carry; empty: nothing, and only this machine is answered.
    log : TextIO, optional
        Where a line is written for each request.
    """
    app = FastAPI(
        title="tradewright inference",
        version=__version__,
        description="Forecasts of the promoted models of a registry.",
        docs_url=None,  # FastAPI's page loads programs from a server on the internet
        redoc_url=None,
    )
    add_error_answers(app)
    _add_addresses(app, models)
    guarded: ASGIApp = Guard(app, token)
    return AccessLog(guarded, log, clocks) if log is not None else guarded


def _add_addresses(app: FastAPI, models: ServedModels) -> None:
    @app.get("/health")
    async def health(request: Request) -> Health:
        """Tell whether the service answers, and whether an older model stands in."""
        trouble = models.trouble()
        told = trouble if request.scope["state"]["is_known"] else {}
        return Health(status="degraded" if trouble else "ok", trouble=told)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(docs_page(app.openapi()))

    @app.get("/v1/models")
    async def listing() -> list[Description]:
        """List the promoted models."""
        return [_described(name, await _model(models, name)) for name in models.source.names()]

    @app.get("/v1/models/{name}")
    async def description(name: str) -> Description:
        """Tell what a model is and what it wants to see; NAME is the promoted version, NAME@VERSION another."""
        return _described(name, await _model(models, name))

    @app.post("/v1/models/{name}/predict", response_model=Answer)
    async def predict(name: str, question: Question) -> Response:
        """Answer forecasts for rows of features."""
        loaded = await _model(models, name)
        rows = question.rows(loaded.model.feature_set_hash)
        try:
            if len(rows) > _SHORT_ROWS:
                table = await asyncio.to_thread(loaded.model.predict, rows)
            else:
                table = loaded.model.predict(rows)
        except ModelError as error:
            raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, error.what, "rows", error.fix) from error
        return _json(
            Answer(
                version=loaded.version,
                digest=loaded.digest,
                is_unproven=loaded.is_unproven,
                feature_set_hash=loaded.model.feature_set_hash,
                horizon_ns=loaded.model.horizon_ns,
                values=forecast_lists(table),
            )
        )


async def _model(models: ServedModels, name: str) -> LoadedModel:
    try:
        return await asyncio.to_thread(models.get, name) if models.is_due(name) else models.get(name)
    except UsageError as error:
        raise not_found(error) from error


def _described(name: str, loaded: LoadedModel) -> Description:
    return Description(
        name=name,
        version=loaded.version,
        digest=loaded.digest,
        is_unproven=loaded.is_unproven,
        kind=loaded.model.forecaster.kind,
        features=loaded.features,
        feature_set_hash=loaded.model.feature_set_hash,
        horizon_ns=loaded.model.horizon_ns,
        lookback=loaded.model.forecaster.lookback,
    )


def _json(answer: BaseModel) -> Response:
    return Response(json_bytes(answer.model_dump()), media_type=JSON, headers={"Cache-Control": "no-store"})
