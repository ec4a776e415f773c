"""What a compiled step consists of, as a short hash that names its entry in the compile cache.

The cache notices a change in the file of the loop, not in the step that the loop calls. The package's own
files are covered by `core.kernel.compiled.sources_hash`; a user's step stands in the user's file, hence this.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import CodeType, FunctionType, ModuleType


def step_identity(step: object) -> str:
    """Return 16 hex digits over a step's byte code, the constants it names, and every function it reaches.

    A module that a step names counts with all its text, so ``indicators.something(...)`` is covered as well.
    """
    digest = hashlib.blake2b(digest_size=8)
    _add(digest, step, set())
    return digest.hexdigest()


def _add(digest: hashlib.blake2b, thing: object, done: set[int]) -> None:
    """Feed one object that compiled code names into the digest, each function and module once."""
    thing = getattr(thing, "py_func", thing)
    if isinstance(thing, ModuleType):
        source = getattr(thing, "__file__", None)
        digest.update(thing.__name__.encode())
        if id(thing) not in done and source is not None and source.endswith(".py"):
            done.add(id(thing))
            digest.update(Path(source).read_bytes())
    elif isinstance(thing, FunctionType):
        if id(thing) not in done:
            done.add(id(thing))
            _add_function(digest, thing, done)
    elif isinstance(thing, (int, float, str, bytes, tuple, type(None))):
        digest.update(repr(thing).encode())
    else:
        digest.update(type(thing).__name__.encode())


def _add_function(digest: hashlib.blake2b, function: FunctionType, done: set[int]) -> None:
    digest.update(f"{function.__module__}.{function.__qualname__}".encode())
    _add_code(digest, function.__code__)
    for name in _names(function.__code__):
        if name in function.__globals__:
            digest.update(name.encode())
            _add(digest, function.__globals__[name], done)
    for cell in function.__closure__ or ():
        _add(digest, cell.cell_contents, done)


def _add_code(digest: hashlib.blake2b, code: CodeType) -> None:
    digest.update(code.co_code)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            _add_code(digest, constant)
        else:
            digest.update(repr(constant).encode())


def _names(code: CodeType) -> list[str]:
    """Return every global name used, also inside nested functions, in the order of first use."""
    names = list(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names.extend(_names(constant))
    return names
