"""Loading compiled code without waking the compiler.

Numba's cache prepares, before it loads anything, the declarations of its whole library, which only compiling needs.
What loading needs is that every symbol the code calls is known to the process; those are kept beside the code.
See docs/decisions/0014-loading-without-the-compiler.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import llvmlite.binding as llvm
from numba.core.caching import CompileResultCacheImpl, FunctionCache
from numba.core.registry import cpu_target
from numba.core.runtime import rtsys


def outside_names(library: Any) -> list[str]:
    """Return the symbols that a compiled library expects the process to have."""
    module = library._final_module
    things = [*module.functions, *module.global_variables]
    return sorted(t.name for t in things if t.is_declaration and not t.name.startswith("llvm."))


def provide(names: Iterable[str]) -> None:
    """Make symbols known to the linker, which would end the process if one were missing.

    Nearly always all are: what is not Python's or the C library's, Numba's run-time brings with it.
    """
    rtsys.initialize(cpu_target.target_context)
    if not all(map(llvm.address_of_symbol, names)):
        cpu_target.target_context.refresh()


class _Entry(CompileResultCacheImpl):  # type: ignore[misc]
    """What is kept of a function: its outside names, and what Numba keeps."""

    def reduce(self, compiled: Any) -> tuple[list[str], Any]:
        return outside_names(compiled.library), super().reduce(compiled)

    def rebuild(self, context: Any, kept: tuple[list[str], Any]) -> Any:
        names, rest = kept
        provide(names)
        return super().rebuild(context, rest)


class KernelCache(FunctionCache):  # type: ignore[misc]
    """Numba's disk cache of one function; declarations wait for the first function that is really compiled."""

    _impl_class = _Entry

    def load_overload(self, signature: Any, context: Any) -> Any:
        """Return the compiled function, or None where none is kept."""
        with self._guard_against_spurious_io_errors():
            return self._load_overload(signature, context)
