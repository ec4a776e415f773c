"""No file, function or class grows past its budget, which docs/architecture.md states."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator, Sequence
from typing import Protocol

import pytest

MODULE_LINES = 400
FUNCTION_LINES = 60
METHODS = 20
ARGUMENTS = 7

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
_NOT_CODE = {
    tokenize.COMMENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
    tokenize.INDENT,
    tokenize.NEWLINE,
    tokenize.NL,
}


class Source(Protocol):
    @property
    def where(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def tree(self) -> ast.Module: ...


def code_lines(text: str, tree: ast.Module) -> set[int]:
    """Return the numbers of the lines that hold a token of code: no blanks, comments or docstrings."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in _NOT_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | FunctionNode) and ast.get_docstring(node, clean=False):
            docstring = node.body[0]
            lines.difference_update(range(docstring.lineno, (docstring.end_lineno or 0) + 1))
    return lines


def argument_count(function: FunctionNode) -> int:
    """Count what a caller may pass; `self` and `cls` are not passed."""
    spec = function.args
    named = [*spec.posonlyargs, *spec.args]
    receiver = bool(named) and named[0].arg in {"self", "cls"}
    return len(named) + len(spec.kwonlyargs) - receiver + bool(spec.vararg) + bool(spec.kwarg)


def overruns(text: str, tree: ast.Module) -> Iterator[str]:
    """Say everything in one source that is over budget."""
    lines = code_lines(text, tree)
    if len(lines) > MODULE_LINES:
        yield f"module: {len(lines)} code lines, at most {MODULE_LINES}"
    for node in ast.walk(tree):
        if isinstance(node, FunctionNode):
            long = sum(node.lineno <= line <= (node.end_lineno or 0) for line in lines)
            if long > FUNCTION_LINES:
                yield f"line {node.lineno} {node.name}: {long} code lines, at most {FUNCTION_LINES}"
            if argument_count(node) > ARGUMENTS:
                yield f"line {node.lineno} {node.name}: {argument_count(node)} arguments, at most {ARGUMENTS}"
        elif isinstance(node, ast.ClassDef):
            methods = sum(isinstance(item, FunctionNode) for item in node.body)
            if methods > METHODS:
                yield f"line {node.lineno} {node.name}: {methods} methods, at most {METHODS}"


def test_everything_is_within_budget(sources: Sequence[Source]) -> None:
    found = [f"{s.where}: {problem}" for s in sources for problem in overruns(s.text, s.tree)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = 1\n" * (MODULE_LINES + 1), "module"),
        ("def f():\n" + "    x = 1\n" * FUNCTION_LINES, "code lines"),
        ("class C:\n" + "".join(f"    def m{i}(self): ...\n" for i in range(METHODS + 1)), "methods"),
        ("def f(a, b, c, d, *, e, f, g, h): ...\n", "arguments"),
        ("def f(a, b, c, d, e, f, *g, **h): ...\n", "arguments"),
    ],
)
def test_an_overrun_is_noticed(text: str, expected: str) -> None:
    found = list(overruns(text, ast.parse(text)))
    assert len(found) == 1
    assert expected in found[0]


@pytest.mark.parametrize(
    "text",
    [
        "x = 1\n\n# why\n" * MODULE_LINES,
        '"""' + "words\n" * 500 + '"""\n',
        "def f():\n    '''" + "words\n" * 99 + "'''\n    return 1\n",
        "class C:\n    def m(self, a, b, c, d, e, f, g): ...\n",
    ],
)
def test_words_and_blanks_cost_nothing(text: str) -> None:
    assert not list(overruns(text, ast.parse(text)))
