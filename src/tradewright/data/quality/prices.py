"""Rules about prices: excursions that come back, prices that stand still, jumps that look like splits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradewright.data.quality.findings import Spot, plural
from tradewright.data.quality.series import Floats, Series, daily_sums, runs
from tradewright.data.slices import ROWS, slices

#: Equal flat bars in a row that look like a stuck feed; equal bars with equal volume are less likely by chance.
FROZEN_BARS, FROZEN_COPIES = 10, 5
#: A close this many robust deviations from both neighbours is a spike; wicks are common and need more.
SPIKE_DEVIATIONS, WICK_DEVIATIONS = 15.0, 60.0
#: On volume this many times the usual, real trade stands behind a move, and it must be this much larger.
_BIG_VOLUME, _BIG_VOLUME_FACTOR = 5.0, 3.0
_BLOCK = 512

#: New shares for one old one. Between 4/5 and 5/4 lie ordinary nights; the rest is what companies do.
SPLIT_RATIOS = (
    5 / 4,
    4 / 3,
    3 / 2,
    2.0,
    5 / 2,
    3.0,
    4.0,
    5.0,
    6.0,
    7.0,
    8.0,
    10.0,
    15.0,
    20.0,
    25.0,
    30.0,
    50.0,
    100.0,
)
#: Log distance of a night's ratio from a split's, in robust deviations of nights, and its bounds.
_SPLIT_DEVIATIONS, _SPLIT_LEAST, _SPLIT_MOST = 4.0, 0.02, 0.08
#: As close as this to two for one or more, the money traded is witness enough: volume ebbs and flows by itself.
_SPLIT_EXACT = 0.012
#: A split leaves the money traded where it was; a day with this many times the usual is news.
_SPLIT_TURNOVER = 3.5
#: Trading days looked at on either side of a suspected split.
_SPLIT_DAYS = 10


def spikes(series: Series) -> list[Spot]:
    """Find closes far from both neighbours, and wicks far from the bar's body.

    Distances are measured in robust deviations: 1.4826 x the median absolute log return of 512 bars, at
    least half of that of the whole series. A move that stays is news, not a spike; on five times the usual volume
    an excursion needs three times the size.
    """
    if len(series) < 32:
        return []
    back = _log_returns(series.close)
    scale = _scale(back)
    alone, above = _excursions(back, scale)
    tall, height = _wicks(series, scale)
    at = np.union1d(alone, tall)
    score = np.zeros(len(at))
    score[np.searchsorted(at, alone)] = above
    score[np.isin(at, tall)] = np.maximum(score[np.isin(at, tall)], height)
    share = _volume_share(series, at)
    need = np.where(score > WICK_DEVIATIONS, WICK_DEVIATIONS, SPIKE_DEVIATIONS) * _BIG_VOLUME_FACTOR
    kept = (share <= _BIG_VOLUME) | (score > need) | np.isnan(share)
    at, share, score = at[kept], share[kept], score[kept]
    details = [
        f"stands {s:.0f} robust deviations away from its neighbours"
        + ("" if np.isnan(v) else f", on {v:.2g} times the usual volume")
        for s, v in zip(score.tolist(), share.tolist(), strict=True)
    ]
    return [Spot("spike", "close", at, details)]


def _log_returns(close: Floats) -> Floats:
    """Return the log return of each close from the one before, f8[n]; 0 for the first."""
    back = np.zeros(len(close))
    for rows in slices(len(close) - 1):
        logs = np.log(close[rows.start : rows.stop + 1])
        np.subtract(logs[1:], logs[:-1], out=back[rows.start + 1 : rows.stop + 1])
    return back


@dataclass(frozen=True, slots=True)
class _Scale:
    """Robust deviations of blocks of ``width`` returns; the last holds for what is left over."""

    blocks: Floats
    width: int

    @property
    def least(self) -> float:
        """The smallest: what is not far by this one is far nowhere."""
        return float(self.blocks.min())

    def around(self, index: NDArray[np.int64]) -> Floats:
        """Return the deviation around each position, f8[k]."""
        found: Floats = self.blocks[np.minimum(index // self.width, len(self.blocks) - 1)]
        return found


def _excursions(back: Floats, scale: _Scale) -> tuple[NDArray[np.int64], Floats]:
    """Return which bars' closes go far and come back with the next, and how far in robust deviations."""
    least = SPIKE_DEVIATIONS * scale.least
    far = _where(len(back) - 1, lambda rows: np.abs(back[rows]) > least)
    there, again, deviation = back[far], back[far + 1], scale.around(far)
    size = np.minimum(np.abs(there), np.abs(again))
    # A sum this small needs opposite signs: away and back.
    is_spike = (size > SPIKE_DEVIATIONS * deviation) & (np.abs(there + again) <= 0.35 * np.abs(there))
    return far[is_spike], size[is_spike] / deviation[is_spike]


