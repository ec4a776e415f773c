"""A challenge by many paths: how likely it is passed, how sure that is, and what it rests on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from tradewright.analytics.bootstrap import automatic_block_length
from tradewright.analytics.equity_path import EquityPath
from tradewright.analytics.joint_bootstrap import resampled_sums
from tradewright.analytics.wilson import wilson_interval
from tradewright.core.kernel.challenge_nb import N_OUTCOMES, STATUS, TAKEN, walk_paths_nb
from tradewright.core.types.errors import DataError, UsageError
from tradewright.core.types.prop import AccountFlag, RuleStatus
from tradewright.research.challenge.paths import NOT_REACHED, Curves, Draw, Outcomes, Phase, day_orders, walk, with_days
from tradewright.research.challenge.sample import DaySample, Replay
from tradewright.risk.prop.schema import RuleSet
from tradewright.risk.prop.watch import micro

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

#: Fewest days a block lasts on average: positions held overnight then keep most of their nights.
_SHORTEST_BLOCK = 5.0
_RESAMPLES = 1_000
#: Ways of replaying the days, and what each means.
SCENARIOS = {
    "adverse": "worst order of prices inside each bar, the run's own costs",
    "closes only": "nothing happens between two closes: the bound on the other side",
    "costs x2": "every commission, spread and slippage paid twice",
    "edge - 1 SE": "the mean result of a day lowered by its standard error",
    "no edge": "the same trades with their mean taken out: luck alone",
}
_BREACHES = (int(RuleStatus.DAILY_LOSS), int(RuleStatus.MAX_LOSS))


@dataclass(frozen=True, slots=True)
class ChallengeParams:
    """How a challenge is simulated.

    Parameters
    ----------
    initial : Decimal
        Size of the account.
    size : float
        Positions as multiples of the run's.
    paths : int
        Of each scenario.
    days : int
        Most days of a phase; who has neither passed nor failed by then counts as not passed.
    block : float
        Mean days of a block; 0: chosen from the run, at least 5.
    seed : int
        Equal inputs and seeds give equal results.
    worlds, world_paths : int
        Samples of days drawn anew, and paths in each, for the uncertainty of the model.
    fee, payout : Decimal, optional
        What a try costs, and what passing is worth (a fee that is paid back included).
    closes_at_target : bool
        Close everything once equity is at the target; without it the target counts only where the run was flat.
    workers : int
        Threads; the result does not depend on it.
    """

    initial: Decimal
    size: float = 1.0
    paths: int = 10_000
    days: int = 250
    block: float = 0.0
    seed: int = 0
    worlds: int = 40
    world_paths: int = 500
    fee: Decimal | None = None
    payout: Decimal | None = None
    closes_at_target: bool = False
    workers: int = 2

    def __post_init__(self) -> None:
        """Refuse what cannot be simulated.

        Raises
        ------
        UsageError
            Names the parameter.
        """
        for name, least, most in (("paths", 100, 10**6), ("days", 1, 5_000), ("worlds", 0, 1_000), ("seed", 0, 2**32)):
            if not least <= getattr(self, name) <= most:
                what = f"{name} is {getattr(self, name)}"
                raise UsageError(what, where=name, fix=f"Give {least:,} to {most:,}.")
        if not 0.0 < self.size <= 1_000.0:
            raise UsageError(
                f"size is {self.size:g}", where="size", fix="Give a multiple above 0, 1 for the run's own."
            )
        if self.block != 0.0 and not 1.0 <= self.block <= 1_000:
            raise UsageError(f"block is {self.block:g}", where="block", fix="Give 1 to 1,000 days, or leave it out.")


@dataclass(frozen=True, slots=True)
class PhaseCount:
    """How often a phase was begun and how it ended; ``undecided`` had neither passed nor failed after the last day."""

    id: str
    begun: int
    passed: int
    daily_loss: int
    max_loss: int
    time_limit: int
    undecided: int


@dataclass(frozen=True, slots=True)
class Scenario:
    """One way of replaying the days, and how often all phases were passed.

    ``low`` and ``high`` are Wilson's bounds for the number of paths. ``days_to_pass`` are the 10th, 50th and 90th
    percentile of the days of the paths that passed, all phases together; empty where none did. ``stopped`` and ``cut``
    are paths on which the trader's own rules stopped trading, or positions were cut before a reset.
    """

    name: str
    paths: int
    passed: int
    low: float
    high: float
    phases: tuple[PhaseCount, ...]
    days_to_pass: tuple[float, ...]
    stopped: int = 0
    cut: int = 0

    @property
    def probability(self) -> float:
        """Share of the paths that passed."""
        return self.passed / self.paths


@dataclass(frozen=True, slots=True)
class Worlds:
    """Pass probability over samples of days drawn anew: 2.5 %, 50 % and 97.5 % of them."""

    n: int
    paths: int
    low: float
    median: float
    high: float


@dataclass(frozen=True, slots=True)
class Value:
    """Money expected of a try, with the bounds that those of the pass probability give."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ChallengeResult:
    """What a challenge simulation found.

    Parameters
    ----------
    scenarios : tuple of Scenario
        The first is the headline: adverse order inside bars, the run's own costs.
    worlds : Worlds or None
        Uncertainty of the model: what other samples of as many days would have said.
    violations : int
        Breaches when the run's own days are walked in their own order, beginning anew after each end.
    sample_days : int
        Days drawn from.
    open_share : float
        Share of the run's events after which a position was open.
    daily_mean, daily_error : float
        Mean result of a day and its standard error, as shares of the account.
    expected : Value or None
        After the fee; None where fee or payout is not known. ``break_even`` is the payout at which it is zero.
    curves : tuple of Curves
        Of each phase of the headline.
    """

    rules: tuple[RuleSet, ...]
    own: tuple[RuleSet, ...]
    params: ChallengeParams
    block: float
    sample_days: int
    calendar_days: int
    daily_mean: float
    daily_error: float
    scenarios: tuple[Scenario, ...]
    worlds: Worlds | None
    violations: int
    open_share: float
    expected: Value | None
    break_even: float
    curves: tuple[Curves, ...]

    @property
    def headline(self) -> Scenario:
        """The first scenario."""
        return self.scenarios[0]


