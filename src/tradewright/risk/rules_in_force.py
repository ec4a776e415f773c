"""The rule sets that limits name, each with its gap, held against the other limits."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

from tradewright.core.types.errors import ConfigError
from tradewright.risk.limits import Limits
from tradewright.risk.prop.book import RuleBook, rules_with, shipped_rules
from tradewright.risk.prop.schema import News, RuleSet


def rules_in_force(limits: Limits) -> tuple[RuleSet, ...]:
    """Return the rule sets of ``limits.prop``; refuses one that asks for a control which is not on.

    Raises
    ------
    UsageError
        For a rule set that does not exist.
    ConfigError
        For a chain of phases, and where a control is missing.
    """
    prop = limits.prop
    if prop is None:
        return ()
    book = _shipped() if prop.files is None else rules_with(prop.files)
    found = []
    for name in prop.rules:
        phases = book.find(name)
        if len(phases) > 1:
            fix = f"Name one phase: {', '.join(rule.id for rule in phases)}."
            raise ConfigError(f"'{name}' has {len(phases)} phases", where="limits.prop.rules", fix=fix)
        _refuse_unguarded(phases[0], limits)
        found.append(phases[0])
    if prop.gap is None:
        return tuple(found)
    gap = Decimal(repr(prop.gap))
    return tuple(r if r.gap_pct is not None else r.model_copy(update={"gap_pct": gap}) for r in found)


@lru_cache(maxsize=1)
def _shipped() -> RuleBook:
    """Read the shipped rule sets once; a sweep or a study asks for them at every run."""
    return shipped_rules()


def _refuse_unguarded(rules: RuleSet, limits: Limits) -> None:
    """Refuse a rule set part of which only another control can hold, where that is off."""
    windows = limits.windows
    closes_weekly = windows is not None and any(weekly.close for weekly in windows.weekly)
    asked = [
        (rules.weekend == "flat_before_close" and not closes_weekly, "flat positions before the weekend",
         "windows: {weekly: [{start: 'Fri 21:45', end: 'Sun 22:00', tz: UTC, close: true}]}"),
        (isinstance(rules.news, News) and (windows is None or windows.news is None), "no trades around news",
         "windows: {news: {times: [...], before_seconds: 120, after_seconds: 120}}"),
        (rules.stop_loss_required is not None and limits.naked_seconds is None, "a stop on every position",
         "naked_seconds: 60"),
    ]  # fmt: skip
    for is_missing, what, fix in asked:
        if is_missing:
            raise ConfigError(f"{rules.id} asks for {what}", where="limits", fix=f"Add `{fix}` to limits.")
