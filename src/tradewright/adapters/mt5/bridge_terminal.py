"""A terminal on another machine, through the bridge that `tradewright mt5-bridge` runs there."""

from __future__ import annotations

from typing import Annotated, Any, Self
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, model_validator

from tradewright.adapters.commands import Answer, Command
from tradewright.adapters.mt5.remote import NOT_FOUND, ask, commands, is_local, read
from tradewright.adapters.mt5.terminal import (
    AccountRow,
    Bars,
    DealRow,
    Gate,
    OrderRow,
    Period,
    PositionRow,
    Request,
    Result,
    SymbolRow,
    TickRow,
)

_ORDERS, _POSITIONS, _DEALS = TypeAdapter(list[OrderRow]), TypeAdapter(list[PositionRow]), TypeAdapter(list[DealRow])


class BridgeParams(BaseModel):
    """Where the bridge is, and its token.

    Without TLS the token would be read by everybody on the way: beyond this machine the address is https, or a tunnel
    that ends here.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: str
    token: SecretStr
    timeout_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 10.0

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        if not (is_local(self.url) or urlsplit(self.url).scheme == "https"):
            msg = "the bridge is reached by https, or by http on this machine"
            raise ValueError(msg)
        return self


class BridgeTerminal:
    """A terminal through the bridge; satisfies `Terminal`."""

    comment_length = 31

    def __init__(self, params: BridgeParams) -> None:
        self._http = commands(params.url, "mt5-bridge", "Authorization", params.token, "Bearer ", params.timeout_s)

    async def account(self) -> AccountRow:
        """Return the account."""
        return read(AccountRow.model_validate, await self._get("/account"), "mt5-bridge")

    async def symbol(self, name: str) -> SymbolRow | None:
        """Return how a symbol is traded, or None if there is none of that name."""
        answer = await self._get(f"/symbols/{quote(name, safe='')}")
        return None if answer.status == NOT_FOUND else read(SymbolRow.model_validate, answer, "mt5-bridge")

    async def tick(self, name: str) -> TickRow:
        """Return the newest quote of a symbol."""
        return read(TickRow.model_validate, await self._get(f"/ticks/{quote(name, safe='')}"), "mt5-bridge")

    async def bars(self, name: str, period: Period, start_ms: int, end_ms: int) -> Bars:
        """Return bars of a symbol."""
        query = f"period={period.value}&start_ms={start_ms}&end_ms={end_ms}"
        return read(Bars.model_validate, await self._get(f"/bars/{quote(name, safe='')}", query), "mt5-bridge")

    async def orders(self) -> list[OrderRow]:
        """Return open orders."""
        return read(_ORDERS.validate_python, await self._get("/orders"), "mt5-bridge")

    async def positions(self) -> list[PositionRow]:
        """Return open positions."""
        return read(_POSITIONS.validate_python, await self._get("/positions"), "mt5-bridge")

    async def history_orders(self, since_ms: int) -> list[OrderRow]:
        """Return orders that ended since a time."""
        return read(_ORDERS.validate_python, await self._get("/history/orders", f"since_ms={since_ms}"), "mt5-bridge")

    async def history_deals(self, since_ms: int) -> list[DealRow]:
        """Return executions since a time."""
        return read(_DEALS.validate_python, await self._get("/history/deals", f"since_ms={since_ms}"), "mt5-bridge")

    async def send(self, request: Request, gate: Gate) -> Result:
        """Send a request, once."""
        body: dict[str, Any] = request.model_dump(mode="json")
        answer = await ask(self._http, Command("POST", "/send", body=body), "mt5-bridge send", gate)
        return read(Result.model_validate, answer, "mt5-bridge send")

    async def close(self) -> None:
        """Release connections."""
        await self._http.close()

    async def _get(self, path: str, query: str = "") -> Answer:
        return await ask(self._http, Command("GET", path, query), f"mt5-bridge {path}")
