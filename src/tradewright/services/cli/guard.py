"""Errors as one clear block on stderr with the right exit code; never a traceback, unless it is asked for."""

from __future__ import annotations

import functools
import os
import sys
import textwrap
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import ParamSpec

import typer

from tradewright.core.types.errors import TradewrightError, first_of

P = ParamSpec("P")

DEBUG = "TRADEWRIGHT_DEBUG"
INTERRUPTED = "Interrupted: nothing half-written was left behind."


def guarded(command: Callable[P, None]) -> Callable[P, None]:
    """Make a command show our errors and end with their exit code."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except TradewrightError as error:
            if is_debugging():
                raise
            raise _ended(error) from None
        except BaseExceptionGroup as group:  # of tasks side by side
            first = first_of(group)
            if is_debugging() or not isinstance(first, TradewrightError):
                raise
            raise _ended(first) from None
        except KeyboardInterrupt:
            print(f"\n{INTERRUPTED}", file=sys.stderr)
            raise typer.Exit(1) from None
        except BrokenPipeError:  # the reader of our output had enough
            sys.stdout = None
            raise typer.Exit(0) from None

    return run


def _ended(error: TradewrightError) -> typer.Exit:
    """Print an error and return the end of the command."""
    print(block(error), file=sys.stderr)
    return typer.Exit(error.exit_code)


def shown(error: Exception) -> str:
    """Return an error as one line or block: a user's as `block` does, any other as one that is ours to mend."""
    first = first_of(error) if isinstance(error, BaseExceptionGroup) else error
    if isinstance(first, TradewrightError):
        return block(first)
    return f"error: unforeseen {type(first).__name__}: {first}; {DEBUG}=1 shows the traceback to report it with."


def is_debugging() -> bool:
    """Return whether tracebacks are wanted."""
    return os.environ.get(DEBUG, "") not in {"", "0"}


def block(error: TradewrightError) -> str:
    """Return ``error: where: what. fix``, what and fix on lines of their own where one line gets long."""
    head = f"error: {error.where}: {error.what}" if error.where else f"error: {error.what}"
    head = head if head.endswith((".", "?", "!")) else f"{head}."
    fix = error.fix if not error.fix or error.fix.endswith((".", "?", "!")) else f"{error.fix}."
    fix = fix[:1].upper() + fix[1:]
    if not fix:
        return head
    if "\n" not in head and len(head) + len(fix) < 100:
        return f"{head} {fix}"
    return f"{head}\n{textwrap.indent(fix, '  ')}"


def show_unforeseen(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Show an error that is ours to mend, in one line (for ``sys.excepthook``; the exit code is 1)."""
    if is_debugging() or issubclass(kind, KeyboardInterrupt):
        traceback.print_exception(kind, error, trace)
        return
    place = traceback.extract_tb(trace)[-1] if trace else None
    where = f" at {place.filename}:{place.lineno}" if place else ""
    print(
        f"error: unforeseen {kind.__name__}{where}: {error}.\n"
        f"  This is a defect of tradewright; {DEBUG}=1 shows the traceback to report it with.",
        file=sys.stderr,
    )
