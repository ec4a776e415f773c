"""Everything that real money needs, beside what is there: all that is missing, at once, each with a stable code."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from tradewright.core.types.errors import UsageError
from tradewright.core.types.order import TradingState
from tradewright.risk.arming.arm_file import Armed
from tradewright.risk.limits import Limits

#: Limits without which nobody trades real money.
NEEDED_LIMITS = ("max_order_value", "max_position_value", "intraday_loss", "max_drawdown")


class Condition(StrEnum):
    """What may be missing. Codes are stable: scripts and runbooks name them."""

    KIND = "KIND"
    ARMED = "ARMED"
    ARM_EXPIRED = "ARM_EXPIRED"
    ARM_MATCHES = "ARM_MATCHES"
    KEYS = "KEYS"
    MODEL = "MODEL"
    LIMITS = "LIMITS"
    RECONCILED = "RECONCILED"
    STATE = "STATE"
    LEASE = "LEASE"
    CLOCK = "CLOCK"
    RELEASE = "RELEASE"
    DRILL = "DRILL"


@dataclass(frozen=True, slots=True)
class Missing:
    """One condition that does not hold: what was found, and what to do."""

    condition: Condition
    what: str
    fix: str


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """``name``: of the forecasts' model, "" where there is none; ``is_proven``: promoted through the gate."""

    name: str = ""
    is_proven: bool = False
    is_marked_unproven: bool = False


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """What is known of the account's orders: ids of those in doubt, and instruments that differ from the venue."""

    unknown: tuple[str, ...] = ()
    differing: tuple[str, ...] = ()
    trouble: str = ""  # why it is not known


@dataclass(frozen=True, slots=True)
class ArmingFacts:
    """What was found. ``drift_ms``: our clock less the venue's, NaN where nobody measured it; times ns UTC.

    ``running`` is what would trade: account, configuration, code and model by hash, in that order.
    """

    kind: str
    now_ns: int
    armed: Armed | None
    running: tuple[str, str, str, str]
    key_trouble: str
    model: ModelFacts
    limits: Limits
    orders: OrderFacts
    state: TradingState
    state_why: str
    is_lease_free: bool
    drift_ms: float
    max_drift_ms: float
    release_trouble: str
    drill_trouble: str = ""


def missing_conditions(facts: ArmingFacts) -> tuple[Missing, ...]:
    """Return every condition that does not hold; none: real money may be traded."""
    return tuple(_missing(facts))


def check_conditions(facts: ArmingFacts) -> None:
    """Say nothing where everything is there.

    Raises
    ------
    UsageError
        Naming all that is missing (exit code 2); nothing was started.
    """
    missing = missing_conditions(facts)
    if missing:
        lines = "\n".join(f"{m.condition.value}: {m.what}. {m.fix}" for m in missing)
        what = f"{len(missing)} of what real money needs {'is' if len(missing) == 1 else 'are'} missing"
        raise UsageError(what, where=facts.running[0], fix=lines)


def _missing(facts: ArmingFacts) -> Iterator[Missing]:
    if facts.kind != "live":
        yield Missing(Condition.KIND, f"the configuration says kind {facts.kind}", "Write `trading.kind: live`.")
    yield from _arm(facts)
    if facts.key_trouble:
        yield Missing(Condition.KEYS, facts.key_trouble.rstrip("."), "Only the names of variables are shown.")
    model = facts.model
    if not model.is_proven and not model.is_marked_unproven:
        what = f"{model.name} was not promoted through the gate" if model.name else "no promoted model forecasts"
        fix = "Promote one (`tradewright models promote`), or write `trading.unproven: true` and mean it."
        yield Missing(Condition.MODEL, what, fix)
    unset = [name for name in NEEDED_LIMITS if getattr(facts.limits, name) is None]
    if unset:
        yield Missing(Condition.LIMITS, f"no limit {', '.join(unset)}", "Set them in `limits`.")
    yield from _account(facts)
    if not abs(facts.drift_ms) <= facts.max_drift_ms:  # NaN is missing too
        unknown = math.isnan(facts.drift_ms)
        what = "the venue's clock was not asked" if unknown else f"our clock is off by {facts.drift_ms:+.0f} ms"
        yield Missing(Condition.CLOCK, what, f"Synchronise it: at most {facts.max_drift_ms:g} ms are allowed.")
    if facts.release_trouble:
        fix = "Install the approved release, or let somebody run `tradewright approve`."
        yield Missing(Condition.RELEASE, facts.release_trouble.rstrip("."), fix)
    if facts.drill_trouble:
        fix = "Practise: `tradewright drill session` on a paper account of this build, or `tradewright drill kill`."
        yield Missing(Condition.DRILL, facts.drill_trouble, fix)


def _arm(facts: ArmingFacts) -> Iterator[Missing]:
    armed, again = facts.armed, "Run `tradewright arm CONFIG`."
    if armed is None:
        yield Missing(Condition.ARMED, "nobody armed it", again)
        return
    if not armed.at_ns <= facts.now_ns < armed.until_ns:
        yield Missing(Condition.ARM_EXPIRED, "the time it was armed for is over", again)
    there = (armed.account, armed.config_hash, armed.code_hash, armed.model_hash)
    names = ("account", "configuration", "code", "model")
    differs = [n for n, was, runs in zip(names, there, facts.running, strict=True) if was != runs]
    if differs:
        yield Missing(Condition.ARM_MATCHES, f"something else was armed: {', '.join(differs)} differ", again)


def _account(facts: ArmingFacts) -> Iterator[Missing]:
    orders = facts.orders
    found = [orders.trouble] if orders.trouble else []
    found += [f"{len(orders.unknown)} orders are UNKNOWN: {', '.join(orders.unknown[:3])}"] if orders.unknown else []
    found += [f"it differs from the venue in {', '.join(orders.differing)}"] if orders.differing else []
    if found:
        fix = "Look at the venue, and start it again; `tradewright journal show` has the details."
        yield Missing(Condition.RECONCILED, "; ".join(found), fix)
    if facts.state is not TradingState.ACTIVE:
        why = f" ({facts.state_why})" if facts.state_why else ""
        yield Missing(Condition.STATE, f"the trading state is {facts.state.name}{why}", "Run `tradewright release`.")
    if not facts.is_lease_free:
        yield Missing(Condition.LEASE, "another process trades this account", "Stop it first.")
