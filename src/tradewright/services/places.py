"""Places in a document of settings."""

from __future__ import annotations

#: Keys and list positions that lead to a value.
Place = tuple[str | int, ...]