def challenge(
    path: EquityPath | Sequence[EquityPath],
    rules: Sequence[RuleSet],
    params: ChallengeParams,
    progress: Callable[[int], None] = lambda _steps: None,
    own: Sequence[RuleSet] = (),
) -> ChallengeResult:
    """Simulate a challenge with the days of a run.

    Parameters
    ----------
    path : EquityPath or sequence of EquityPath
        The run, or one for each phase where phases forbid different things (`keeping.keep`).
    rules : sequence of RuleSet
        The phases, in order.
    params : ChallengeParams
        How.
    progress : callable
        Is told of each of ``len(SCENARIOS) + params.worlds`` steps when it is done.
    own : sequence of RuleSet
        The trader's own, which hold in every phase beside the firm's.

    Raises
    ------
    DataError
        If the run has no trade or too few days.
    ConfigError
        If a phase has no profit target or is for accounts of another size.
    """
    paths = [path] * len(rules) if isinstance(path, EquityPath) else path
    if not all(p.is_active.any() for p in paths):
        fix = "Check the strategy with `tradewright report`."
        raise DataError("the run made no trade, so there is nothing to simulate", where="run", fix=fix)
    initial = micro(params.initial)
    samples = [DaySample.of(p, r.clock, initial, params.size) for p, r in zip(paths, rules, strict=True)]
    phases = [Phase.of(r, params.initial, params.days, s, own) for r, s in zip(rules, samples, strict=True)]
    results = samples[0].results / initial
    block = params.block or max(_SHORTEST_BLOCK, automatic_block_length(results))
    draw = Draw(params.paths, params.days, block, params.seed, closes_at_target=params.closes_at_target)
    error = _standard_error(results, block, params.seed)
    with ThreadPoolExecutor(params.workers) as pool:
        scenarios: list[Scenario] = []
        curves: tuple[Curves, ...] = ()
        for name, replays in _variants(samples, error * initial):
            outcomes = walk(phases, replays, draw, pool)
            scenarios.append(_scenario(name, outcomes, phases))
            curves = curves or outcomes.curves
            progress(1)
        plain = [s.replay() for s in samples]
        worlds = _worlds(phases, plain, draw, params, pool, progress)
    return ChallengeResult(
        rules=tuple(rules),
        own=tuple(own),
        params=params,
        block=block,
        sample_days=len(samples[0]),
        calendar_days=samples[0].calendar_days,
        daily_mean=float(results.mean()),
        daily_error=error,
        scenarios=tuple(scenarios),
        worlds=worlds,
        violations=sum(_violations(p, s, draw) for p, s in zip(phases, plain, strict=True)),
        open_share=float(np.mean(paths[0].flags & int(AccountFlag.IS_OPEN) != 0)),
        expected=_expected(scenarios[0], params),
        break_even=_break_even(scenarios[0], params),
        curves=curves,
    )


def _standard_error(results: Floats, block: float, seed: int) -> float:
    """Return the standard error of the mean day by the block bootstrap."""
    sums = resampled_sums(results[:, None], block, _RESAMPLES, np.random.default_rng([seed, 0]))
    return float(sums.std() / len(results))


