"""A run as it would have been under rules about news, weekends and stops: what they forbid is taken out of it.

An account is looked at as a whole. A spell begins where a position is opened and ends where the account is flat or the
next one is opened; a spell that may not begin is taken out, one that may not go on ends at the close before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tradewright.analytics.equity_path import AccountRun, EquityPath
from tradewright.core.kernel import codes as c
from tradewright.core.types.prop import AccountFlag
from tradewright.risk.prop.schema import News, RuleSet
from tradewright.risk.prop.windows import news_windows

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: A longer silence between two events is a closed market: a weekend or a holiday.
_LONGEST_GAP_NS = 24 * 3_600_000_000_000
_OPEN, _OPENED = int(AccountFlag.IS_OPEN), int(AccountFlag.OPENED)


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What a run tells beside its equity path.

    Parameters
    ----------
    risk : ndarray of float64, [n]
        Share of equity lost at the stops of what was opened at each stamp; infinite where one has no stop.
    news : ndarray of int64, [m], optional
        Times of the firm's news events, ns UTC; None where nobody knows them.
    """

    risk: Floats
    news: Ints | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """A path that keeps to the rules, and what was changed for that, in words."""

    path: EquityPath
    told: tuple[str, ...]


def record_of(run: AccountRun, path: EquityPath, news: Ints | None = None) -> RunRecord:
    """Return what the rules need to know about a run."""
    fills, orders = run.fills, run.orders
    before = fills["position_lots"] - fills["side"] * fills["lots"]
    is_opening = (fills["position_lots"] != 0) & (np.sign(fills["position_lots"]) != np.sign(before))
    place = {int(order): k for k, order in enumerate(orders["id"])}
    risk = np.zeros(len(path))
    rows = np.searchsorted(path.stamps, fills["ts_seen"])
    for fill, row in zip(fills[is_opening], rows[is_opening].tolist(), strict=True):
        if row < len(path):
            order = orders[place[int(fill["order"])]]
            value = abs(int(fill["position_lots"])) * abs(int(fill["cash_micro"])) / int(fill["lots"])
            risk[row] += _stop_share(order, float(fill["price"])) * value / max(int(path.equity[row]), 1)
    return RunRecord(risk, news)


def _stop_share(order: np.void, price: float) -> float:
    """Return how far the stop of an entry is from its price, as a share; infinite without one."""
    is_fraction = int(order["attach_unit"]) == c.FRACTION
    stop, trail = float(order["stop_loss"]), float(order["trail_protect"])
    if not np.isnan(stop):
        return stop if is_fraction else abs(price - stop) / price
    if not np.isnan(trail):
        return trail if is_fraction else trail / price
    return np.inf


def keep(path: EquityPath, rules: RuleSet, record: RunRecord) -> Kept:
    """Take out of a run what a rule set's news windows, flat weekends and stop rule forbid, where that is known."""
    told = []
    opened = path.flags & _OPENED != 0
    barred = np.zeros(len(path), np.bool_)
    if isinstance(rules.news, News) and "open" in rules.news.applies_to and record.news is not None:
        late = opened & _overlaps(path.stamps, rules.news, record.news)
        told.append(f"news windows ({np.count_nonzero(late):,} entries left out)")
        barred |= late
    if rules.stop_loss_required is not None:
        bare = opened & (record.risk > float(rules.stop_loss_required.max_risk_pct))
        told.append(f"the stop-loss rule ({np.count_nonzero(bare):,} entries left out)")
        barred |= bare
    found = _without(path, barred) if barred.any() else path
    if rules.weekend == "flat_before_close":
        last = np.append(np.diff(path.stamps) > _LONGEST_GAP_NS, False) & (found.flags & _OPEN != 0)
        told.append(f"flat weekends ({np.count_nonzero(last):,} positions closed before one)")
        found = _closed(found, last) if last.any() else found
    return Kept(found, tuple(told))


def not_kept(rules: RuleSet, record: RunRecord) -> tuple[str, ...]:
    """Name what of a rule set's windows cannot be simulated."""
    if not isinstance(rules.news, News):
        return ()
    if record.news is None:
        return ("news windows",)
    others = [action for action in rules.news.applies_to if action != "open"]
    return (f"news windows for {', '.join(others)}",) if others else ()


def _overlaps(stamps: Ints, news: News, events: Ints) -> Flags:
    """Tell which events of the run, each with the time since the one before it, touch a window."""
    windows = news_windows(news, events)
    began = np.append(stamps[0], stamps[:-1])
    at = np.searchsorted(windows["end"], began, side="right")  # the first window that ends later
    found: Flags = at < len(windows)
    found[found] = windows["start"][at[found]] <= stamps[found]
    return found


def _spells(path: EquityPath) -> Ints:
    """Return the number of the spell each row belongs to; 0 before the first."""
    return np.cumsum(path.flags & _OPENED != 0)


def _without(path: EquityPath, barred: Flags) -> EquityPath:
    """Take out the spells that begin at the given rows."""
    spell = _spells(path)
    return _cut(path, np.isin(spell, spell[barred]), np.zeros(len(path), np.int64))


def _closed(path: EquityPath, last: Flags) -> EquityPath:
    """End spells after the first of the given rows in each; the exit costs what the entry did."""
    spell, rows = _spells(path), np.arange(len(path))
    ends = np.full(int(spell[-1]) + 1, len(path))
    np.minimum.at(ends, spell[last], rows[last])
    begins = np.append(0, np.flatnonzero(path.flags & _OPENED != 0))
    closing = np.zeros(len(path), np.int64)
    is_ended = ends < len(path)
    closing[ends[is_ended]] = path.cost[begins[is_ended]]
    found = _cut(path, rows > ends[spell], closing)
    at = ends[is_ended]
    flags, floating = found.flags.copy(), found.floating.copy()
    flags[at] &= ~_OPEN
    floating[at] = 0
    return replace(found, flags=flags, floating=floating)


def _cut(path: EquityPath, out: Flags, charge: Ints) -> EquityPath:
    """Return the path without what happened in some rows, and with charges (millionths) at others."""
    change = np.where(out, 0, np.diff(path.equity, prepend=path.initial)) - charge
    equity = path.initial + np.cumsum(change)

    def kept(amounts: Ints) -> Ints:
        return np.where(out, 0, amounts)

    return replace(
        path,
        equity=equity,
        floating=kept(path.floating),
        low=equity + kept(path.low - path.equity),
        high=equity + kept(path.high - path.equity),
        flags=kept(path.flags),
        is_active=path.is_active & ~out,
        cost=kept(path.cost) + charge,
    )
