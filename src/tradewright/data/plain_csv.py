"""Long CSV files of plain numbers, read by compiled code in a third of the processor time that polars takes.

Reading is most of an import, and polars is the fastest library there is for it; most vendors' files of bars and trades
need nothing of what makes it slow. Whatever is not plain is left to polars, as a whole.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import accumulate
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradewright.core.types.csv_dtypes import SKIPPED, WHOLE, lines_dtype

Bytes = NDArray[np.uint8]

#: From these sizes on, the time won is more than the 0.04 s that linking the compiled step takes in a process without
#: compiled code, or worth a look where there is some.
_LONG, _SHORT = 1 << 25, 1 << 20
#: Bytes that one thread reads at a time, and in which the end of a line is looked for.
_PART, _LOOK = 1 << 22, 1 << 12
_NEWLINE = 10
_STEP = "tradewright.core.kernel.decimals_nb.read_lines_nb"

Step = Callable[[int, int, int], int]  # on the address of a `lines_dtype` record; 0: not plain numbers


def is_worth_it(source: bytes | Path) -> bool:
    """Tell whether a file is long enough for `read_plain`; where compiled code is loaded, shorter ones are."""
    size = len(source) if isinstance(source, bytes) else source.stat().st_size
    return size >= (_SHORT if _has_compiler() else _LONG)


def _has_compiler() -> bool:
    """Tell whether this process has imported Numba, which takes longer than reading 50 MB."""
    return "numba" in sys.modules


@cache
def _step(*, has_compiler: bool) -> Step | None:
    """Return the compiled step; None where none is kept and there is no compiler at hand."""
    if has_compiler:
        from tradewright.core.kernel.by_address import address_of  # noqa: PLC0415 -- imports the compiler
        from tradewright.core.kernel.decimals_nb import read_lines_nb  # noqa: PLC0415

        address: int | None = address_of(read_lines_nb)
    else:
        from tradewright.core.kernel.linking import linked  # noqa: PLC0415 -- short files are read without the linker

        address = linked(_STEP)
    return None if address is None else ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * 3)(address)


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
        (empty, quoted, ``1e5``, ``nan``), a line has more or fewer cells, or lines end otherwise than with a newline;
        and where the compiled step was never kept (`tradewright warm` does) and nothing else has loaded the compiler.
    """
    step = None if pl.String() in schema.values() else _step(has_compiler=_has_compiler())
    if step is None:
        return None
    text = np.frombuffer(source, np.uint8) if isinstance(source, bytes) else np.memmap(source, np.uint8, "r")
    decimals = [n for n in names if schema.get(n) == pl.Float64()]
    wholes = [n for n in names if schema.get(n) == pl.Int64()]
    places = dict.fromkeys(wholes, WHOLE) | {n: at for at, n in enumerate(decimals)}
    slots = np.array([places.get(n, SKIPPED) for n in names], np.int64)
    parts = list(_parts(text))
    with ThreadPoolExecutor(pl.thread_pool_size()) as threads:
        lines = list(threads.map(lambda part: int(np.count_nonzero(part == _NEWLINE)), parts))
        edges = list(accumulate(lines, initial=0))
        whole, decimal = np.empty(edges[-1], np.int64), np.empty((len(decimals), edges[-1]))
        jobs = np.zeros(len(parts), lines_dtype)
        jobs["text"], jobs["n_bytes"] = [p.ctypes.data for p in parts], [len(p) for p in parts]
        jobs["separator"], jobs["slots"], jobs["n_columns"] = ord(separator), slots.ctypes.data, len(slots)
        jobs["n_lines"], jobs["n_decimals"], jobs["stride"] = lines, len(decimals), edges[-1]
        jobs["whole"] = whole.ctypes.data + 8 * np.array(edges[:-1], np.int64)
        jobs["decimal"] = decimal.ctypes.data + 8 * np.array(edges[:-1], np.int64)
        done = threads.map(lambda n: step(jobs.ctypes.data + n * jobs.itemsize, 0, 0), range(len(jobs)))
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
