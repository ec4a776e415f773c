"""`tradewright rules`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tradewright.services.cli.console import print_fields, print_json, print_table
from tradewright.services.cli.guard import guarded
from tradewright.services.cli.reading import Json

if TYPE_CHECKING:
    from tradewright.risk.prop.book import RuleBook

RulesFrom = Annotated[
    Path | None, typer.Option("--rules-from", help="A rule file of your own, or a folder of them.", show_default=False)
]


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(help="Look at prop-firm rules, and check your own.", no_args_is_help=True)
    app.add_typer(group, name="rules")
    group.command("list")(guarded(list_))
    group.command("show")(guarded(show))


def rule_book(path: Path | None) -> RuleBook:
    """Return the shipped rule sets, and those of a path."""
    from tradewright.risk.prop.book import rules_with, shipped_rules

    return shipped_rules() if path is None else rules_with(path)


def list_(rules_from: RulesFrom = None, json: Json = False) -> None:
    """List rule sets and products; a file that is wrong is named with its field."""
    book = rule_book(rules_from)
    rows = [(r.id, r.firm, r.product, r.phase, r.status, r.as_of) for r in book.rules.values()]
    if json:
        keys = ("id", "firm", "product", "phase", "status", "as_of")
        chains = {name: list(phases) for name, phases in book.chains.items()}
        print_json({"rules": [dict(zip(keys, row, strict=True)) for row in rows], "products": chains})
        return
    print_table(("Rule set", "Firm", "Product", "Phase", "Status", "As of"), rows)
    for name, phases in book.chains.items():
        print(f"{name}: {', then '.join(phases)}")


def show(
    rules: Annotated[str, typer.Argument(help="A product or a rule set.")],
    rules_from: RulesFrom = None,
    json: Json = False,
) -> None:
    """Show rule sets with what must be said about them."""
    phases = rule_book(rules_from).find(rules)
    today = datetime.now(UTC).date()
    if json:
        print_json([r.model_dump(mode="json") | {"notices": list(r.banners(today))} for r in phases])
        return
    for phase in phases:
        for notice in phase.banners(today):
            print(f"Note: {notice}")
        fields = phase.model_dump(mode="json", exclude_none=True)
        print_fields({name: _written(value) for name, value in fields.items() if value not in ([], {})})


def _written(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {_written(v)}" for k, v in value.items() if v is not None)
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
