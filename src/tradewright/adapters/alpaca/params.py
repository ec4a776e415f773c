"""What the Alpaca adapter is told: addresses, feed, keys and patience."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from tradewright.core.types.errors import UsageError

#: Environment variables that services read the keys from: ours, or those of Alpaca's own libraries. Nothing here does.
KEY_VARIABLES = "TRADEWRIGHT_ALPACA_KEY and TRADEWRIGHT_ALPACA_SECRET (or APCA_API_KEY_ID and APCA_API_SECRET_KEY)"

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class AlpacaParams(BaseModel):
    """Settings of the Alpaca adapter.

    Parameters
    ----------
    data_url, stream_url : str
        Addresses of the REST and of the WebSocket service. Keys are sent to them, so that they must be ``https`` and
        ``wss`` unless they are this machine.
    key, secret : pydantic.SecretStr
        The API keys. Never shown: not in ``repr``, errors or logs.
    feed : str
        ``iex`` (free: one exchange, about 2 % of the volume) or ``sip`` (all US exchanges). Stocks only.
    adjustment : str
        Of stock bars: ``raw``, ``split``, ``dividend`` or ``all``. The house stores raw prices and adjusts on reading.
    asof : str
        Date at which a symbol is looked up where it was renamed; ``-``: no renames are followed, so that the same
        question has the same answer on every day.
    crypto_location : str
        Which crypto market, as in the address: ``us``.
    final_after_s : float
        A piece is final once its end is so far in the past. The free plan gives the consolidated tape 15 minutes late.
    is_corrected_kept : bool
        Whether trades marked ``corrected`` (which replace one marked ``incorrect``) count as trades. They were not
        known at the time they carry.
    requests_per_minute : float
        200 in the free plan, 10,000 in the paid one.
    page_limit : int
        Rows a page, at most 10,000.
    silence_s, bar_silence_s : float
        The stream counts as lost after so long without a message: with ticks, and with minute bars alone.
    hold_s, wait_s : float
        A bar of seconds is closed once the stream has moved ``hold_s`` past its end, or, on a quiet stream, our clock
        ``wait_s``. Later trades do not change it.
    timeout_s : float
        Longest wait for an answer.
    max_attempts : int
        How often one request is sent before it counts as failed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    data_url: str = "https://data.alpaca.markets"
    stream_url: str = "wss://stream.data.alpaca.markets"
    key: SecretStr = SecretStr("")
    secret: SecretStr = SecretStr("")
    feed: Literal["iex", "sip"] = "iex"
    adjustment: Literal["raw", "split", "dividend", "all"] = "raw"
    asof: Annotated[str, Field(pattern=r"^(-|\d{4}-\d\d-\d\d)$")] = "-"
    crypto_location: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")] = "us"
    final_after_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 900.0
    is_corrected_kept: bool = False
    requests_per_minute: Seconds = 200.0
    page_limit: Annotated[int, Field(ge=1, le=10_000)] = 10_000
    silence_s: Seconds = 30.0
    bar_silence_s: Seconds = 180.0
    hold_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0
    wait_s: Seconds = 2.0
    timeout_s: Seconds = 20.0
    max_attempts: Annotated[int, Field(ge=1)] = 8

    @field_validator("data_url")
    @classmethod
    def _data_is_private(cls, value: str) -> str:
        return _private(value, "https", "http")

    @field_validator("stream_url")
    @classmethod
    def _stream_is_private(cls, value: str) -> str:
        return _private(value, "wss", "ws")

    def headers(self) -> dict[str, str]:
        """Return the request headers that hold the keys.

        Raises
        ------
        UsageError
            If a key is missing; names the environment variables.
        """
        self.check_keys()
        return {
            "APCA-API-KEY-ID": self.key.get_secret_value(),
            "APCA-API-SECRET-KEY": self.secret.get_secret_value(),
        }

    def check_keys(self) -> None:
        """Raise `UsageError` unless both keys are there."""
        if not (self.key.get_secret_value() and self.secret.get_secret_value()):
            what = "the Alpaca keys are missing"
            raise UsageError(what, fix=f"Set the environment variables {KEY_VARIABLES}.")

    def without_secrets(self, text: str) -> str:
        """Return a text of the venue with our keys struck out, in one line of bounded length."""
        for secret in (self.key.get_secret_value(), self.secret.get_secret_value()):
            if secret:
                text = text.replace(secret, "***")
        return " ".join(text.split())[:300]


def _private(url: str, scheme: str, local_scheme: str) -> str:
    """Return the address without a closing slash; keys must not travel in the clear."""
    parts = urlsplit(url)
    if parts.scheme != scheme and not (parts.scheme == local_scheme and parts.hostname in _LOOPBACK):
        msg = f"must begin with {scheme}:// ({local_scheme}:// is for this machine only), since keys are sent to it"
        raise ValueError(msg)
    if not parts.hostname or parts.username or parts.password:
        msg = "must name a host, and no user or password"
        raise ValueError(msg)
    return url.rstrip("/")
