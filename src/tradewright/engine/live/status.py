"""What a session is doing right now, as one document: written every second, read by people and by monitors."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tradewright.core.types.order import LossState, OrderKind, OrderStatus, Origin, Reason, Side, TradingState
from tradewright.engine.live.runtime import Runtime
from tradewright.engine.memory import MICRO
from tradewright.execution.monitors.execution_monitor import ExecutionMonitor
from tradewright.execution.orders.state import LiveOrder
from tradewright.risk.prop.watch import RuleWatch

#: Changes whenever a field changes its meaning; a reader refuses another one.
STATUS_VERSION = 1
_SECOND = 1e9
_HOUR_NS = 3_600_000_000_000
_LONG = 2**62
_WHOLE_PPM = 1_000_000


@dataclass(frozen=True, slots=True)
class PositionStatus:
    """A position; amounts in account currency.

    ``lots`` as the session has them, ``desk_lots`` as the desk has, ``external``: at the venue and not ours.
    """

    instrument: str
    lots: int
    desk_lots: int
    external: int
    units: float
    entry_price: float | None
    price: float | None
    value: float
    realized: float
    halted: str
    strategy: str = ""


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order that may still fill, or that nobody knows about. ``age_s``: since it was sent; ``price``: its own."""

    client_id: str
    instrument: str
    side: str
    kind: str
    origin: str
    lots: int
    filled: int
    price: float | None
    status: str
    age_s: float
    strategy: str = ""


@dataclass(frozen=True, slots=True)
class LimitUse:
    """How much of a limit is used; ``share`` 1.0: it is reached."""

    name: str
    used: float
    limit: float
    share: float


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """Age of the newest event of an instrument by the market's clock, seconds; None before the first."""

    instrument: str
    age_s: float | None


@dataclass(frozen=True, slots=True)
class LatencyStatus:
    """Newest latencies of one kind, ms."""

    name: str
    count: int
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class ExecutionStatus:
    """What orders paid or took since the lineage began; ``quantity`` says of what, and its unit.

    ``subject``: an instrument, or the venue; ``session``: the part of the day.
    """

    subject: str
    session: str
    quantity: str
    count: int
    mean: float
    p50: float
    p90: float


@dataclass(frozen=True, slots=True)
class AlertStatus:
    """An alert and when it was raised, ns UTC."""

    ts: int
    code: str
    text: str
    is_page: bool


@dataclass(frozen=True, slots=True)
class JournalStatus:
    """Records written and durable, and the head of the chain of hashes."""

    records: int
    durable: int
    head: str


@dataclass(frozen=True, slots=True)
class SessionStatus:
    """Everything about a session. Times are ns UTC, ``ts`` by the session's clock, ``written_ns`` by the computer's."""

    version: int
    written_ns: int
    ts: int
    account: str
    mode: str
    venue: str
    strategy: str
    currency: str
    trading_state: str
    loss_state: str
    halt_reason: str
    kills: dict[str, str]
    is_reconciled: bool
    is_flat: bool
    is_journal_lost: bool
    equity: float
    cash: float
    day_pnl: float
    drawdown: float
    positions: tuple[PositionStatus, ...]
    orders: tuple[OrderRow, ...]
    limits: tuple[LimitUse, ...]
    feeds: tuple[FeedStatus, ...]
    latencies: tuple[LatencyStatus, ...]
    last_reconcile_s: float | None
    journal: JournalStatus
    clock_drift_ms: float | None
    has_model_drifted: bool
    counts: dict[str, int]
    alerts: tuple[AlertStatus, ...]
    execution: tuple[ExecutionStatus, ...] = ()
    buffers_bps: dict[str, float] = field(default_factory=dict)  # of quotes, as far as they have adapted


@dataclass(frozen=True, slots=True)
class StatusFacts:
    """What a session does not know of itself. ``now``: its clock, ``wall_ns``: the computer's, ns UTC."""

    account: str
    mode: str
    now: int
    wall_ns: int
    monitor: ExecutionMonitor | None = None


