"""Which of Binance's two markets, at which addresses, within which limits."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Market(StrEnum):
    """Spot, or USD-M futures (perpetual and delivery contracts margined in stablecoins)."""

    SPOT = "spot"
    FUTURES = "futures"


@dataclass(frozen=True, slots=True)
class Rules:
    """What is different between the two markets.

    Weights and limits: https://developers.binance.com/docs/binance-spot-api-docs/rest-api (limits; market data
    endpoints) and https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api .
    Streams: https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams and, for the two addresses of
    futures, the page "Important WebSocket Change Notice" of the futures documentation (in force since 2026-04-23).
    """

    archive_url: str
    rest_url: str
    ws_url: str
    archive_path: str
    api_path: str
    intervals: tuple[str, ...]
    weight_per_minute: float
    klines_limit: int  # rows of one answer
    klines_weight: float  # of a request with that limit
    trades_weight: float
    info_weight: float
    book_path: str  # where the stream of best bid and ask is
    market_path: str  # where trades and bars are
    has_microseconds: bool


_MINUTES_AND_UP = ("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d")

RULES: dict[Market, Rules] = {
    Market.SPOT: Rules(
        archive_url="https://data.binance.vision",
        rest_url="https://api.binance.com",
        ws_url="wss://stream.binance.com:9443",
        archive_path="data/spot",
        api_path="/api/v3",
        intervals=("1s", *_MINUTES_AND_UP),
        weight_per_minute=6000.0,
        klines_limit=1000,
        klines_weight=2.0,
        trades_weight=4.0,
        info_weight=20.0,
        book_path="/stream",
        market_path="/stream",
        has_microseconds=True,
    ),
    Market.FUTURES: Rules(
        archive_url="https://data.binance.vision",
        rest_url="https://fapi.binance.com",
        ws_url="wss://fstream.binance.com",
        archive_path="data/futures/um",
        api_path="/fapi/v1",
        intervals=_MINUTES_AND_UP,
        weight_per_minute=2400.0,
        klines_limit=1500,
        klines_weight=10.0,
        trades_weight=20.0,
        info_weight=1.0,
        book_path="/public/stream",
        market_path="/market/stream",
        has_microseconds=False,
    ),
}

#: Rows of one answer of aggregated trades, in both markets.
TRADES_LIMIT = 1000


class BinanceParams(BaseModel):
    """Settings of the adapter; an empty address is the venue's own.

    Parameters
    ----------
    market : Market
        ``spot`` or ``futures``.
    archive_url, rest_url, ws_url : str
        Addresses without a path.
    timeout_s, max_attempts, patience_s : float, int, float
        As in `adapters.http.HttpParams`.
    settle_s : float
        Rows that end within so many seconds before now may still change; they are left for the next time.
    month_lag_days : int
        How many days after its end a month's archive is expected; before, its days are used.
    max_checksum_failures : int
        How often an archive that does not fit its checksum is fetched.
    silence_s : float
        A stream without any message for so long counts as lost.
    streams_per_connection : int
        The venue allows 1024.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    market: Market = Market.SPOT
    archive_url: str = ""
    rest_url: str = ""
    ws_url: str = ""
    timeout_s: float = Field(default=20.0, gt=0)
    max_attempts: int = Field(default=8, ge=1)
    patience_s: float = Field(default=900.0, ge=0)
    settle_s: float = Field(default=10.0, ge=0)
    month_lag_days: int = Field(default=7, ge=0)
    max_checksum_failures: int = Field(default=3, ge=1)
    silence_s: float = Field(default=60.0, gt=0)
    streams_per_connection: int = Field(default=200, ge=1, le=1024)

    @property
    def rules(self) -> Rules:
        """What holds for this market."""
        return RULES[self.market]

    @property
    def archive_address(self) -> str:
        """Where the archives are."""
        return self.archive_url or self.rules.archive_url

    @property
    def rest_address(self) -> str:
        """Where the REST interface is."""
        return self.rest_url or self.rules.rest_url

    @property
    def ws_address(self) -> str:
        """Where the streams are."""
        return self.ws_url or self.rules.ws_url
