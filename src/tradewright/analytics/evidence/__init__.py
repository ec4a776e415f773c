"""From tables of evidence to figures: every number a gate, a card or a report shows about a model."""

from __future__ import annotations

from tradewright.analytics.evidence.facts import Facts, FigureParams, LeakFacts
from tradewright.analytics.evidence.figures import figures_of

__all__ = ["Facts", "FigureParams", "LeakFacts", "figures_of"]
