"""Hashes and versions: what a result rests on."""

from __future__ import annotations

import hashlib
import platform
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

from tradewright import __version__

_PACKAGE = Path(__file__).resolve().parents[2]
_SOURCES = {".py", ".j2", ".css", ".js"}
_LIBRARIES = ("numpy", "numba", "polars", "pydantic", "plotly")


@dataclass(frozen=True, slots=True)
class DataFacts:
    """Identity of the bars of one instrument; times in ns UTC."""

    symbol: str
    timeframe: str
    rows: int
    first: int
    last: int
    fingerprint: str


@cache
def code_hash() -> str:
    """Return 16 hex digits over every source of the package."""
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(p for p in _PACKAGE.rglob("*") if p.suffix in _SOURCES):
        digest.update(path.relative_to(_PACKAGE).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def versions() -> dict[str, str]:
    """Return the versions that may change a result."""
    found = {"tradewright": __version__, "python": platform.python_version()}
    return found | {name: version(name) for name in _LIBRARIES}


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def fingerprint_of(files: dict[str, str]) -> str:
    """Return the SHA-256 over names and hashes of files, in order of their names."""
    text = "".join(f"{name} {files[name]}\n" for name in sorted(files))
    return hashlib.sha256(text.encode()).hexdigest()
