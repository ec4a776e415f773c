"""Things the house forbids that no linter rule covers, looked for in the syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Protocol

import pytest

VAGUE_NAMES = {"base", "common", "config", "helper", "helpers", "misc", "shared", "util", "utils"}
MODE_NAMES = {"dry_run", "is_backtest", "is_dry_run", "is_live", "is_paper", "live_mode", "paper_mode"}
UNSAFE_MODULES = {"cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve"}
CLOCKS = {
    "date.today",
    "datetime.now",
    "datetime.today",
    "datetime.utcnow",
    "os.environ",
    "os.getenv",
    "time.monotonic",
    "time.monotonic_ns",
    "time.perf_counter",
    "time.perf_counter_ns",
    "time.sleep",
    "time.time",
    "time.time_ns",
}
# Vendors have clocks and environments of their own; services are where the process meets the world.
MEETS_THE_WORLD = {"adapters", "services"}
# It reads one variable, which is Numba's, so that finding what is kept does not import Numba.
FINDS_COMPILED_CODE = "core/kernel/cache_folder.py"
HOLDS_COMPILED_CODE = {"core", "features", "strategies"}


class Source(Protocol):
    @property
    def where(self) -> str: ...
    @property
    def package(self) -> str: ...
    @property
    def tree(self) -> ast.Module: ...


def dotted(node: ast.AST) -> str:
    """Return `a.b.c` for a chain of names, and "" for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        inside = dotted(node.value)
        return f"{inside}.{node.attr}" if inside else ""
    return ""


def last_name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def imported(node: ast.AST) -> list[str]:
    """Return the full names that an import statement brings in."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def mode_branches(tree: ast.AST) -> Iterator[str]:
    """Find comparisons with a mode, and names that ask for one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            names = {last_name(side) for side in (node.left, *node.comparators)}
            if names & {"mode", "run_mode", "trading_mode"}:
                yield f"line {node.lineno}: compares the mode"
        elif isinstance(node, ast.Match) and last_name(node.subject) == "mode":
            yield f"line {node.lineno}: matches the mode"
        elif isinstance(node, ast.Name | ast.Attribute) and last_name(node) in MODE_NAMES:
            yield f"line {node.lineno}: {last_name(node)}"
        elif isinstance(node, ast.arg) and node.arg in MODE_NAMES:
            yield f"line {node.lineno}: {node.arg}"


def clocks_and_environment(tree: ast.AST) -> Iterator[str]:
    """Find reads of the wall clock and of the environment, also under an imported name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            name = dotted(node)
            if any(name == clock or name.endswith("." + clock) for clock in CLOCKS):
                yield f"line {node.lineno}: {name}"
        for name in imported(node):
            if name in CLOCKS:
                yield f"line {getattr(node, 'lineno', 0)}: imports {name}"


def unseeded_randomness(tree: ast.AST) -> Iterator[str]:
    """Find generators without a seed and numpy's global random state."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = dotted(node.func)
            bare = not node.args and not node.keywords
            if name.endswith("default_rng") and bare:
                yield f"line {node.lineno}: default_rng without a seed"
            elif name.startswith("np.random.") and name.rsplit(".", 1)[1][0].islower() and "default_rng" not in name:
                yield f"line {node.lineno}: {name} uses the global random state"
        if any(name.split(".")[0] in {"random", "secrets"} for name in imported(node)):
            yield f"line {getattr(node, 'lineno', 0)}: imports a global random state"


def inexact_compilation(tree: ast.AST) -> Iterator[str]:
    """Find options that let compiled code differ between two runs or two machines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in {"fastmath", "parallel"}:
            if not is_false(node.value):
                yield f"line {node.value.lineno}: {node.arg}"
        elif isinstance(node, ast.Dict):
            for key in node.keys:
                if isinstance(key, ast.Constant) and key.value in {"fastmath", "parallel"}:
                    yield f"line {key.lineno}: {key.value}"


def is_false(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def unsafe_storage(tree: ast.AST) -> Iterator[str]:
    """Find formats that run code when they are read."""
    for node in ast.walk(tree):
        for name in imported(node):
            if name.split(".")[0] in UNSAFE_MODULES:
                yield f"line {getattr(node, 'lineno', 0)}: {name}"
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle" and not is_false(node.value):
            yield f"line {node.value.lineno}: allow_pickle"


def record_layouts(tree: ast.AST) -> Iterator[str]:
    """Find numpy record layouts."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and dotted(node.func) in {"np.dtype", "numpy.dtype"}):
            continue
        if node.args and isinstance(node.args[0], ast.List | ast.ListComp | ast.Dict):
            yield f"line {node.lineno}: a record layout"


