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

from tradewright.core.kernel.loading import KernelCache

F = TypeVar("F", bound=Callable[..., Any])

_PACKAGE = Path(__file__).resolve().parents[2]
_DIGEST_BYTES = 16
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}


def sources_hash() -> str:
    """Return 16 hex digits over every source that may hold compiled code, and the versions that compile it."""
    digest = hashlib.blake2b(f"{numba.__version__} {sys.version_info[:3]}".encode(), digest_size=8)
    folders = (_PACKAGE / "core", _PACKAGE / "features", _PACKAGE / "strategies")
    for path in sorted(p for folder in folders for p in folder.rglob("*.py")):
        digest.update(str(path.relative_to(_PACKAGE)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _open_cache() -> Path | None:
    """Point Numba at the folder for these sources; None where no folder can be written."""
    base = getattr(numba.config, "CACHE_DIR", "") or str(Path.home() / ".cache" / "tradewright")
    folder = Path(base) / f"kernels-{sources_hash()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    if not os.access(folder, os.W_OK):
        return None
    setattr(numba.config, "CACHE_DIR", str(folder))  # noqa: B010  # its attributes are made at run time
    return folder


_FOLDER = _open_cache()


def kept(name: str) -> bytes | None:
    """Return what was kept under a name; None where there is nothing, or it is damaged."""
    try:
        file = (_FOLDER / name).read_bytes() if _FOLDER else b""
    except OSError:
        return None
    digest, content = file[:_DIGEST_BYTES], file[_DIGEST_BYTES:]
    return content if digest == _digest(content) else None


def keep(name: str, content: bytes) -> None:
    """Put a file into the cache folder, whole or not at all; without it, the next start compiles again."""
    if _FOLDER is None:
        return
    draft = _FOLDER / f"{name}.{os.getpid()}"
    try:
        draft.write_bytes(_digest(content) + content)
        draft.replace(_FOLDER / name)
    except OSError:
        draft.unlink(missing_ok=True)


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).digest()


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
