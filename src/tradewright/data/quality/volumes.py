"""Rules about volume: none, far too much, or suddenly counted in another unit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tradewright.data.quality.findings import Spot, plural
from tradewright.data.quality.series import Floats, Series, daily_sums, runs

#: More than this many times the usual volume, and than its neighbours' tenfold share of it, is no trade.
_ABSURD, _ABSURD_BESIDE = 100_000.0, 1_000.0
#: Units differ by hundreds (lots), thousands, millions; log10 may be off by this.
_UNITS, _TOLERANCE = (2.0, 3.0, 4.0, 6.0), 0.3
#: Blocks of bars on either side of a change of unit, and the fewest bars of a block.
_SIDE, _LEAST_BLOCK = 4, 10


def zero(series: Series) -> list[Spot]:
    """Find runs of bars without volume."""
    starts, lengths = runs(series.volume == 0, 1)
    details = [f"{plural(n, 'bar')} without volume from here" for n in lengths.tolist()]
    return [Spot("zero_volume", "volume", starts, details, series.ends[starts + lengths - 1])]


def absurd(series: Series) -> list[Spot]:
    """Find single volumes a hundred thousand times the usual that their neighbours know nothing of."""
    volume = series.volume
    if len(volume) < 32:
        return []
    middle = float(np.median(volume[:: max(1, len(volume) // 10_000)]))
    if middle <= 0:
        return []
    at = np.flatnonzero(volume > _ABSURD * middle)
    beside = np.maximum(volume[np.maximum(at - 1, 0)], volume[np.minimum(at + 1, len(volume) - 1)])
    at = at[volume[at] > _ABSURD_BESIDE * beside]
    details = [f"volume {v:g} is {v / middle:,.0f} times the usual" for v in volume[at].tolist()]
    return [Spot("absurd_volume", "volume", at, details)]


def unit(series: Series) -> list[Spot]:
    """Find places where all volumes change by a factor of a hundred or more, for good.

    Volume is summed into blocks: trading days, or a two-hundredth of the bars where there are few days. The medians
    of four blocks before and after a block's edge are compared.
    """
    edges = _blocks(series)
    if len(edges) < 2 * _SIDE + 1:
        return []
    sums = daily_sums(series.volume, edges)
    per_bar = sums / np.diff(np.append(edges, len(series)))
    logs = np.log10(np.where(per_bar > 0, per_bar, np.nan))
    index, details = [], []
    jumps = _jumps(logs)
    while np.any(np.abs(jumps) > 0):
        block = int(np.argmax(np.abs(jumps)))
        row = _edge(series, int(edges[block - 1]), int(edges[block + 2]), float(jumps[block]))
        width = int(edges[block + 1] - edges[block])
        # Near by the level hardly drifts; farther off the hours of a day even out. Either may show the unit.
        step = min((_step(series, row, width * k) for k in (1, _SIDE)), key=_off_unit)
        jumps[max(0, block - _SIDE) : block + _SIDE + 1] = 0.0
        if _off_unit(step) > _TOLERANCE:
            continue
        more = "more" if step > 0 else "less"
        index.append(row)
        details.append(f"from here on volumes are about {10 ** abs(step):,.0f} times {more} than before")
    order = np.argsort(np.array(index, np.int64))
    found = np.array(index, np.int64)[order]
    ends = np.append(series.ts[found[1:]], series.ends[-1:]) if len(found) else found
    return [Spot("volume_unit", "volume", found, [details[int(i)] for i in order], ends)]


def _blocks(series: Series) -> NDArray[np.int64]:
    if len(series.days) >= 60 and len(series.days) < len(series):
        return series.days
    width = max(_LEAST_BLOCK, len(series) // 200)
    return np.arange(0, len(series) - width + 1, width, dtype=np.int64)


def _jumps(logs: Floats) -> Floats:
    """Return for each block the change of log10 volume across it, 0 where it is small or does not stay.

    The block itself is left out on both sides: the change may lie in its middle.
    """
    jumps = np.zeros(len(logs))
    if not np.isfinite(logs).any():
        return jumps
    filled = np.where(np.isfinite(logs), logs, np.nanmedian(logs))
    windows = np.lib.stride_tricks.sliding_window_view(filled, _SIDE)
    before, after = windows[: -_SIDE - 1], windows[_SIDE + 1 :]
    change = np.median(after, axis=1) - np.median(before, axis=1)
    # It must be a level: the two sides do not touch.
    apart = np.where(change > 0, after.min(axis=1) - before.max(axis=1), before.min(axis=1) - after.max(axis=1))
    jumps[_SIDE : len(logs) - _SIDE] = np.where((np.abs(change) > 1.4) & (apart > 0.0), change, 0.0)
    return jumps


def _off_unit(step: float) -> float:
    """Return how far a change of log10 volume is from that of a change of unit."""
    return min(abs(abs(step) - u) for u in _UNITS)


def _step(series: Series, row: int, width: int) -> float:
    """Return the change of log10 volume from the ``width`` traded bars before a row to those after."""
    before, after = series.volume[max(0, row - width) : row], series.volume[row : row + width]
    before, after = before[before > 0], after[after > 0]
    if len(before) == 0 or len(after) == 0:
        return 0.0
    return float(np.log10(np.median(after)) - np.log10(np.median(before)))


def _edge(series: Series, low: int, high: int, step: float) -> int:
    """Return the bar between ``low`` and ``high`` from which on volumes are of the other size."""
    logs = np.log10(np.maximum(series.volume[low:high], 1e-12))
    if len(logs) < 2:
        return low
    total = np.cumsum(logs - logs.mean())
    cut = int(np.argmin(total[:-1]) if step > 0 else np.argmax(total[:-1]))
    return low + cut + 1