def status_of(runtime: Runtime, facts: StatusFacts) -> dict[str, Any]:
    """Return the status as a JSON document of the fields of `SessionStatus`."""
    conductor, desk = runtime.conductor, runtime.desk
    record, state = conductor.run.memory.record[0], desk.state
    equity, day_open, peak = (int(record[f"{n}_micro"]) for n in ("equity", "day_open", "peak"))
    guard, held = conductor.run.memory.guard, state.instruments.values()
    return asdict(
        SessionStatus(
            version=STATUS_VERSION,
            written_ns=facts.wall_ns,
            ts=facts.now,
            account=facts.account,
            mode=facts.mode,
            venue=desk.venue.name,
            strategy=conductor.plan.strategy.name,
            currency=conductor.plan.account.currency,
            trading_state=TradingState(int(record["trading_state"])).name,
            loss_state=LossState(int(record["loss_state"])).name,
            halt_reason=_reason(int(record["halt_reason"])),
            kills={scope: level.name for scope, level in sorted(state.kills.items())},
            is_reconciled=state.is_ready and not state.unknown() and not any(k.mismatches for k in held),
            is_flat=not any(k.position for k in held) and not state.open,
            is_journal_lost=state.is_journal_lost,
            equity=equity / MICRO,
            cash=int(record["cash_micro"]) / MICRO,
            day_pnl=(equity - day_open) / MICRO,
            drawdown=1.0 - equity / peak if peak > 0 else 0.0,
            positions=_positions(runtime),
            orders=tuple(_order(order, facts.now) for order in state.open.values()),
            limits=_limits(runtime),
            feeds=_feeds(runtime, facts.now),
            latencies=tuple(_latency(name, list(taken)) for name, taken in sorted(runtime.gauges.latencies.items())),
            last_reconcile_s=(facts.now - state.last_view) / _SECOND if state.last_view else None,
            journal=JournalStatus(desk.journal.sequence, desk.journal.durable, desk.journal.head),
            clock_drift_ms=None if guard is None else _known(float(guard.record["drift_ns"][0]) / 1e6),
            has_model_drifted=guard is not None and bool(guard.record["has_drifted"][0]),
            counts=asdict(runtime.counts),
            alerts=tuple(
                AlertStatus(ts, a.code, a.text, a.is_page)
                for ts, a in runtime.gauges.alerts
                if facts.now - ts <= _HOUR_NS
            ),
            execution=() if facts.monitor is None else _execution(facts.monitor),
            buffers_bps={} if runtime.tactics is None else dict(sorted(runtime.tactics.buffers.items())),
        )
    )


def _reason(number: int) -> str:
    return Reason(number).name if number else ""


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _positions(runtime: Runtime) -> tuple[PositionStatus, ...]:
    """Return what is held, by the session or by the desk."""
    found = []
    arrays = runtime.conductor.run.memory.arrays["positions"]
    for j, instrument in enumerate(runtime.conductor.plan.instruments):
        row, known = arrays[j], runtime.desk.state.instruments.get(instrument.symbol)
        desk_lots, external = (known.position, known.external) if known is not None else (0, 0)
        halted = known.halted if known is not None else ""
        if not (row["lots"] or desk_lots or external or halted):
            continue
        found.append(
            PositionStatus(
                instrument.symbol,
                int(row["lots"]),
                desk_lots,
                external,
                float(row["units"]),
                _known(float(row["entry_price"])),
                _known(float(row["price"])),
                int(row["value_micro"]) / MICRO,
                int(row["realized_micro"]) / MICRO,
                halted,
                runtime.conductor.plan.strategy.of(j).name,
            )
        )
    return tuple(found)


def _order(order: LiveOrder, now: int) -> OrderRow:
    intent = order.intent
    since = order.ts_unknown if order.status is OrderStatus.UNKNOWN and order.ts_unknown else order.ts_sent
    return OrderRow(
        intent.client_id,
        intent.instrument,
        Side(intent.side).name,
        OrderKind(intent.kind).name,
        Origin(intent.origin).name,
        intent.lots,
        order.filled,
        intent.limit_price if intent.limit_price is not None else intent.stop_price,
        order.status.name,
        max(now - (since or order.ts_changed or intent.ts_event), 0) / _SECOND,
        intent.strategy,
    )


