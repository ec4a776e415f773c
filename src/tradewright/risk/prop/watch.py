"""Rule sets as records, and what they remember of an account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import numpy as np
from numpy.typing import NDArray

from tradewright.core.kernel.floors_nb import begin_nb, headroom_nb, step_all_nb
from tradewright.core.types.errors import ConfigError
from tradewright.core.types.prop import Anchor, DayCount, RuleStatus, ShareOf, Trailing
from tradewright.core.types.prop_dtypes import prop_rule_dtype, prop_state_dtype
from tradewright.risk.prop.resets import reset_instants
from tradewright.risk.prop.schema import Daily, MaxLoss, RuleSet

Ints = NDArray[np.int64]

MICRO = 1_000_000
NONE = 2**63 - 1
_MOST = 10**12  # of account currency: amounts and their sums stay far inside 64 bits


def micro(amount: Decimal | float | str) -> int:
    """Return an amount of money in millionths; what is finer is rounded to the nearest, halves to even."""
    return int((Decimal(amount) * MICRO).to_integral_value())


def rule_record(rules: RuleSet, initial: Decimal, resets: Ints) -> NDArray[np.void]:
    """Return prop_rule_dtype[1] of a rule set for an account of a size.

    Parameters
    ----------
    rules : RuleSet
        An optional daily limit is left out.
    initial : Decimal
        Balance the account began with.
    resets : ndarray of int64, [n]
        Instants at which rule days end, ns UTC; the caller keeps it alive as long as the record.

    Raises
    ------
    ConfigError
        If the rule set is for accounts of another size, or the size is out of range.
    """
    if rules.initial is not None and rules.initial != initial:
        fix = f"Give an account of {rules.initial}, or another rule set."
        raise ConfigError(f"it is for accounts of {rules.initial}, not {initial}", where=rules.id, fix=fix)
    if not 0 < initial <= _MOST:
        raise ConfigError(f"an account of {initial} is out of range", where="account", fix="Give 1 to 10^12.")
    record = np.zeros(1, prop_rule_dtype)
    record["initial_micro"] = micro(initial)
    record["lock_micro"] = record["target_micro"] = NONE
    if rules.daily is not None and not rules.daily.optional:
        _daily(record, rules.daily, initial)
    if rules.max_loss is not None:
        _max_loss(record, rules.max_loss, initial)
    if rules.profit_target_amount is not None:
        record["target_micro"] = micro(initial + rules.profit_target_amount)
    elif rules.profit_target_pct is not None:
        record["target_micro"] = _rounded(initial * (1 + rules.profit_target_pct), up=True)
    if rules.min_days is not None:
        is_profit = rules.min_days.threshold is not None
        record["day_count"] = DayCount.PROFITABLE_DAY if is_profit else DayCount.DISTINCT_OPEN_DATE
        record["min_days"] = rules.min_days.count
        record["day_profit_micro"] = _rounded(initial * (rules.min_days.threshold or 0), up=True)
    if rules.share_rule is not None:
        record["share_ppm"] = micro(rules.share_rule.cap)
        record["share_of"] = ShareOf[rules.share_rule.denominator.upper()]
    record["time_limit_days"] = rules.time_limit_days or 0
    record["gap_ppm"] = micro(rules.gap_pct or 0)
    record["resets"], record["n_resets"] = resets.ctypes.data, len(resets)
    return record


def _daily(record: NDArray[np.void], daily: Daily, initial: Decimal) -> None:
    is_inclusive = daily.compare == "<="
    record["daily_anchor"] = Anchor[daily.anchor.upper()]
    record["daily_inclusive"], record["daily_is_soft"] = is_inclusive, daily.breach == "soft"
    if daily.pct_base == "anchor":
        record["daily_ppm"] = micro(daily.pct or 0)
    else:
        distance = daily.amount if daily.amount is not None else initial * (daily.pct or 0)
        record["daily_distance_micro"] = _rounded(distance, up=is_inclusive)


def _max_loss(record: NDArray[np.void], limit: MaxLoss, initial: Decimal) -> None:
    is_inclusive = limit.compare == "<="
    record["has_max_loss"], record["trailing"] = 1, Trailing[limit.trailing.upper()]
    record["max_inclusive"], record["max_is_soft"] = is_inclusive, limit.breach == "soft"
    if limit.pct_base == "anchor":
        record["max_ppm"] = micro(limit.pct or 0)
    else:
        distance = limit.amount if limit.amount is not None else initial * (limit.pct or 0)
        record["max_distance_micro"] = _rounded(distance, up=is_inclusive)
    if limit.lock_above is not None:
        record["lock_micro"] = micro(initial + limit.lock_above)


def _rounded(amount: Decimal, *, up: bool) -> int:
    """Return whole millionths on the strict side: distances down, unless their floor may not even be touched."""
    return int((amount * MICRO).to_integral_value(ROUND_CEILING if up else ROUND_FLOOR))


@dataclass(frozen=True, slots=True)
class Headroom:
    """Money that may be lost before a floor breaks: ``now``, and if the ``next_reset`` came now; infinity: no floor."""

    now: float
    next_reset: float


class RuleWatch:
    """Several rule sets over one account: the firm's, and perhaps the trader's own buffer.

    Parameters
    ----------
    rule_sets : sequence of RuleSet
        At least one.
    initial : Decimal
        Balance the account began with.
    first_ns, last_ns : int
        The time to be watched, ns UTC. After the first reset beyond it nothing is allowed any more.

    Attributes
    ----------
    rules, states : prop_rule_dtype[n], prop_state_dtype[n]
        For compiled code; ``states`` is all there is to keep over a restart.
    """

    def __init__(self, rule_sets: Sequence[RuleSet], initial: Decimal, first_ns: int, last_ns: int) -> None:
        self.rule_sets = tuple(rule_sets)
        self._resets = [_resets(r, first_ns, last_ns) for r in self.rule_sets]
        records = [rule_record(r, initial, t) for r, t in zip(self.rule_sets, self._resets, strict=True)]
        self.rules = np.concatenate(records)
        self.states = np.zeros(len(records), prop_state_dtype)
        self.begin(first_ns, int(self.rules["initial_micro"][0]), int(self.rules["initial_micro"][0]))

    def begin(self, now_ns: int, balance_micro: int, equity_micro: int) -> None:
        """Begin anew at a time, with these amounts."""
        for rule, state in zip(self.rules, self.states, strict=True):
            begin_nb(rule, state, now_ns, balance_micro, equity_micro)

    def step(self, now_ns: int, balance_micro: int, equity_micro: int, flags: int) -> RuleStatus:
        """Take in one event (`core.kernel.floors_nb.step_nb`); return the worst status of all rule sets."""
        return RuleStatus(step_all_nb(self.rules, self.states, now_ns, balance_micro, equity_micro, flags))

    def headroom(self, balance_micro: int, equity_micro: int, gross_micro: int = 0) -> Headroom:
        """Return the money left, in account currency."""
        now, later = headroom_nb(self.rules, self.states, balance_micro, equity_micro, gross_micro)
        return Headroom(_amount(now), _amount(later))


def _resets(rules: RuleSet, first_ns: int, last_ns: int) -> Ints:
    if rules.clock is None:
        return np.empty(0, np.int64)
    return reset_instants(rules.clock, first_ns, last_ns)


def _amount(micros: int) -> float:
    return float("inf") if micros > _MOST * MICRO else micros / MICRO
