"""Where the next page begins: opaque to clients, bound to the content that the first page was cut from."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from http import HTTPStatus

from tradewright.services.http_service.problems import ProblemError


@dataclass(frozen=True, slots=True)
class Cursor:
    """After the row that begins at ``after`` (ns UTC), in the content called ``of``."""

    of: str
    after: int

    def __str__(self) -> str:
        """Return the text that goes into an address."""
        text = json.dumps([self.of, self.after], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def resumes_after(text: str, of: str) -> int | None:
    """Return the row after which a page begins; None without a cursor.

    Raises
    ------
    ProblemError
        422 where the cursor is not one; 409 where it belongs to other content.
    """
    if not text:
        return None
    try:
        parsed = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        cursor = Cursor(str(parsed[0]), int(parsed[1]))
    except (binascii.Error, ValueError, TypeError, LookupError, RecursionError):
        fix = "Pass next_cursor of the page before as it is, or none for the first page."
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "this is not a cursor", "cursor", fix) from None
    if cursor.of != of:
        what = "the data changed since the page that gave this cursor; its pages do not fit together any more"
        fix = "Begin again without a cursor. The ETag of a page names the content it is cut from."
        raise ProblemError(HTTPStatus.CONFLICT, what, "cursor", fix)
    return cursor.after
