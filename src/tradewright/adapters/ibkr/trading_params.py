"""What the Interactive Brokers trading adapter is told: where the gateway is, and which kind of account it trades."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from tradewright.adapters.ibkr.params import IbkrParams

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def has_play_money(account_id: str) -> bool:
    """Return whether an account has play money: theirs begin with D (DU, advisors DF), all others are real."""
    return account_id.startswith("D")


class PaperAccount(BaseModel):
    """The number of an account with play money, such as DU1234567."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account_id: str

    @field_validator("account_id")
    @classmethod
    def _is_paper(cls, value: str) -> str:
        if not has_play_money(value):
            msg = "this is not a paper account: those of Interactive Brokers begin with D"
            raise ValueError(msg)
        return value


class LiveAccount(BaseModel):
    """The number of an account with real money, such as U1234567."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account_id: str = Field(min_length=1)

    @field_validator("account_id")
    @classmethod
    def _is_live(cls, value: str) -> str:
        if has_play_money(value):
            msg = "this is a paper account: those of Interactive Brokers begin with D"
            raise ValueError(msg)
        return value


class IbkrTradingParams(BaseModel):
    """Settings of the trading adapter. There is no default address: nothing reaches a venue that was not named.

    Interactive Brokers has no keys: whoever reaches the gateway trades the account it is logged in to. The type of
    ``account`` says which kind is meant, and a gateway logged in to another is refused.

    Parameters
    ----------
    account : PaperAccount or LiveAccount
        Which account orders go to.
    host, port : str, int
        Of TWS or IB Gateway; theirs are 4002 (gateway, paper), 4001 (gateway, live), 7497 (TWS, paper), 7496 (TWS,
        live).
    client_id : int
        Number of this connection among all to the same gateway; orders belong to it, so keep it from start to start.
    sec_type, exchange, currency, contracts : str, mapping of str to str
        As in `IbkrParams`.
    outside_rth : bool
        Orders work outside regular trading hours, too.
    zone : str
        Of the gateway's times, where they do not name one.
    timeout_s : float
        Longest wait for an answer; then what became of the request is not known.
    messages_per_second : float
        The gateway's limit.
    ends_for_others : bool
        Cancel orders that another connection made, under its client id: possible when its program is gone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    account: PaperAccount | LiveAccount
    host: str
    port: Annotated[int, Field(gt=0, lt=65_536)]
    client_id: Annotated[int, Field(ge=1)] = 72
    sec_type: Literal["", "STK", "CASH", "FUT", "CRYPTO"] = ""
    exchange: str = ""
    currency: str = "USD"
    contracts: dict[str, str] = Field(default_factory=dict)
    outside_rth: bool = False
    zone: str = "UTC"
    timeout_s: Seconds = 10.0
    messages_per_second: Seconds = 45.0
    ends_for_others: bool = False

    @property
    def name(self) -> str:
        """Venue and environment."""
        return "ibkr-live" if isinstance(self.account, LiveAccount) else "ibkr-paper"

    @property
    def symbols(self) -> IbkrParams:
        """How symbols are read."""
        return IbkrParams(
            sec_type=self.sec_type, exchange=self.exchange, currency=self.currency, contracts=self.contracts
        )
