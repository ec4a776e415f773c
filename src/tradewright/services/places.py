"""Places in a document of settings, and where a value came from."""

from __future__ import annotations

from typing import Protocol

#: Keys and list positions that lead to a value.
Place = tuple[str | int, ...]


class Origins(Protocol):
    """Where settings came from, for messages."""

    def origin(self, place: Place) -> str:
        """Return the file and line, variable or option that gave the value at ``place``; empty if unknown."""
