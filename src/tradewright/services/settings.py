"""What a run is told: one YAML document, checked before anything starts.

Each part of the program owns its own parameters; this module only puts them together.
"""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from tradewright.engine.plan import AccountParams
from tradewright.execution.costs.sampling import SamplingParams
from tradewright.execution.sim_venue import SimVenueParams
from tradewright.risk.limits import Limits
from tradewright.services.model_registry import REGISTRY
from tradewright.services.trading.settings import TradingSettings

DEFAULT_STORE = Path(".tradewright/store")
DEFAULT_COSTS = Path(".tradewright/costs")


_STRICT = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class StrategySettings(BaseModel):
    """Which strategy: a built-in ``name`` or the ``file`` of your own, and its ``params``."""

    model_config = _STRICT

    name: str = ""
    file: Path | None = None
    params: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_of_both(self) -> StrategySettings:
        if bool(self.name) == (self.file is not None):
            msg = "give either `name` (a built-in strategy) or `file` (your own), not both and not neither"
            raise ValueError(msg)
        return self


class MemberSettings(StrategySettings):
    """One of several strategies on an account: it decides about its own ``symbols``, and nobody else does.

    Orders, kills and reports go by its ``label``; without one, by the strategy's name.
    """

    label: str = Field(default="", pattern=r"^[A-Za-z0-9._-]{0,64}$")
    symbols: Annotated[tuple[str, ...], Field(min_length=1)]

    @field_validator("symbols", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value


class DataSettings(BaseModel):
    """Which bars: ``symbols`` as ``SYMBOL`` or ``SYMBOL@TIMEFRAME`` from the folder ``store``.

    ``start`` and ``end`` are moments (UTC where no offset is given) or dates, which mean trading days of the
    instrument and are both included. ``gate`` overrides by rule what the checks refuse: ``refuse`` or ``accept``.
    ``snapshot`` names the content to read (`tradewright data snapshot`); without it, a run reads the newest versions.
    ``reference`` is the instrument, written like a symbol, whose newest known close cross-asset features read.
    ``backend`` is where market data is read from: ``files`` of the store, or ``postgres``, whose address only the
    environment knows (`services.stores`); snapshots, universes and features lie in the folder either way.
    """

    model_config = _STRICT

    store: Path = DEFAULT_STORE
    backend: Literal["files", "postgres"] = "files"
    snapshot: str = ""
    symbols: Annotated[tuple[str, ...], Field(min_length=1)]
    timeframe: str = ""
    start: datetime | date | None = None
    end: datetime | date | None = None
    reference: str = ""
    gate: dict[str, Literal["refuse", "accept"]] = Field(default_factory=dict)

    @field_validator("symbols", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value

    @field_validator("symbols")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        names = [text.partition("@")[0] for text in value]
        for name in names:
            if not name:
                msg = "an empty symbol; write SYMBOL or SYMBOL@TIMEFRAME, for example EURUSD@1h"
                raise ValueError(msg)
            if names.count(name) > 1:
                msg = f"'{name}' is named twice; an account holds an instrument once"
                raise ValueError(msg)
        return value

    @field_validator("start", "end", mode="before")
    @classmethod
    def _date_or_moment(cls, value: object) -> object:
        # Text such as 2017-05-01 must stay a date: a day of the instrument's calendar, not midnight UTC.
        if isinstance(value, str) and len(value.strip()) == len("2017-05-01"):
            try:
                return date.fromisoformat(value.strip())
            except ValueError as error:
                msg = f"'{value}' is not a date: {error}"
                raise ValueError(msg) from error
        return value


class AccountSettings(BaseModel):
    """The account a run starts with."""

    model_config = _STRICT

    initial_cash: float = Field(default=100_000.0, gt=0, le=1e12)
    currency: str = Field(default="USD", pattern=r"^[A-Z0-9]{2,10}$")

    def params(self) -> AccountParams:
        """Return the engine's own parameters."""
        return AccountParams(self.initial_cash, self.currency)


class PatternSettings(BaseModel):
    """A condition whose record moves forecasts: a ``feature`` (``rsi_wilder(14)``) ``above`` or ``below`` a level.

    A case is a win if the close ``bars`` later is higher. The record begins with the run, each instrument's own.
    """

    model_config = _STRICT

    name: str = Field(min_length=1)
    feature: str
    above: float | None = None
    below: float | None = None
    bars: int = Field(ge=1)

    @model_validator(mode="after")
    def _a_bound(self) -> PatternSettings:
        if self.above is None and self.below is None:
            msg = f"the pattern '{self.name}' needs `above`, `below`, or both"
            raise ValueError(msg)
        return self


class ForecastSettings(BaseModel):
    """Where forecasts come from: a ``file`` (Parquet or CSV), or a ``model``; ``patterns`` then move them.

    ``model`` is ``NAME`` (its promoted version) or ``NAME@VERSION`` of the folder ``registry``, or of the service at
    ``url`` (`tradewright models serve`).
    """

    model_config = _STRICT

    file: Path | None = None
    model: str = ""
    registry: Path = REGISTRY
    url: str = ""
    patterns: tuple[PatternSettings, ...] = ()

    @model_validator(mode="after")
    def _one_of_both(self) -> ForecastSettings:
        if bool(self.model) == (self.file is not None):
            msg = "give either `file` or `model`, not both and not neither"
            raise ValueError(msg)
        if self.url and not self.model:
            msg = "`url` is where a `model` is served; a file has none"
            raise ValueError(msg)
        return self


class CostSettings(SamplingParams):
    """What fills cost beyond the price: ``fixed`` as the instruments say, or drawn from distributions.

    ``measured`` takes the model in ``folder`` (`tradewright costs measure`), its ``version`` in use if none is named;
    ``assumed`` the careful table shipped with the program. ``classes`` corrects the class of an instrument.
    """

    model_config = _STRICT

    model: Literal["fixed", "measured", "assumed"] = "fixed"
    folder: Path = DEFAULT_COSTS
    version: str = ""
    classes: dict[str, Literal["fx", "crypto", "equity", "futures", "other"]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _used(self) -> CostSettings:
        asked = (self.impact, self.latency_budget_ms is not None, self.version, self.partial_fills)
        if self.model == "fixed" and any(asked):
            msg = (
                "fixed costs know no `version`, `impact`, `latency_budget_ms` or `partial_fills`; set `model: measured`"
            )
            raise ValueError(msg)
        return self


class SizingSettings(BaseModel):
    """How large entries are. ``strategy``: as the strategy says; every other method replaces the size of its entries.

    ``fixed_fraction`` holds ``fraction`` of equity. ``fixed_risk`` loses ``risk`` of it at the stop. With
    ``volatility_target`` the position's value deviates by ``volatility`` a year, by the last ``window`` bars. ``kelly``
    risks the share ``kelly`` of Kelly's fraction at the lower bounds of what the trades of the run folder ``record``
    prove, at most ``cap``; with fewer than ``min_trades`` it risks ``risk``, capped too. Shares are fractions of 1.

    ``max_weight`` is the largest share of equity in one order. ``correlation`` shrinks all sizes by how much the
    instruments move together: a number for each pair, or ``measured`` over ``correlation_bars`` before the run.
    """

    model_config = _STRICT

    method: Literal["strategy", "fixed_fraction", "fixed_risk", "volatility_target", "kelly"] = "strategy"
    fraction: float = Field(default=0.1, gt=0, le=10)
    risk: float = Field(default=0.005, gt=0, le=0.2)
    volatility: float = Field(default=0.1, gt=0, le=2)
    window: int = Field(default=60, ge=2, le=10_000)
    record: Path | None = None
    kelly: float = Field(default=0.5, gt=0, le=1)
    cap: float = Field(default=0.01, gt=0, le=0.2)
    min_trades: int = Field(default=30, ge=2)
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    max_weight: float = Field(default=1.0, gt=0, le=50)
    correlation: Annotated[float, Field(ge=0, le=1)] | Literal["measured"] | None = None
    correlation_bars: int = Field(default=500, ge=60, le=100_000)

    @model_validator(mode="after")
    def _has_a_record(self) -> SizingSettings:
        if (self.method == "kelly") != (self.record is not None):
            msg = "`kelly` needs `record`, the folder of an earlier run, and nothing else does"
            raise ValueError(msg)
        return self


class ReportSettings(BaseModel):
    """What is computed and written at the end; ``risk_free`` is a return a year."""

    model_config = _STRICT

    enabled: bool = True
    risk_free: float = Field(default=0.0, ge=-0.5, le=1.0)


class FeedSettings(BaseModel):
    """Where the market of a session comes from (`tradewright paper`, `tradewright live`), and how it is followed.

    ``source`` ``recording`` is the store's own bars from ``start`` on. ``warmup_bars`` of history come before the first
    decision; without a number, five times what the features need. The strategy is asked every ``scan_s`` seconds about
    what is newest; 0: after every event. ``grace_s``: how long a cross-section waits for instruments that are late.
    ``silence_s``: a feed silent for so long, its session open, gets no new risk; 0: three bars and a minute.
    ``quotes_s``: orders that are worked, and targets, follow the vendor's quotes, the newest so often (0: each), not
    the close of the last bar. ``clock`` ``venue`` is for a venue that plays a recording.
    """

    model_config = _STRICT

    source: Literal["recording", "alpaca", "binance", "ibkr", "mt5"] = "recording"
    start: datetime | date | None = None
    warmup_bars: int | None = Field(default=None, ge=0, le=10_000_000)
    clock: Literal["wall", "venue"] = "wall"
    scan_s: float = Field(default=0.0, ge=0, le=86_400)
    grace_s: float = Field(default=0.5, ge=0, le=60)
    silence_s: float = Field(default=0.0, ge=0)
    quotes_s: float | None = Field(default=None, ge=0, le=3_600)

    @model_validator(mode="after")
    def _has_quotes(self) -> FeedSettings:
        if self.quotes_s is not None and self.source == "recording":
            msg = "a recording has bars and no quotes: `quotes_s` is for a live feed"
            raise ValueError(msg)
        return self


class RunSettings(BaseModel):
    """Everything a backtest is told.

    One ``strategy``, or several ``strategies`` on one account, which name the symbols in place of ``data.symbols``.
    ``instruments`` changes definitions of the store by symbol, field by field (fees, margin, tick size ...).
    ``universe`` names the table of the store (`tradewright data universe`) the symbols were taken from; without one
    that covers them, a report says UNKNOWN of survivorship.
    ``path`` chooses the compiled loop or the session that also trades live; the results are the same.
    """

    model_config = _STRICT

    strategies: tuple[MemberSettings, ...] = ()
    strategy: Annotated[StrategySettings | None, Field(validate_default=True)] = None
    data: DataSettings
    account: AccountSettings = AccountSettings()
    limits: Limits = Limits()
    venue: SimVenueParams = SimVenueParams()
    costs: CostSettings = CostSettings()
    sizing: SizingSettings = SizingSettings()
    instruments: dict[str, dict[str, Any]] = Field(default_factory=dict)
    forecasts: ForecastSettings | None = None
    universe: str = Field(default="", pattern=r"^[^/\\]*$")
    report: ReportSettings = ReportSettings()
    feed: FeedSettings = FeedSettings()
    trading: TradingSettings = TradingSettings()
    seed: int = Field(default=0, ge=0, le=2**32 - 1)
    path: Literal["loop", "session"] = "loop"

    @model_validator(mode="before")
    @classmethod
    def _symbols_of_members(cls, document: object) -> object:
        """Put the symbols that the strategies name where a run looks for its symbols."""
        if not isinstance(document, dict) or not isinstance(document.get("strategies"), list | tuple):
            return document
        members, data = document["strategies"], document.get("data", {})
        if not members or not isinstance(data, dict) or "symbols" in data:
            return document
        named = [m.get("symbols", []) for m in members if isinstance(m, dict)]
        symbols = [s for own in named for s in (own if isinstance(own, list | tuple) else [own])]
        return document | {"data": data | {"symbols": symbols}}

    @field_validator("strategies")
    @classmethod
    def _own_symbols(cls, value: tuple[MemberSettings, ...]) -> tuple[MemberSettings, ...]:
        owners: dict[str, int] = {}
        for k, member in enumerate(value):
            for symbol in (text.partition("@")[0] for text in member.symbols):
                if symbol in owners:
                    both = f"strategies {owners[symbol] + 1} and {k + 1} both trade {symbol}"
                    msg = f"{both}: a venue nets what they hold, and nobody could tell whose it is; use two accounts"
                    raise ValueError(msg)
                owners[symbol] = k
        return value

    @field_validator("strategy")
    @classmethod
    def _one_or_several(cls, value: StrategySettings | None, info: ValidationInfo) -> StrategySettings | None:
        if "strategies" in info.data and (value is None) != bool(info.data["strategies"]):
            msg = "is missing: give `strategy`, or several `strategies`" if value is None else "give it or `strategies`"
            raise ValueError(msg)
        return value

    @field_validator("data")
    @classmethod
    def _symbols_of_strategies(cls, value: DataSettings, info: ValidationInfo) -> DataSettings:
        members = info.data.get("strategies", ())
        if members and value.symbols != tuple(text for member in members for text in member.symbols):
            msg = "the symbols are those of the strategies; leave data.symbols out"
            raise ValueError(msg)
        return value