def _wicks(series: Series, scale: _Scale) -> tuple[NDArray[np.int64], Floats]:
    """Return bars whose high or low stands far out, and how far in robust deviations.

    The body reaches from the close before to the open after: a move that goes on is no wick.
    """
    opens, highs, lows, closes = series.open, series.high, series.low, series.close
    # In parts of the price first; logarithms, which are smaller, only of the few that are far.
    factor = 1.0 + 0.9 * WICK_DEVIATIONS * scale.least
    at = _where(len(series), lambda rows: highs[rows] > factor * lows[rows])
    at = at[(at > 0) & (at < len(series) - 1)]
    around = np.stack([opens[at], closes[at], closes[at - 1], opens[at + 1]])
    top, bottom = around.max(axis=0), around.min(axis=0)
    size = np.maximum(np.log(highs[at] / top), np.log(bottom / lows[at])) / scale.around(at)
    far = size > WICK_DEVIATIONS
    return at[far], size[far]


def _where(count: int, look: Callable[[slice], NDArray[np.bool_]]) -> NDArray[np.int64]:
    """Return the positions at which a condition on slices of ``count`` rows holds, i8[k]."""
    return np.concatenate([np.flatnonzero(look(rows)) + rows.start for rows in slices(count)])


def _scale(back: Floats) -> _Scale:
    blocks = max(1, len(back) // _BLOCK)
    width = len(back) // blocks
    middle, medians = width // 2, []
    for rows in slices(blocks * width, max(1, ROWS // width) * width):
        # The median of each block; numpy parts rows at one place four times faster than `np.median` does.
        size = np.abs(back[rows]).reshape(-1, width)
        size.partition(middle, axis=1)
        upper = size[:, middle]
        medians.append(upper if width % 2 else (size[:, :middle].max(axis=1) + upper) / 2)
    local = np.concatenate(medians)
    mean = sum(float(np.abs(back[rows]).sum()) for rows in slices(len(back))) / len(back)
    whole = max(float(np.median(local)), mean / 4, 1e-12)
    return _Scale(1.4826 * np.maximum(local, 0.5 * whole), width)


def _volume_share(series: Series, at: NDArray[np.int64]) -> Floats:
    """Return volume as a multiple of the median of the 200 bars around, f8[k]; NaN where there is none."""
    share = np.full(len(at), np.nan)
    for number, row in enumerate(at.tolist()):
        around = series.volume[max(0, row - 100) : row + 101]
        middle = float(np.median(around))
        if middle > 0:
            share[number] = series.volume[row] / middle
    return share


def frozen(series: Series) -> list[Spot]:
    """Find runs of bars that repeat all four prices of the one before; five are enough where volume repeats too."""
    close, same = series.close, np.zeros(len(series), np.bool_)
    same[1:] = close[1:] == close[:-1]
    # Most prices move: look closer only where the close stood still long enough.
    starts, lengths = runs(same, FROZEN_COPIES - 1)
    found: list[tuple[int, int]] = []
    for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
        bars = slice(start - 1, start + length)
        high, low, opens, volume = series.high[bars], series.low[bars], series.open[bars], series.volume[bars]
        # A flat bar says by itself that nothing moved; its open may differ from the close before.
        still = (high[1:] == low[1:]) | ((high[1:] == high[:-1]) & (low[1:] == low[:-1]) & (opens[1:] == opens[:-1]))
        begins, counts = runs(still, FROZEN_COPIES - 1)
        for begin, count in zip(begins.tolist(), counts.tolist(), strict=True):
            repeats = volume[begin + 1 : begin + count + 1] == volume[begin : begin + count]
            if count >= FROZEN_BARS - 1 or (repeats.all() and volume[begin] > 0):
                found.append((start - 1 + begin, count + 1))
    index = np.array([s for s, _ in found], np.int64)
    details = [f"price does not move for {plural(n, 'bar')} from here" for _, n in found]
    ends = series.ends[np.array([s + n - 1 for s, n in found], np.int64)] if found else index
    return [Spot("frozen_price", "close", index, details, ends)]


def splits(series: Series) -> list[Spot]:
    """Find nights over which the price changed by a ratio that splits have, with volume to match, for good.

    A night is the step from one trading day to the next. The ratio must lie close to n new shares for m old ones;
    the shares traded must change the other way while the money traded stays usual; and the closes after must stay.
    """
    first = series.days
    if len(first) < 8:
        return []
    night = np.full(len(first), 0.0)
    night[1:] = np.log(series.open[first[1:]] / series.close[first[1:] - 1])
    candidates = np.flatnonzero(np.abs(night) > np.log(SPLIT_RATIOS[0]) - _SPLIT_LEAST)
    if len(candidates) == 0:
        return []
    deviation = 1.4826 * float(np.median(np.abs(night)))
    shares, money = daily_sums(series.volume, first), daily_sums(series.volume * series.close, first)
    last = np.append(first[1:], len(series)) - 1
    closes = np.log(series.close[last])
    logs = np.log(np.array(SPLIT_RATIOS))
    index, details = [], []
    for day in candidates.tolist():
        jump = float(night[day])
        nearest = int(np.argmin(np.abs(logs - abs(jump))))
        distance = abs(float(logs[nearest]) - abs(jump))
        # Small ratios lie close together; there a split must be met better.
        most = _SPLIT_MOST if SPLIT_RATIOS[nearest] >= 2 else _SPLIT_LEAST
        if distance > min(max(_SPLIT_DEVIATIONS * deviation, _SPLIT_LEAST), most):
            continue
        stays = float(np.median(closes[day : day + 5])) - float(closes[day - 1])
        is_exact = SPLIT_RATIOS[nearest] >= 2 and distance <= _SPLIT_EXACT
        if abs(stays - jump) > 0.35 * abs(jump) or not _is_volume_of_split(shares, money, day, 0 if is_exact else jump):
            continue
        index.append(int(first[day]))
        details.append(_split_text(jump, SPLIT_RATIOS[nearest]))
    return [Spot("split", "open", np.array(index, np.int64), details)]


def _is_volume_of_split(shares: Floats, money: Floats, day: int, jump: float) -> bool:
    """Return whether shares traded changed opposite to ``jump`` (0: no matter), and the money traded did not."""
    before = slice(max(0, day - _SPLIT_DAYS), day)
    usual_shares, usual_money = float(np.median(shares[before])), float(np.median(money[before]))
    if usual_shares <= 0:
        return not shares.any()  # nothing is known; the price alone must do
    after = float(np.median(shares[day : day + _SPLIT_DAYS]))
    change = np.log(max(after, 1e-12) / usual_shares)
    is_opposite = jump == 0 or -np.sign(jump) * change > 0.35 * abs(jump)
    return bool(is_opposite and money[day] < _SPLIT_TURNOVER * usual_money)


def _split_text(jump: float, ratio: float) -> str:
    new, old = next((round(ratio * o), o) for o in (1, 2, 3, 4) if abs(ratio * o - round(ratio * o)) < 1e-9)
    words = f"{new}:{old}" if jump < 0 else f"{old}:{new} (reverse)"
    return f"the price opens at {np.exp(jump):.4f} of the close before and stays: looks like a split {words}"
