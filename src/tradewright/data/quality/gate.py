"""The gate before a run: data with serious findings is refused unless its user said otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

from tradewright.core.types.errors import ConfigError, DataError
from tradewright.data.quality.findings import ERROR, RULES, Findings, moment, plural

Action = Literal["refuse", "accept"]

#: Warnings that make a backtest wrong and not only less exact: its bars are not when they say they are.
REFUSED_WARNINGS = frozenset({"time_zone", "daylight_saving", "volume_unit"})


@dataclass(frozen=True, slots=True)
class GatePolicy:
    """What refuses a run.

    Parameters
    ----------
    overrides : mapping of str to "refuse" or "accept"
        By rule. Of the others, errors and ``REFUSED_WARNINGS`` refuse.
    """

    overrides: Mapping[str, Action] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse unknown rules and actions."""
        for rule, action in self.overrides.items():
            if rule not in RULES:
                raise ConfigError(f"'{rule}' is not a rule", where="data.gate", fix=f"Allowed: {', '.join(RULES)}.")
            if action not in ("refuse", "accept"):
                raise ConfigError(
                    f"'{action}' is not allowed", where=f"data.gate.{rule}", fix="Allowed: refuse, accept."
                )

    def refused(self) -> tuple[str, ...]:
        """Return the rules that refuse a run, in order."""
        return tuple(
            rule
            for rule, (severity, _) in RULES.items()
            if self.overrides.get(rule, "refuse" if severity == ERROR or rule in REFUSED_WARNINGS else "accept")
            == "refuse"
        )


def gate(
    findings: Findings, policy: GatePolicy | None = None, *, start: int | None = None, end: int | None = None
) -> None:
    """Refuse data whose findings the policy does not accept.

    Parameters
    ----------
    findings : Findings
        Of one data set.
    policy : GatePolicy, optional
        What refuses.
    start, end : int, optional
        Span of the run, ns UTC; findings wholly outside it do not count. None is open-ended.

    Raises
    ------
    DataError
        With the first findings, and how to accept their rules in the configuration.
    """
    policy = policy or GatePolicy()
    frame = findings.frame.filter(pl.col("rule").is_in(policy.refused()))
    if start is not None:
        frame = frame.filter(pl.max_horizontal("ts", "ts_end") >= start)
    if end is not None:
        frame = frame.filter(pl.col("ts") <= end)
    if len(frame) == 0:
        return
    first = [
        f"row {r['row']} ({moment(r['ts'])} UTC): {r['detail']} [{r['rule']}]"
        for r in frame.head(3).iter_rows(named=True)
    ]
    more = f"; and {plural(len(frame) - 3, 'more finding')}" if len(frame) > 3 else ""
    rules = list(dict.fromkeys(frame["rule"].to_list()))
    accept = ", ".join(f"{r}: accept" for r in rules)
    fix = f"{frame['repair'][0]} Or accept it in the configuration: data: {{gate: {{{accept}}}}}."
    raise DataError("the data did not pass the checks: " + "; ".join(first) + more, where=findings.name, fix=fix)
