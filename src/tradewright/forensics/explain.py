"""One decision explained: what the strategy saw, what it wished, what the guard said, what became of it.

The session is retold with the strategy called in plain Python, which gives the same bits as the compiled one, so that
what goes into `decide` and comes out of it can be written down.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tradewright.core.kernel.codes import NEVER
from tradewright.core.types.account import Account
from tradewright.core.types.errors import UsageError
from tradewright.core.types.forecast import ForecastRow, Forecasts
from tradewright.core.types.journal import JournalRecord
from tradewright.core.types.order import OrderKind, Origin, Reason, TimeInForce, Verb
from tradewright.core.types.signal import AttachUnit, SignalVerb, SizeUnit
from tradewright.engine.deciders import own_features
from tradewright.engine.live.conductor import Conductor
from tradewright.engine.live.recovery import ACTED, REFUSED
from tradewright.engine.plan import BacktestPlan
from tradewright.execution.orders.inputs import Filled, Intended, Reported
from tradewright.execution.orders.recovery import from_record
from tradewright.forensics.program import Program, retold
from tradewright.risk.controls import control_of
from tradewright.strategies.combination import in_plain_python

Values = dict[str, float | None]
_ENUMS: dict[str, type[IntEnum]] = {
    "verb": SignalVerb,
    "size_unit": SizeUnit,
    "kind": OrderKind,
    "tif": TimeInForce,
    "attach_unit": AttachUnit,
}
_UNSET = (0, "", NEVER)
_NONE_KNOWN = Forecasts("", np.empty(0, np.int64), np.empty((4, 0)))


@dataclass(frozen=True, slots=True)
class Seen:
    """What the strategy saw of one instrument, by name; None where a number is not known."""

    instrument: str
    features: Values
    forecast: Values
    account: Values


@dataclass(frozen=True, slots=True)
class Verdict:
    """One line of the guard's log; ``control`` is empty where it let the wish through or none answers for it."""

    verb: str
    instrument: str
    lots: int
    reason: str
    control: str
    figures: Values


@dataclass(frozen=True, slots=True)
class Order:
    """An order that came of it: its id, what was wished, what the venue said of it and of its exits, its fills."""

    client_id: str
    wish: Mapping[str, object]
    reports: tuple[str, ...]
    fills: tuple[Mapping[str, object], ...]
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """One decision. ``cause``: kind and number of the record it followed; ``seen``: none if nobody was asked."""

    sequence: int
    ts: int
    cause: tuple[str, int]
    seen: tuple[Seen, ...]
    signals: tuple[Mapping[str, object], ...]
    verdicts: tuple[Verdict, ...]
    acts: tuple[Mapping[str, object], ...]
    orders: tuple[Order, ...]
    is_same: bool  # whether the replay came to what the journal says


@dataclass(slots=True)
class _Witness:
    """Stands before a strategy's `decide` and keeps what went in and came out the last time."""

    plan: BacktestPlan
    seen: tuple[NDArray[np.float64], ...] = ()
    signals: NDArray[np.void] | None = None

    def watched(self) -> BacktestPlan:
        """Return the plan with the strategy in plain Python behind this witness."""

        def around(decide: Callable[..., None]) -> Callable[..., None]:
            def told(row: Any, forecast: Any, account: Any, params: Any, signals: NDArray[np.void]) -> None:  # noqa: ANN401
                decide(row, forecast, account, params, signals)
                tables = (row, forecast, account)
                if not self.plan.strategy.is_cross_section:
                    tables = (row, forecast, [getattr(account, name) for name in Account._fields])
                self.seen = tuple(np.array(table, dtype=np.float64, ndmin=2) for table in tables)
                self.signals = signals.copy()

            return told

        strategy = in_plain_python(self.plan.strategy, around)
        # plain Python is shown forecasts only where a plan has any; those of a session are in the journal
        return replace(self.plan, strategy=strategy, forecasts=self.plan.forecasts or (_NONE_KNOWN,))


@dataclass(slots=True)
class _Found:
    """The decision looked for, while the journal is read on for what became of it."""

    acted: JournalRecord | None = None
    cause: JournalRecord | None = None
    seen: tuple[Seen, ...] = ()
    signals: tuple[Mapping[str, object], ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    is_same: bool = True
    ids: dict[str, int] = field(default_factory=dict)  # client id -> number of the order it belongs to
    reports: dict[int, list[str]] = field(default_factory=dict)
    fills: dict[int, list[Mapping[str, object]]] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)


def explain(records: Iterable[JournalRecord], program: Program, sequence: int) -> Explanation:
    """Explain the decision of a record.

    Parameters
    ----------
    sequence : int
        Number of a record of kind ``acted``, or of the one that it followed.

    Raises
    ------
    UsageError
        If there is no decision under this number.
    StoreError
        As `retold`.
    """
    witness: _Witness | None = None

    def plan(record: JournalRecord) -> BacktestPlan:
        nonlocal witness
        witness = _Witness(program.plan(record))
        return witness.watched()

    found = _Found()
    cause: JournalRecord | None = None
    n_decisions = 0
    for tale, record in retold(records, Program(plan, program.state, program.hashes)):
        if found.acted is not None:
            _follow(found, record)
            continue
        if record.kind not in (ACTED, REFUSED):  # what an act follows stands right before it
            if witness is not None:
                witness.seen, witness.signals = (), None
            cause = record
            n_decisions = 0 if tale.conductor is None else int(tale.conductor.run.memory.record["n_decisions"][0])
        elif record.kind == ACTED and cause is not None and sequence in (record.sequence, cause.sequence):
            conductor = tale.conductor
            if conductor is None or witness is None:
                continue
            found.acted, found.cause = record, cause
            found.seen, found.signals = _seen(witness, conductor), _signals(witness, conductor)
            found.verdicts = _verdicts(conductor, n_decisions)
            expected = tale.waiting[0][1] if tale.waiting else None
            found.is_same = expected == record.payload and not tale.differences
    if found.acted is None or found.cause is None:
        fix = "`tradewright journal show FOLDER --kind acted` lists the decisions."
        raise UsageError(f"record {sequence} led to no decision", where="--explain", fix=fix)
    return _written(found, found.acted, found.cause)


