"""What runs: code, configuration and model by hash, in every session's first record, beside what was approved."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from tradewright.core.types.errors import ConfigError


class Release(BaseModel):
    """Hashes of what a session runs. ``mode`` says of what kind it is; nothing below services asks for it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code_hash: str
    config_hash: str
    model_hash: str = ""
    mode: str = ""


def check_release(running: Release, approved: Release | None) -> None:
    """Refuse to run anything but what was approved; None: no release was asked for.

    Raises
    ------
    ConfigError
        If a hash differs; all that do are named.
    """
    if approved is None:
        return
    differs = [
        f"{name} is {getattr(running, name) or 'none'}, approved is {getattr(approved, name) or 'none'}"
        for name in Release.model_fields
        if getattr(running, name) != getattr(approved, name)
    ]
    if differs:
        fix = "Install the approved release on every machine, or approve this one."
        raise ConfigError("this is not the approved release: " + "; ".join(differs), fix=fix)
