"""The HTTP face of the data service: addresses, parameters, status codes. Every answer is made by `service`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Annotated, Any, TextIO

from fastapi import FastAPI, Query, Request
from fastapi.responses import HTMLResponse, Response
from starlette.types import ASGIApp

from tradewright import __version__
from tradewright.services.data_service import schemas
from tradewright.services.data_service.hot_path import HotPath, learn, row_headers
from tradewright.services.data_service.page_cache import Page
from tradewright.services.data_service.page_query import FeaturesQuery, PageQuery
from tradewright.services.data_service.service import DataService
from tradewright.services.http_service.access import Guard
from tradewright.services.http_service.access_log import AccessLog
from tradewright.services.http_service.answers import JSON
from tradewright.services.http_service.docs_page import docs_page
from tradewright.services.http_service.error_answers import add_error_answers

SetName = Annotated[str, Query(alias="set", description="Name of a feature set; /v1/datasets lists them.")]

_ERRORS: dict[int | str, dict[str, Any]] = {
    HTTPStatus.NOT_FOUND.value: {"model": schemas.Problem, "description": "No such symbol, timeframe or set."},
    HTTPStatus.UNPROCESSABLE_ENTITY.value: {"model": schemas.Problem, "description": "A parameter makes no sense."},
}
_PAGE_ERRORS = _ERRORS | {
    HTTPStatus.CONFLICT.value: {"model": schemas.Problem, "description": "The data changed since the first page."},
    HTTPStatus.NOT_MODIFIED.value: {"description": "The content is still that of the ETag sent."},
}


def make_app(service: DataService, token: str = "", log: TextIO | None = None) -> ASGIApp:
    """Return the application.

    Parameters
    ----------
    service : DataService
        What answers; closed when the application shuts down.
    token : str
        What requests must carry; empty: nothing, and only this machine is answered.
    log : TextIO, optional
        Where a line is written for each request.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await service.close()

    app = FastAPI(
        title="tradewright data service",
        version=__version__,
        description="Bars, features and newest values of a market-data store; read only.",
        docs_url=None,  # FastAPI's page loads programs from a server on the internet
        redoc_url=None,
        lifespan=lifespan,
    )
    add_error_answers(app)
    _add_listing(app, service)
    _add_bars(app, service)
    _add_features(app, service)
    guarded: ASGIApp = Guard(HotPath(app, service.latest, service.clocks), token)
    return AccessLog(guarded, log, service.clocks) if log is not None else guarded


def _add_listing(app: FastAPI, service: DataService) -> None:
    @app.get("/health", responses={200: {"model": schemas.Health}}, response_class=Response)
    async def health(request: Request) -> Response:
        """Tell whether the service answers, how Redis is, and where answers came from."""
        return _json(service.health(is_known=bool(request.scope["state"]["is_known"])))

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(docs_page(app.openapi()))

    @app.get("/v1/datasets", responses={200: {"model": schemas.DatasetList}}, response_class=Response)
    async def datasets() -> Response:
        """List what the store holds, and the feature sets."""
        return _json(await service.listing())

    @app.get(
        "/v1/latest/{symbol:path}", responses=_ERRORS | {200: {"model": schemas.LatestValues}}, response_class=Response
    )
    async def latest(symbol: str) -> Response:
        """Return the newest bar of each timeframe."""
        return _json(await service.newest_bars(symbol))


def _add_bars(app: FastAPI, service: DataService) -> None:
    @app.get(
        "/v1/bars/{symbol:path}/{timeframe}",
        responses=_PAGE_ERRORS | {200: {"model": schemas.BarsPage}},
        response_class=Response,
    )
    async def bars(request: Request, symbol: str, timeframe: str, asked: Annotated[PageQuery, Query()]) -> Response:
        """Return bars in pages; the ETag is the digest of the data set."""
        dataset = await service.datasets.bars(symbol, timeframe)
        of = dataset.digest
        span = service.span(asked, of)
        if _is_known(request, of):
            return _not_modified(of)
        return _page(await service.bars(dataset, of, span), of)


def _add_features(app: FastAPI, service: DataService) -> None:
    @app.get(
        "/v1/features/{symbol:path}/{timeframe}/latest",
        responses=_ERRORS | {200: {"model": schemas.LatestFeatureRow}},
        response_class=Response,
    )
    async def newest(request: Request, symbol: str, timeframe: str, chosen: SetName = "default") -> Response:
        """Return the newest row of a feature set, with its age."""
        question = (symbol, timeframe, chosen)
        served = await service.latest.get(question)
        learn(service.latest, request.scope, question)
        body = served.body(service.clocks.now_ns())
        answer = Response(body)
        answer.raw_headers = row_headers(served, len(body))
        return answer

    @app.get(
        "/v1/features/{symbol:path}/{timeframe}",
        responses=_PAGE_ERRORS | {200: {"model": schemas.FeaturesPage}},
        response_class=Response,
    )
    async def features(
        request: Request, symbol: str, timeframe: str, asked: Annotated[FeaturesQuery, Query()]
    ) -> Response:
        """Return features in pages; the ETag names the data set's content and the feature set."""
        named = service.latest.named(asked.set)
        dataset = await service.datasets.bars(symbol, timeframe)
        of = f"{dataset.digest}-{named.digest}"
        span = service.span(asked, of)
        if _is_known(request, of):
            return _not_modified(of)
        return _page(await service.features(dataset, named, of, span), of)


def _json(body: bytes) -> Response:
    return Response(body, media_type=JSON, headers={"Cache-Control": "no-store"})


def _page(page: Page, of: str) -> Response:
    headers = {"ETag": f'"{of}"', "Cache-Control": "no-cache"}
    if page.next_cursor:
        headers["X-Next-Cursor"] = page.next_cursor
    return Response(page.body, media_type=page.media_type, headers=headers)


def _is_known(request: Request, of: str) -> bool:
    """Tell whether the client says that it has this content."""
    given = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    return f'"{of}"' in given or "*" in given


def _not_modified(of: str) -> Response:
    headers = {"ETag": f'"{of}"', "Cache-Control": "no-cache"}
    return Response(status_code=HTTPStatus.NOT_MODIFIED.value, headers=headers)
