"""`tradewright replay` and `tradewright divergence`: what a session did, again and beside a backtest."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tradewright.services.cli.console import print_fields, print_json, print_table, warn
from tradewright.services.cli.options import add_command
from tradewright.services.cli.reading import Json

if TYPE_CHECKING:
    from tradewright.forensics.divergence import Divergence
    from tradewright.forensics.explain import Explanation
    from tradewright.forensics.replay import Replay

Session = Annotated[str, typer.Argument(help="Name of an account, its folder, or the folder of a journal.")]
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """Which session, and which of its decisions is to be explained."""

    session: Session
    explain: Annotated[int, typer.Option(metavar="N", help="Explain the decision of record N.", show_default=False)] = 0
    json: Json = False


@dataclass(frozen=True, slots=True)
class DivergenceOptions:
    """Which session, and what it is held against."""

    session: Session
    market: Annotated[
        Literal["store", "session"],
        typer.Option(help="Bars of the backtest: the store's of these hours, or those the session saw."),
    ] = "store"
    html: Annotated[Path | None, typer.Option(help="Write a page with both equity curves.", show_default=False)] = None
    json: Json = False


def register(app: typer.Typer) -> None:
    """Add the commands."""
    add_command(app, "replay", ReplayOptions, replay)
    add_command(app, "divergence", DivergenceOptions, divergence)


def replay(options: ReplayOptions) -> None:
    """Make every decision of a session again from its journal and compare; fails where one differs.

    With --explain N, one decision: features, forecast, account, signal, verdicts, order, fills.
    """
    from tradewright.forensics.explain import explain
    from tradewright.forensics.replay import replay as retell
    from tradewright.services.forensics.documents import explanation_document, replay_document
    from tradewright.services.forensics.folders import journal_of
    from tradewright.services.forensics.program import SessionProgram

    reader, program = journal_of(options.session), SessionProgram().program()
    if options.explain:
        told = explain(reader, program, options.explain)
        if options.json:
            print_json(explanation_document(told))
        else:
            _print_explanation(told)
        if not told.is_same:
            raise typer.Exit(1)
        return
    found = retell(reader, program)
    if options.json:
        print_json(replay_document(found, reader.tail.lost))
    else:
        _print_replay(found, reader.tail.lost)
    if not found.is_same:
        raise typer.Exit(1)


def divergence(options: DivergenceOptions) -> None:
    """Hold a session against a fresh backtest of the same hours: each difference, its cause and its money."""
    from tradewright.forensics.divergence import diverge
    from tradewright.services.forensics.documents import divergence_document
    from tradewright.services.forensics.folders import journal_of
    from tradewright.services.forensics.page import write_divergence_page
    from tradewright.services.forensics.program import Held, SessionProgram

    held = Held(SessionProgram(), is_stored=options.market == "store")
    found = diverge(journal_of(options.session), held.programs.program(), held.fresh)
    warn(held.note)
    if options.html is not None:
        write_divergence_page(found, options.session, held.market, options.html)
        print(options.html, file=sys.stderr)
    if options.json:
        print_json(divergence_document(found, held.market))
    else:
        _print_divergence(found, held.market)


def _print_replay(found: Replay, torn: int) -> None:
    from tradewright.services.forensics.documents import moment

    same = "every decision is the same" if found.is_same else f"{len(found.differences)} differences or more"
    print_fields(
        {
            "result": same,
            "records": f"{found.records:,}",
            "inputs": f"{found.inputs:,}",
            "decisions": f"{found.decisions:,}",
            "fills": f"{len(found.result.fills):,}",
            "equity": f"{found.result.final_equity:,.2f} {found.result.currency}",
            "trace": found.trace,
        }
    )
    rows = [
        (moment(s.ts), "begun" if s.begins else "continued", name, then or "none", s.hashes_now.get(name, "") or "none")
        for s in found.starts
        for name, then in s.hashes.items()
    ]
    print_table(("start (UTC)", "", "hash", "session", "this program"), rows)
    if found.changed:
        names = ", ".join(name.removesuffix("_hash") for name in found.changed)
        warn(f"the session was made by another program: {names} are others")
    if found.cut_off:
        print(f"{found.cut_off} decisions were cut off by an end of the process; they were not sent.")
    if torn:
        print(f"The last {torn:,} bytes of the journal were never durable and do not count.")
    if found.differences:
        table = [(str(d.sequence), moment(d.ts), d.what, str(d.was), str(d.now)) for d in found.differences]
        print_table(("record", "time (UTC)", "what", "session", "replay"), table[:_SHOWN], "r")


def _print_explanation(found: Explanation) -> None:
    from tradewright.services.forensics.documents import moment

    kind, number = found.cause
    same = "the same" if found.is_same else "NOT the same"
    print(f"Record {found.sequence}, {moment(found.ts)}: after record {number} ({kind}); replayed, it is {same}.\n")
    for seen in found.seen:
        print(f"{seen.instrument} as the strategy saw it")
        for title, values in (("features", seen.features), ("forecast", seen.forecast), ("account", seen.account)):
            known = {name: value for name, value in values.items() if value is not None}
            print(f"  {title}: {_numbers(known) or 'none'}")
    if not found.seen:
        print("The strategy was not asked.")
    _print_each("Signals", ({k: v for k, v in s.items() if v != ""} for s in found.signals))
    print("\nVerdicts of the guard" + ("" if found.verdicts else ": none kept"))
    for verdict in found.verdicts:
        said = f"denied {verdict.reason} [{verdict.control or 'always on'}]" if verdict.reason else "let through"
        print(f"  {verdict.verb} {verdict.instrument} {verdict.lots:+,}: {said}; {_numbers(verdict.figures)}")
    print("\nOrders" + ("" if found.orders else ": none"))
    for order in found.orders:
        wish = ", ".join(f"{k} {v}" for k, v in order.wish.items())
        print(f"  {order.client_id or 'not sent'}: {wish}")
        if order.refused:
            print(f"    refused by the desk: {order.refused}")
        if order.reports:
            print(f"    {', '.join(order.reports)}")
        for fill in order.fills:
            print(f"    fill {fill['trade_id']}: {fill['lots']:+,} at {fill['price']}, fee {fill['fee']}")


def _numbers(values: Mapping[str, float | None]) -> str:
    return ", ".join(f"{name} {value:.10g}" for name, value in values.items() if value is not None)


def _print_each(title: str, documents: Iterable[dict[str, object]]) -> None:
    rows = [", ".join(f"{k} {v}" for k, v in document.items()) for document in documents]
    print(f"\n{title}" + ("" if rows else ": none"))
    for row in rows:
        print(f"  {row}")


def _print_divergence(found: Divergence, market: str) -> None:
    from tradewright.services.forensics.documents import moment, symbol_of

    print_fields(
        {
            "market": market,
            "events": f"{found.events[0]:,} in the session, {found.events[1]:,} in the backtest",
            "fills": f"{len(found.session.fills):,} and {len(found.backtest.fills):,}",
            "equity": f"{found.session.final_equity:,.2f} and {found.backtest.final_equity:,.2f}",
            "difference": f"{found.pnl:+,.2f} {found.session.currency}",
        }
    )
    if not found.partings and not found.pnl:
        print("The session did what the backtest does, to the bit.")
        return
    print_table(
        ("cause", "count", "money"), [(r.cause.value, f"{r.count:,}", f"{r.pnl:+,.2f}") for r in found.table], "lrr"
    )
    rows = [
        (moment(p.ts), symbol_of(found, p), p.cause.value, f"{p.pnl:+,.2f}", p.detail) for p in found.partings[:_SHOWN]
    ]
    print_table(("time (UTC)", "instrument", "cause", "money", "session / backtest"), rows, "lllr")
    if len(found.partings) > _SHOWN:
        print(f"... {len(found.partings) - _SHOWN:,} more; --json lists them, --html draws them.")
