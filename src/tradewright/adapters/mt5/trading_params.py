"""What the MetaTrader 5 trading adapter is told: which account is meant, and how it is listened to."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from tradewright.adapters.mt5.terminal import AccountRow, TradeMode

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Login(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    login: Annotated[int, Field(gt=0)]


class DemoAccount(_Login):
    """The number of an account with play money (a contest's counts as such)."""


class RealAccount(_Login):
    """The number of an account with real money. Numbers do not show which they are: the type says it."""


class Mt5TradingParams(BaseModel):
    """Settings of the trading adapter.

    Parameters
    ----------
    account : DemoAccount or RealAccount
        Which account orders go to. A terminal logged in to another number, or to another kind, is refused.
    deviation_points : int
        How far from the quote a market order may fill at brokers that execute at a price.
    poll_s : float
        The terminal has no stream: it is asked so often.
    takes_any_lot : bool
        For who closes what is there and opens nothing: lots finer than the broker's step are no mistake then.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    account: DemoAccount | RealAccount
    deviation_points: Annotated[int, Field(ge=0)] = 20
    poll_s: Seconds = 0.5
    takes_any_lot: bool = False

    @property
    def name(self) -> str:
        """Venue and environment."""
        return "mt5-real" if isinstance(self.account, RealAccount) else "mt5-demo"

    def fits(self, account: AccountRow) -> bool:
        """Return whether an account is the one that is meant, number and kind of money."""
        is_real = isinstance(self.account, RealAccount)
        return account.login == self.account.login and (account.trade_mode is TradeMode.REAL) is is_real
