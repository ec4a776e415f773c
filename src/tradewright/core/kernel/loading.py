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
from numba.core.environment import Environment, lookup_environment
from numba.core.registry import cpu_target
from numba.core.runtime import _nrt_python  # type: ignore[attr-defined]

from tradewright.core.kernel.linking import missing


def outside_names(module: Any) -> list[str]:
    """Return the symbols that a compiled module expects the process to have."""
    things = [*module.functions, *module.global_variables]
    return sorted(t.name for t in things if t.is_declaration and not t.name.startswith("llvm."))


def provide(names: Iterable[str]) -> None:
    """Make symbols known to the linker, which would end the process if one were missing.

    Nearly always all are: what is not Python's or the C library's, Numba's run-time brings with it.
    """
    for name in missing(names):
        address = _nrt_python.c_helpers.get(name.removeprefix("NRT_"))
        if address is None:
            cpu_target.target_context.refresh()
            return
        llvm.add_symbol(name, address)


class _Entry(CompileResultCacheImpl):
    """What is kept of a function: what Numba keeps, but the environments of inner functions without their modules."""

    def reduce(self, compiled: Any) -> Any:
        *rest, environments = super().reduce(compiled)  # type: ignore[no-untyped-call]
        inner = [(e.env_name, e.globals["__name__"], e.consts) for e in environments]
        return outside_names(compiled.library._final_module), inner, rest  # noqa: SLF001

    def rebuild(self, context: Any, kept: Any) -> Any:
        names, inner, rest = kept
        provide(names)
        environments = [_environment(*told) for told in inner]
        return super().rebuild(context, (*rest, environments))  # type: ignore[no-untyped-call]


def _environment(name: str, module: str, constants: list[Any]) -> Any:
    """Return what compiled code finds of its function; its module is read by code that cannot be kept anyway."""
    found = lookup_environment(name)  # type: ignore[no-untyped-call]
    if found is None:
        found = Environment({"__name__": module})
        found.env_name, found.consts[:] = name, constants
        Environment._memo[name] = found  # noqa: SLF001
    return found


class KernelCache(FunctionCache):
    """Numba's disk cache of one function; declarations wait for the first function that is really compiled."""

    _impl_class = _Entry

    def load_overload(self, signature: Any, context: Any) -> Any:
        """Return the compiled function, or None where none is kept."""
        with self._guard_against_spurious_io_errors():
            return self._load_overload(signature, context)  # type: ignore[no-untyped-call]
