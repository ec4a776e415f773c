"""Answers as bytes: JSON with null for what is not a number, or an Arrow stream."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence

import polars as pl

from tradewright.services.data_service.moments import iso_column
from tradewright.services.http_service.answers import iso, json_bytes

ARROW = "application/vnd.apache.arrow.stream"


def finite(value: float) -> float | None:
    """Return None for what JSON cannot say."""
    return value if math.isfinite(value) else None


def time_fields(ts_open: int, ts_event: int, ts_seen: int) -> dict[str, int | str]:
    """Return the times of a row, ns UTC and ISO 8601."""
    return {
        "ts_open": ts_open,
        "ts_event": ts_event,
        "ts_seen": ts_seen,
        "open_time": iso(ts_open),
        "close_time": iso(ts_event),
    }


def rows_json(frame: pl.DataFrame, values: Sequence[str] = ()) -> bytes:
    """Return rows as a JSON array of objects.

    Parameters
    ----------
    frame : polars.DataFrame
        Columns ``ts_open``, ``ts_event``, ``ts_seen`` i8, the others f8.
    values : sequence of str
        Columns that go into one list ``values`` instead of fields of their own.
    """
    numbers = [name for name, dtype in frame.schema.items() if dtype == pl.Float64]
    plain = frame.with_columns(pl.when(pl.col(n).is_finite()).then(pl.col(n)).alias(n) for n in numbers)
    columns = [pl.col("ts_open", "ts_event", "ts_seen"), *_iso_columns()]
    if values:
        return plain.select(*columns, pl.concat_list(values).alias("values")).write_json().encode()
    return plain.select(*columns, *numbers).write_json().encode()


def _iso_columns() -> list[pl.Expr]:
    return [iso_column("ts_open").alias("open_time"), iso_column("ts_event").alias("close_time")]


def page_json(head: Mapping[str, object], rows: bytes, next_cursor: str) -> bytes:
    """Return ``{head, rows, next_cursor}``; an empty cursor is null."""
    tail = json_bytes({"next_cursor": next_cursor or None})
    return b'%s,"rows":%s,%s' % (json_bytes(head)[:-1], rows, tail[1:])


def arrow_stream(frame: pl.DataFrame) -> bytes:
    """Return a frame as an Arrow IPC stream; NaN stays NaN."""
    buffer = io.BytesIO()
    frame.write_ipc_stream(buffer)
    return buffer.getvalue()
