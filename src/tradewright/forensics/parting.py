"""Where a session and a backtest part: the first stage at which they do, for each difference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.dtypes import CLOSE, HIGH, LOW, OPEN, VOLUME
from tradewright.core.types.events import EventKind
from tradewright.core.types.message import VenueMessage
from tradewright.core.types.order import Reason, Verb
from tradewright.forensics.steps import PERSON, STAMPED, Key, Side, Step

_SHAPE = (
    "instrument", "kind", "side", "tif", "is_reduce_only", "lots", "limit", "stop", "trail",
    "stop_loss", "take_profit", "trail_protect", "attach_unit",
)  # fmt: skip
_BAR = {"open": OPEN, "high": HIGH, "low": LOW, "close": CLOSE, "volume": VOLUME}


class Cause(StrEnum):
    """Why they part, in the order in which a session goes through its stages."""

    MISSING_EVENT = "event missing"  # the session did not see it
    EXTRA_EVENT = "event extra"  # the backtest did not
    EVENT = "event differs"
    FEATURES = "features"  # of an event that is the same: one before it was not
    FORECAST = "forecast"
    CLOCK = "clock"  # the session was not asked, or saw it later
    COMMAND = "command"  # of a person
    GUARD = "guard"
    ACCOUNT = "account"  # follows an earlier difference
    DECISION = "decision"  # everything it saw is the same
    REFUSED = "order refused"  # by the desk
    FILL_MISSING = "fill missing"
    FILL_EXTRA = "fill extra"
    FILL_LOTS = "fill lots"
    FILL_PRICE = "fill price"
    FILL_TIME = "fill time"
    COST = "commission"
    CARRY = "borrowing and funding"
    MARK = "last price"
    UNEXPLAINED = "unexplained"


#: Causes of events; of decisions, which come after what filled at the same moment.
SEEN = frozenset({Cause.MISSING_EVENT, Cause.EXTRA_EVENT, Cause.EVENT})
DECIDED = SEEN | {
    Cause.FEATURES, Cause.FORECAST, Cause.CLOCK, Cause.COMMAND, Cause.GUARD, Cause.ACCOUNT, Cause.DECISION,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Parting:
    """One difference. ``ts`` ns UTC; ``instrument`` its number, or below 0; ``pnl``: session less backtest."""

    ts: int
    instrument: int
    cause: Cause
    detail: str
    pnl: float = 0.0


@dataclass(frozen=True, slots=True)
class Orders:
    """Which order of the session is which of the backtest, and why the others have none.

    ``because``: by number, with True for the session's, the difference behind it.
    """

    pairs: dict[int, int]
    because: dict[tuple[bool, int], int]


def walk(session: Side, backtest: Side, names: tuple[str, ...]) -> tuple[list[Parting], Orders]:
    """Compare event by event; differences in the order of time, and the orders paired."""
    partings: list[Parting] = []
    orders = Orders({}, {})
    for key in sorted(session.steps.keys() | backtest.steps.keys(), key=_when):
        was, now = session.steps.get(key), backtest.steps.get(key)
        is_same = was is not None and now is not None and _same_wishes(was, now)
        found = _one_sided(key, was) if was is None or now is None else _event(was, now)
        if found is None and was is not None and now is not None and not is_same:
            found = _decision(was, now, names)
        if found is not None:
            if not is_same:
                numbers = [(True, n) for n in _submitted(was)] + [(False, n) for n in _submitted(now)]
                orders.because.update(dict.fromkeys(numbers, len(partings)))
            partings.append(found)
        if was is not None and now is not None:
            orders.pairs.update(_paired(was, now))
    return partings, orders


def _when(key: Key) -> tuple[int, bool, int, int, int]:
    return key[0], key[1] < 0, *key[1:]


def _one_sided(key: Key, was: Step | None) -> Parting:
    ts, instrument, kind, _ = key
    if instrument == PERSON:
        return Parting(ts, instrument, Cause.COMMAND, "a command, which a backtest does not have")
    what = "timestamp" if instrument == STAMPED else EventKind(kind).name.lower()
    if was is None:
        return Parting(ts, instrument, Cause.MISSING_EVENT, f"a {what} that the session did not see")
    return Parting(ts, instrument, Cause.EXTRA_EVENT, f"a {what} that the backtest did not see")


def _event(was: Step, now: Step) -> Parting | None:
    """Return how the event itself differs."""
    if not _differ(was.fields, now.fields):
        return None
    ts, instrument, kind, _ = was.key
    names = _BAR if kind == EventKind.BAR else {}
    parts = [
        f"{name} {was.fields[n]:.10g} / {now.fields[n]:.10g}"
        for name, n in names.items()
        if _differ(was.fields[n : n + 1], now.fields[n : n + 1])
    ]
    return Parting(ts, instrument, Cause.EVENT, ", ".join(parts) or "its content")


def _differ(a: NDArray[np.float64], b: NDArray[np.float64]) -> bool:
    return not np.array_equal(a, b, equal_nan=True)


def _decision(was: Step, now: Step, names: tuple[str, ...]) -> Parting:
    """Return the first stage at which two decisions over one event part."""
    cause, detail = _stage(was, now, names)
    ts, instrument, *_ = was.key
    wished = f"{_written(was)} / {_written(now)}"
    return Parting(ts, instrument, cause, f"{detail}; {wished}" if detail else wished)


def _stage(was: Step, now: Step, names: tuple[str, ...]) -> tuple[Cause, str]:
    if _differ(was.features, now.features):
        parts = [
            f"{name} {a:.10g} / {b:.10g}"
            for name, a, b in zip(names, was.features.tolist(), now.features.tolist(), strict=False)
            if a != b and (a == a or b == b)  # noqa: PLR0124 - NaN is unlike itself
        ]
        return Cause.FEATURES, ", ".join(parts)
    if _differ(was.forecast, now.forecast):
        return Cause.FORECAST, f"p_up {was.forecast[0]:.6g} / {now.forecast[0]:.6g}"
    if was.decides != now.decides:
        who = "session" if now.decides else "backtest"
        return Cause.CLOCK, f"the {who} did not ask the strategy"
    if was.before.trading_state != now.before.trading_state:
        return Cause.COMMAND, f"trading state {was.before.trading_state} / {now.before.trading_state}"
    if was.before.loss_state != now.before.loss_state:
        return Cause.GUARD, f"loss state {was.before.loss_state} / {now.before.loss_state}"
    if was.before != now.before:
        return Cause.ACCOUNT, _account(was, now)
    if was.ts_seen != now.ts_seen:
        return Cause.CLOCK, f"seen {(was.ts_seen - now.ts_seen) / 1e6:+.0f} ms later"
    if was.denied["reason"].tolist() != now.denied["reason"].tolist():
        return Cause.GUARD, f"denied {_reasons(was)} / {_reasons(now)}"
    return Cause.DECISION, ""


def _account(was: Step, now: Step) -> str:
    a, b = was.before, now.before
    if a.lots != b.lots:
        return f"position {list(a.lots)} / {list(b.lots)}"
    if a.working != b.working:
        return f"working orders {list(a.working)} / {list(b.working)}"
    return f"cash {a.cash_micro / 1e6:,.2f} / {b.cash_micro / 1e6:,.2f}"


def _reasons(step: Step) -> str:
    return ", ".join(Reason(r).name for r in step.denied["reason"].tolist()) or "nothing"


def _written(step: Step) -> str:
    parts = [
        f"{Verb(w.verb).name.split('_')[0].lower()} {int(w.order['side'][0] * w.order['lots'][0]):+,}"
        for w in step.wishes
        if w.verb is Verb.SUBMIT_ORDER
    ]
    others = len(step.wishes) - len(parts)
    return ", ".join([*parts, *([f"{others} cancelled or replaced"] if others else [])]) or "nothing"


def _same_wishes(was: Step, now: Step) -> bool:
    if len(was.wishes) != len(now.wishes) or len(was.denied) != len(now.denied):
        return False
    return all(a.verb == b.verb and _is_like(a.order, b.order) for a, b in zip(was.wishes, now.wishes, strict=True))


def _is_like(a: NDArray[np.void], b: NDArray[np.void]) -> bool:
    return all(np.array_equal(a[name], b[name], equal_nan=a[name].dtype.kind == "f") for name in _SHAPE)


def _submitted(step: Step | None) -> list[int]:
    return [] if step is None else [wish.order_id for wish in step.wishes if wish.verb is Verb.SUBMIT_ORDER]


def _paired(was: Step, now: Step) -> Iterator[tuple[int, int]]:
    """Pair the orders of two decisions: the same instrument and side, in order."""
    left: dict[tuple[int, int], list[int]] = {}
    for wish in now.wishes:
        if wish.verb is Verb.SUBMIT_ORDER:
            left.setdefault(_about(wish), []).append(wish.order_id)
    for wish in was.wishes:
        if wish.verb is Verb.SUBMIT_ORDER and left.get(_about(wish)):
            yield wish.order_id, left[_about(wish)].pop(0)


def _about(wish: VenueMessage) -> tuple[int, int]:
    return int(wish.order["instrument"][0]), int(wish.order["side"][0])
