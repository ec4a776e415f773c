"""A piece of a CSV file, as `core.kernel.decimals_nb` reads it."""

from __future__ import annotations

import numpy as np

_I = np.int64

#: Where a column of the file goes: nowhere, or to the whole numbers; from 0 on it is a row of the decimal ones.
SKIPPED, WHOLE = -2, -1

#: Lines to read, and room for their numbers.
lines_dtype = np.dtype(
    [
        ("text", _I),  # u1[n_bytes]: ``n_lines`` lines, each with its end
        ("n_bytes", _I),
        ("n_lines", _I),
        ("separator", _I),  # the byte between cells
        ("slots", _I),  # i8[n_columns]: where each column goes
        ("n_columns", _I),
        ("whole", _I),  # i8[n_lines]
        ("decimal", _I),  # f8[n_decimals, n_lines], ``stride`` numbers from one row to the next
        ("n_decimals", _I),
        ("stride", _I),
    ]
)
