"""How the status of a session looks in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from tradewright.services.cli.reading import moment

if TYPE_CHECKING:
    from tradewright.engine.live.status import SessionStatus

_UNKNOWN = "UNKNOWN"
_WARN_SHARE, _FULL_SHARE = 0.7, 0.9
_BAR = 20
_ALERTS = 8


def screen(known: SessionStatus, age_s: float, stale_s: float) -> RenderableType:
    """Return the whole view; what needs a person is red."""
    parts: list[RenderableType] = [_head(known, age_s, stale_s)]
    if known.positions:
        parts.append(_positions(known))
    if known.orders:
        parts.append(_orders(known))
    if known.limits:
        parts.append(_limits(known))
    if known.execution:
        parts.append(_execution(known))
    parts += [_works(known), _alerts(known)]
    return Group(*parts)


def screen_of_many(
    told: Sequence[tuple[SessionStatus, float]], troubles: Sequence[str], stale_s: float
) -> RenderableType:
    """Return an overview of several sessions, with their ages in seconds, and the whole view of each that runs.

    ``troubles``: what is to be said of those that could not be read.
    """
    running = [screen(known, age_s, stale_s) for known, age_s in told if age_s <= stale_s]
    return Group(_overview(told, stale_s), *(Text(trouble, "bold red") for trouble in troubles), *running)


def _overview(told: Sequence[tuple[SessionStatus, float]], stale_s: float) -> Table:
    rows = []
    for known, age_s in told:
        unknown = sum(order.status == _UNKNOWN for order in known.orders)
        fullest = max(known.limits, key=lambda use: use.share, default=None)
        ages = [feed.age_s for feed in known.feeds if feed.age_s is not None]
        stale = Text(f"STALE {_span(age_s)}", "bold white on red")
        rows.append(
            (
                known.account,
                f"{known.strategy}, {known.mode} at {known.venue}",
                stale
                if age_s > stale_s
                else Text(known.trading_state, "bold green" if _is_well(known) else "bold red"),
                f"{known.equity:,.2f} {known.currency}",
                Text(f"{known.day_pnl:+,.2f}", "red" if known.day_pnl < 0 else "green"),
                f"{len(known.positions):,}",
                Text(f"{len(known.orders):,}" + f", {unknown:,} unknown" * (unknown > 0), "bold red" * (unknown > 0)),
                "" if fullest is None else Text(f"{fullest.name} {fullest.share:.0%}", _colour(fullest.share)),
                _span(max(ages)) if ages else "",
            )
        )
    columns = "account|session|state|equity>|today>|positions>|orders>|fullest limit|oldest feed>"
    return _table(f"{len(told)} accounts", columns, rows)


def _is_well(known: SessionStatus) -> bool:
    is_free = known.trading_state == "ACTIVE" and known.loss_state == "CLEAR" and not known.kills
    return is_free and known.is_reconciled and not known.is_journal_lost


def _colour(share: float) -> str:
    return "red" if share >= _FULL_SHARE else "yellow" if share >= _WARN_SHARE else "green"


def _head(known: SessionStatus, age_s: float, stale_s: float) -> Panel:
    is_stale = age_s > stale_s
    text = Text()
    if is_stale:
        text.append(f"STALE: written {_span(age_s)} ago. The session has ended, or hangs.\n", "bold white on red")
    text.append(known.trading_state, "bold green" if _is_well(known) else "bold red")
    if known.loss_state != "CLEAR":
        text.append(f" {known.loss_state} {known.halt_reason}", "bold red")
    for scope, level in known.kills.items():
        text.append(f"  kill {scope}: {level}", "bold red")
    if not known.is_reconciled:
        text.append("  not reconciled", "bold red")
    if known.is_journal_lost:
        text.append("  JOURNAL LOST: nothing new is sent", "bold white on red")
    text.append(f"\nEquity {known.equity:,.2f} {known.currency}, cash {known.cash:,.2f}, today ")
    text.append(f"{known.day_pnl:+,.2f}", "red" if known.day_pnl < 0 else "green")
    text.append(f", drawdown {known.drawdown:.2%}")
    title = f"{known.account}: {known.strategy}, {known.mode} at {known.venue}, {moment(known.ts)} UTC"
    return Panel(text, title=title, title_align="left", border_style="red" if is_stale else "none")


def _table(title: str, columns: str, rows: Iterable[Sequence[RenderableType]]) -> Table:
    """Return a table; a column whose name ends in ``>`` is set to the right."""
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns.split("|"):
        table.add_column(name.removesuffix(">"), justify="right" if name.endswith(">") else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def _positions(known: SessionStatus) -> Table:
    rows = []
    for p in known.positions:
        differ = p.lots != p.desk_lots or p.external != 0
        desk = f"{p.desk_lots:+,}" + (f" ({p.external:+,} not ours)" if p.external else "")
        rows.append(
            (
                p.instrument,
                f"{p.units:+,.10g}",
                f"{p.lots:+,}",
                Text(desk, "red" if differ else ""),
                _price(p.entry_price),
                _price(p.price),
                f"{p.value:+,.2f}",
                f"{p.realized:+,.2f}",
                p.strategy,
                Text(p.halted, "red"),
            )
        )
    columns = "instrument|units>|lots>|desk>|entry>|price>|value>|realised>|strategy|"
    return _table("Positions", columns, rows)


def _orders(known: SessionStatus) -> Table:
    rows = [
        (
            o.client_id,
            o.instrument,
            f"{o.side} {o.kind}",
            f"{o.strategy} {o.origin.lower()}".strip(),
            f"{o.filled:,}/{o.lots:,}",
            _price(o.price),
            Text(o.status, "bold red" if o.status == _UNKNOWN else ""),
            _span(o.age_s),
        )
        for o in sorted(known.orders, key=lambda o: (o.status != _UNKNOWN, o.instrument, o.client_id))
    ]
    return _table("Orders", "id|instrument|order|from|filled>|price>|status|age>", rows)


def _limits(known: SessionStatus) -> Table:
    rows = []
    for use in known.limits:
        full = min(max(round(use.share * _BAR), 0), _BAR)
        colour = _colour(use.share)
        bar = Text("█" * full, colour) + Text("·" * (_BAR - full), "dim")
        rows.append((use.name, bar, Text(f"{use.share:.0%}", colour), f"{use.used:,.6g} of {use.limit:,.6g}"))
    return _table("Limits used", "limit||share>|", rows)


def _execution(known: SessionStatus) -> Table:
    rows = [
        (e.subject, e.session, e.quantity, f"{e.mean:.2f}", f"{e.p50:.2f}", f"{e.p90:.2f}", f"{e.count:,}")
        for e in known.execution
    ]
    rows += [(name, "", "buffer_bps", f"{bps:.2f}", "", "", "") for name, bps in known.buffers_bps.items()]
    return _table("Paid and waited", "what|session|quantity|mean>|p50>|p90>|samples>", rows)


def _works(known: SessionStatus) -> Table:
    """Return feeds, latencies, reconciliation, clock and journal."""
    rows: list[tuple[str, RenderableType]] = [
        (f"feed {feed.instrument}", "nothing yet" if feed.age_s is None else f"{_span(feed.age_s)} ago")
        for feed in known.feeds
    ]
    rows += [
        (la.name.replace("_", " "), f"p50 {la.p50_ms:.2f} ms, p99 {la.p99_ms:.2f} ms over {la.count:,}")
        for la in known.latencies
    ]
    seen = known.last_reconcile_s
    rows.append(("reconciled", Text("never", "red") if seen is None else f"{_span(seen)} ago"))
    drift = known.clock_drift_ms
    rows.append(("clock drift", Text("unknown", "red") if drift is None else f"{drift:+.1f} ms"))
    if known.has_model_drifted:
        rows.append(("model", Text("its drift alarm is on", "red")))
    journal = known.journal
    late = f", {journal.records - journal.durable:,} not yet durable" if journal.records > journal.durable else ""
    rows.append(("journal", f"{journal.records:,} records{late}, head {journal.head[:16]}"))
    rows.append(("so far", ", ".join(f"{count:,} {name}" for name, count in known.counts.items())))
    return _table("Works", "|", rows)


def _alerts(known: SessionStatus) -> Table:
    rows = [
        (moment(a.ts), Text(a.code, "bold red" if a.is_page else "yellow"), Text(a.text))
        for a in known.alerts[-_ALERTS:]
    ]
    more = f", {len(known.alerts) - _ALERTS:,} earlier ones" if len(known.alerts) > _ALERTS else ""
    return _table(f"Alerts of the last hour: {len(known.alerts)}{more}", "time (UTC)|alert|", rows)


def _price(value: float | None) -> str:
    return "" if value is None else f"{value:,.10g}"


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    if seconds < 7_200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3_600:.0f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} days"