def _written(found: _Found, acted: JournalRecord, cause: JournalRecord) -> Explanation:
    acts: list[dict[str, Any]] = list(acted.payload["acts"])  # type: ignore[call-overload]  # a list, as it was written
    orders = []
    for act in acts:
        number = int(act.get("reference", 0))
        if number:
            name = next((name for name, at in found.ids.items() if at == number), "")
            reports, fills = found.reports.get(number, []), found.fills.get(number, [])
            orders.append(Order(name, act, tuple(reports), tuple(fills), found.refused.get(number, "")))
    return Explanation(
        acted.sequence,
        acted.ts_seen,
        (cause.kind, cause.sequence),
        found.seen,
        found.signals,
        found.verdicts,
        tuple(acts),
        tuple(orders),
        found.is_same,
    )


def _follow(found: _Found, record: JournalRecord) -> None:
    """Take in what a later record says of the orders."""
    acted = found.acted
    wanted = {a.get("reference") for a in acted.payload["acts"]} if acted is not None else set()  # type: ignore[attr-defined]
    if record.kind == REFUSED and record.payload["reference"] in wanted:
        found.refused[int(str(record.payload["reference"]))] = str(record.payload["reason"])
        return
    told = from_record(record)
    if isinstance(told, Intended) and told.intent.reference in wanted:
        found.ids.setdefault(told.intent.client_id, told.intent.reference)
    elif isinstance(told, Reported):
        order = told.order
        number = found.ids.get(order.client_id) or found.ids.get(order.parent)
        if number:
            found.ids.setdefault(order.client_id, number)
            what = f"{Origin(order.origin).name} {order.status.name}" if order.parent else order.status.name
            reports = found.reports.setdefault(number, [])
            if not reports or reports[-1] != what:
                reports.append(what)
    elif isinstance(told, Filled) and told.fill.client_id in found.ids:
        fill = told.fill
        fills = found.fills.setdefault(found.ids[fill.client_id], [])
        one = {
            "trade_id": fill.trade_id,
            "client_id": fill.client_id,
            "lots": fill.side * fill.lots,
            "price": fill.price,
            "fee": fill.fee,
            "ts": fill.ts_event,
        }
        if one not in fills:
            fills.append(one)


def _known(values: Iterable[float], names: Iterable[str]) -> Values:
    return {n: v if math.isfinite(v) else None for n, v in zip(names, map(float, values), strict=False)}


def _seen(witness: _Witness, conductor: Conductor) -> tuple[Seen, ...]:
    if not witness.seen:
        return ()
    plan = conductor.plan
    symbols = [i.symbol for i in plan.instruments]
    if not plan.strategy.is_cross_section:
        symbols = [symbols[int(conductor.event.instruments[0])]]
    names = own_features(plan.strategy, conductor.run.features.names, int(conductor.event.instruments[0]))
    rows, forecasts, accounts = witness.seen
    return tuple(
        Seen(
            symbol,
            _known(rows[j], names),
            _known(forecasts[j], ForecastRow._fields),
            _known(accounts[j], Account._fields),
        )
        for j, symbol in enumerate(symbols)
    )


def _signals(witness: _Witness, conductor: Conductor) -> tuple[Mapping[str, object], ...]:
    """Return the wishes of the strategy, without what nobody set."""
    if witness.signals is None:
        return ()
    event = int(conductor.event.instruments[0])
    members = [m for m in conductor.plan.strategy.members if m.first <= event < m.stop]
    own = slice(members[0].first, members[0].stop) if members else slice(None)  # by which a member counts
    symbols = [i.symbol for i in conductor.plan.instruments[own]]
    found = []
    for signal in witness.signals:
        if not signal["verb"]:
            break
        fields = {name: signal[name].item() for name in signal.dtype.names}
        at = fields["instrument"]
        fields |= {name: kind(fields[name]).name for name, kind in _ENUMS.items()}
        fields["instrument"] = symbols[at] if 0 <= at < len(symbols) else ""
        found.append({k: v for k, v in fields.items() if k == "size" or (v not in _UNSET and v == v)})  # noqa: PLR0124
    return tuple(found)


def _verdicts(conductor: Conductor, since: int) -> tuple[Verdict, ...]:
    memory = conductor.run.memory
    symbols = [i.symbol for i in conductor.plan.instruments]
    found = []
    for row in memory.taken("decisions", "n_decisions")[since:]:
        reason = Reason(int(row["reason"]))
        control = control_of(reason)
        figures = {
            "mark": float(row["mark"]),
            "position_lots": float(row["position_lots"]),
            "equity": int(row["equity_micro"]) / 1e6,
            "gross": int(row["gross_micro"]) / 1e6,
            "reserved": int(row["reserved_micro"]) / 1e6,
            "floor": int(row["floor_micro"]) / 1e6,
            "scale": float(row["scale"]),
        }
        found.append(
            Verdict(
                Verb(int(row["verb"])).name.split("_")[0].lower(),
                symbols[int(row["instrument"])],
                int(row["side"] * row["lots"]),
                "" if reason is Reason.NONE else reason.name,
                "" if control is None else f"{control.id} {control.name}",
                _known(figures.values(), figures),
            )
        )
    return tuple(found)
