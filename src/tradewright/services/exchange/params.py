"""How the local exchange is started."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from tradewright.services.settings import CostSettings

Amount = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Delay = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class KeyPair(BaseModel):
    """The one pair of keys that the exchange knows. It opens nothing else, so a default does no harm."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str = "PKLOCALEXCHANGE"
    secret: SecretStr = SecretStr("local-exchange")


class ExchangeServiceParams(BaseModel):
    """Settings of `tradewright exchange`.

    Parameters
    ----------
    protocol : str
        Whose words it speaks.
    speed : float
        Simulated seconds a second; 0: time moves only by ``POST /simulation/advance``.
    hold_ms : float
        So long (real time) the clock stands still at each moment of the market, so that an answer that comes within it
        counts as sent at that moment.
    fills : str
        ``quotes``: orders meet quotes, of bars four each; ``bars``: orders are matched against whole bars by the rules
        of a backtest, and fill when the bar is complete.
    cash, multiplier : float
        Of the account; a multiplier of 1 is a cash account.
    half_spread_bps, shown : float
        Of quotes made from bars: distance from the price, and share of the bar's volume that each shows.
    request_ms, answer_ms : float
        Simulated latency of orders.
    costs : CostSettings
        Where slippage, fees and latency are drawn from; the latter in place of ``request_ms`` and ``answer_ms``.
    requests_per_minute : int
        Beyond it, 429; 0: as many as the venue allows (200, or a weight of 6,000).
    faults : tuple of str
        Scenarios, by name or number.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    protocol: Literal["alpaca", "binance"] = "alpaca"
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8790
    speed: Delay = 1.0
    hold_ms: Delay = 0.0
    fills: Literal["quotes", "bars"] = "quotes"
    cash: Amount = 100_000.0
    multiplier: Annotated[float, Field(ge=1, le=100)] = 2.0
    half_spread_bps: Delay = 1.0
    shown: Annotated[float, Field(gt=0, le=1)] = 0.05
    request_ms: Delay = 0.0
    answer_ms: Delay = 0.0
    costs: CostSettings = CostSettings()
    requests_per_minute: Annotated[int, Field(ge=0)] = 0
    faults: tuple[str, ...] = ()
    seed: int = 0
    keys: KeyPair = KeyPair()
