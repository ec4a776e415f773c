"""A challenge simulation as figures of evidence, which a gate can name."""

from __future__ import annotations

import math
from dataclasses import replace

from tradewright.core.types.evidence import Figure, exact
from tradewright.research.challenge.study import SCENARIOS, ChallengeResult, Scenario

SCOPE = "challenge"
#: Names of the figures of the scenarios beside the headline.
_NAMES = {
    "closes only": "closes_only",
    "costs x2": "costs_x2",
    "edge - 1 SE": "edge_less_one_se",
    "no edge": "no_edge",
}


def challenge_figures(result: ChallengeResult, trials: int = 1) -> tuple[Figure, ...]:
    """Return the figures of a simulation, all of the scope ``challenge``.

    ``challenge.pass_probability`` carries the interval of the number of paths; that of the days that were drawn from
    stands apart in ``challenge.pass_probability.worlds``. ``trials`` are the configurations tried before the run.
    """
    head = result.headline
    method = f"{SCENARIOS[head.name]}; days drawn in blocks of {result.block:.1f} of {result.sample_days}; Wilson"
    found = [
        replace(_share("challenge.pass_probability", head, method), trials=trials),
        exact("challenge.trials", trials, SCOPE, "configurations tried before this one was simulated"),
        exact("challenge.violations", result.violations, SCOPE, "breaches on the run's own days in their own order"),
    ]
    found += [
        _share(f"challenge.pass_probability.{_NAMES[s.name]}", s, SCENARIOS[s.name]) for s in result.scenarios[1:]
    ]
    if result.worlds is not None:
        w = result.worlds
        method = f"{w.n} samples of {result.sample_days} days drawn anew, {w.paths} paths each; 95 % of them"
        name = "challenge.pass_probability.worlds"
        found.append(Figure(name, w.median, w.low, w.high, n=result.sample_days, scope=SCOPE, method=method))
    if head.days_to_pass:
        low, middle, high = head.days_to_pass
        method = "median days to pass all phases, and the 10th and 90th percentile"
        found.append(Figure("challenge.days_to_pass", middle, low, high, n=head.passed, scope=SCOPE, method=method))
    if result.expected is not None:
        value = result.expected
        method = "payout times pass probability, less the fee"
        found.append(
            Figure(
                "challenge.expected_value", value.value, value.low, value.high, n=head.paths, scope=SCOPE, method=method
            )
        )
    if math.isfinite(result.break_even):
        method = "payout at which a try is worth its fee"
        found.append(exact("challenge.break_even_payout", result.break_even, SCOPE, method))
    return tuple(found)


def _share(name: str, scenario: Scenario, method: str) -> Figure:
    return Figure(name, scenario.probability, scenario.low, scenario.high, n=scenario.paths, scope=SCOPE, method=method)
