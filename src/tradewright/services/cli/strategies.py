"""`tradewright strategies` and `tradewright new strategy`."""

from __future__ import annotations

import keyword
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradewright.core.types.errors import StoreError, UsageError
from tradewright.services.cli.console import print_fields, print_json, print_table
from tradewright.services.cli.guard import guarded

if TYPE_CHECKING:
    from tradewright.strategies.strategy import Strategy

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
TEMPLATE = Path(__file__).with_name("strategy_template.py.txt")
_COMPILED_ONLY = "#C "  # lines of the template that only one kind of file has
_PYTHON_ONLY = "#P "


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Strategies and their parameters.", no_args_is_help=True)
    app.add_typer(group, name="strategies")
    group.command("list")(guarded(list_))
    group.command("show")(guarded(show))
    new = typer.Typer(help="Write a file to start from.", no_args_is_help=True)
    app.add_typer(new, name="new")
    new.command("strategy")(guarded(new_strategy))
    new.callback()(_only_a_group)


def _only_a_group() -> None:
    """Write a file to start from."""


def list_(json: Json = False) -> None:
    """List the built-in strategies."""
    from tradewright.strategies.registry import built_in, names

    found = [built_in(name) for name in names()]
    if json:
        print_json([_document(s) for s in found])
    else:
        print_table(("Strategy", "What it does"), [(s.name, s.description) for s in found])


def show(name: Annotated[str, typer.Argument(help="A built-in strategy, or a file.")], json: Json = False) -> None:
    """Show a strategy's parameters with their defaults and what is allowed."""
    from tradewright.services.runs.strategies import load_strategy

    strategy = load_strategy(name, Path(name) if name.endswith(".py") else None)
    document = _document(strategy)
    if json:
        print_json(document)
        return
    print_fields(
        {
            "Strategy": strategy.name,
            "What": strategy.description or "-",
            "Decides": "once a timestamp over all instruments" if strategy.is_cross_section else "on each event",
            "Runs": "compiled" if strategy.is_compiled else "in plain Python",
            "Forecasts": "needed" if strategy.uses_forecast else "not needed",
        }
    )
    rows = [(p["name"], str(p["default"]), p["allowed"]) for p in document["parameters"]]
    if rows:
        print_table(("Parameter", "Default", "Allowed"), rows, " r")


def _document(strategy: Strategy) -> dict[str, Any]:
    from tradewright.services.explain import allowed_values

    parameters = [
        {"name": name, "default": field.get_default(call_default_factory=False), "allowed": allowed_values(field)}
        for name, field in strategy.params.model_fields.items()
    ]
    return {
        "name": strategy.name,
        "description": strategy.description,
        "source": strategy.source,
        "hash": strategy.source_hash,
        "is_cross_section": strategy.is_cross_section,
        "is_compiled": strategy.is_compiled,
        "uses_forecast": strategy.uses_forecast,
        "parameters": parameters,
    }


def new_strategy(
    name: Annotated[str, typer.Argument(help="Name of the strategy and its file, for example my_idea.")],
    python: Annotated[bool, typer.Option("--python", help="Plain Python: anything goes, only slower.")] = False,
    folder: Annotated[Path, typer.Option(help="Where to write it.")] = Path(),
) -> None:
    """Write a commented strategy file that runs as it is."""
    name = name.removesuffix(".py")
    if not name.isidentifier() or keyword.iskeyword(name):
        fix = "Use letters, digits and underscores, for example my_idea."
        raise UsageError(f"'{name}' cannot be the name of a Python file", where="NAME", fix=fix)
    path = folder / f"{name}.py"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as stream:
            stream.write(template(name, is_compiled=not python))
    except FileExistsError as error:
        raise UsageError("there is such a file already", where=str(path), fix="Give another name.") from error
    except OSError as error:
        raise StoreError(f"cannot be written: {error.strerror}", where=str(path), fix="Give another folder.") from error
    print(f"Wrote {path}. Try it:\n  tradewright backtest --strategy {path} --data EURUSD")


def template(name: str, *, is_compiled: bool) -> str:
    """Return the text of a strategy file to start from."""
    kept, dropped = (_COMPILED_ONLY, _PYTHON_ONLY) if is_compiled else (_PYTHON_ONLY, _COMPILED_ONLY)
    lines = TEMPLATE.read_text(encoding="utf-8").replace("NAME", name).splitlines(keepends=True)
    return "".join(line.removeprefix(kept) for line in lines if not line.startswith(dropped))
