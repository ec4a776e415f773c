"""How a function becomes compiled code, and where the compiled code is kept.

Numba's disk cache notices a change of the file a function stands in, but not of a function it calls in another
file. The cache folder is therefore named by a hash of every source of this package that holds compiled code:
any change opens a new, empty folder. See docs/decisions/0003-compile-cache.md.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])

_PACKAGE = Path(__file__).resolve().parents[2]
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}


def sources_hash() -> str:
    """Return 16 hex digits over every source that may hold compiled code, and the versions that compile it."""
    digest = hashlib.blake2b(f"{numba.__version__} {sys.version_info[:3]}".encode(), digest_size=8)
    folders = (_PACKAGE / "core", _PACKAGE / "features", _PACKAGE / "strategies")
    for path in sorted(p for folder in folders for p in folder.rglob("*.py")):
        digest.update(str(path.relative_to(_PACKAGE)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _open_cache() -> bool:
    """Point Numba at the folder for these sources; False where no folder can be written."""
    base = getattr(numba.config, "CACHE_DIR", "") or str(Path.home() / ".cache" / "tradewright")
    folder = Path(base) / f"kernels-{sources_hash()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    if not os.access(folder, os.W_OK):
        return False
    setattr(numba.config, "CACHE_DIR", str(folder))  # noqa: B010  # its attributes are made at run time
    return True


IS_CACHED = _open_cache()


def compiled(function: F) -> F:
    """Compile a function, keeping the result on disk. No fast-math and no parallel loops: results are bit-exact."""
    return cast("F", numba.njit(cache=IS_CACHED, **_OPTIONS)(function))


def inlined(function: F) -> F:
    """Compile a small function that disappears into its callers; not kept on disk by itself."""
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
