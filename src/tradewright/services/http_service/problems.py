"""Errors as answers: ``{what, where, fix}`` and a status code."""

from __future__ import annotations

from http import HTTPStatus

from tradewright.core.types.errors import TradewrightError, UsageError


class ProblemError(Exception):
    """An answer that is an error.

    Parameters
    ----------
    status : HTTPStatus
        Its code.
    what, where, fix : str
        As in `TradewrightError`.
    """

    def __init__(self, status: HTTPStatus, what: str, where: str = "", fix: str = "") -> None:
        self.status = status
        self.what = what
        self.where = where
        self.fix = fix
        super().__init__(what)

    @property
    def document(self) -> dict[str, str]:
        """The body."""
        return {"what": self.what, "where": self.where, "fix": self.fix}


def unprocessable(error: UsageError, where: str) -> ProblemError:
    """Return what a parameter that cannot be read is answered with."""
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, error.what, where, error.fix)


def not_found(error: UsageError) -> ProblemError:
    """Return what a name that the store does not have is answered with."""
    return ProblemError(HTTPStatus.NOT_FOUND, error.what, error.where, error.fix)


def internal(error: TradewrightError) -> ProblemError:
    """Return what a damaged store is answered with."""
    return ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, error.what, error.where, error.fix)
