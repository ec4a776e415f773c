"""Our money beside the venue's: financing, fees, transfers and other people's trades show in the difference."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

#: Journal kind: equity at the venue and here when a lineage first asked.
MONEY = "money"


@dataclass(slots=True)
class MoneyWatch:
    """Compares how far equity has moved at the venue with how far it has moved here, account currency.

    What an account holds beyond a session's share of it stands still, so it is the movement that counts. While a
    position is open both value it, at prices of two moments: the bound leaves room for that.

    Parameters
    ----------
    bound : float or None
        Largest difference, as a share of our equity at the first look; None: nobody is told.
    """

    bound: float | None
    begun: tuple[float, float] | None = None  # at the venue, and here
    gap: float = 0.0  # the venue's movement less ours
    is_beyond: bool = False

    def look(self, venue: float, own: float) -> str:
        """Take in both equities; return what a person should read, once each time that the bound is left, else ""."""
        if self.begun is None:
            self.begun = venue, own
        self.gap = (venue - self.begun[0]) - (own - self.begun[1])
        was, self.is_beyond = self.is_beyond, self.bound is not None and not abs(self.gap) <= self.bound * self.begun[1]
        if not self.is_beyond or was:
            return ""
        shown = f"{self.gap:+,.2f}" if isfinite(self.gap) else "nobody knows how much"
        return (
            f"the account has moved by {shown} more than this session knows of: financing, fees, transfers, somebody "
            "else's trades, or prices that are old here. Sizes and limits go by the session's own equity."
        )
