"""Frames to and from PostgreSQL's binary COPY format, whole columns at a time and exact to the bit.

Every column is eight bytes wide and never null (bigint or double precision), so that every row has the same length:
a count of fields (2 bytes), then for each field its length (4 bytes, always 8) and its value, all big-endian.
Source: https://www.postgresql.org/docs/15/sql-copy.html, "Binary Format".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

_SIGNATURE = b"PGCOPY\n\xff\r\n\0"
_HEADER = _SIGNATURE + bytes(8)  # flags and the length of the header's extension: none
_TRAILER = b"\xff\xff"
_FIELD = 12
_BLOCK_ROWS = 200_000


def encoded(columns: Mapping[str, NDArray[np.int64] | NDArray[np.float64]]) -> Iterator[bytes]:
    """Yield the bytes of a COPY FROM STDIN of these columns, i8 or f8 of equal length, in blocks."""
    arrays = list(columns.values())
    rows = len(arrays[0])
    yield _HEADER
    for start in range(0, rows, _BLOCK_ROWS):
        part = [a[start : start + _BLOCK_ROWS] for a in arrays]
        block = np.empty((len(part[0]), 2 + _FIELD * len(part)), dtype=np.uint8)
        block[:, 0:2] = np.array([0, len(part)], dtype=np.uint8)
        for place, values in enumerate(part):
            at = 2 + _FIELD * place
            block[:, at : at + 4] = np.array([0, 0, 0, 8], dtype=np.uint8)
            swapped = values.astype(values.dtype.newbyteorder(">"))
            block[:, at + 4 : at + 12] = swapped.view(np.uint8).reshape(-1, 8)
        yield block.tobytes()
    yield _TRAILER


def decoded(data: bytes, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Return the frame that a COPY TO STDOUT of columns of these types (Int64 or Float64) sent.

    Raises
    ------
    ValueError
        If the bytes are not such rows: a null, another type, an end that is missing.
    """
    width = 2 + _FIELD * len(schema)
    body = len(data) - len(_HEADER) - len(_TRAILER)
    if not data.startswith(_HEADER) or not data.endswith(_TRAILER) or body < 0 or body % width:
        msg = "not a whole binary COPY of columns of eight bytes"
        raise ValueError(msg)
    block = np.frombuffer(data, np.uint8, body, len(_HEADER)).reshape(-1, width)
    if (block[:, 1] != len(schema)).any():
        msg = "another number of columns"
        raise ValueError(msg)
    columns: dict[str, NDArray[np.int64] | NDArray[np.float64]] = {}
    for place, (name, dtype) in enumerate(schema.items()):
        at = 2 + _FIELD * place
        if (block[:, at + 3] != 8).any():
            msg = f"column {name} holds a null"
            raise ValueError(msg)
        raw = np.ascontiguousarray(block[:, at + 4 : at + 12]).reshape(-1)
        if dtype == pl.Int64():
            columns[name] = raw.view(np.dtype(">i8")).astype(np.int64)
        else:
            columns[name] = raw.view(np.dtype(">f8")).astype(np.float64)
    return pl.DataFrame(columns, schema=dict(schema))
