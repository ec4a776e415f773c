"""Lines of plain decimal numbers, as a CSV file holds them, into arrays: the compiled step of `plain_csv`.

A whole number of at most 2**53, divided by a power of ten that a double holds exactly, gives the double that is nearest
to what was written: equal to the bit to what every correct reader returns (Clinger, How to Read Floating Point Numbers
Accurately, 1990). What does not fit that is refused, never rounded. This file calls compiled code of no other file; see
`bars.time_nb`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tradewright.core.kernel.compiled import compiled

#: Where a column of the file goes: nowhere, or to the whole numbers; from 0 on it is a row of the decimal ones.
SKIPPED, WHOLE = -2, -1
NEWLINE = 10
_RETURN, _QUOTE, _MINUS, _POINT, _ZERO, _ASCII = 13, 34, 45, 46, 48, 128
_MOST, _DIGITS = 2**53, 18
_POWERS = np.array([10.0**n for n in range(_DIGITS + 1)])


@compiled
def read_lines_nb(
    text: NDArray[np.uint8],
    separator: int,
    slots: NDArray[np.int64],
    whole: NDArray[np.int64],
    decimal: NDArray[np.float64],
) -> bool:
    """Read lines; False where one holds anything but plain numbers in the columns that are wanted.

    Parameters
    ----------
    text : u1[n]
        As many lines as there is room for, each with its end.
    separator : int
        The byte between cells.
    slots : i8[k]
        Where each column goes.
    whole, decimal : i8[rows], f8[m, rows]
        Room for the numbers.
    """
    at, one, last = np.uint64(0), np.uint64(1), len(slots) - 1  # an unsigned place needs no look whether it is below 0
    for row in range(len(whole)):
        for column in range(last + 1):
            end = NEWLINE if column == last else separator
            if slots[column] == SKIPPED:
                while text[at] != end:
                    if text[at] in (_QUOTE, _RETURN, NEWLINE) or text[at] >= _ASCII:
                        return False
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
                return False
            if slots[column] == WHOLE:
                whole[row] = -number if is_negative else number
            elif number > _MOST:
                return False
            else:
                amount = number / _POWERS[places]
                decimal[slots[column], row] = -amount if is_negative else amount
            at += one
    return bool(at == len(text))
