"""Where the Redis server is, and how little patience there is with it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator


class RedisParams(BaseModel):
    """Address of a Redis server and the circuit in front of it.

    Parameters
    ----------
    url : SecretStr
        ``redis://``, ``rediss://`` or ``unix://``; may hold a password, so it is never shown.
    namespace : str
        First part of every key. Services that share it share rows and pages.
    timeout_s : float
        Longest wait for one command, connecting included.
    failures_to_open : int
        Failures in a row after which the server is left alone.
    open_s : float
        How long it is left alone before one command tries again.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: SecretStr
    namespace: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")] = "tradewright"
    timeout_s: Annotated[float, Field(gt=0, le=30)] = 0.25
    failures_to_open: Annotated[int, Field(ge=1, le=100)] = 3
    open_s: Annotated[float, Field(gt=0, le=3600)] = 2.0

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, url: SecretStr) -> SecretStr:
        if not url.get_secret_value().startswith(("redis://", "rediss://", "unix://")):
            msg = "must begin with redis://, rediss:// or unix://"
            raise ValueError(msg)
        return url
