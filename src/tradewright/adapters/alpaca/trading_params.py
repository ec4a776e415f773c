"""What the Alpaca trading adapter is told: where to, and with which kind of keys."""

from __future__ import annotations

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

LIVE_URL, PAPER_URL = "https://api.alpaca.markets", "https://paper-api.alpaca.markets"
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class _Keys(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    key: SecretStr
    secret: SecretStr

    @field_validator("secret")
    @classmethod
    def _given(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value():
            msg = "the secret is missing"
            raise ValueError(msg)
        return value


def _begins(value: SecretStr, prefix: str, kind: str) -> SecretStr:
    if not value.get_secret_value().startswith(prefix):
        msg = f"this is not a {kind} key: those of Alpaca begin with {prefix}"
        raise ValueError(msg)
    return value


class PaperKeys(_Keys):
    """Keys of a paper account; Alpaca's begin with PK."""

    @field_validator("key")
    @classmethod
    def _is_paper(cls, value: SecretStr) -> SecretStr:
        return _begins(value, "PK", "paper")


class LiveKeys(_Keys):
    """Keys of an account with real money; Alpaca's begin with AK."""

    @field_validator("key")
    @classmethod
    def _is_live(cls, value: SecretStr) -> SecretStr:
        return _begins(value, "AK", "live")


class AlpacaTradingParams(BaseModel):
    """Settings of the trading adapter. There is no default address: nothing reaches a venue that was not named.

    Parameters
    ----------
    trading_url : str
        `PAPER_URL`, `LIVE_URL`, or an address of this machine.
    keys : PaperKeys or LiveKeys
        Live keys go to the live address and nowhere else, paper keys never go there.
    timeout_s : float
        Longest wait for an answer; then what became of the request is not known.
    requests_per_minute : float
        The account's limit; 200 unless Alpaca raised it.
    silence_s : float
        The order stream is opened anew after so long without a message.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    trading_url: str
    keys: PaperKeys | LiveKeys
    timeout_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 10.0
    requests_per_minute: Annotated[float, Field(gt=0)] = 200.0
    silence_s: Annotated[float, Field(gt=0)] = 900.0

    @model_validator(mode="after")
    def _fit(self) -> Self:
        is_real_money = isinstance(self.keys, LiveKeys)
        if self.is_local:
            if is_real_money:
                msg = "live keys go to the live address only"
                raise ValueError(msg)
        elif self.trading_url != (LIVE_URL if is_real_money else PAPER_URL):
            kind, allowed = ("live", LIVE_URL) if is_real_money else ("paper", PAPER_URL)
            msg = f"{kind} keys belong to {allowed}, not to {self.trading_url}"
            raise ValueError(msg)
        return self

    @property
    def is_local(self) -> bool:
        """Whether it is a venue on this machine."""
        parts = urlsplit(self.trading_url)
        return parts.scheme == "http" and parts.hostname in _LOOPBACK

    @property
    def name(self) -> str:
        """Venue and environment."""
        if self.is_local:
            return "alpaca-local"
        return "alpaca-live" if isinstance(self.keys, LiveKeys) else "alpaca-paper"

    @property
    def stream_url(self) -> str:
        """Address of the order stream."""
        return f"ws{self.trading_url.removeprefix('http')}/stream"

    def headers(self) -> dict[str, str]:
        """Return the request headers that hold the keys."""
        keys = self.keys
        return {
            "APCA-API-KEY-ID": keys.key.get_secret_value(),
            "APCA-API-SECRET-KEY": keys.secret.get_secret_value(),
        }
