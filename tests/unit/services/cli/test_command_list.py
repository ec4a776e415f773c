"""The list of commands is what the modules register, and shows what they say of themselves."""

from __future__ import annotations

import inspect
import pkgutil
from importlib import import_module

import pytest
import typer
from typer.testing import CliRunner

import tradewright.services.cli as package
from tradewright.services.cli.app import app
from tradewright.services.cli.command_list import COMMANDS

MODULES = {module for module, _ in COMMANDS.values()}


def _whole() -> typer.Typer:
    """Return a program that imports every module at once."""
    program = typer.Typer(rich_markup_mode=None)
    for module in sorted(MODULES):
        import_module(f"{package.__name__}.{module}").register(program)
    return program


def test_the_list_names_what_is_registered() -> None:
    commands = typer.main.get_group(_whole()).commands
    assert set(commands) == set(COMMANDS)
    lazily = typer.main.get_group(app).commands
    assert list(lazily) == list(COMMANDS)
    assert [lazily[name].name for name in COMMANDS] == list(COMMANDS)


def test_no_module_of_commands_is_left_out() -> None:
    """Those that register to the program call their argument `app`; those of a group do not."""
    found = set()
    for module in pkgutil.iter_modules(package.__path__):
        register = getattr(import_module(f"{package.__name__}.{module.name}"), "register", None)
        if register is not None and "app" in inspect.signature(register).parameters:
            found.add(module.name)
    assert found == MODULES


@pytest.mark.parametrize("name", COMMANDS)
def test_the_line_of_help_is_the_first_sentence_of_the_command(name: str) -> None:
    command = typer.main.get_group(app).commands[name]
    assert command.help is not None
    assert COMMANDS[name][1] == command.help.split("\n\n")[0].replace("\n", " ")


def test_help_lists_as_a_program_that_has_imported_them_all() -> None:
    def lines(program: typer.Typer) -> set[str]:
        return set(CliRunner().invoke(program, ["--help"]).output.partition("Commands:")[2].splitlines())

    assert len(lines(app)) > len(COMMANDS)
    assert lines(app) == lines(_whole())