def _limits(runtime: Runtime) -> tuple[LimitUse, ...]:
    """Return the limits that are set, and how much of each is used."""
    memory = runtime.conductor.run.memory
    record, limits = memory.record[0], memory.arrays["limits"][0]
    equity, day_open, peak = (int(record[f"{n}_micro"]) / MICRO for n in ("equity", "day_open", "peak"))
    gross = (int(record["gross_micro"]) + int(record["reserved_micro"])) / MICRO
    largest = float(abs(memory.arrays["positions"]["value_micro"]).max()) / MICRO
    used = {
        "max_position_value": largest,
        "max_leverage": gross / equity if equity > 0 else math.inf,
        "max_open_positions": float(record["open_positions"]),
        "intraday_loss": max(1.0 - equity / day_open, 0.0) if day_open > 0 else 1.0,
        "max_drawdown": max(1.0 - equity / peak, 0.0) if peak > 0 else 1.0,
    }
    found = []
    for name, value in used.items():
        limit = float(limits[name])
        if 0.0 < limit < _LONG and math.isfinite(value):
            found.append(LimitUse(name, value, limit, value / limit))
    guard = memory.guard
    if guard is not None:
        most = int(guard.record["max_orders_day"][0])
        if 0 < most < _LONG:
            today = float(guard.record["orders_today"][0])
            found.append(LimitUse("max_orders_per_day", today, float(most), today / most))
        if guard.watch is not None:
            found += _floors(guard.watch, int(record["equity_micro"]))
        found += _micro_lots(runtime)
    return tuple(found)


def _micro_lots(runtime: Runtime) -> Iterator[LimitUse]:
    memory, plan = runtime.conductor.run.memory, runtime.conductor.plan
    micro = plan.limits.micro_lots
    if micro is None:
        return
    lost = int(memory.record["initial_micro"][0]) - int(memory.record["equity_micro"][0])
    lots = zip(memory.arrays["positions"]["lots"], plan.instruments, strict=True)
    held = max(abs(int(n)) / max(instrument.min_lots, 1) for n, instrument in lots)
    for name, use, limit in (
        ("micro_lots.max_loss", max(lost / MICRO, 0.0), micro.max_loss),
        ("micro_lots.max_open_lots", held, float(micro.max_open_lots)),
    ):
        yield LimitUse(name, use, limit, use / limit)


def _floors(watch: RuleWatch, equity_micro: int) -> Iterator[LimitUse]:
    """Return how much of each loss that prop rules allow is lost: what lies between a floor and what it hangs from."""
    for rules, rule, state in zip(watch.rule_sets, watch.rules, watch.states, strict=True):
        for kind, name in (("day", "daily"), ("max", "max")):
            least, share = int(state[f"{kind}_least_micro"]), int(rule[f"{name}_ppm"])
            if least <= -_LONG:
                continue
            distance = least * share // (_WHOLE_PPM - share) if share else int(rule[f"{name}_distance_micro"])
            lost = max(least + distance - equity_micro, 0)
            yield LimitUse(f"{rules.id} {name} loss", lost / MICRO, distance / MICRO, lost / max(distance, 1))


def _feeds(runtime: Runtime, now: int) -> tuple[FeedStatus, ...]:
    now = max(now, *runtime.newest)  # a venue that plays a recording may be ahead of our clock by what it has told
    return tuple(
        FeedStatus(instrument.symbol, (now - newest) / _SECOND if newest else None)
        for instrument, newest in zip(runtime.conductor.plan.instruments, runtime.newest, strict=True)
    )


def _execution(monitor: ExecutionMonitor) -> tuple[ExecutionStatus, ...]:
    return tuple(
        ExecutionStatus(*key, found.n, found.mean, found.p50, found.p90)
        for key, found in monitor.distributions().items()
    )


def _latency(name: str, taken: Sequence[int]) -> LatencyStatus:
    ordered = sorted(taken)
    middle, late = (ordered[min(int(share * len(ordered)), len(ordered) - 1)] for share in (0.5, 0.99))
    return LatencyStatus(name, len(ordered), middle / 1e6, late / 1e6)
