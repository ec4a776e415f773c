"""Checks of rows: findings with a place, a severity and what to do about each; one family of rules a file."""

from __future__ import annotations

from tradewright.data.quality.checking import RULES_VERSION, check
from tradewright.data.quality.findings import ERROR, RULES, SCHEMA, WARNING, Findings, Subject
from tradewright.data.quality.freshness import freshness
from tradewright.data.quality.gate import GatePolicy, gate
from tradewright.data.quality.sources import Tolerance, compare

__all__ = [
    "ERROR",
    "RULES",
    "RULES_VERSION",
    "SCHEMA",
    "WARNING",
    "Findings",
    "GatePolicy",
    "Subject",
    "Tolerance",
    "check",
    "compare",
    "freshness",
    "gate",
]
