"""Sessions beside each other in one process: which may not share it, and one that fails alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from tradewright.core.types.errors import ConfigError
from tradewright.services.live.start import Started
from tradewright.services.trading.settings import TradingSettings
from tradewright.services.trading.venues import key_names


def refuse_shared(accounts: Sequence[tuple[Path, TradingSettings]]) -> None:
    """Refuse two configurations that trade one account: neither could tell its positions from the other's.

    Raises
    ------
    ConfigError
        If two name one folder, or the same keys at the same venue.
    """
    taken: dict[tuple[object, ...], Path] = {}
    for config, trading in accounts:
        owned: list[tuple[object, ...]] = [("account", trading.account)]
        if trading.venue != "simulated":
            owned.append((*key_names(trading), trading.url))
        for claim in owned:
            other = taken.setdefault(claim, config)
            if other is not config:
                is_folder = claim[0] == "account"
                what = f"{other} trades the account '{trading.account}' too" if is_folder else f"{other} has its keys"
                fix = "Give one another account, or put both into one file as `strategies`."
                raise ConfigError(what, where=f"{config}, trading.account", fix=fix)


async def side_by_side(
    sessions: Sequence[Started],
    work: Callable[[Started], Awaitable[None]],
    failed: Callable[[Started, Exception], None],
) -> None:
    """Work on all until each has ended; what one raises is told to ``failed``, and the others go on."""

    async def one(session: Started) -> None:
        try:
            await work(session)
        except Exception as error:  # noqa: BLE001 -- whatever it is, the others' money is at work
            failed(session, error)

    await asyncio.gather(*map(one, sessions), return_exceptions=True)  # a session that was ended is no failure
