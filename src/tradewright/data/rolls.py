"""When a futures position moves to the next contract, by an explicit rule that knows only completed days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradewright.core.types.errors import DataError, UsageError

Days = NDArray[np.int64]


class RollRule(StrEnum):
    """What decides about a roll."""

    DAYS_BEFORE_EXPIRY = "days_before_expiry"
    VOLUME_CROSSOVER = "volume_crossover"
    OPEN_INTEREST = "open_interest"


_COLUMNS = {RollRule.VOLUME_CROSSOVER: "volume", RollRule.OPEN_INTEREST: "open_interest"}


@dataclass(frozen=True, slots=True)
class Contract:
    """One delivery; ``last_day``: its last trading day, days since 1970."""

    symbol: str
    last_day: int


@dataclass(frozen=True, slots=True)
class Roll:
    """From the start of trading day ``day`` on (days since 1970, of the date it is called by) ``new`` is held."""

    day: int
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class RollParams:
    """How rolls are decided.

    Parameters
    ----------
    rule : RollRule
        Expiry, or the first day on which the next contract was larger.
    days : int
        The roll is this many trading days before the last one of the old contract; of a crossover rule the latest day
        on which it rolls even without a crossover.
    confirm_days : int
        Crossover: on so many days in a row the next contract must have been larger.
    lag_days : int
        Crossover: how many trading days pass until a day's figure is known. 1: it decides about the next day.
        Exchanges publish open interest on the next morning, so 2 is right for it where the day begins before that.
    """

    rule: RollRule = RollRule.DAYS_BEFORE_EXPIRY
    days: int = 5
    confirm_days: int = 1
    lag_days: int = 1

    def __post_init__(self) -> None:
        for name, least in (("days", 0), ("confirm_days", 1), ("lag_days", 1)):
            value = getattr(self, name)
            if value < least:
                what = f"{value} is not possible"
                raise UsageError(what, where=name, fix=f"Give {least} or more: a day is known once it is over.")


def roll_schedule(
    contracts: Sequence[Contract], trading_days: Days, params: RollParams, daily: pl.DataFrame | None = None
) -> tuple[Roll, ...]:
    """Return the rolls from each contract to the next.

    Parameters
    ----------
    contracts : sequence of Contract
        In order of expiry.
    trading_days : NDArray[np.int64]
        The exchange's trading days, i8[k] days since 1970, ascending; future ones too: they are published.
    params : RollParams
        The rule.
    daily : polars.DataFrame, optional
        For crossover rules: ``day`` (days since 1970), ``symbol``, and ``volume`` or ``open_interest``. A roll on day
        ``d`` depends on rows of ``lag_days`` or more trading days before ``d`` only.

    Raises
    ------
    UsageError
        If a crossover rule has no figures.
    DataError
        If contracts or days are out of order, or the days do not reach a contract's roll.
    """
    if any(two.last_day <= one.last_day for one, two in pairwise(contracts)):
        raise DataError("the contracts are not in order of expiry", where="contracts", fix="Sort them.")
    if np.any(np.diff(trading_days) <= 0):
        raise DataError("the trading days do not ascend", where="trading_days", fix="Sort them, each once.")
    if params.rule is RollRule.DAYS_BEFORE_EXPIRY:
        latest = [_latest(c, trading_days, params.days) for c in contracts[:-1]]
        return tuple(
            Roll(int(trading_days[at]), one.symbol, two.symbol)
            for at, (one, two) in zip(latest, pairwise(contracts), strict=True)
            if at is not None
        )
    column = _COLUMNS[params.rule]
    if daily is None or column not in daily.columns:
        raise UsageError(f"the rule {params.rule} needs daily {column}", where="daily", fix="Give a table with it.")
    return _crossovers(contracts, trading_days, params, _by_contract(contracts, trading_days, daily, column))


def _latest(contract: Contract, trading_days: Days, days: int) -> int | None:
    """Return the place of the day ``days`` before the last one; None where the days given end before it.

    Raises
    ------
    DataError
        If the days given begin after it.
    """
    if len(trading_days) == 0 or contract.last_day > trading_days[-1]:
        return None
    at = int(np.searchsorted(trading_days, contract.last_day, side="right")) - 1 - days
    if at < 0:
        what = f"{contract.symbol} would roll before the first trading day given"
        raise DataError(what, where="trading_days", fix="Give earlier days, or leave the contract out.")
    return at


def _by_contract(
    contracts: Sequence[Contract], trading_days: Days, daily: pl.DataFrame, column: str
) -> NDArray[np.float64]:
    """Return the figure of every contract on every trading day, f8[contracts, days]; NaN where there is none."""
    table = np.full((len(contracts), len(trading_days)), np.nan)
    rows = {c.symbol: k for k, c in enumerate(contracts)}
    for symbol, day, value in daily.select("symbol", "day", column).iter_rows():
        at = int(np.searchsorted(trading_days, day))
        if symbol in rows and at < len(trading_days) and trading_days[at] == day and value is not None:
            table[rows[symbol], at] = value
    return table


def _crossovers(
    contracts: Sequence[Contract], trading_days: Days, params: RollParams, figures: NDArray[np.float64]
) -> tuple[Roll, ...]:
    rolls: list[Roll] = []
    begin = 0
    for k, (one, two) in enumerate(pairwise(contracts)):
        is_larger = figures[k + 1] > figures[k]
        latest = _latest(one, trading_days, params.days)
        end = len(trading_days) if latest is None else latest
        first = params.lag_days + params.confirm_days - 1
        at = next(
            (d for d in range(max(begin, first), end) if is_larger[d - first : d - params.lag_days + 1].all()),
            latest,
        )
        if at is None:
            break  # the days given end while this contract is held
        rolls.append(Roll(int(trading_days[at]), one.symbol, two.symbol))
        begin = at + 1
    return tuple(rolls)
