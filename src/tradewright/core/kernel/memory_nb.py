"""Views of state by address.

State travels between compiled functions as one integer: the address of a `session_dtype` or `venue_dtype` record,
whose fields hold the addresses of everything else. A call from Python then costs one integer argument, and inside
compiled code a view costs nothing: no reference counts, no copies. Views are only ever made from addresses of
arrays that `engine.memory` keeps alive.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.numpy_support import carray
from numba.np.unsafe.ndarray import to_fixed_tuple

from tradewright.core.kernel.compiled import inlined
from tradewright.core.types.dtypes import (
    N_FIELDS,
    book_dtype,
    fill_dtype,
    instrument_dtype,
    ledger_dtype,
    limits_dtype,
    market_dtype,
    message_dtype,
    order_dtype,
    position_dtype,
    session_dtype,
    signal_dtype,
    venue_dtype,
    verbs_dtype,
)


def _to_pointer(_typing_context: Any, _address: Any) -> Any:
    """Turn an integer into a pointer."""

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], cgutils.voidptr_t)

    return types.voidptr(types.int64), codegen


_pointer = cast("Callable[[int], Any]", intrinsic(_to_pointer))


@inlined
def session_nb(address: int) -> Any:
    """View our side's record, session_dtype[1]."""
    return carray(_pointer(address), 1, session_dtype)


@inlined
def venue_nb(address: int) -> Any:
    """View the simulated venue's record, venue_dtype[1]."""
    return carray(_pointer(address), 1, venue_dtype)


def _call(_typing_context: Any, _address: Any, _a: Any, _b: Any, _c: Any) -> Any:
    """Call a verb through its address."""

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        word = ir.IntType(64)
        verb = builder.inttoptr(args[0], ir.FunctionType(word, [word] * 3).as_pointer())
        return builder.call(verb, args[1:])

    return types.int64(types.int64, types.int64, types.int64, types.int64), codegen


#: ``call_nb(address, a, b, c)``: call a verb ``int64 verb(int64, int64, int64)`` through its address.
call_nb = cast("Callable[[int, int, int, int], int]", intrinsic(_call))


@inlined
def verbs_nb(address: int) -> Any:
    """View the table of verbs, verbs_dtype[1]."""
    return carray(_pointer(address), 1, verbs_dtype)


@inlined
def market_nb(address: int) -> Any:
    """View the market block's record, market_dtype[1]."""
    return carray(_pointer(address), 1, market_dtype)


@inlined
def fields_nb(address: int, stride: int) -> Any:
    """View event fields, f8[N_FIELDS, stride]."""
    return carray(_pointer(address), (N_FIELDS, stride), np.float64)


@inlined
def ints_nb(address: int, n: int) -> Any:
    """View integers, i8[n]."""
    return carray(_pointer(address), n, np.int64)


@inlined
def floats_nb(address: int, n: int) -> Any:
    """View floats, f8[n]."""
    return carray(_pointer(address), n, np.float64)


@inlined
def table_nb(address: int, rows: int, columns: int) -> Any:
    """View floats, f8[rows, columns]."""
    return carray(_pointer(address), (rows, columns), np.float64)


def _item(number: Any, lowered: Any) -> Any:
    """Make an intrinsic that reads one number of an array by its address, without the care for negative indices."""

    def typing(_typing_context: Any, _address: Any, _i: Any) -> Any:
        def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            array = builder.inttoptr(args[0], lowered.as_pointer())
            return builder.load(builder.gep(array, [args[1]]))

        return number(types.int64, types.int64), codegen

    return intrinsic(typing)


#: ``int_at_nb(address, i)``, ``float_at_nb(address, i)``: item ``i``, not negative, of i8[n] or f8[n].
int_at_nb = cast("Callable[[int, int], int]", _item(types.int64, ir.IntType(64)))
float_at_nb = cast("Callable[[int, int], float]", _item(types.float64, ir.DoubleType()))


def _row(_typing_context: Any, columns: Any, _i: Any) -> Any:
    """Read one value of each column into a tuple."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        values = []
        for k in range(columns.count):
            column = builder.inttoptr(builder.extract_value(args[0], k), ir.DoubleType().as_pointer())
            values.append(builder.load(builder.gep(column, [args[1]])))
        return context.make_tuple(builder, signature.return_type, values)

    row: Any = types.UniTuple
    return row(types.float64, columns.count)(columns, types.int64), codegen


#: ``fixed_tuple_nb(array, n)``: the first ``n`` (a constant) values of an array as a tuple.
fixed_tuple_nb = cast("Callable[[Any, int], tuple[float, ...]]", to_fixed_tuple)

#: ``row_nb(columns, i)``: value ``i`` of each column, as a tuple; ``columns`` is a tuple of their addresses.
row_nb = cast("Callable[[tuple[int, ...], int], tuple[float, ...]]", intrinsic(_row))


@inlined
def column_addresses_nb(address: int, n: int) -> tuple[int, ...]:
    """Read the addresses of ``n`` (a constant) columns from i8[n]."""
    return fixed_tuple_nb(ints_nb(address, n), n)  # type: ignore[return-value]  # a tuple of what the array holds


@inlined
def instruments_nb(address: int, n: int) -> Any:
    """View instruments, instrument_dtype[n]."""
    return carray(_pointer(address), n, instrument_dtype)


@inlined
def positions_nb(address: int, n: int) -> Any:
    """View positions, position_dtype[n]."""
    return carray(_pointer(address), n, position_dtype)


@inlined
def orders_nb(address: int, n: int, slots: int) -> Any:
    """View an order table, order_dtype[n, slots]."""
    return carray(_pointer(address), (n, slots), order_dtype)


@inlined
def order_list_nb(address: int, n: int) -> Any:
    """View orders in one row, order_dtype[n]."""
    return carray(_pointer(address), n, order_dtype)


@inlined
def messages_nb(address: int, n: int) -> Any:
    """View messages, message_dtype[n]."""
    return carray(_pointer(address), n, message_dtype)


@inlined
def books_nb(address: int, n: int) -> Any:
    """View the venue's books, book_dtype[n]."""
    return carray(_pointer(address), n, book_dtype)


@inlined
def signals_nb(address: int, n: int) -> Any:
    """View the signal table, signal_dtype[n]."""
    return carray(_pointer(address), n, signal_dtype)


@inlined
def limits_nb(address: int) -> Any:
    """View the limits, limits_dtype[1]."""
    return carray(_pointer(address), 1, limits_dtype)


@inlined
def fills_nb(address: int, n: int) -> Any:
    """View the fill log, fill_dtype[n]."""
    return carray(_pointer(address), n, fill_dtype)


@inlined
def ledger_nb(address: int, n: int) -> Any:
    """View the ledger, ledger_dtype[n]."""
    return carray(_pointer(address), n, ledger_dtype)
