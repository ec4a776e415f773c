"""From a name or a file to a strategy."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import sys
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, cast

from tradewright.core.types.errors import StrategyLoadError
from tradewright.strategies.strategy import Strategy, StrategyParams

_FIX = "`tradewright new strategy NAME` writes a commented example"
#: Names of the arguments of `decide`, by whether it is a cross-section strategy.
SIGNATURES = {
    False: ["row", "forecast", "account", "params", "signals"],
    True: ["rows", "forecasts", "accounts", "params", "signals"],
}


def load_file(path: Path) -> Strategy:
    """Load a strategy from one Python file.

    The file defines ``decide`` and may define ``Params``, ``features``, ``CROSS_SECTION``, ``COMPILED``,
    ``USES_FORECAST``, ``CONFIRM_SCANS`` and ``FULL_SIZE``.

    Raises
    ------
    StrategyLoadError
        When the file is missing, does not import, or lacks or misspells one of its parts.
    """
    if not path.is_file():
        raise StrategyLoadError("no such strategy file", where=str(path), fix=_FIX)
    digest = hashlib.blake2b(path.read_bytes(), digest_size=8).hexdigest()
    return strategy_of(_import(path, digest), path.stem, source=str(path), digest=digest)


class _SourceOnly(SourceFileLoader):
    """Runs what the file says now: Python's bytecode files tell two edits within a second apart by their size alone."""

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002  # the base class's
        """Compile the source."""
        return self.source_to_code(self.get_data(self.path), self.path)


def run_file(path: Path, name: str) -> ModuleType:
    """Run a user's file as a module of its own, known under a name; raises whatever the file raises."""
    spec = importlib.util.spec_from_file_location(name, path, loader=_SourceOnly(name, str(path)))
    module = importlib.util.module_from_spec(cast("ModuleSpec", spec))
    sys.modules[name] = module
    cast("_SourceOnly", module.__loader__).exec_module(module)
    return module


def _import(path: Path, digest: str) -> ModuleType:
    """Run the strategy's file."""
    if path.suffix != ".py":
        raise StrategyLoadError("not a Python file", where=str(path), fix="give a file ending in .py")
    try:
        return run_file(path, f"tradewright_user_{path.stem}_{digest}")
    except SyntaxError as error:
        raise StrategyLoadError(
            f"syntax error: {error.msg}", where=f"{path}:{error.lineno}", fix="mend the line"
        ) from error
    except Exception as error:  # a user's file may raise anything at all
        line = _line_of(error, path)
        raise StrategyLoadError(
            f"does not import: {type(error).__name__}: {error}", where=f"{path}:{line}", fix="mend the line"
        ) from error


def _line_of(error: BaseException, path: Path) -> int:
    """Last line of the user's file in an error's traceback."""
    line = 0
    trace = error.__traceback__
    while trace is not None:
        if Path(trace.tb_frame.f_code.co_filename).resolve() == path.resolve():
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def strategy_of(module: ModuleType, name: str, *, source: str, digest: str) -> Strategy:
    """Read a strategy out of a module that follows the file convention."""
    decide = getattr(module, "decide", None)
    if not callable(decide):
        raise StrategyLoadError("defines no function `decide`", where=source, fix=_FIX)
    params = getattr(module, "Params", StrategyParams)
    if not (isinstance(params, type) and issubclass(params, StrategyParams)):
        raise StrategyLoadError(
            "`Params` is not a StrategyParams", where=source, fix="write `class Params(StrategyParams): ...`"
        )
    is_cross_section = bool(getattr(module, "CROSS_SECTION", False))
    _check_signature(decide, is_cross_section, source)
    return Strategy(
        name=name,
        params=params,
        features=getattr(module, "features", _no_features),
        decide=decide,
        is_cross_section=is_cross_section,
        is_compiled=bool(getattr(module, "COMPILED", True)),
        uses_forecast=bool(getattr(module, "USES_FORECAST", False)),
        full_size=_full_size(module, params, source),
        confirm_scans=_scans(module, source),
        source_hash=digest,
        source=source,
        description=(module.__doc__ or "").strip().split("\n")[0],
    )


def _scans(module: ModuleType, source: str) -> int:
    """Read how many forecasts in a row confirm one."""
    scans = getattr(module, "CONFIRM_SCANS", 1)
    if not isinstance(scans, int) or scans < 1:
        what = f"`CONFIRM_SCANS` is {scans!r}"
        raise StrategyLoadError(what, where=source, fix="write a whole number of at least 1")
    return scans


def _full_size(module: ModuleType, params: type[StrategyParams], source: str) -> str:
    """Read which parameter is the weight of a whole position."""
    name = getattr(module, "FULL_SIZE", "")
    if name and (name not in params.model_fields or getattr(module, "CROSS_SECTION", False)):
        what = f"`FULL_SIZE` is {name!r}"
        raise StrategyLoadError(what, where=source, fix="name a parameter of a strategy that is no cross-section")
    return str(name)


def _no_features(_params: Any) -> dict[str, Any]:
    """Features of a strategy that declares none."""
    return {}


def _check_signature(decide: Any, is_cross_section: bool, source: str) -> None:
    """Names of the arguments are part of the convention: they say what arrives."""
    names = list(inspect.signature(decide).parameters)
    wanted = SIGNATURES[is_cross_section]
    if names != wanted:
        raise StrategyLoadError(
            f"decide({', '.join(names)}) has other arguments than expected",
            where=f"{source}:{decide.__code__.co_firstlineno}",
            fix=f"write `def decide({', '.join(wanted)})`",
        )
