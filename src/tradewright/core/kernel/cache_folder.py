"""Where compiled code is kept, and the files in it. Nothing here loads the compiler.

Numba's disk cache notices a change of the file a function stands in, but not of a function it calls in another
file. The cache folder is therefore named by a hash of every source of this package that holds compiled code:
any change opens a new, empty folder. See docs/decisions/0003-compile-cache.md.
"""

from __future__ import annotations

import hashlib
import os
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[2]
_DIGEST_BYTES = 16


def sources_hash() -> str:
    """Return 16 hex digits over every source that may hold compiled code, and the versions that compile it."""
    digest = hashlib.blake2b(f"{version('numba')} {sys.version_info[:3]}".encode(), digest_size=8)
    folders = (_PACKAGE / "core", _PACKAGE / "features", _PACKAGE / "strategies")
    for path in sorted(p for folder in folders for p in folder.rglob("*.py")):
        digest.update(str(path.relative_to(_PACKAGE)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


@cache
def cache_folder() -> Path | None:
    """Return the folder for these sources, within the one Numba is told by its own variable, if it can be written."""
    base = os.environ.get("NUMBA_CACHE_DIR") or str(Path.home() / ".cache" / "tradewright")
    folder = Path(base) / f"kernels-{sources_hash()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


def kept(name: str) -> bytes | None:
    """Return what was kept under a name; None where there is nothing, or it is damaged."""
    folder = cache_folder()
    try:
        file = (folder / name).read_bytes() if folder else b""
    except OSError:
        return None
    digest, content = file[:_DIGEST_BYTES], file[_DIGEST_BYTES:]
    return content if digest == _digest(content) else None


def keep(name: str, content: bytes) -> None:
    """Put a file into the cache folder, whole or not at all; without it, the next start compiles again."""
    folder = cache_folder()
    if folder is None:
        return
    draft = folder / f"{name}.{os.getpid()}"
    try:
        draft.write_bytes(_digest(content) + content)
        draft.replace(folder / name)
    except OSError:
        draft.unlink(missing_ok=True)


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).digest()
