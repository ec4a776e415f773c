"""Orders, trades, balances and filters as Binance writes them (developers.binance.com: spot REST)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tradewright.core.types.instrument import Instrument
from tradewright.core.types.order import OrderKind
from tradewright.execution.exchange.account import TradingAccount
from tradewright.execution.exchange.market import Market
from tradewright.execution.exchange.orders import Execution, Force, Life, Update, WorkOrder
from tradewright.services.exchange.decimals import lots_text, money, plain

Document = dict[str, Any]

_QUOTES = ("USDT", "USDC", "FDUSD", "TUSD", "BUSD", "BTC", "ETH", "BNB", "EUR", "TRY", "USD")
_KINDS = {
    OrderKind.MARKET: "MARKET",
    OrderKind.LIMIT: "LIMIT",
    OrderKind.STOP: "STOP_LOSS",
    OrderKind.STOP_LIMIT: "STOP_LOSS_LIMIT",
}
_LIVES = {
    Life.ACCEPTED: "NEW",
    Life.NEW: "NEW",
    Life.HELD: "NEW",
    Life.PARTIALLY_FILLED: "PARTIALLY_FILLED",
    Life.FILLED: "FILLED",
    Life.CANCELED: "CANCELED",
    Life.EXPIRED: "EXPIRED",
    Life.REPLACED: "CANCELED",
    Life.REJECTED: "REJECTED",
    Life.PENDING_CANCEL: "PENDING_CANCEL",
    Life.PENDING_REPLACE: "NEW",
}
_ZERO = "0.00000000"
#: Smallest value of an order, in the quote asset.
MIN_NOTIONAL = 5.0


def assets_of(instrument: Instrument) -> tuple[str, str]:
    """Return base and quote asset of a symbol."""
    symbol = instrument.symbol.replace("/", "")
    quote = next((q for q in _QUOTES if symbol.endswith(q) and len(symbol) > len(q)), "")
    return (symbol.removesuffix(quote), quote) if quote else (symbol, instrument.currency)


def eight(value: float) -> str:
    """Return a number with the eight digits that Binance writes."""
    return f"{Decimal(repr(value)):.8f}"


def millis(ns: int) -> int:
    """Return ns as ms."""
    return ns // 1_000_000


def order_id(order: WorkOrder) -> int:
    """Return an order's number."""
    return order.number // 8


def cancel_id(order: WorkOrder) -> str:
    """Return the name of the request that cancelled an order."""
    return f"cancel-{order_id(order)}"


def status_of(order: WorkOrder) -> str:
    """Return an order's state; what an immediate order leaves unfilled expires."""
    is_immediate = order.wish.force in {Force.IOC, Force.FOK}
    if order.life is Life.CANCELED and is_immediate:
        return "EXPIRED"
    return _LIVES[order.life]


