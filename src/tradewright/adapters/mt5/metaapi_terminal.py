"""A terminal in MetaApi's cloud, over its REST API. Source: metaapi.cloud/docs/client/restApi.

Bars: .../restApi/api/retrieveMarketData/readHistoricalCandles and .../models/metatraderCandle. They are on a host of
their own and come backwards from a time, a thousand at most.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Self, TypeVar
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from tradewright.adapters.commands import Answer, Command
from tradewright.adapters.mt5.remote import NOT_FOUND, ask, commands, is_local, named, read
from tradewright.adapters.mt5.server_zone import ServerZone
from tradewright.adapters.mt5.terminal import (
    AccountRow,
    Action,
    BarRow,
    Bars,
    DealRow,
    Filling,
    Gate,
    MarginMode,
    OrderRow,
    OrderState,
    OrderType,
    Period,
    PositionRow,
    Reason,
    Request,
    Result,
    SymbolRow,
    TickRow,
    TradeMode,
)
from tradewright.data.timeframe import timeframe_name

T = TypeVar("T")
Row = dict[str, Any]
_DOMAIN = ".agiliumtrade.ai"
_PAGE = 1_000
_TRADING_HOST, _BARS_HOST = "://mt-client-api-", "://mt-market-data-client-api-"
#: The terminal may have to load what is asked for.
_BARS_TIMEOUT_S = 60.0
_MARGINS = {"RETAIL_NETTING": MarginMode.NETTING, "EXCHANGE": MarginMode.EXCHANGE, "RETAIL_HEDGING": MarginMode.HEDGING}
_SIDES = {"BUY": 1, "SELL": -1}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class MetaApiParams(BaseModel):
    """Where MetaApi is (the address of the account's region), the account's id there, and the token.

    There is no default address; any but MetaApi's own and one of this machine is refused.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: str
    account: Annotated[str, Field(min_length=1, pattern=r"^[A-Za-z0-9-]+$")]
    token: SecretStr
    timeout_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 10.0

    @model_validator(mode="after")
    def _is_theirs(self) -> Self:
        parts = urlsplit(self.url)
        if not (is_local(self.url) or (parts.scheme == "https" and str(parts.hostname).endswith(_DOMAIN))):
            msg = f"MetaApi is reached at https://mt-client-api-v1.REGION{_DOMAIN}"
            raise ValueError(msg)
        return self


class MetaApiTerminal:
    """A terminal through MetaApi; satisfies `Terminal`.

    MetaApi tells UTC, and with quotes and bars the server's own time. How it makes the one of the other for bars of
    another season is not documented: with a ``zone`` the server's own time counts.
    """

    comment_length = 26  # comment and client id together

    def __init__(self, params: MetaApiParams, zone: ServerZone | None = None) -> None:
        self._http = commands(params.url, "metaapi", "auth-token", params.token, timeout_s=params.timeout_s)
        bars_url, patience_s = params.url.replace(_TRADING_HOST, _BARS_HOST), max(params.timeout_s, _BARS_TIMEOUT_S)
        self._bars = commands(bars_url, "metaapi", "auth-token", params.token, timeout_s=patience_s)
        self._zone = zone
        self._path = f"/users/current/accounts/{params.account}"

    async def account(self) -> AccountRow:
        """Return the account."""
        return await self._read("/account-information", _account)

    async def symbol(self, name: str) -> SymbolRow | None:
        """Return how a symbol is traded, or None if there is none of that name."""
        answer = await self._get(f"/symbols/{quote(name, safe='')}/specification")
        return None if answer.status == NOT_FOUND else read(_symbol, answer, "metaapi")

    async def tick(self, name: str) -> TickRow:
        """Return the newest quote of a symbol."""
        return await self._read(f"/symbols/{quote(name, safe='')}/current-price", self._tick)

    async def bars(self, name: str, period: Period, start_ms: int, end_ms: int) -> Bars:
        """Return bars of a symbol, asked for page by page from the end."""
        timeframe = timeframe_name(period.ms * 1_000_000)
        path = f"/historical-market-data/symbols/{quote(name, safe='')}/timeframes/{timeframe}/candles"
        found: dict[int, BarRow] = {}
        oldest = end_ms
        while True:
            query = f"startTime={_iso(_EPOCH + timedelta(milliseconds=oldest))}&limit={_PAGE}"
            answer = await ask(self._bars, Command("GET", self._path + path, query), f"metaapi {path}")
            page = read(lambda rows: [self._bar(row, period) for row in _list(rows)], answer, f"metaapi {path}")
            found |= {row.time_ms: row for row in page if start_ms <= row.time_ms < end_ms}
            first = min((row.time_ms for row in page), default=oldest)
            if len(page) < _PAGE or first <= start_ms or first >= oldest:
                break
            oldest = first
        return Bars(rows=tuple(found[ms] for ms in sorted(found)), knows_zone=self._zone is not None)

    async def orders(self) -> list[OrderRow]:
        """Return open orders."""
        return await self._read("/orders", lambda rows: [_order(row, "time") for row in _list(rows)])

    async def positions(self) -> list[PositionRow]:
        """Return open positions."""
        return await self._read("/positions", lambda rows: [_position(row) for row in _list(rows)])

    async def history_orders(self, since_ms: int) -> list[OrderRow]:
        """Return orders that ended since a time."""
        return await self._history("/history-orders", since_ms, lambda row: _order(row, "doneTime"))

    async def history_deals(self, since_ms: int) -> list[DealRow]:
        """Return executions since a time."""
        found = await self._history("/history-deals", since_ms, lambda row: _deal(row) if _is_trade(row) else None)
        return [deal for deal in found if deal is not None]

    async def send(self, request: Request, gate: Gate) -> Result:
        """Send a request, once."""
        command = Command("POST", f"{self._path}/trade", body=_trade(request))
        return read(_result, await ask(self._http, command, "metaapi trade", gate), "metaapi trade")

    async def close(self) -> None:
        """Release connections."""
        await self._http.close()
        await self._bars.close()

    def _tick(self, row: Row) -> TickRow:
        found = TickRow(time_ms=_ms(row["time"]), bid=row["bid"], ask=row["ask"])
        if self._zone is not None:
            self._zone.check(_shown_ms(row), found.time_ms)
        return found

    def _bar(self, row: Row, period: Period) -> BarRow:
        start, length = _ms(row["time"]), period.ms
        start, end = (start, start + length) if self._zone is None else self._zone.span_ms(_shown_ms(row), length)
        prices = {name: row[name] for name in ("open", "high", "low", "close")}
        return BarRow(time_ms=start, end_ms=end, **prices, ticks=row["tickVolume"], spread=row.get("spread", 0))

    async def _get(self, path: str, query: str = "") -> Answer:
        return await ask(self._http, Command("GET", self._path + path, query), f"metaapi {path}")

    async def _read(self, path: str, make: Callable[[Any], T], query: str = "") -> T:
        return read(make, await self._get(path, query), f"metaapi {path}")

    async def _history(self, path: str, since_ms: int, make: Callable[[Row], T]) -> list[T]:
        """Return all rows since a time, page by page; the end is far ahead, so that nothing newest is left out."""
        start = _EPOCH + timedelta(milliseconds=since_ms)
        whole = f"{path}/time/{_iso(start)}/{_iso(start + timedelta(days=36_500))}"
        found: list[T] = []
        while True:
            page = await self._read(whole, _list, f"offset={len(found)}&limit={_PAGE}")
            found += read(lambda rows: [make(row) for row in rows], Answer(200, page, {}), f"metaapi {path}")
            if len(page) < _PAGE:
                return found


def _account(row: Row) -> AccountRow:
    return AccountRow(
        login=int(row["login"]),
        server=row["server"],
        trade_mode=named(TradeMode.__members__, row["type"], "ACCOUNT_TRADE_MODE_"),
        margin_mode=named(_MARGINS, row["marginMode"], "ACCOUNT_MARGIN_MODE_"),
        currency=row["currency"],
        balance=row["balance"],
        equity=row["equity"],
    )


def _symbol(row: Row) -> SymbolRow:
    ways = [str(way).removeprefix("SYMBOL_FILLING_") for way in row.get("fillingModes", ())]
    return SymbolRow(
        name=row["symbol"],
        contract_size=row["contractSize"],
        volume_min=row["minVolume"],
        volume_step=row["volumeStep"],
        fillings=tuple(Filling[way] for way in ways if way in Filling.__members__),
    )


def _order(row: Row, time: str) -> OrderRow:
    """Return an order; one of the history has its end as its time."""
    reason = str(row.get("reason", "ORDER_REASON_EXPERT")).removeprefix("ORDER_REASON_")
    return OrderRow(
        ticket=int(row["id"]),
        symbol=row["symbol"],
        type=named(OrderType.__members__, row["type"], "ORDER_TYPE_"),
        state=named(OrderState.__members__, row["state"], "ORDER_STATE_"),
        reason=Reason.__members__.get(reason, Reason.CLIENT),
        volume=row["volume"],
        volume_left=row["currentVolume"],
        time_ms=_ms(row[time]),
        magic=row.get("magic", 0),
        comment=row.get("comment", ""),
    )


def _is_trade(row: Row) -> bool:
    is_side = str(row["type"]).removeprefix("DEAL_TYPE_") in _SIDES
    return is_side and row.get("entryType") != "DEAL_ENTRY_OUT_BY"


def _deal(row: Row) -> DealRow:
    return DealRow(
        ticket=int(row["id"]),
        order=int(row["orderId"]),
        symbol=row["symbol"],
        side=named(_SIDES, row["type"], "DEAL_TYPE_"),
        volume=row["volume"],
        price=row["price"],
        fee=-float(row.get("commission", 0.0)),
        time_ms=_ms(row["time"]),
        magic=row.get("magic", 0),
        comment=row.get("comment", ""),
    )


def _position(row: Row) -> PositionRow:
    side = named(_SIDES, row["type"], "POSITION_TYPE_")
    return PositionRow(
        ticket=int(row["id"]),
        symbol=row["symbol"],
        side=side,
        volume=row["volume"],
        price=row["openPrice"],
        magic=row.get("magic", 0),
        comment=row.get("comment", ""),
    )


def _result(row: Row) -> Result:
    return Result(
        code=row["numericCode"], order=int(row.get("orderId") or 0), comment=str(row.get("message", ""))[:100]
    )


def _trade(request: Request) -> Row:
    """Return a request as MetaApi's; a market order has neither price nor expiration."""
    if request.action is Action.REMOVE:
        return {"actionType": "ORDER_CANCEL", "orderId": str(request.order)}
    if request.action is Action.CLOSE_BY:
        by = {"positionId": str(request.position), "closeByPositionId": str(request.position_by)}
        return {"actionType": "POSITION_CLOSE_BY", **by}
    body: Row = {
        "actionType": f"ORDER_TYPE_{request.type.name}",
        "symbol": request.symbol,
        "volume": request.volume,
        "magic": request.magic,
        "comment": request.comment,
    }
    if request.position:
        body = {"actionType": "POSITION_PARTIAL", "positionId": str(request.position), **dict(list(body.items())[2:])}
        return body | {"slippage": request.deviation}
    if request.action is Action.DEAL:
        return body | {"slippage": request.deviation, "fillingModes": [f"ORDER_FILLING_{request.filling.name}"]}
    body |= {
        "openPrice": request.price,
        "expiration": {"type": "ORDER_TIME_DAY" if request.is_day else "ORDER_TIME_GTC"},
    }
    return body | ({"stopLimitPrice": request.stop_limit} if request.stop_limit else {})


def _list(rows: object) -> list[Any]:
    if not isinstance(rows, list):
        msg = "the answer is not a list"
        raise TypeError(msg)
    return rows


def _shown_ms(row: Row) -> int:
    """Return what the server's clock shows, as if that were UTC."""
    return _ms(f"{row['brokerTime']}Z")


def _ms(text: str) -> int:
    return round((datetime.fromisoformat(text) - _EPOCH).total_seconds() * 1_000)


def _iso(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
