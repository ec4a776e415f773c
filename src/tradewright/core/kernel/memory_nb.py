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

from tradewright.core.kernel.compiled import inlined
from tradewright.core.types.csv_dtypes import lines_dtype
from tradewright.core.types.dtypes import (
    N_FIELDS,
    book_dtype,
    costs_dtype,
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
    window_dtype,
)
from tradewright.core.types.guard_dtypes import decision_dtype, guard_dtype, guarded_dtype, trace_dtype
from tradewright.core.types.prop_dtypes import prop_rule_dtype, prop_state_dtype

_BUILD: Any = cgutils  # numba's type information stops at these
_TUPLE: Any = types.UniTuple


def _to_pointer(_typing_context: Any, _address: Any) -> Any:
    """Turn an integer into a pointer."""

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], _BUILD.voidptr_t)

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


@inlined
def costs_nb(address: int) -> Any:
    """View an instrument's distributions of costs, costs_dtype[1]."""
    return carray(_pointer(address), 1, costs_dtype)


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
def bytes_nb(address: int, n: int) -> Any:
    """View bytes, u1[n]."""
    return carray(_pointer(address), n, np.uint8)


@inlined
def lines_nb(address: int) -> Any:
    """View a piece of a CSV file, lines_dtype[1]."""
    return carray(_pointer(address), 1, lines_dtype)


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


@inlined
def field_nb(m: Any, row: int, i: int) -> float:
    """Read a field of event ``i`` of the market block."""
    return float_at_nb(m.fields, row * m.stride + i)


def _row(_typing_context: Any, columns: Any, _i: Any) -> Any:
    """Read one value of each column into a tuple."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        values = []
        for k in range(columns.count):
            column = builder.inttoptr(builder.extract_value(args[0], k), ir.DoubleType().as_pointer())
            values.append(builder.load(builder.gep(column, [args[1]])))
        return context.make_tuple(builder, signature.return_type, values)

    return _TUPLE(types.float64, columns.count)(columns, types.int64), codegen


def _fetch(_typing_context: Any, columns: Any, _i: Any) -> Any:
    """Ask the memory for one value of each column, to be in the cache when it is read."""

    def codegen(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        byte, word = _BUILD.voidptr_t, ir.IntType(32)
        fetch = builder.module.declare_intrinsic(
            "llvm.prefetch", [byte], ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        )
        for k in range(columns.count):
            column = builder.inttoptr(builder.extract_value(args[0], k), ir.DoubleType().as_pointer())
            place = builder.bitcast(builder.gep(column, [args[1]]), byte)
            builder.call(fetch, [place, word(0), word(3), word(1)])  # data, to be read, and more than once
        return context.get_dummy_value()

    return types.void(columns, types.int64), codegen


def _items(number: Any, lowered: Any) -> Any:
    """Make an intrinsic that reads the first numbers of an array, so many as a constant says, into a tuple."""

    def typing(_typing_context: Any, _address: Any, n: Any) -> Any:
        if not isinstance(n, types.IntegerLiteral):
            return None

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            array = builder.inttoptr(args[0], lowered.as_pointer())
            places = (ir.Constant(ir.IntType(64), k) for k in range(n.literal_value))
            values = [builder.load(builder.gep(array, [place])) for place in places]
            return context.make_tuple(builder, signature.return_type, values)

        return _TUPLE(number, n.literal_value)(types.int64, n), codegen

    return intrinsic(typing)


#: ``ints_at_nb(address, n)``, ``floats_at_nb(address, n)``: the first ``n`` (a constant) of i8[] or f8[], as a tuple.
ints_at_nb = cast("Callable[[int, int], tuple[int, ...]]", _items(types.int64, ir.IntType(64)))
floats_at_nb = cast("Callable[[int, int], tuple[float, ...]]", _items(types.float64, ir.DoubleType()))

#: ``fetch_nb(columns, i)``: have value ``i`` of each column brought near; ``i`` may lie beyond the end.
fetch_nb = cast("Callable[[tuple[int, ...], int], None]", intrinsic(_fetch))

#: ``row_nb(columns, i)``: value ``i`` of each column, as a tuple; ``columns`` is a tuple of their addresses.
row_nb = cast("Callable[[tuple[int, ...], int], tuple[float, ...]]", intrinsic(_row))


#: ``record_nb(address, like)`` would be one function, were a dtype an argument: hence one line for each layout below.
_INSTRUMENT, _POSITION, _ORDER = instrument_dtype.itemsize, position_dtype.itemsize, order_dtype.itemsize
_INLINE = 128  # bytes that are copied on the spot; more would be a call of the C library
_GUARDED, _TRACE, _DECISION = guarded_dtype.itemsize, trace_dtype.itemsize, decision_dtype.itemsize
_MESSAGE, _BOOK, _FILL, _ENTRY = message_dtype.itemsize, book_dtype.itemsize, fill_dtype.itemsize, ledger_dtype.itemsize


@inlined
def terms_nb(side: Any, j: int) -> Any:
    """View the terms of instrument ``j``, instrument_dtype; ``side`` is our record or the venue's."""
    return carray(_pointer(side.instruments + j * _INSTRUMENT), 1, instrument_dtype)[0]


