"""Functions that are called by address only: compiled once, kept as plain object files, linked at the next start.

Numba's cache also keeps a function in the form in which others inline it, and reads that form on loading, which takes
longer than all the rest. Nothing inlines what is called through a table.
See docs/decisions/0014-loading-without-the-compiler.md.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import cache
from typing import Any

import llvmlite.binding as llvm
import numba
from numba import int64
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target

from tradewright.core.kernel.compiled import keep, kept
from tradewright.core.kernel.loading import outside_names, provide

_SIGNATURE = int64(int64, int64, int64)
_HELD: list[object] = []  # machine code must outlive every table that holds its address


def address_of(function: Callable[[int, int, int], int]) -> int:
    """Return where ``int64 function(int64, int64, int64)`` stands in this process, compiled now or before.

    Its module and qualified name are its name on disk: they must change whenever anything outside the package's own
    sources changes what it does (see `rebound`).
    """
    name = f"{function.__module__}.{function.__qualname__}-{_processor()}.o"
    file = kept(name)
    if file is not None:
        return int(_linked(file))
    code: Any = numba.cfunc(_SIGNATURE, error_model="numpy")(function)
    _HELD.append(code)
    library = code._library  # noqa: SLF001
    if not library.has_dynamic_globals:  # it names no memory of this process
        keep(name, _as_file(code.native_name, library))
    return int(code.address)


@cache
def _processor() -> str:
    """Return a short name of the processor, its features and the linker's version."""
    told = (cpu_target.target_context.codegen().magic_tuple(), llvm.llvm_version_info)
    return hashlib.blake2b(repr(told).encode(), digest_size=8).hexdigest()


def _as_file(symbol: str, library: Any) -> bytes:
    """Return a line that describes the object, and the object."""
    head = {"symbol": symbol, "outside": outside_names(library)}
    machine_code: bytes = library.serialize_using_object_code()[2][0]
    return json.dumps(head).encode() + b"\n" + machine_code


@global_compiler_lock  # type: ignore[untyped-decorator]
def _linked(file: bytes) -> int:
    """Link an object file into the process and return the address of its function."""
    line, _, machine_code = file.partition(b"\n")
    head = json.loads(line)
    provide(head["outside"])
    machine = llvm.Target.from_default_triple().create_target_machine(jit=True)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)  # one each: two files may use one symbol
    _HELD.append(engine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(machine_code))
    engine.finalize_object()
    return int(engine.get_function_address(head["symbol"]))
