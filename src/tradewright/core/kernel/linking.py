"""Linking an object file that was kept into the process, which takes llvmlite alone: the compiler is not imported.

See docs/decisions/0014-loading-without-the-compiler.md.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from functools import cache

import llvmlite.binding as llvm

from tradewright.core.kernel.cache_folder import keep, kept

_HELD: list[object] = []  # machine code must outlive every table that holds its address


def missing(symbols: Iterable[str]) -> list[str]:
    """Return the symbols that this process does not know: the linker would end it."""
    return [symbol for symbol in symbols if not llvm.address_of_symbol(symbol)]


def linked(name: str, provide: Callable[[Iterable[str]], None] | None = None) -> int | None:
    """Return where a function stands in this process that another one kept under its module and name.

    ``provide`` makes symbols known that the code expects of the process. None where nothing is kept, or where such
    symbols are missing and nobody provides them.
    """
    file = kept(object_name(name))
    if file is None:
        return None
    line, _, machine_code = file.partition(b"\n")
    head = json.loads(line)
    if provide is not None:
        provide(head["outside"])
    elif missing(head["outside"]):
        return None
    _prepare()
    machine = llvm.Target.from_default_triple().create_target_machine(jit=True)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)  # one each: two files may use one symbol
    _HELD.append(engine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(machine_code))
    engine.finalize_object()
    return int(engine.get_function_address(head["symbol"]))


def keep_object(name: str, symbol: str, outside: Sequence[str], machine_code: bytes) -> None:
    """Keep an object: a line that describes it, and the object."""
    line = json.dumps({"symbol": symbol, "outside": outside}).encode()
    keep(object_name(name), line + b"\n" + machine_code)


def object_name(name: str) -> str:
    """Return the file's name, which also holds the processor, its features and the linker's version."""
    return f"{name}-{_processor()}.o"


@cache
def _prepare() -> None:
    """Make the linker ready for this processor."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()


@cache
def _processor() -> str:
    features = llvm.get_host_cpu_features().flatten()
    told = (llvm.get_process_triple(), llvm.get_host_cpu_name(), features, llvm.llvm_version_info)
    return hashlib.blake2b(repr(told).encode(), digest_size=8).hexdigest()
