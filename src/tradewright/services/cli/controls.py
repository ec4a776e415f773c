"""`tradewright controls`: the table of all controls, the trading state, limits that change, and measured gaps."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradewright.core.types.errors import UsageError
from tradewright.services.cli.console import print_fields, print_json, print_table
from tradewright.services.cli.guard import guarded

if TYPE_CHECKING:
    from tradewright.risk.limit_changes import LimitBook, LimitState
    from tradewright.risk.trading_state import StoredState

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Account = Annotated[Path, typer.Option("--account", help="Folder with the account's state and limits.")]
By = Annotated[str, typer.Option("--by", help="Who says so.")]
Config = Annotated[Path, typer.Argument(help="The configuration with the section `limits`.")]
Name = Annotated[str, typer.Argument(help="A limit, for example max_order_value.")]
Value = Annotated[float, typer.Argument(help="Its new size.")]
ACCOUNT = Path(".tradewright/account")
STATE, LIMITS = "state.json", "limits.json"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="What stands between a wish and the wire.", invoke_without_command=True)
    app.add_typer(group, name="controls")
    group.callback()(guarded(table))
    group.command("state")(guarded(state))
    group.command("limits")(guarded(limits))
    group.command("lower")(guarded(lower))
    group.command("raise")(guarded(raise_))
    group.command("confirm")(guarded(confirm))
    group.command("gap")(guarded(gap))


def table(context: typer.Context, json: Json = False) -> None:
    """Show every control: number, name, scope, parameters, reasons. Commands below show and change what is in force."""
    if context.invoked_subcommand is not None:
        return
    from tradewright.risk.controls import CONTROLS

    if json:
        print_json({"controls": [_document(control) for control in CONTROLS]})
        return
    rows = [
        (c.id, c.name, c.scope.value, ", ".join(c.fields) or "always on", ", ".join(r.name for r in c.reasons), c.does)
        for c in CONTROLS
    ]
    print_table(("", "Control", "Scope", "In limits", "Reasons", "What it does"), rows)


def _document(control: Any) -> dict[str, object]:  # noqa: ANN401  # imported where it is used
    reasons = {reason.name: int(reason) for reason in control.reasons}
    return {
        "id": control.id,
        "name": control.name,
        "scope": control.scope.value,
        "fields": list(control.fields),
        "reasons": reasons,
        "does": control.does,
    }


def state(
    wanted: Annotated[str, typer.Argument(help="ACTIVE, REDUCING, HALTED or KILLED; left out, it is shown.")] = "",
    by: By = "",
    why: Annotated[str, typer.Option("--why", help="The reason.")] = "",
    account: Account = ACCOUNT,
    json: Json = False,
) -> None:
    """Show the trading state of an account, set its first one, or a stricter one. A loose one: `tradewright release`.

    No file, or one that cannot be trusted, is KILLED.
    """
    from tradewright.core.types.order import TradingState
    from tradewright.risk.trading_state import TradingStateFile

    file = TradingStateFile(account / STATE)
    found = file.read()
    if wanted:
        if wanted.upper() not in TradingState.__members__:
            fix = f"One of: {', '.join(TradingState.__members__)}."
            raise UsageError(f"'{wanted}' is no state", where="state", fix=fix)
        asked = TradingState[wanted.upper()]
        if asked < found.state and file.path.exists():
            what, fix = f"{found.state.name} cannot be loosened in one step", "Two people do: `tradewright release`."
            raise UsageError(what, where="state", fix=fix)
        found = file.write(asked, by, why, time.time_ns())
    document = _state_document(found)
    if json:
        print_json(document)
    else:
        print_fields(document)


def _state_document(found: StoredState) -> dict[str, object]:
    return {"state": found.state.name, "by": found.by, "why": found.why, "at_ns": found.at_ns}


def limits(config: Config, account: Account = ACCOUNT, json: Json = False) -> None:
    """Show the limits in force, their ceilings, and the raises that wait for a second person."""
    book = _book(config, account)
    _show(book, book.read(), is_json=json)


def lower(
    config: Config, name: Name, value: Value, by: By = "", account: Account = ACCOUNT, json: Json = False
) -> None:
    """Lower a limit at once."""
    book = _book(config, account)
    _show(book, book.lower(name, value, by, time.time_ns()), is_json=json)


def raise_(
    config: Config, name: Name, value: Value, by: By = "", account: Account = ACCOUNT, json: Json = False
) -> None:
    """Ask for a higher limit; another person confirms it after the delay."""
    book = _book(config, account)
    _show(book, book.request(name, value, by, time.time_ns()), is_json=json)


def confirm(config: Config, name: Name, by: By = "", account: Account = ACCOUNT, json: Json = False) -> None:
    """Let a raise that another person asked for come into force."""
    book = _book(config, account)
    _show(book, book.confirm(name, by, time.time_ns()), is_json=json)


def _book(config: Path, account: Path) -> LimitBook:
    from tradewright.risk.limit_changes import LimitBook
    from tradewright.services.cli.backtest import BacktestOptions, settings_of

    return LimitBook(account / LIMITS, settings_of(BacktestOptions(config=config))[0].limits)


def _show(book: LimitBook, found: LimitState, *, is_json: bool) -> None:
    rows = [
        {
            "limit": name,
            "in_force": value,
            "ceiling": book.ceilings[name],
            "asked_for": found.pending[name].value if name in found.pending else None,
            "by": found.pending[name].by if name in found.pending else "",
        }
        for name, value in found.limits.items()
    ]
    if is_json:
        print_json({"limits": rows, "history": list(found.history)})
        return
    cells = [["-" if v is None else f"{v:g}" if isinstance(v, float) else str(v) for v in row.values()] for row in rows]
    print_table(("Limit", "In force", "Ceiling", "Asked for", "By"), cells, " rrr")


def gap(
    symbol: Annotated[str, typer.Argument(help="SYMBOL or SYMBOL@TIMEFRAME.")],
    store: Annotated[Path, typer.Option("--store", help="Where the bars are.")] = Path(".tradewright/store"),
    at: Annotated[float, typer.Option("--at", min=0.5, max=1.0, help="Quantile of the moves.")] = 0.999,
    until: Annotated[str, typer.Option("--until", help="Last day to measure; a run must begin after it.")] = "",
    json: Json = False,
) -> None:
    """Measure what a jump of the price may cost before the guard can act: `gap` of the section `limits.prop`."""
    from tradewright.risk.gaps import measured_gaps
    from tradewright.services.runs.prepare import source_of
    from tradewright.services.settings import DataSettings

    data = DataSettings.model_validate({"store": store, "symbols": [symbol], "end": until or None})
    _, source, _ = source_of(data, {}, symbol)
    found = measured_gaps(source.bars().fields, at)
    document = {"gap": round(found.quantile, 6), "at": at, "largest": round(found.largest, 6), "moves": found.moves}
    if json:
        print_json(document)
    else:
        print_fields(document)
