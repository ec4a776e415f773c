"""Functions that are called by address only: compiled once, kept as plain object files, linked at the next start.

Numba's cache also keeps a function in the form in which others inline it, and reads that form on loading, which takes
longer than all the rest. Nothing inlines what is called through a table.
See docs/decisions/0014-loading-without-the-compiler.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
import numba
from numba import int64
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target

from tradewright.core.kernel.linking import keep_object, linked
from tradewright.core.kernel.loading import outside_names, provide

_SIGNATURE = int64(int64, int64, int64)
_HELD: list[object] = []  # machine code must outlive every table that holds its address


def address_of(function: Callable[[int, int, int], int]) -> int:
    """Return where ``int64 function(int64, int64, int64)`` stands in this process, compiled now or before.

    Its module and qualified name are its name on disk: they must change whenever anything outside the package's own
    sources changes what it does (see `rebound`).
    """
    name = f"{function.__module__}.{function.__qualname__}"
    with global_compiler_lock:
        address = linked(name, provide)
    if address is not None:
        return address
    code: Any = numba.cfunc(_SIGNATURE, error_model="numpy")(function)
    _HELD.append(code)
    library = code._library  # noqa: SLF001
    if not library.has_dynamic_globals:  # it names no memory of this process
        keep_object(name, code.native_name, *_object(library))
    return int(code.address)


@global_compiler_lock  # type: ignore[untyped-decorator]
def _object(library: Any) -> tuple[list[str], bytes]:
    """Return the symbols that compiled code expects of a process, and its object file.

    Numba leaves functions in it that nothing calls, and those expect Numba. Where nothing is expected without them,
    they are left out, and a process can link the object that has never imported Numba.
    """
    module = library._final_module  # noqa: SLF001
    lean, target = llvm.parse_bitcode(module.as_bitcode()), cpu_target.target_context.codegen()._tm  # noqa: SLF001
    passes = llvm.create_new_module_pass_manager()
    passes.add_global_dead_code_eliminate_pass()
    passes.run(lean, llvm.create_pass_builder(target, llvm.create_pipeline_tuning_options()))
    if not outside_names(lean):
        return [], target.emit_object(lean)
    return outside_names(module), library.serialize_using_object_code()[2][0]
