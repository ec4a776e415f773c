"""A strategy whose sizes a rule decides: the strategy says which way and with which stop, the rule how much.

The sized strategy is a strategy like any other: its `decide` calls the original's and then gives each wish that opens
a position its size as a share of equity. So the loop, the session and live trading size alike, and the risk check
still puts every size on the lot grid, rounding towards zero.

A strategy that holds parts of a whole position (``FULL_SIZE``) keeps its parts: the rule says how large the whole is,
and its `decide` sees the weight it would have without a rule.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any, cast

import numpy as np
from pydantic import create_model

from tradewright.core.kernel import codes as c
from tradewright.core.kernel.compiled import compiled, inlined, inlined_here, rebound
from tradewright.core.types.account import Account
from tradewright.core.types.feature import Feature, FeatureSpec, Floats, feature
from tradewright.core.types.forecast import ForecastRow
from tradewright.strategies.columns import POSITION, PRICE
from tradewright.strategies.signals import Signals
from tradewright.strategies.strategy import Row, Strategy, StrategyParams

_VOLATILITY = "sizing_volatility"


class SizeRule(IntEnum):
    """What the number of a `Sizing` means."""

    FRACTION = 1  # share of equity held
    RISK = 2  # share of equity lost at the stop
    VOLATILITY = 3  # deviation of one bar's return of the position, as a share of equity


_RISK, _BY_VOLATILITY = int(SizeRule.RISK), int(SizeRule.VOLATILITY)


@dataclass(frozen=True, slots=True)
class Sizing:
    """A rule with its numbers.

    ``amount`` as `SizeRule` says; ``scale`` (0 to 1) for correlated instruments; ``max_weight`` the share of equity
    that no order exceeds; ``window`` bars of volatility. ``loss``, the mean loss of a trade as a share of its value,
    stands in for the distance of a stop where a wish has none (NaN: such a wish is denied).
    """

    rule: SizeRule
    amount: float
    scale: float = 1.0
    max_weight: float = 1.0
    window: int = 60
    loss: float = np.nan


@compiled
def stop_distance_nb(signals: Signals, k: int, entry: float) -> float:
    """Return how far the protecting stop of wish ``k`` is from its entry, in price; NaN without one."""
    distance = signals[k]["stop_loss"]
    is_trailing = np.isnan(distance)
    if is_trailing:
        distance = signals[k]["trail_protect"]
    if signals[k]["attach_unit"] == c.FRACTION:
        return float(distance * entry)
    return float(distance if is_trailing else abs(entry - distance))


@compiled
def size_nb(signals: Signals, k: int, account: tuple[float, float], volatility: float, rule: Floats) -> None:
    """Give wish ``k`` its size, a share of equity; what reduces or closes keeps its own.

    ``account`` is position and price; ``rule`` f8[6]: rule, amount, scale, largest weight, loss, and the weight of
    the strategy's own whole position (0: it knows no parts).
    """
    position, price = account
    size = signals[k]["size"]
    if signals[k]["verb"] != c.PLACE or signals[k]["is_reduce_only"] != 0 or size == 0.0 or np.isnan(size):
        return
    if signals[k]["is_target"] == 0 and size * position < 0.0:
        return
    entry = price
    if signals[k]["kind"] == c.LIMIT or signals[k]["kind"] == c.STOP_LIMIT:
        entry = signals[k]["limit"]
    elif signals[k]["kind"] == c.STOP:
        entry = signals[k]["stop"]
    weight = rule[1]
    if rule[0] == _RISK:
        distance = stop_distance_nb(signals, k, entry)
        if np.isnan(distance):
            distance = rule[4] * entry
        weight = rule[1] * price / distance if distance > 0.0 else np.nan
    elif rule[0] == _BY_VOLATILITY:
        weight = rule[1] / volatility if volatility > 0.0 else np.nan
    weight *= rule[2]
    if rule[1] == 0.0:
        weight = 0.0  # no edge, no trade: also where the distance is not known
    elif weight > rule[3]:
        weight = rule[3]
    if rule[5] > 0.0 and signals[k]["size_unit"] == c.WEIGHT:
        weight = min(weight * (abs(size) / rule[5]), rule[3])
    signals[k]["size"] = weight if size > 0.0 else -weight
    signals[k]["size_unit"] = c.WEIGHT


def original(*_: Any) -> None:
    """Stand where the `decide` of the strategy to be sized is bound."""


def volatility_of(row: Row) -> float:
    """Stand where the reading of the volatility is bound."""
    raise NotImplementedError


COLUMN = 0  # of the volatility in a cross-section's rows; bound


@inlined
def _known_nb(row: Row) -> float:
    return float(row.sizing_volatility)


@inlined
def _unknown_nb(row: Row) -> float:  # noqa: ARG001  # the same arguments as the other
    return np.nan


@compiled
def size_all_nb(signals: Signals, account: tuple[float, float], volatility: float, rule: Floats) -> None:
    """Size every wish about one instrument."""
    for k in range(len(signals)):
        if signals[k]["verb"] == c.NO_SIGNAL:
            break
        size_nb(signals, k, account, volatility, rule)


@compiled
def size_each_nb(signals: Signals, rows: Floats, accounts: Floats, column: int, rule: Floats) -> None:
    """Size every wish of a cross-section by its own instrument; one that names none is left to the risk check."""
    for k in range(len(signals)):
        if signals[k]["verb"] == c.NO_SIGNAL:
            break
        j = signals[k]["instrument"]
        if 0 <= j < len(accounts):
            volatility = rows[j, column] if column >= 0 else np.nan
            size_nb(signals, k, (accounts[j, POSITION], accounts[j, PRICE]), volatility, rule)


@inlined
def _rule_nb(params: Any) -> Floats:
    return np.array(
        [
            params.sizing_rule,
            params.sizing_amount,
            params.sizing_scale,
            params.sizing_max_weight,
            params.sizing_loss,
            params.sizing_full,
        ]
    )


def decide_sized(row: Row, forecast: ForecastRow, account: Account, params: Any, signals: Signals) -> None:
    """Decide as the original, then size (template)."""
    original(row, forecast, account, params, signals)
    if signals[0]["verb"] != c.NO_SIGNAL:
        size_all_nb(signals, (account.position, account.price), volatility_of(row), _rule_nb(params))


@compiled
def whole_nb(volatility: float, rule: Floats) -> float:
    """Weight of a whole position under a rule; NaN where it is not known."""
    weight = rule[1]
    if rule[0] == _RISK:
        weight = rule[1] / rule[4] if rule[4] > 0.0 else np.nan
    elif rule[0] == _BY_VOLATILITY:
        weight = rule[1] / volatility if volatility > 0.0 else np.nan
    return float(min(weight * rule[2], rule[3]))


@inlined
def reweighted_nb(account: Account, weight: float) -> Account:
    """Return the account with another weight of the position."""
    return Account(
        account.position,
        account.entry_price,
        account.price,
        account.bid,
        account.ask,
        account.equity,
        account.cash,
        weight,
        account.working,
        account.held_events,
        account.held_seconds,
        account.buy_limit,
        account.sell_limit,
        account.is_buy_unconfirmed,
        account.is_sell_unconfirmed,
        account.now,
    )


def decide_in_parts(row: Row, forecast: ForecastRow, account: Account, params: Any, signals: Signals) -> None:
    """Do the same for a strategy that holds parts of a whole position (template)."""
    rule = _rule_nb(params)
    whole = whole_nb(volatility_of(row), rule)
    weight = account.weight / whole * rule[5] if whole > 0.0 else account.weight
    original(row, forecast, reweighted_nb(account, weight), params, signals)
    if signals[0]["verb"] != c.NO_SIGNAL:
        size_all_nb(signals, (account.position, account.price), volatility_of(row), rule)


def decide_all_sized(rows: Floats, forecasts: Floats, accounts: Floats, params: Any, signals: Signals) -> None:
    """Do the same for a cross-section strategy (template)."""
    original(rows, forecasts, accounts, params, signals)
    if signals[0]["verb"] != c.NO_SIGNAL:
        size_each_nb(signals, rows, accounts, COLUMN, _rule_nb(params))


def sized(strategy: Strategy, params: StrategyParams, sizing: Sizing) -> tuple[Strategy, StrategyParams]:
    """Return a strategy with the wishes of another and the sizes of a rule, and its parameters."""
    reads = sizing.rule is SizeRule.VOLATILITY
    own = strategy.features

    def features(chosen: Any) -> Mapping[str, Feature | FeatureSpec]:
        found = dict(own(chosen))
        return found | {_VOLATILITY: feature("rolling_volatility", sizing.window)} if reads else found

    full = float(getattr(params, strategy.full_size)) if strategy.full_size else 0.0
    # a whole position has to be known at every wish, not only at those that bring their stop along
    stop = float(getattr(params, "stop_loss", 0.0)) if full > 0.0 else 0.0
    numbers = {
        "sizing_rule": float(sizing.rule),
        "sizing_amount": sizing.amount,
        "sizing_scale": sizing.scale,
        "sizing_max_weight": sizing.max_weight,
        "sizing_loss": stop if stop > 0.0 else sizing.loss,
        "sizing_full": full,
    }
    fields: Any = {name: (float, value) for name, value in numbers.items()}
    model = cast(
        "type[StrategyParams]", create_model(f"Sized{strategy.params.__name__}", __base__=strategy.params, **fields)
    )
    values: dict[str, Any] = params.model_dump() | numbers
    digest = hashlib.blake2b(f"{strategy.source_hash} {reads}".encode(), digest_size=8).hexdigest()
    decide = inlined_here(strategy.decide) if strategy.is_compiled else strategy.decide
    template: Any = decide_all_sized if strategy.is_cross_section else decide_in_parts if full > 0.0 else decide_sized
    bound = rebound(
        template,
        f"sized_{digest}",
        original=decide,
        volatility_of=_known_nb if reads else _unknown_nb,
        COLUMN=len(own(params)) if reads else -1,
    )
    wrapped = replace(
        strategy, params=model, features=features, decide=bound, source_hash=digest if strategy.source_hash else ""
    )
    return wrapped, model.model_construct(**values)
