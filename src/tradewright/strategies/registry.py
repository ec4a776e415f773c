"""The strategies that travel with the package, by name; each is imported when it is asked for."""

from __future__ import annotations

import hashlib
import importlib
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from tradewright.core.types.errors import StrategyLoadError
from tradewright.strategies.loader import strategy_of
from tradewright.strategies.strategy import Strategy

_NAMES: Final = (
    "buy_and_hold",
    "confidence",
    "donchian_breakout",
    "ema_cross",
    "forecast_threshold",
    "momentum_rotation",
    "probability",
    "target_weights",
    "vwap_reversion",
)


def names() -> tuple[str, ...]:
    """Return the names of all built-in strategies, in alphabetical order."""
    return _NAMES


def built_in(name: str) -> Strategy:
    """Return the built-in strategy of a name.

    Parameters
    ----------
    name : str
        One of `names`.

    Raises
    ------
    StrategyLoadError
        If there is none of that name.
    """
    if name not in _NAMES:
        close = get_close_matches(name.lower().replace("-", "_"), _NAMES, n=1)
        hint = f"Did you mean {close[0]}? " if close else ""
        fix = f"{hint}There are {', '.join(_NAMES)}; a file of your own is given by its path, ending in .py"
        raise StrategyLoadError(f"there is no built-in strategy named {name!r}", where="strategy", fix=fix)
    path = Path(__file__).with_name(f"{name}.py")
    digest = hashlib.blake2b(path.read_bytes(), digest_size=8).hexdigest()
    module = importlib.import_module(f"tradewright.strategies.{name}")
    return strategy_of(module, name, source=module.__name__, digest=digest)
