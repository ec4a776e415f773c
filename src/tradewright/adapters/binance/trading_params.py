"""What the Binance trading adapter is told: where to, and with which kind of keys. Spot only."""

from __future__ import annotations

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

LIVE_URL, TESTNET_URL = "https://api.binance.com", "https://testnet.binance.vision"
_STREAMS = {LIVE_URL: "wss://stream.binance.com:9443", TESTNET_URL: "wss://stream.testnet.binance.vision"}
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class _Keys(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    key: SecretStr = Field(min_length=1)
    secret: SecretStr = Field(min_length=1)


class TestnetKeys(_Keys):
    """Keys of the test network: play money."""

    __test__ = False  # pytest takes the name for a test


class LiveKeys(_Keys):
    """Keys of an account with real money. Binance's keys do not show which they are: the type says it."""


class BinanceTradingParams(BaseModel):
    """Settings of the trading adapter. There is no default address: nothing reaches a venue that was not named.

    Parameters
    ----------
    rest_url : str
        `TESTNET_URL`, `LIVE_URL`, or an address of this machine.
    keys : TestnetKeys or LiveKeys
        Live keys go to the live address and nowhere else, those of the test network never go there.
    timeout_s : float
        Longest wait for an answer; then what became of the request is not known.
    recv_window_ms : int
        A request that reaches the venue later than this is refused by it.
    weight_per_minute : float
        The venue's limit.
    keep_alive_s : float
        The key of the user data stream is renewed so often; it lasts an hour.
    silence_s : float
        The stream is opened anew after so long without a message.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    rest_url: str
    keys: TestnetKeys | LiveKeys
    timeout_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 10.0
    recv_window_ms: Annotated[int, Field(ge=1, le=60_000)] = 5_000
    weight_per_minute: Annotated[float, Field(gt=0)] = 6_000.0
    keep_alive_s: Annotated[float, Field(gt=0)] = 1_800.0
    silence_s: Annotated[float, Field(gt=0)] = 900.0

    @model_validator(mode="after")
    def _fit(self) -> Self:
        is_real_money = isinstance(self.keys, LiveKeys)
        allowed = LIVE_URL if is_real_money else TESTNET_URL
        if self.rest_url != allowed and (is_real_money or not self.is_local):
            kind = "live" if is_real_money else "test network"
            msg = f"{kind} keys belong to {allowed}, not to {self.rest_url}"
            raise ValueError(msg)
        return self

    @property
    def is_local(self) -> bool:
        """Whether it is a venue on this machine."""
        parts = urlsplit(self.rest_url)
        return parts.scheme == "http" and parts.hostname in _LOOPBACK

    @property
    def name(self) -> str:
        """Venue and environment."""
        if self.is_local:
            return "binance-local"
        return "binance-live" if isinstance(self.keys, LiveKeys) else "binance-testnet"

    @property
    def stream_url(self) -> str:
        """Address of the streams."""
        return _STREAMS.get(self.rest_url, f"ws{self.rest_url.removeprefix('http')}")
