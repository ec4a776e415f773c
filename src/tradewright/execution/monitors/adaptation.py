"""The buffer of quotes, moved within bounds by what quotes fill."""

from __future__ import annotations

from tradewright.execution.tactics.params import TacticParams


def adapted(buffer_bps: float, share: float, params: TacticParams) -> float:
    """Return the next buffer, basis points, after an order of which quotes filled ``share``.

    More than ``fill_target`` asks for a better price, less gives way; it comes to rest where quotes fill that share.
    Robbins and Monro, "A stochastic approximation method" (1951), with a fixed step and bounds.
    """
    moved = buffer_bps + params.adapt_bps * (share - params.fill_target)
    return min(max(moved, params.min_bps), params.max_bps)
