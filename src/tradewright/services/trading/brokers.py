"""What `trading.ibkr` and `trading.mt5` say: how the broker's own program is reached, and which account is meant."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

_STRICT = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class IbkrSettings(BaseModel):
    """TWS or IB Gateway, logged in to ``account_id``: DU... and DF... have play money, all others are real.

    ``client_id`` is of the session's orders, the next number its watchdog's; keep it from start to start, because only
    the connection that made an order can cancel it. ``contracts``: what instruments are called here that are written
    otherwise at Interactive Brokers (`adapters.ibkr.symbols`), such as ``{ESZ6: "ES@202612"}``; ``exchange`` and
    ``currency`` are for all that name none. They hold for a feed of Interactive Brokers', too.
    """

    model_config = _STRICT

    account_id: Annotated[str, Field(min_length=1)]
    host: str = "127.0.0.1"
    port: Annotated[int, Field(gt=0, lt=65_536)]
    client_id: Annotated[int, Field(ge=1, le=2**31 - 2)] = 72
    contracts: dict[str, str] = Field(default_factory=dict)
    exchange: str = ""
    currency: str = "USD"
    outside_rth: bool = False


class Mt5Settings(BaseModel):
    """A MetaTrader 5 terminal, logged in to ``login``; `trading.kind` says whether that is a demo or a real account.

    ``way``: ``module`` is the terminal on this Windows machine (``path`` to terminal64.exe, where several are
    installed), ``bridge`` a `tradewright mt5-bridge` at ``url``, ``metaapi`` MetaApi's cloud at ``url``, whose id of
    the account is ``metaapi_account``. The broker calls an instrument what it is called here and ``suffix``, or as
    ``symbols`` says. ``utc_offset_s``: of the server, where no quote moves by which it could be measured (`module`).
    """

    model_config = _STRICT

    login: Annotated[int, Field(gt=0)]
    way: Literal["module", "bridge", "metaapi"]
    url: str = ""
    metaapi_account: str = ""
    path: str = ""
    utc_offset_s: int | None = None
    suffix: str = ""
    symbols: dict[str, str] = Field(default_factory=dict)
    deviation_points: Annotated[int, Field(ge=0)] = 20

    @model_validator(mode="after")
    def _fits_the_way(self) -> Self:
        needs = {"url": self.way != "module", "metaapi_account": self.way == "metaapi"}
        for name, is_needed in needs.items():
            if bool(getattr(self, name)) is not is_needed:
                msg = f"`{name}` is {'needed for' if is_needed else 'not used by'} way: {self.way}"
                raise ValueError(msg)
        if self.way != "module" and (self.path or self.utc_offset_s is not None):
            msg = f"`path` and `utc_offset_s` are not used by way: {self.way}; the terminal's own machine knows them"
            raise ValueError(msg)
        return self

    def theirs(self, symbol: str) -> str:
        """Return what the broker calls an instrument."""
        return self.symbols.get(symbol, symbol + self.suffix)
