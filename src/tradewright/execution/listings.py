"""Whether instruments are defined as the venue trades them: asked before the first order, not told by its refusals."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from tradewright.core.types.errors import ConfigError
from tradewright.core.types.instrument import Instrument
from tradewright.execution.venue import Venue


async def check_listings(venue: Venue, instruments: Iterable[Instrument]) -> None:
    """Ask the venue about each instrument; sizes and prices that we may send have to lie on its grid.

    Raises
    ------
    ConfigError
        Naming every instrument that it does not list, does not trade now, or trades in other steps.
    VenueError
        If it cannot be asked.
    """
    wrong: list[str] = []
    for ours in instruments:
        theirs = await venue.listing(ours.symbol)
        if theirs is None:
            wrong.append(f"{ours.symbol} is not listed")
            continue
        if not theirs.is_tradable:
            wrong.append(f"{ours.symbol} takes no orders now")
        wrong += [
            f"{ours.symbol} goes by {name} {step}, the run's definition by {own}"
            for name, own, step in (
                ("lot_size", ours.lot_size, theirs.lot_size),
                ("tick_size", ours.tick_size, theirs.tick_size),
            )
            if step and (Fraction(own) / Fraction(step)).denominator != 1
        ]
    if wrong:
        fix = "Set lot_size and tick_size in `instruments` to whole multiples."
        raise ConfigError(f"{venue.name} trades otherwise: {'; '.join(wrong)}", where="instruments", fix=fix)
