"""Long CSV files of plain numbers, read by compiled code in a third of the processor time that polars takes.

Reading is most of an import, and polars is the fastest library there is for it; most vendors' files of bars and trades
need nothing of what makes it slow. Whatever is not plain is left to polars, as a whole.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

#: From these sizes on, the time won is more than the 0.7 s that a process needs to load compiled code, or worth a look
#: where it is loaded.
_LONG, _SHORT = 1 << 28, 1 << 20
#: Bytes that one thread reads at a time, and in which the end of a line is looked for.
_PART, _LOOK = 1 << 22, 1 << 12
_NEWLINE = 10
_COMPILED = "tradewright.core.kernel.compiled"


def is_worth_it(source: bytes | Path) -> bool:
    """Tell whether a file is long enough for `read_plain`; where compiled code is loaded, shorter ones are."""
    size = len(source) if isinstance(source, bytes) else source.stat().st_size
    return size >= (_SHORT if _COMPILED in sys.modules else _LONG)


def read_plain(
    source: bytes | Path, separator: str, names: Sequence[str], schema: Mapping[str, pl.DataType]
) -> pl.DataFrame | None:
    """Read the columns of ``schema``; None where there is something that polars has to look at.

    Parameters
    ----------
    source : bytes or Path
        A CSV file; its first line holds the names.
    separator : str
        Between cells, ASCII.
    names : sequence of str
        Of all its columns.
    schema : mapping of str to data type
        Of the columns that are wanted: f8, and at most one i8.

    Returns
    -------
    DataFrame or None
        Equal to the bit to what polars reads. None where a cell is not a plain number of at most 2**53 and 18 digits
        (empty, quoted, ``1e5``, ``nan``), a line has more or fewer cells, or lines end otherwise than with a newline.
    """
    from tradewright.data import decimals_nb  # noqa: PLC0415 -- short files are read without loading compiled code

    if pl.String() in schema.values():
        return None
    text = np.frombuffer(source, np.uint8) if isinstance(source, bytes) else np.memmap(source, np.uint8, "r")
    decimals = [n for n in names if schema.get(n) == pl.Float64()]
    wholes = [n for n in names if schema.get(n) == pl.Int64()]
    places = dict.fromkeys(wholes, decimals_nb.WHOLE) | {n: at for at, n in enumerate(decimals)}
    slots = np.array([places.get(n, decimals_nb.SKIPPED) for n in names], np.int64)
    parts = list(_parts(text))
    with ThreadPoolExecutor(pl.thread_pool_size()) as threads:
        lines = list(threads.map(lambda part: int(np.count_nonzero(part == _NEWLINE)), parts))
        edges = [0, *accumulate(lines)]
        whole, decimal = np.empty(edges[-1], np.int64), np.empty((len(decimals), edges[-1]))
        done = threads.map(
            lambda part, edge: decimals_nb.read_lines_nb(
                part, ord(separator), slots, whole[slice(*edge)], decimal[:, slice(*edge)]
            ),
            parts,
            pairwise(edges),
        )
        if not all(done):
            threads.shutdown(cancel_futures=True)
            return None
    columns = dict(zip(decimals, decimal, strict=True)) | dict.fromkeys(wholes, whole)
    return pl.DataFrame({n: columns[n] for n in schema})


def _parts(text: Bytes) -> Iterator[Bytes]:
    """Cut the lines after the first into parts that end with a line; what lacks its end at last is given one."""
    start = _next_line(text, 0)
    while start < len(text):
        stop = _next_line(text, start + _PART)
        part = text[start:stop]
        yield part if part[-1] == _NEWLINE else np.append(part, np.uint8(_NEWLINE))
        start = stop


def _next_line(text: Bytes, start: int) -> int:
    """Return where the first line begins that starts after ``start``."""
    for at in range(start, len(text), _LOOK):
        found = text[at : at + _LOOK].tobytes().find(b"\n")
        if found >= 0:
            return at + found + 1
    return len(text)
