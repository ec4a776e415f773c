"""Times in requests, from RFC 3339 text or a date to ns UTC."""

from __future__ import annotations

import re

from tradewright.adapters.alpaca.stamps import ns_of as read


def ns_of(text: str) -> int:
    """Return ns UTC of an RFC 3339 time or a date; a blank stands for the plus sign that addresses swallow.

    Raises
    ------
    ValueError
        If it is neither.
    """
    text = text.strip()
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        text += "T00:00:00Z"
    text = re.sub(r" (\d\d:\d\d)$", r"+\1", text)
    return read(text if re.search(r"(Z|[+-]\d\d:\d\d)$", text, re.IGNORECASE) else f"{text}Z")
