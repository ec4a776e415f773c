"""Who decides about which instruments: the strategy, or one of several on an account; and how it reads its numbers."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tradewright.strategies.strategy import Strategy

_NONE = "none_"  # stands in an empty feature or parameter list: compiled tuples need a member


def row_type(name: str, fields: Iterable[str]) -> Any:
    """Named tuple type through which `decide` reads values by name."""
    return namedtuple(name, list(fields) or [_NONE])  # the fields are known only now


@dataclass(frozen=True, slots=True)
class Decider:
    """A strategy that decides about instruments ``first`` up to ``stop``; ``stop`` 0: about every one.

    ``names``: its features. ``row``, ``param``: where these and its parameters begin among those of all.
    """

    strategy: Strategy
    names: tuple[str, ...]
    row: int = 0
    param: int = 0
    first: int = 0
    stop: int = 0

    @property
    def fields(self) -> list[str]:
        """Names of its parameters."""
        return list(self.strategy.params.model_fields)

    @property
    def n_row(self) -> int:
        """Numbers in a row of its features, at least one."""
        return max(len(self.names), 1)

    @property
    def n_params(self) -> int:
        """Numbers among the parameters that are its own, at least one."""
        return max(len(self.strategy.params.model_fields), 1)


def deciders_of(strategy: Strategy, names: Sequence[str]) -> list[Decider]:
    """Return who decides, in the order of instruments: the strategy, or its members. ``names``: features of all."""
    if not strategy.members:
        return [Decider(strategy, tuple(names))]
    deciders: list[Decider] = []
    param = 0
    for member in strategy.members:
        own = [name for name in names if name.rpartition(".")[0] == member.strategy.name]
        row = names.index(own[0]) if own else 0
        features = tuple(name.rpartition(".")[2] for name in own)
        deciders.append(Decider(member.strategy, features, row, param, member.first, member.stop))
        param += deciders[-1].n_params
    return deciders


def decider_of(deciders: Sequence[Decider], instrument: int) -> Decider:
    """Return who decides about an instrument."""
    return next((d for d in deciders if d.first <= instrument < d.stop), deciders[0])


def own_features(strategy: Strategy, names: Sequence[str], instrument: int) -> tuple[str, ...]:
    """Return the names under which whoever decides about an instrument reads its features, of those of all."""
    return decider_of(deciders_of(strategy, names), instrument).names
