"""Long columns by slices: what is computed of a slice stays in the cache of the processor and takes no new memory."""

from __future__ import annotations

from collections.abc import Iterator

#: Rows of a slice: a quarter of a megabyte of numbers.
ROWS = 1 << 15


def slices(rows: int, width: int = ROWS) -> Iterator[slice]:
    """Yield slices of ``width`` rows that cover all rows; the last may be short."""
    for start in range(0, rows, width):
        yield slice(start, min(start + width, rows))
