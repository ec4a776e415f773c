"""Commands whose options are one frozen dataclass: a field is an option, its annotation describes it to typer."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

import typer

from tradewright.services.cli.guard import guarded

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


def add_command(app: typer.Typer, name: str, options: type[T], run: Callable[[T], None]) -> None:
    """Add ``run`` as a command; its docstring is the help, the fields of ``options`` are the parameters.

    Fields without a default must be annotated with ``typer.Argument`` or are required options.
    """
    hints = get_type_hints(options, include_extras=True)

    def command(**values: object) -> None:
        run(options(**values))

    parameters = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in dataclasses.fields(options)
    ]
    described: Any = command
    described.__signature__ = inspect.Signature(parameters, return_annotation=None)
    described.__annotations__ = {p.name: p.annotation for p in parameters}
    described.__doc__ = run.__doc__
    app.command(name)(guarded(command))
