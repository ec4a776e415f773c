"""Secrets from the environment, or from the files that containers mount for them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tradewright.core.types.errors import ConfigError


def secret(environment: Mapping[str, str], name: str) -> str:
    """Return a secret from the environment or the file it names; empty where neither is given.

    Raises
    ------
    ConfigError
        If both are given, or the file cannot be read.
    """
    direct, file = environment.get(name, ""), environment.get(f"{name}_FILE", "")
    if direct and file:
        raise ConfigError(f"{name} and {name}_FILE are both set", where="environment", fix="Set one of them.")
    if not file:
        return direct
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        what = f"the file named by {name}_FILE cannot be read"
        raise ConfigError(what, where=file, fix="Check the path and its rights.") from error
