"""What `trading.ibkr` and `trading.mt5` say: how the broker's own program is reached, and which account is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    from tradewright.adapters.mt5.server_zone import ServerZone

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


class TerminalSettings(BaseModel):
    """A MetaTrader 5 terminal, for orders or market data.

    ``way``: ``module`` is the terminal on this Windows machine (``path`` to terminal64.exe, where several are
    installed), ``bridge`` a `tradewright mt5-bridge` at ``url``, ``metaapi`` MetaApi's cloud at ``url``, whose id of
    the account is ``metaapi_account``. The broker calls an instrument what it is called here and ``suffix``, or as
    ``symbols`` says. ``server_zone``: what the server's clock shows (`adapters.mt5.server_zone`), needed for bars of
    before clocks were last moved. ``utc_offset_s``: how far it is ahead now, where no quote moves by which it could be
    measured (`module`).
    """

    model_config = _STRICT

    way: Literal["module", "bridge", "metaapi"]
    url: str = ""
    metaapi_account: str = ""
    path: str = ""
    utc_offset_s: int | None = None
    server_zone: str = ""
    suffix: str = ""
    symbols: dict[str, str] = Field(default_factory=dict)

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
        if self.way == "bridge" and self.server_zone:
            msg = "`server_zone` is not used by way: bridge; give it to the bridge (--server-zone)"
            raise ValueError(msg)
        if self.server_zone and self.utc_offset_s is not None:
            msg = "`server_zone` and `utc_offset_s` both say what the server's clock shows: give the zone only"
            raise ValueError(msg)
        self.zone()
        return self

    def zone(self) -> ServerZone | None:
        """Return the server's zone, None where nobody says it."""
        from tradewright.adapters.mt5.server_zone import ServerZone

        return ServerZone.parse(self.server_zone) if self.server_zone else None

    def theirs(self, symbol: str) -> str:
        """Return what the broker calls an instrument."""
        return self.symbols.get(symbol, symbol + self.suffix)


class Mt5Settings(TerminalSettings):
    """A terminal that trades, logged in to ``login``; `trading.kind` says whether that is a demo or a real account."""

    login: Annotated[int, Field(gt=0)]
    deviation_points: Annotated[int, Field(ge=0)] = 20
