"""How a function becomes compiled code, which is kept on disk."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any, TypeVar, cast

import numba

from tradewright.core.kernel.cache_folder import cache_folder
from tradewright.core.kernel.loading import KernelCache

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}

_PACKAGE = __name__.partition(".")[0] + "."
_FOLDER = cache_folder()
if _FOLDER is not None:
    setattr(numba.config, "CACHE_DIR", str(_FOLDER))  # noqa: B010  # its attributes are made at run time


def compiled(function: F, *signatures: Any) -> F:
    """Compile a function, keeping the result on disk. No fast-math and no parallel loops: results are bit-exact.

    With signatures it is compiled or loaded at once and takes no others; else at the first call of each kind.
    """
    dispatcher = numba.njit(**_OPTIONS)(function)
    if _FOLDER is not None:
        dispatcher._cache = KernelCache(function)  # type: ignore[no-untyped-call]  # noqa: SLF001
    for signature in signatures:
        dispatcher.compile(signature)
    if signatures:
        dispatcher.disable_compile()
    return cast("F", dispatcher)


def inlined(function: F) -> F:
    """Compile a small function that disappears into its callers; one of this package is kept for callers to come."""
    dispatcher = inlined_here(function)
    if _FOLDER is not None and function.__module__.startswith(_PACKAGE):  # others' sources do not name the folder
        cast("Any", dispatcher)._cache = KernelCache(function)  # type: ignore[no-untyped-call]  # noqa: SLF001
    return dispatcher


def inlined_here(function: F) -> F:
    """Do the same for a function that is made at run time: it is not kept, for its name may be another one's."""
    return cast("F", numba.njit(forceinline=True, **_OPTIONS)(function))


def rebound(template: F, name: str, **bindings: object) -> F:
    """Copy a plain function under another name with some of its global names bound to other things.

    The one way the program specialises: a template calls ``step(...)`` or ``decide(...)``, and each copy has its own.
    """
    source = cast("FunctionType", template)
    copy = FunctionType(source.__code__, {**source.__globals__, **bindings}, name, source.__defaults__)
    copy.__qualname__ = f"{source.__name__}_{name}"
    copy.__module__ = source.__module__
    return cast("F", copy)


def bind(template: F, name: str, **bindings: object) -> F:
    """Compile `rebound`; ``name`` must change whenever what is bound changes, for it names the cache entry."""
    return compiled(rebound(template, name, **bindings))
