"""Lines of plain decimal numbers, as a CSV file holds them, into arrays: the compiled step of `data.plain_csv`.

A whole number of at most 2**53, divided by a power of ten that a double holds exactly, gives the double that is nearest
to what was written: equal to the bit to what every correct reader returns (Clinger, How to Read Floating Point Numbers
Accurately, 1990). What does not fit that is refused, never rounded.
"""

from __future__ import annotations

import numpy as np

from tradewright.core.kernel.memory_nb import bytes_nb, ints_nb, lines_nb, table_nb
from tradewright.core.types.csv_dtypes import SKIPPED, WHOLE

_NEWLINE, _RETURN, _QUOTE, _MINUS, _POINT, _ZERO, _ASCII = 10, 13, 34, 45, 46, 48, 128
_MOST, _DIGITS = 2**53, 18
_POWERS = np.array([10.0**n for n in range(_DIGITS + 1)])


def read_lines_nb(job: int, _unused: int, _unused_too: int) -> int:
    """Read the lines of a `lines_dtype` record; 0 where one holds anything but plain numbers in the columns wanted."""
    j = lines_nb(job)[0]
    text, slots = bytes_nb(j.text, j.n_bytes), ints_nb(j.slots, j.n_columns)
    whole, decimal = ints_nb(j.whole, j.n_lines), table_nb(j.decimal, j.n_decimals, j.stride)
    separator = j.separator
    at, one, last = np.uint64(0), np.uint64(1), j.n_columns - 1  # an unsigned place needs no look whether it is below 0
    for row in range(j.n_lines):
        for column in range(last + 1):
            end = _NEWLINE if column == last else separator
            if slots[column] == SKIPPED:
                while text[at] != end:
                    if text[at] == _QUOTE or text[at] == _RETURN or text[at] == _NEWLINE or text[at] >= _ASCII:
                        return 0
                    at += one
                at += one
                continue
            is_negative = text[at] == _MINUS
            if is_negative:
                at += one
            begin, number, places = at, np.int64(0), np.uint64(0)
            digit = np.int64(text[at]) - _ZERO
            while 0 <= digit <= 9:
                number = number * 10 + digit
                at += one
                digit = np.int64(text[at]) - _ZERO
            digits = at - begin
            if slots[column] != WHOLE and text[at] == _POINT:
                at += one
                begin, digit = at, np.int64(text[at]) - _ZERO
                while 0 <= digit <= 9:
                    number = number * 10 + digit
                    at += one
                    digit = np.int64(text[at]) - _ZERO
                places = at - begin
            if digits == 0 or digits + places > _DIGITS or text[at] != end:
                return 0
            if slots[column] == WHOLE:
                whole[row] = -number if is_negative else number
            elif number > _MOST:
                return 0
            else:
                amount = number / _POWERS[places]
                decimal[slots[column], row] = -amount if is_negative else amount
            at += one
    return 1 if at == len(text) else 0