def test_modes_are_chosen_in_services_only(sources: Sequence[Source]) -> None:
    found = [f"{s.where} {hit}" for s in sources if s.package != "services" for hit in mode_branches(s.tree)]
    assert not found, "\n".join(found)


def test_clock_and_environment_are_read_at_the_edge_only(sources: Sequence[Source]) -> None:
    inside = [s for s in sources if s.package not in MEETS_THE_WORLD and s.where != FINDS_COMPILED_CODE]
    found = [f"{s.where} {hit}" for s in inside for hit in clocks_and_environment(s.tree)]
    assert not found, "\n".join(found)


def test_randomness_has_a_seed(sources: Sequence[Source]) -> None:
    found = [f"{s.where} {hit}" for s in sources for hit in unseeded_randomness(s.tree)]
    assert not found, "\n".join(found)


def test_compiled_code_is_exact(sources: Sequence[Source]) -> None:
    inside = [s for s in sources if s.package in HOLDS_COMPILED_CODE]
    found = [f"{s.where} {hit}" for s in inside for hit in inexact_compilation(s.tree)]
    assert not found, "\n".join(found)


def test_nothing_is_stored_in_a_format_that_runs_code(sources: Sequence[Source]) -> None:
    found = [f"{s.where} {hit}" for s in sources for hit in unsafe_storage(s.tree)]
    assert not found, "\n".join(found)


def test_record_layouts_stand_in_their_files(sources: Sequence[Source]) -> None:
    outside = [s for s in sources if not (s.where.startswith("core/types/") and s.where.endswith("dtypes.py"))]
    found = [f"{s.where} {hit}" for s in outside for hit in record_layouts(s.tree)]
    assert not found, "\n".join(found)


def test_no_module_has_a_name_that_says_nothing(sources: Sequence[Source]) -> None:
    found = [s.where for s in sources if VAGUE_NAMES & set(PurePosixPath(s.where).with_suffix("").parts)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("finder", "text"),
    [
        (mode_branches, "if mode == 'live': ..."),
        (mode_branches, "x = 1 if self.mode is Mode.LIVE else 2"),
        (mode_branches, "if settings.dry_run: ..."),
        (mode_branches, "def f(is_live): ..."),
        (mode_branches, "match mode:\n    case 'live': ..."),
        (clocks_and_environment, "import time\nx = time.time()"),
        (clocks_and_environment, "from time import perf_counter"),
        (clocks_and_environment, "import datetime\nx = datetime.datetime.now(tz)"),
        (clocks_and_environment, "x = os.environ['HOME']"),
        (unseeded_randomness, "rng = np.random.default_rng()"),
        (unseeded_randomness, "x = np.random.normal(0, 1)"),
        (unseeded_randomness, "import random"),
        (inexact_compilation, "@njit(fastmath=True)\ndef f(): ..."),
        (inexact_compilation, "@njit(parallel=True)\ndef f(): ..."),
        (inexact_compilation, "OPTIONS = {'fastmath': True}"),
        (unsafe_storage, "from joblib import load"),
        (unsafe_storage, "x = np.load(path, allow_pickle=True)"),
        (record_layouts, "D = np.dtype([('a', 'i8')])"),
    ],
)
def test_a_breach_is_noticed(finder: object, text: str) -> None:
    assert callable(finder)
    assert len(list(finder(ast.parse(text)))) >= 1


@pytest.mark.parametrize(
    ("finder", "text"),
    [
        (mode_branches, "record = Record(mode=mode)"),
        (clocks_and_environment, "from datetime import datetime, UTC\nx = datetime.fromtimestamp(0, tz=UTC)"),
        (unseeded_randomness, "rng = np.random.default_rng(seed)\nx = rng.normal()"),
        (unseeded_randomness, "rng = np.random.Generator(np.random.PCG64(seed))"),
        (inexact_compilation, "@njit(fastmath=False)\ndef f(): ..."),
        (record_layouts, "d = np.dtype('i8')"),
    ],
)
def test_what_is_allowed_is_let_through(finder: object, text: str) -> None:
    assert callable(finder)
    assert not list(finder(ast.parse(text)))