class Words:
    """Writes what belongs to one account."""

    def __init__(self, account: TradingAccount, markets: tuple[Market, ...]) -> None:
        self._account, self._markets = account, markets

    def order(self, order: WorkOrder) -> Document:
        """Return an order as questions answer it."""
        ts = millis(order.ts_updated or order.ts_created)
        working = {
            "isWorking": order.is_in_book,
            "workingTime": millis(order.ts_created),
            "time": millis(order.ts_created),
        }
        more = {"stopPrice": _price(order.wish.stop), "icebergQty": _ZERO, "origQuoteOrderQty": _ZERO}
        return {**self._core(order), **working, **more, "updateTime": ts}

    def placed(self, order: WorkOrder, executions: list[Execution]) -> Document:
        """Return the answer to a new order, with its fills."""
        ts = millis(order.ts_created)
        fills = [
            {
                "price": eight(e.price),
                "qty": self._units(order, e.lots),
                "commission": money(e.fee_micro, 8),
                "commissionAsset": self._assets(order)[1],
                "tradeId": e.number,
            }
            for e in executions
        ]
        return {**self._core(order), "transactTime": ts, "workingTime": ts, "fills": fills}

    def trade(self, e: Execution) -> Document:
        """Return an execution as ``myTrades`` has it."""
        return {
            "symbol": self._symbol(e.order),
            "id": e.number,
            "orderId": order_id(e.order),
            "orderListId": -1,
            "price": eight(e.price),
            "qty": self._units(e.order, e.lots),
            "quoteQty": eight(round(e.price * e.lots * float(self._lot(e.order)), 8)),
            "commission": money(e.fee_micro, 8),
            "commissionAsset": self._assets(e.order)[1],
            "time": millis(e.ts),
            "isBuyer": e.order.wish.side > 0,
            "isMaker": e.is_maker,
            "isBestMatch": True,
        }

    def account(self, now_ns: int) -> Document:
        """Return the account with its balances."""
        rate = "0.00100000"
        rates = {"maker": rate, "taker": rate, "buyer": _ZERO, "seller": _ZERO}
        return {
            "makerCommission": 10,
            "takerCommission": 10,
            "buyerCommission": 0,
            "sellerCommission": 0,
            "commissionRates": rates,
            "canTrade": True,
            "canWithdraw": False,
            "canDeposit": False,
            "brokered": False,
            "requireSelfTradePrevention": False,
            "preventSor": False,
            "updateTime": millis(now_ns),
            "accountType": "SPOT",
            "balances": self.balances(),
            "permissions": ["SPOT"],
            "uid": 1,
        }

    def balances(self) -> list[Document]:
        """Return what is held of each asset; what open orders need is locked."""
        worth = self._account.means.worth()
        quote = assets_of(self._markets[0].instrument)[1]
        found = [{"asset": quote, "free": money(worth.cash - worth.reserved, 8), "locked": money(worth.reserved, 8)}]
        for j, market in enumerate(self._markets):
            lots, free = self._account.book.lots(j), self._account.means.available(j)
            lot = market.instrument.lot
            held = {"free": lots_text(free, lot), "locked": lots_text(max(0, lots) - free, lot)}
            found.append({"asset": assets_of(market.instrument)[0], **held})
        return found

    def report(self, update: Update, told_ns: int) -> Document:
        """Return an ``executionReport`` of the user data stream."""
        order, e = update.order, update.execution
        kinds = {"accepted": "NEW", "new": "NEW", "fill": "TRADE", "partial_fill": "TRADE", "rejected": "REJECTED"}
        kind = kinds.get(update.event, "EXPIRED" if status_of(order) == "EXPIRED" else "CANCELED")
        unit = float(self._lot(order))
        is_cancel = kind == "CANCELED"  # then the event goes by the name of the request to cancel
        return {
            "e": "executionReport",
            "E": millis(told_ns),
            "s": self._symbol(order),
            "c": cancel_id(order) if is_cancel else order.wish.client_id,
            "S": "BUY" if order.wish.side > 0 else "SELL",
            "o": _KINDS[order.wish.kind],
            "f": _force(order),
            "q": self._units(order, order.wish.lots),
            "p": _price(order.wish.limit),
            "P": _price(order.wish.stop),
            "F": _ZERO,
            "g": -1,
            "C": order.wish.client_id if is_cancel else "",
            "x": kind,
            "X": status_of(order),
            "r": "NONE",
            "i": order_id(order),
            "l": self._units(order, e.lots if e else 0),
            "z": self._units(order, order.filled),
            "L": eight(e.price) if e else _ZERO,
            "n": money(e.fee_micro, 8) if e else "0",
            "N": self._assets(order)[1] if e else None,
            "T": millis(update.ts),
            "t": e.number if e else -1,
            "I": order_id(order) * 10 + order.filled % 10,
            "w": not order.is_over,
            "m": bool(e and e.is_maker),
            "M": False,
            "O": millis(order.ts_created),
            "Z": eight(round(order.value * unit, 8)),
            "Y": eight(round(e.price * e.lots * unit, 8)) if e else _ZERO,
            "Q": _ZERO,
            "W": millis(order.ts_created),
            "V": "NONE",
        }

    def balance_event(self, told_ns: int) -> Document:
        """Return ``outboundAccountPosition``."""
        balances = [{"a": b["asset"], "f": b["free"], "l": b["locked"]} for b in self.balances()]
        return {"e": "outboundAccountPosition", "E": millis(told_ns), "u": millis(told_ns), "B": balances}

    def _core(self, order: WorkOrder) -> Document:
        return {
            "symbol": self._symbol(order),
            "orderId": order_id(order),
            "orderListId": -1,
            "clientOrderId": order.wish.client_id,
            "price": _price(order.wish.limit),
            "origQty": self._units(order, order.wish.lots),
            "executedQty": self._units(order, order.filled),
            "cummulativeQuoteQty": eight(round(order.value * float(self._lot(order)), 8)),
            "status": status_of(order),
            "timeInForce": _force(order),
            "type": _KINDS[order.wish.kind],
            "side": "BUY" if order.wish.side > 0 else "SELL",
            "selfTradePreventionMode": "NONE",
        }

    def _symbol(self, order: WorkOrder) -> str:
        return self._markets[order.instrument].instrument.symbol

    def _lot(self, order: WorkOrder) -> Any:  # noqa: ANN401  # Fraction
        return self._markets[order.instrument].instrument.lot

    def _assets(self, order: WorkOrder) -> tuple[str, str]:
        return assets_of(self._markets[order.instrument].instrument)

    def _units(self, order: WorkOrder, lots: int) -> str:
        return f"{Decimal(lots_text(lots, self._lot(order))):.8f}"


def symbol_info(market: Market) -> Document:
    """Return a symbol of ``exchangeInfo`` with its filters."""
    instrument = market.instrument
    base, quote = assets_of(instrument)
    lot = Decimal(instrument.lot.numerator) / Decimal(instrument.lot.denominator)
    step = plain(lot)
    filters = [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": instrument.tick_size,
            "maxPrice": "1000000000",
            "tickSize": instrument.tick_size,
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": plain(lot * instrument.min_lots),
            "maxQty": "1000000000",
            "stepSize": step,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": eight(MIN_NOTIONAL),
            "applyMinToMarket": True,
            "maxNotional": "1000000000",
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
    ]
    return {
        "symbol": instrument.symbol,
        "status": "TRADING",
        "baseAsset": base,
        "baseAssetPrecision": 8,
        "quoteAsset": quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT"],
        "icebergAllowed": False,
        "ocoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": filters,
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "NONE",
        "allowedSelfTradePreventionModes": ["NONE"],
    }


def _price(price: float | None) -> str:
    return _ZERO if price is None else eight(price)


def _force(order: WorkOrder) -> str:
    return "GTC" if order.wish.kind is OrderKind.MARKET else order.wish.force.value.upper()
