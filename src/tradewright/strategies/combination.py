"""Several strategies on one account, as one strategy: each decides about instruments of its own.

The account stays one: one ledger, one guard, one equity, so that limits bind whatever the members do together. What a
member sees of it is what it would see alone: its own features, its own parameters, and its instruments by the numbers
they would have without the others. An instrument belongs to one member: a venue nets what two hold of it, and no book
could tell whose the rest is.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tradewright.core.types.errors import ConfigError
from tradewright.core.types.feature import Feature, FeatureSpec
from tradewright.strategies.strategy import Member, Strategy, StrategyParams

_LONGEST = 60

Decide = Callable[..., None]


class CombinedParams(StrategyParams):
    """The parameters of each member, in their order."""

    members: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A strategy to be combined, its parameters, and how many instruments are its own; its name tells it apart."""

    strategy: Strategy
    params: StrategyParams
    instruments: int


def combined(parts: Sequence[Part]) -> tuple[Strategy, StrategyParams]:
    """Return the strategy in which each part decides about its own instruments, and its parameters.

    The instruments stand in the order of the parts. One part alone is returned as it is.

    Raises
    ------
    ConfigError
        If two have one name, or one decides about all instruments at once.
    """
    if len(parts) == 1:
        return parts[0].strategy, parts[0].params
    names = [part.strategy.name for part in parts]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        fix = "Give each a `label`: orders, kills and reports go by it."
        raise ConfigError(f"two strategies are called '{twice[0]}'", where="strategies", fix=fix)
    members: list[Member] = []
    for part in parts:
        if part.strategy.is_cross_section:
            what = f"'{part.strategy.name}' decides over all instruments of an account at once"
            fix = "Give it an account of its own: another file, with another trading.account."
            raise ConfigError(what, where="strategies", fix=fix)
        first = members[-1].stop if members else 0
        members.append(Member(part.strategy, part.params, first, first + part.instruments))
    name = "+".join(names)
    return Strategy(
        name=name if len(name) <= _LONGEST else f"{len(names)}-strategies",
        params=CombinedParams,
        features=_Features(tuple(part.strategy for part in parts)),
        decide=_by_members,
        is_compiled=all(part.strategy.is_compiled for part in parts),
        uses_forecast=any(part.strategy.uses_forecast for part in parts),
        source_hash=_hash(members),
        description=f"{len(names)} strategies on one account",
        members=tuple(members),
    ), CombinedParams(members=tuple(part.params for part in parts))


def column(strategy: Strategy, feature: str) -> str:
    """Return the name under which a combination computes a member's feature."""
    return f"{strategy.name}.{feature}"


def in_plain_python(strategy: Strategy, around: Callable[[Decide], Decide]) -> Strategy:
    """Return a strategy whose every `decide` is wrapped, and called rather than compiled."""
    members = tuple(replace(m, strategy=in_plain_python(m.strategy, around)) for m in strategy.members)
    return replace(strategy, decide=around(strategy.decide), is_compiled=False, members=members)


@dataclass(frozen=True, slots=True)
class _Features:
    """The features of all, each under its member's name."""

    strategies: tuple[Strategy, ...]

    def __call__(self, params: CombinedParams) -> Mapping[str, Feature | FeatureSpec]:
        pairs = zip(self.strategies, params.members, strict=True)
        return {column(s, name): wish for s, own in pairs for name, wish in s.features(own).items()}


def _by_members(*_: Any) -> None:
    raise AssertionError("a combination decides by its members")


def _hash(members: Sequence[Member]) -> str:
    """Return 16 hex digits over names, code and instruments; "" where the code of one is not known."""
    if not all(m.strategy.source_hash for m in members):
        return ""
    text = "\0".join(f"{m.strategy.name} {m.strategy.source_hash} {m.first} {m.stop}" for m in members)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
