"""One word for all the figures about a model, by rules that were fixed before anybody saw them.

========================  =============================================================================================
word                      rule, the first that holds
========================  =============================================================================================
leaking                   a leak was found: no other figure means anything
not enough evidence       no leak detector ran, or under 100 effective forecasts, or no Sharpe ratio after costs
no edge found             neither the accuracy's edge over the better naive baseline has an interval above zero, nor is
                          the Sharpe ratio above zero with a probability of 95 %
promising, not proven     an edge, but one of the requirements of the next word fails
proven on this data       log loss better than the base rate with its whole interval; deflated Sharpe at least 0.95;
                          overfitting probability at most 0.2; profit at twice the costs; track record long enough
========================  =============================================================================================

The words are for people; what may be promoted is for a gate's policy to say, with requirements of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from tradewright.core.types.evidence import Figure

LEAKING = "leaking"
TOO_LITTLE = "not enough evidence"
NO_EDGE = "no edge found"
PROMISING = "promising, not proven"
PROVEN = "proven on this data"

_EFFECTIVE = 100.0
_CHANCE = 0.95

#: Figure, what is looked at, and in words.
_PROOF: tuple[tuple[str, Callable[[Figure], bool], str], ...] = (
    ("log_loss.skill", lambda f: f.low > 0.0, "log loss better than the base rate with its whole interval"),
    ("sharpe.deflated", lambda f: f.value >= _CHANCE, "a deflated Sharpe ratio of at least 0.95"),
    ("overfitting.probability", lambda f: f.value <= 0.2, "an overfitting probability of at most 0.2"),
    ("net_return.costs_x2", lambda f: f.value > 0.0, "profit at twice the costs"),
    ("track_record.share", lambda f: f.value >= 1.0, "a track record of the minimum length"),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A word, and what kept the model from a better one."""

    word: str
    reasons: tuple[str, ...] = ()


def verdict_of(figures: Iterable[Figure], scope: str = "validation") -> Verdict:
    """Return the word for one scope; what was never computed counts as failed.

    Parameters
    ----------
    figures : iterable of Figure
        As `evidence.figures_of` returns them; those of other scopes are not looked at, but for leaks and overfitting,
        which are about the model as a whole.
    scope : str
        ``validation`` or ``holdout``.
    """
    everything = tuple(figures)
    whole = {f.name: f for f in everything if f.name in ("leaks.found", "overfitting.probability")}
    known = whole | {f.name: f for f in everything if f.scope == scope}
    if _holds(known, "leaks.found", lambda f: f.value > 0.0):
        return Verdict(LEAKING, (f"{known['leaks.found'].value:.0f} leaks found",))
    lacks = [
        words
        for is_there, words in (
            ("leaks.found" in known, "leak detectors that ran"),
            (_holds(known, "sample.effective", lambda f: f.value >= _EFFECTIVE), "100 effective forecasts"),
            (_holds(known, "sharpe.net", lambda f: not math.isnan(f.value)), "a Sharpe ratio after costs"),
        )
        if not is_there
    ]
    if lacks:
        return Verdict(TOO_LITTLE, tuple(f"lacks {words}" for words in lacks))
    is_better = _holds(known, "accuracy.edge", lambda f: f.low > 0.0)
    if not is_better and not _holds(known, "sharpe.probabilistic", lambda f: f.value >= _CHANCE):
        return Verdict(NO_EDGE, ("neither forecasts nor returns are better than nothing",))
    lacks = [words for name, rule, words in _PROOF if not _holds(known, name, rule)]
    return Verdict(PROMISING, tuple(f"lacks {words}" for words in lacks)) if lacks else Verdict(PROVEN)


def _holds(known: Mapping[str, Figure], name: str, rule: Callable[[Figure], bool]) -> bool:
    return name in known and rule(known[name])
