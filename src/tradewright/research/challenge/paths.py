"""Many accounts made of drawn days, sent through the phases of a challenge one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from tradewright.core.kernel.challenge_nb import (
    BALANCE,
    CLOSES_AT_TARGET,
    CUT,
    DAY,
    N_OUTCOMES,
    SKIPS_QUIET_DAYS,
    STATUS,
    STOPPED,
    TAKEN,
    walk_paths_nb,
)
from tradewright.core.types.errors import ConfigError
from tradewright.core.types.prop import RuleStatus
from tradewright.research.challenge.sample import DaySample, Replay
from tradewright.risk.prop.schema import RuleSet
from tradewright.risk.prop.watch import NONE, rule_record

Ints = NDArray[np.int64]
Days = NDArray[np.int32]
Records = NDArray[np.void]

#: Paths drawn with one generator; fixed, so that results do not depend on how many workers there are.
_CHUNK = 250
CURVES = 200
NOT_REACHED = -1  # status of a phase that a path did not come to


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase: its rules and the trader's own as records over made-up days."""

    rules: RuleSet
    record: Records  # prop_rule_dtype[1 + own]
    resets: Ints  # kept alive for the records

    @classmethod
    def of(
        cls, rules: RuleSet, initial: Decimal, horizon: int, sample: DaySample, own: Sequence[RuleSet] = ()
    ) -> Phase:
        """Return a phase of at most ``horizon`` days, in which the trader's ``own`` rule sets hold beside the firm's.

        Raises
        ------
        ConfigError
            If the rules have no profit target, or are for accounts of another size, or if own rules count other days.
        """
        resets = np.arange(1, horizon + 2, dtype=np.int64) * DAY
        for mine in own:
            if mine.clock not in (None, rules.clock):
                fix = f"Give `daily.reset` as {rules.id} has it; days are cut at one clock."
                raise ConfigError(f"its days end at another time than those of {rules.id}", where=mine.id, fix=fix)
        record = rule_record(rules, initial, resets)
        if record["target_micro"][0] == NONE:
            fix = "Simulate the phases before it; an account without a target cannot be passed."
            raise ConfigError("it has no profit target", where=rules.id, fix=fix)
        if rules.time_limit_days is not None:
            # the limit is in days of the calendar, a path's days are those on which the run had data
            share = len(sample) / sample.calendar_days
            record["time_limit_days"] = max(1, int(rules.time_limit_days * share))
        records = [rule_record(r, initial, resets if r.clock else resets[:0]) for r in own]
        return cls(rules, np.concatenate([record, *records]), resets)


@dataclass(frozen=True, slots=True)
class Draw:
    """How days are drawn: by blocks of mean length ``block``, ``horizon`` days a phase, from a ``seed``.

    ``world`` beside the seed tells draws apart that shall have nothing in common. With ``closes_at_target`` everything
    is closed at the first event at which that passes; without it the target counts only where the run itself was flat.
    """

    paths: int
    horizon: int
    block: float
    seed: int
    world: int = 0
    closes_at_target: bool = False

    @property
    def options(self) -> int:
        """For the compiled walk."""
        return SKIPS_QUIET_DAYS | (CLOSES_AT_TARGET if self.closes_at_target else 0)


@dataclass(frozen=True, slots=True)
class Curves:
    """Some paths of a phase, to look at: the first that came to it.

    Parameters
    ----------
    equity : ndarray of int64, [c, horizon + 1]
        At the beginning and after each day, in millionths; the last value is repeated.
    status, days : ndarray of int64, [c]
        As in `Outcomes`.
    """

    equity: Ints
    status: Ints
    days: Ints


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of each path.

    Parameters
    ----------
    status, days, balance : ndarray of int64, [phases, paths]
        `RuleStatus` or -1 where the phase was not reached; days taken; balance at the end in millionths.
    stopped, cut : ndarray of int64, [phases, paths]
        Days on which the trader's own rules stopped trading; resets before which positions were cut.
    curves : tuple of Curves
        Of each phase.
    """

    status: Ints
    days: Ints
    balance: Ints
    stopped: Ints
    cut: Ints
    curves: tuple[Curves, ...]

    @property
    def has_passed(self) -> NDArray[np.bool_]:
        """Which paths passed every phase, bool[paths]."""
        passed: NDArray[np.bool_] = self.status[-1] == int(RuleStatus.PASSED)
        return passed


def day_orders(days: int, draw: Draw, count: int, rng: np.random.Generator) -> Days:
    """Draw the days of ``count`` paths by the stationary bootstrap; i4[count, horizon]. The first follows the last.

    Politis and Romano, "The Stationary Bootstrap" (1994).
    """
    shape = (count, draw.horizon)
    is_start = rng.random(shape) < 1.0 / draw.block
    is_start[:, 0] = True
    origin = rng.integers(0, days, size=shape, dtype=np.int32)
    place = np.arange(draw.horizon, dtype=np.int32)
    began = np.maximum.accumulate(np.where(is_start, place, 0), axis=1)
    drawn: Days = (np.take_along_axis(origin, began, axis=1) + place - began) % days
    return drawn


def walk(phases: Sequence[Phase], replays: Sequence[Replay], draw: Draw, pool: ThreadPoolExecutor) -> Outcomes:
    """Walk every path through the phases; a path begins a phase only if it passed the one before.

    Parameters
    ----------
    phases, replays : sequence
        As many of one as of the other, with as many days in each replay.
    draw : Draw
        Equal draws give equal paths, whatever is replayed.
    pool : ThreadPoolExecutor
        The result does not depend on its size.
    """
    starts = range(0, draw.paths, _CHUNK)
    parts = list(pool.map(lambda start: _chunk(phases, replays, draw, start), starts))
    table = np.concatenate([part for part, _ in parts], axis=1)
    curves = tuple(_joined([c[k] for _, c in parts]) for k in range(len(phases)))
    status, days, balance, stopped, cut = (table[..., n] for n in (STATUS, TAKEN, BALANCE, STOPPED, CUT))
    return Outcomes(status, days, balance, stopped, cut, curves)


def _joined(parts: Sequence[Curves]) -> Curves:
    columns = ([p.equity for p in parts], [p.status for p in parts], [p.days for p in parts])
    return Curves(*(np.concatenate(c)[:CURVES] for c in columns))


def _chunk(phases: Sequence[Phase], replays: Sequence[Replay], draw: Draw, start: int) -> tuple[Ints, list[Curves]]:
    count = min(_CHUNK, draw.paths - start)
    table = np.zeros((len(phases), count, N_OUTCOMES), np.int64)
    table[..., STATUS] = NOT_REACHED
    curves = []
    alive = np.arange(count)
    for k, (phase, replay) in enumerate(zip(phases, replays, strict=True)):
        rng = np.random.default_rng([draw.seed, draw.world, k, start])
        orders = day_orders(len(replay.days), draw, count, rng)[alive]
        found = np.zeros((len(alive), N_OUTCOMES), np.int64)
        shown = np.zeros((min(len(alive), CURVES), draw.horizon + 1), np.int64)
        walk_paths_nb(phase.record, replay.rows, replay.days, orders, draw.options, found, shown)
        table[k, alive] = found
        curves.append(Curves(shown, found[: len(shown), STATUS], found[: len(shown), TAKEN]))
        alive = alive[found[:, STATUS] == int(RuleStatus.PASSED)]
    return table, curves


def with_days(replay: Replay, order: Ints) -> Replay:
    """Return a replay whose days are some of this one's, in another order, perhaps several times."""
    return Replay(replay.rows, replay.days[order])
