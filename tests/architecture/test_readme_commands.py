"""Every command that the documents show exists: make targets, subcommands, options, argument counts."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer

from tradewright.services.cli.app import app

# Typer brings its own copy of click from some version on, so the class of a command has no name to import.
Command = Any

PROGRAMS = {"tradewright", "tw"}
SHELLS = {"", "bash", "console", "sh", "shell"}
BETWEEN_COMMANDS = {"&", "&&", ";", "|", "||"}
AFTER_COMMAND = {"<", ">", ">>"}

_FENCE = re.compile(
    r"^(?P<fence>```+|~~~+)[ \t]*(?P<language>[\w-]*)[^\n]*\n(?P<body>.*?)^(?P=fence)",
    re.MULTILINE | re.DOTALL,
)
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_TARGET = re.compile(r"^([A-Za-z][\w-]*):(?!=)", re.MULTILINE)


def command_lines(markdown: str) -> Iterator[list[str]]:
    """Yield the words of every command in the shell blocks of a document, without output and comments."""
    for block in _FENCE.finditer(markdown):
        if block["language"] not in SHELLS:
            continue
        lines = block["body"].replace("\\\n", " ").splitlines()
        has_prompts = any(line.lstrip().startswith("$ ") for line in lines)
        for line in lines:
            if has_prompts and not line.lstrip().startswith("$ "):
                continue
            yield from _split(line.lstrip().removeprefix("$ "))


def _split(line: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:  # an apostrophe in what a program printed; no command of ours has an open quote
        return
    command: list[str] = []
    for word in [*words, ";"]:
        if word not in BETWEEN_COMMANDS:
            command.append(word)
            continue
        while command and _ASSIGNMENT.match(command[0]):
            command.pop(0)
        if command:
            cut = next((i for i, part in enumerate(command) if part in AFTER_COMMAND), len(command))
            yield command[:cut]
        command = []


def faults(command: Command, words: list[str]) -> Iterator[str]:
    """Say what a command line asks for that the program does not have."""
    path = command.name or "tradewright"
    rest = list(words)
    while True:
        options = {name: option for option in command.params for name in (*option.opts, *option.secondary_opts)}
        positional: list[str] = []
        subcommands = getattr(command, "commands", None)
        descended = False
        while rest:
            word = rest.pop(0)
            name, equals, _ = word.partition("=")
            if name.startswith("-") and name not in {"-", "--"}:
                if name == "--help":
                    return
                if name not in options:
                    yield f"{path}: no option {name}"
                elif not equals and not getattr(options[name], "is_flag", False):
                    if not rest:
                        yield f"{path}: {name} needs a value"
                    del rest[: options[name].nargs]
            elif subcommands is not None:
                if word not in subcommands:
                    yield f"{path}: no command {word}"
                    return
                command, path, descended = subcommands[word], f"{path} {word}", True
                break
            else:
                positional.append(word)
        if descended:
            continue
        yield from _count(command, path, positional)
        return


def _count(command: Command, path: str, positional: list[str]) -> Iterator[str]:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    least = sum(1 for p in arguments if p.required)
    most = float("inf") if any(p.nargs == -1 for p in arguments) else sum(p.nargs for p in arguments)
    if not least <= len(positional) <= most:
        yield f"{path}: {len(positional)} arguments, between {least} and {most} are allowed"


def documents(root: Path) -> list[Path]:
    return [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "docs").rglob("*.md"))]


def test_documented_commands_exist(root: Path) -> None:
    program = typer.main.get_command(app)
    seen, found = 0, []
    for path in documents(root):
        for words in command_lines(path.read_text(encoding="utf-8")):
            if Path(words[0]).name in PROGRAMS:
                seen += 1
                found += [f"{path.name}: `{shlex.join(words)}`: {fault}" for fault in faults(program, words[1:])]
    assert not found, "\n".join(found)
    assert seen > 0, "no document shows a command of the program"


def test_documented_make_targets_exist(root: Path) -> None:
    targets = set(_TARGET.findall((root / "Makefile").read_text(encoding="utf-8")))
    found = [
        f"{path.name}: make {word}"
        for path in documents(root)
        for words in command_lines(path.read_text(encoding="utf-8"))
        if words[0] == "make"
        for word in words[1:]
        if not word.startswith("-") and "=" not in word and word not in targets
    ]
    assert not found, "\n".join(found)


def test_readme_shows_the_two_commands_that_ci_runs(root: Path) -> None:
    shown = list(command_lines((root / "README.md").read_text(encoding="utf-8")))
    assert ["make", "demo"] in shown
    assert ["make", "test"] in shown
    gate = (root / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert "make --no-print-directory test" in gate
    assert "make --no-print-directory --jobs 2 check setup" in gate


# A small program of our own shows that the checker would notice something.

toy = typer.Typer()
store = typer.Typer()
toy.add_typer(store, name="data")


@toy.callback()
def _root(*, verbose: bool = False) -> None: ...


@toy.command()
def backtest(
    config: str,
    *,
    chosen: Annotated[list[str] | None, typer.Option("--set")] = None,
    json: Annotated[bool, typer.Option("--json")] = False,
) -> None: ...


@store.command()
def show(name: str, more: str = "") -> None: ...


@pytest.mark.parametrize(
    "line",
    [
        "backtest a.yaml",
        "backtest a.yaml --set fast=10 --set slow=20 --json",
        "backtest --set=fast=10 a.yaml",
        "--verbose data show BTC",
        "data show BTC --help",
        "--help",
    ],
)
def test_a_right_line_passes(line: str) -> None:
    assert not list(faults(typer.main.get_command(toy), line.split()))


@pytest.mark.parametrize(
    "line",
    [
        "backtst a.yaml",
        "backtest",
        "backtest a.yaml b.yaml",
        "backtest a.yaml --sett fast=10",
        "backtest a.yaml --set",
        "data shw BTC",
        "data show BTC --json",
    ],
)
def test_a_wrong_line_is_noticed(line: str) -> None:
    assert list(faults(typer.main.get_command(toy), line.split()))


def test_commands_are_found_in_documents() -> None:
    text = (
        "tw outside\n```console\n$ make demo   # all of it\nit's done\n"
        "$ A=1 .venv/bin/tw \\\n  data show X | less\n```\n"
        "```python\ntw = 1\n```\n```\nmake a && make b > log\n```\n"
    )
    assert list(command_lines(text)) == [
        ["make", "demo"],
        [".venv/bin/tw", "data", "show", "X"],
        ["less"],
        ["make", "a"],
        ["make", "b"],
    ]