@inlined
def position_nb(s: Any, j: int) -> Any:
    """View our position in instrument ``j``, position_dtype."""
    return carray(_pointer(s.positions + j * _POSITION), 1, position_dtype)[0]


@inlined
def book_nb(v: Any, j: int) -> Any:
    """View the venue's book of instrument ``j``, book_dtype."""
    return carray(_pointer(v.books + j * _BOOK), 1, book_dtype)[0]


@inlined
def order_at_nb(address: int, n: int) -> Any:
    """View order ``n`` of a list, order_dtype."""
    return carray(_pointer(address + n * _ORDER), 1, order_dtype)[0]


@inlined
def order_nb(side: Any, j: int, k: int) -> Any:
    """View order ``k`` of instrument ``j``, order_dtype, in our table or the venue's."""
    return order_at_nb(side.orders, j * side.n_slots + k)


@inlined
def message_at_nb(address: int, n: int) -> Any:
    """View message ``n`` of a list, message_dtype."""
    return carray(_pointer(address + n * _MESSAGE), 1, message_dtype)[0]


@inlined
def fill_at_nb(address: int, n: int) -> Any:
    """View fill ``n`` of the log, fill_dtype."""
    return carray(_pointer(address + n * _FILL), 1, fill_dtype)[0]


@inlined
def entry_at_nb(address: int, n: int) -> Any:
    """View line ``n`` of the ledger, ledger_dtype."""
    return carray(_pointer(address + n * _ENTRY), 1, ledger_dtype)[0]


def _copy(_typing_context: Any, target: Any, source: Any) -> Any:
    """Copy one record over another of the same layout."""

    def codegen(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        for start in range(0, target.size, _INLINE):
            count = ir.Constant(ir.IntType(64), min(_INLINE, target.size - start))
            to, at = (_BUILD.pointer_add(builder, record, start) for record in args)
            _BUILD.raw_memcpy(builder, to, at, count, 1)
        return context.get_dummy_value()

    return types.void(target, source), codegen


#: ``copy_nb(target, source)``: copy a record; assigning one to an item of an array takes it apart into single bytes.
copy_nb = cast("Callable[[Any, Any], None]", intrinsic(_copy))


@inlined
def signals_nb(address: int, n: int) -> Any:
    """View the signal table, signal_dtype[n]."""
    return carray(_pointer(address), n, signal_dtype)


@inlined
def limits_nb(address: int) -> Any:
    """View the limits, limits_dtype[1]."""
    return carray(_pointer(address), 1, limits_dtype)


@inlined
def prop_rules_nb(address: int, n: int) -> Any:
    """View prop-firm rules, prop_rule_dtype[n]."""
    return carray(_pointer(address), n, prop_rule_dtype)


@inlined
def prop_states_nb(address: int, n: int) -> Any:
    """View what each rule set remembers, prop_state_dtype[n]."""
    return carray(_pointer(address), n, prop_state_dtype)


@inlined
def windows_nb(address: int, n: int) -> Any:
    """View windows of time, window_dtype[n]."""
    return carray(_pointer(address), n, window_dtype)


@inlined
def guard_nb(s: Any) -> Any:
    """View the guard of our record, guard_dtype; only where ``s.guard`` is not 0."""
    return carray(_pointer(s.guard), 1, guard_dtype)[0]


@inlined
def guarded_nb(g: Any, j: int) -> Any:
    """View the guard's part of instrument ``j``, guarded_dtype."""
    return carray(_pointer(g.instruments + j * _GUARDED), 1, guarded_dtype)[0]


@inlined
def trace_at_nb(address: int, n: int) -> Any:
    """View row ``n`` of a ring of orders or fills, trace_dtype."""
    return carray(_pointer(address + n * _TRACE), 1, trace_dtype)[0]


@inlined
def decision_at_nb(address: int, n: int) -> Any:
    """View row ``n`` of the guard's log, decision_dtype."""
    return carray(_pointer(address + n * _DECISION), 1, decision_dtype)[0]