def _variants(samples: Sequence[DaySample], error_micro: float) -> Iterator[tuple[str, list[Replay]]]:
    """Yield the days of each scenario, in the order of `SCENARIOS`."""
    charges: tuple[Callable[[DaySample], Floats | None], ...] = (
        lambda _: None,
        lambda _: None,
        lambda s: s.cost.astype(np.float64),
        lambda s: _spread(s, error_micro),
        lambda s: _spread(s, float(s.results.mean())),
    )
    for number, (name, charge) in enumerate(zip(SCENARIOS, charges, strict=True)):
        yield name, [s.replay(charge(s), closes_only=number == 1) for s in samples]


def _spread(sample: DaySample, a_day: float) -> Floats:
    """Return an amount a day as a charge on the rows at which the run was in the market."""
    charge: Floats = sample.is_active * (a_day * len(sample) / np.count_nonzero(sample.is_active))
    return charge


def _scenario(name: str, outcomes: Outcomes, phases: Sequence[Phase]) -> Scenario:
    paths, passed = outcomes.status.shape[1], int(outcomes.has_passed.sum())
    low, high = wilson_interval(passed, paths)
    days = np.where(outcomes.status != NOT_REACHED, outcomes.days, 0).sum(axis=0)[outcomes.has_passed]
    quantiles = np.quantile(days, (0.1, 0.5, 0.9), method="inverted_cdf") if passed else ()
    counts = tuple(_count(p.rules.id, status) for p, status in zip(phases, outcomes.status, strict=True))
    return Scenario(
        name,
        paths,
        passed,
        low,
        high,
        counts,
        tuple(float(q) for q in quantiles),
        *(int(np.count_nonzero(n.any(axis=0))) for n in (outcomes.stopped, outcomes.cut)),
    )


def _count(name: str, status: Ints) -> PhaseCount:
    of = {kind: int((status == int(kind)).sum()) for kind in RuleStatus}
    begun = int((status != NOT_REACHED).sum())
    undecided = of[RuleStatus.RUNNING] + of[RuleStatus.PAUSED_BY_DAILY_LOSS] + of[RuleStatus.PAUSED_BY_MAX_LOSS]
    return PhaseCount(
        id=name,
        begun=begun,
        passed=of[RuleStatus.PASSED],
        daily_loss=of[RuleStatus.DAILY_LOSS],
        max_loss=of[RuleStatus.MAX_LOSS],
        time_limit=of[RuleStatus.TIME_LIMIT],
        undecided=undecided,
    )


def _worlds(
    phases: Sequence[Phase],
    replays: Sequence[Replay],
    draw: Draw,
    params: ChallengeParams,
    pool: ThreadPoolExecutor,
    progress: Callable[[int], None],
) -> Worlds | None:
    """Repeat the simulation with samples of days drawn anew from the run's, each as long as the run."""
    if params.worlds == 0:
        return None
    found = []
    for world in range(1, params.worlds + 1):
        drawn = []
        for replay in replays:  # phases with the same days see the same world
            n = len(replay.days)
            rng = np.random.default_rng([draw.seed, world])
            order = day_orders(n, Draw(1, n, draw.block, draw.seed), 1, rng)[0]
            drawn.append(with_days(replay, order))
        outcomes = walk(phases, drawn, replace(draw, paths=params.world_paths, world=world), pool)
        found.append(float(outcomes.has_passed.mean()))
        progress(1)
    low, median, high = np.quantile(found, (0.025, 0.5, 0.975), method="inverted_cdf")
    return Worlds(params.worlds, params.world_paths, float(low), float(median), float(high))


def _violations(phase: Phase, replay: Replay, draw: Draw) -> int:
    """Count breaches over the days in their own order, beginning anew after each end."""
    start, breaches = 0, 0
    none = np.zeros((0, 1), np.int64)
    while start < len(replay.days):
        order = np.arange(start, min(start + draw.horizon, len(replay.days)), dtype=np.int32)[None]
        found = np.zeros((1, N_OUTCOMES), np.int64)
        walk_paths_nb(phase.record, replay.rows, replay.days, order, draw.options, found, none)
        breaches += int(found[0, STATUS] in _BREACHES)
        start += max(int(found[0, TAKEN]), 1)
    return breaches


def _expected(headline: Scenario, params: ChallengeParams) -> Value | None:
    if params.fee is None or params.payout is None:
        return None
    fee, payout = float(params.fee), float(params.payout)
    return Value(*(share * payout - fee for share in (headline.probability, headline.low, headline.high)))


def _break_even(headline: Scenario, params: ChallengeParams) -> float:
    """Return the payout at which the expected value is zero; NaN without a fee, infinity where nobody passes."""
    if params.fee is None:
        return math.nan
    return float(params.fee) / headline.probability if headline.passed else math.inf
