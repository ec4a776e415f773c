"""Times in addresses and answers."""

from __future__ import annotations

import re
from http import HTTPStatus

import polars as pl

from tradewright.core.types.errors import UsageError
from tradewright.data.times import moment_ns
from tradewright.services.http_service.problems import ProblemError, unprocessable

_FARTHEST = 2**62


def asked_moment(text: str, where: str) -> int | None:
    """Return ``2024-01-31``, ``2024-01-31T14:30:00Z`` or ns as ns UTC; None where nothing is given.

    Raises
    ------
    ProblemError
        422 where it is none of these.
    """
    if not text:
        return None
    if re.fullmatch(r"-?\d{1,19}", text) and len(text) != len("20240131"):
        ns = int(text)
    else:
        try:
            ns = moment_ns(text)
        except UsageError as error:
            raise unprocessable(error, where) from None
        except OverflowError:
            ns = _FARTHEST
    if not -_FARTHEST < ns < _FARTHEST:
        what = f"'{text}' is outside the years 1824 to 2116"
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, what, where, "Correct the year.")
    return ns


def iso_column(name: str) -> pl.Expr:
    """Return a column of ns UTC as `iso` writes it."""
    return pl.from_epoch(pl.col(name), time_unit="ns").dt.strftime("%Y-%m-%dT%H:%M:%S%.9fZ")
