"""Labels: what came after an event, to learn from. They look ahead by definition and are never features.

Nothing here is registered, streams or can be asked for by a strategy. Every label says when it was decided, so that
whoever trains can purge what overlaps.
"""

from __future__ import annotations

from tradewright.features.labels.barrier import BarrierParams, meta_labels, triple_barrier
from tradewright.features.labels.horizon import fixed_horizon
from tradewright.features.labels.table import Labels
from tradewright.features.labels.weights import average_uniqueness, concurrency, return_weights

__all__ = [
    "BarrierParams",
    "Labels",
    "average_uniqueness",
    "concurrency",
    "fixed_horizon",
    "meta_labels",
    "return_weights",
    "triple_barrier",
]
