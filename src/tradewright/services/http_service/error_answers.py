"""Errors as answers: everything that goes wrong in a handler becomes ``{what, where, fix}`` and a status code."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from tradewright.core.types.errors import TradewrightError
from tradewright.services.cli.guard import show_unforeseen
from tradewright.services.http_service.answers import JSON, json_bytes
from tradewright.services.http_service.problems import ProblemError, internal


def add_error_answers(app: FastAPI) -> None:
    """Let the application answer errors in our form; defects of ours are told to the operator only."""

    def answer(problem: ProblemError) -> Response:
        return Response(json_bytes(problem.document), status_code=problem.status.value, media_type=JSON)

    def of_ours(_: Request, error: Exception) -> Response:
        return answer(error if isinstance(error, ProblemError) else _unforeseen(error))

    def of_store(_: Request, error: Exception) -> Response:
        return answer(internal(error) if isinstance(error, TradewrightError) else _unforeseen(error))

    def of_parameters(_: Request, error: Exception) -> Response:
        first = error.errors()[0] if isinstance(error, RequestValidationError) else {"loc": ("",), "msg": ""}
        what = str(first["msg"])
        where = str(first["loc"][-1])
        return answer(ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, what, where, "Correct the parameter; see /docs."))

    def of_http(request: Request, error: Exception) -> Response:
        status = HTTPStatus(error.status_code if isinstance(error, HTTPException) else 500)
        what = f"{request.method} {request.url.path}: {status.phrase.lower()}"
        return answer(ProblemError(status, what, "request", "The addresses are listed at /docs."))

    handlers: list[tuple[type[Exception], Callable[[Request, Exception], Response]]] = [
        (ProblemError, of_ours),
        (TradewrightError, of_store),
        (RequestValidationError, of_parameters),
        (HTTPException, of_http),
        (Exception, of_ours),
    ]
    for kind, handler in handlers:
        app.add_exception_handler(kind, handler)


def _unforeseen(error: Exception) -> ProblemError:
    """Return the answer to a defect of ours; the operator's log has its kind, the client's answer nothing of it."""
    show_unforeseen(type(error), error, error.__traceback__)
    what = "the service has a defect and could not answer"
    return ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, what, "service", "Report it with the time of the request.")
