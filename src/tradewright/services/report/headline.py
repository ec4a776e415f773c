"""Which numbers stand at the top of a report, how each is named and what it means."""

from __future__ import annotations

from math import nan
from typing import NamedTuple

from tradewright.services.report.numbers import RunNumbers
from tradewright.services.report.view import Metric, Unit

_OF_PRICES = "prices"  # buy and hold has this number too
_OF_TRADES = "trades"


class _Line(NamedTuple):
    field: str  # of Performance
    label: str
    unit: Unit
    explain: str
    missing: str
    source: str = _OF_PRICES
    basis: str = "counted"


_TOO_SHORT = "too few days with movement to tell"
_NO_TRADES = "no trade was closed"

_HEADLINE = (
    _Line("total_return", "Total return", Unit.SIGNED_PERCENT, "Final equity over starting cash, minus one.", ""),
    _Line(
        "cagr",
        "CAGR",
        Unit.SIGNED_PERCENT,
        "Growth a year of 365 days that leads to the same end.",
        _TOO_SHORT,
    ),
    _Line("volatility", "Volatility", Unit.PERCENT, "Deviation of daily returns, scaled to a year.", _TOO_SHORT),
    _Line("sharpe", "Sharpe", Unit.RATIO, "Mean daily return over its deviation, scaled to a year.", _TOO_SHORT),
    _Line(
        "sortino",
        "Sortino",
        Unit.RATIO,
        "Like Sharpe, but only falls count as deviation, over all days.",
        "no day with a loss, or too few days",
    ),
    _Line("calmar", "Calmar", Unit.RATIO, "CAGR over the deepest drawdown.", "no drawdown, or too few days"),
    _Line(
        "max_drawdown",
        "Max drawdown",
        Unit.PERCENT,
        "Deepest fall from the highest equity so far. The range is of daily closes.",
        "",
    ),
    _Line(
        "max_drawdown_seconds",
        "Longest under water",
        Unit.SECONDS,
        "Longest time from a peak until it was reached again, or to the end.",
        "",
    ),
    _Line("hit_rate", "Hit rate", Unit.PERCENT, "Share of closed trades with a profit.", _NO_TRADES, _OF_TRADES),
    _Line(
        "profit_factor",
        "Profit factor",
        Unit.RATIO,
        "All profits over all losses of closed trades.",
        _NO_TRADES,
        _OF_TRADES,
    ),
    _Line(
        "expectancy",
        "Expectancy",
        Unit.SIGNED_MONEY,
        "Mean result of a closed trade after commission, account currency.",
        _NO_TRADES,
        _OF_TRADES,
    ),
    _Line(
        "turnover",
        "Turnover a year",
        Unit.PER_YEAR,
        "Value bought and sold over mean equity, a year.",
        "under one day",
        _OF_TRADES,
    ),
    _Line(
        "costs",
        "Commission paid",
        Unit.MONEY,
        "Account currency. Spread and slippage are inside the fill prices.",
        "",
        _OF_TRADES,
    ),
    _Line(
        "psr",
        "P(Sharpe > 0)",
        Unit.PERCENT,
        "Probabilistic Sharpe ratio: chance that the true Sharpe is above zero, if this was the only trial.",
        _TOO_SHORT,
        basis="estimated",
    ),
)

_DETAILS = (
    _Line("start_equity", "Starting cash", Unit.MONEY, "Account currency.", ""),
    _Line("end_equity", "Final equity", Unit.MONEY, "Account currency, open positions at the last price.", ""),
    _Line("max_drawdown_value", "Largest fall in money", Unit.MONEY, "From the highest equity so far.", ""),
    _Line(
        "recovery_seconds",
        "Recovery of the deepest drawdown",
        Unit.SECONDS,
        "From its lowest point back to the peak.",
        "not recovered by the end of the run",
    ),
    _Line("trades", "Closed trades", Unit.COUNT, "From flat to flat.", "", _OF_TRADES),
    _Line("open_trades", "Trades still open", Unit.COUNT, "At the end of the run.", "", _OF_TRADES),
    _Line("best_trade", "Best trade", Unit.SIGNED_MONEY, "After commission.", _NO_TRADES, _OF_TRADES),
    _Line("worst_trade", "Worst trade", Unit.SIGNED_MONEY, "After commission.", _NO_TRADES, _OF_TRADES),
    _Line("expectancy_ratio", "Expectancy over mean loss", Unit.RATIO, "", _NO_TRADES, _OF_TRADES),
    _Line("holding_seconds", "Mean holding time", Unit.SECONDS, "Of closed trades.", _NO_TRADES, _OF_TRADES),
    _Line("exposure", "Time in the market", Unit.PERCENT, "Share of all time, nights included.", "", _OF_TRADES),
    _Line("traded_value", "Value traded", Unit.MONEY, "Bought and sold, account currency.", "", _OF_TRADES),
    _Line("years", "Years", Unit.RATIO, "Of 365 days.", ""),
    _Line("days", "Trading days", Unit.COUNT, "Days with a value.", ""),
    _Line("periods_per_year", "Returns a year", Unit.COUNT, "Used to scale daily numbers to a year.", ""),
)


def headline(numbers: RunNumbers) -> tuple[Metric, ...]:
    """Return the numbers of the top row."""
    return tuple(_metric(line, numbers) for line in _HEADLINE)


def details(numbers: RunNumbers) -> tuple[Metric, ...]:
    """Return the remaining numbers."""
    return tuple(_metric(line, numbers) for line in _DETAILS)


def _metric(line: _Line, numbers: RunNumbers) -> Metric:
    value = float(getattr(numbers.performance, line.field))
    interval = numbers.intervals.get(line.field)
    hold = numbers.hold_performance
    return Metric(
        label=line.label,
        value=value,
        unit=line.unit,
        explain=line.explain,
        missing=line.missing or "not defined for this run",
        basis=line.basis,
        low=interval.lower if interval else nan,
        high=interval.upper if interval else nan,
        benchmark=float(getattr(hold, line.field)) if hold and line.source == _OF_PRICES else nan,
    )
