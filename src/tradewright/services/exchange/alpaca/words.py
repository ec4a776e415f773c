"""Orders, positions and the account as Alpaca writes them (docs.alpaca.markets/reference: trading API)."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

from tradewright.core.types.instrument import Instrument
from tradewright.core.types.order import OrderKind
from tradewright.execution.exchange.account import TradingAccount
from tradewright.execution.exchange.book import value_micro
from tradewright.execution.exchange.market import Market
from tradewright.execution.exchange.orders import Execution, Group, Life, Update, WorkOrder
from tradewright.services.exchange.decimals import lots_text, money, price_text
from tradewright.services.http_service.answers import iso

Document = dict[str, Any]

_KINDS = {
    OrderKind.MARKET: "market",
    OrderKind.LIMIT: "limit",
    OrderKind.STOP: "stop",
    OrderKind.STOP_LIMIT: "stop_limit",
    OrderKind.TRAILING_STOP: "trailing_stop",
}


def is_crypto(instrument: Instrument) -> bool:
    """Return whether Alpaca would have it among its crypto pairs, by the form of its name."""
    return "/" in instrument.symbol


def asset_class(instrument: Instrument) -> str:
    """Return Alpaca's name of the kind of asset."""
    return "crypto" if is_crypto(instrument) else "us_equity"


def made_id(*parts: object) -> str:
    """Return a UUID that belongs to some words."""
    digest = hashlib.blake2b("|".join(map(str, parts)).encode(), digest_size=16).digest()
    return str(UUID(bytes=digest, version=4))


def moment(ns: int) -> str | None:
    """Return a time as Alpaca writes it; None where it has not come."""
    return iso(ns) if ns else None


class Words:
    """Writes what belongs to one account."""

    def __init__(self, account: TradingAccount, markets: tuple[Market, ...]) -> None:
        self._account, self._markets = account, markets

    def order(self, order: WorkOrder, *, with_legs: bool = True) -> Document:
        """Return an order; ``legs`` only of the order that others belong to."""
        instrument, wish = self._markets[order.instrument].instrument, order.wish
        trail_price = wish.trail if wish.trail_percent is None else None
        stop = self._account.stop_of(order) if wish.kind is OrderKind.TRAILING_STOP else wish.stop
        hwm = None if stop is None or wish.trail is None else stop - wish.side * wish.trail
        legs = [self.order(leg) for leg in order.legs] if with_legs and order.parent is None else []
        return {
            "id": order.id,
            "client_order_id": wish.client_id,
            "created_at": moment(order.ts_created),
            "updated_at": moment(order.ts_updated or order.ts_created),
            "submitted_at": moment(order.ts_created),
            "filled_at": moment(order.ts_filled) if order.life is Life.FILLED else None,
            "expired_at": moment(order.ts_expired),
            "expires_at": moment(order.ts_expire),
            "canceled_at": moment(order.ts_canceled) if order.life is not Life.REJECTED else None,
            "failed_at": moment(order.ts_canceled) if order.life is Life.REJECTED else None,
            "replaced_at": moment(order.ts_replaced),
            "replaced_by": order.replaced_by or None,
            "replaces": order.replaces or None,
            "asset_id": made_id("asset", instrument.symbol),
            "symbol": instrument.symbol,
            "asset_class": asset_class(instrument),
            "notional": None,
            "qty": lots_text(wish.lots, instrument.lot),
            "filled_qty": lots_text(order.filled, instrument.lot),
            "filled_avg_price": None if order.average is None else f"{order.average:.9f}".rstrip("0").rstrip("."),
            "order_class": "" if wish.group is Group.SIMPLE else wish.group.value,
            "order_type": _KINDS[wish.kind],
            "type": _KINDS[wish.kind],
            "side": "buy" if wish.side > 0 else "sell",
            "time_in_force": wish.force.value,
            "limit_price": _price(wish.limit),
            "stop_price": _price(stop),
            "status": order.life.value,
            "extended_hours": False,
            "legs": legs or None,
            "trail_percent": _price(wish.trail_percent),
            "trail_price": _price(trail_price),
            "hwm": _price(hwm),
        }

    def update(self, update: Update) -> Document:
        """Return one message of ``trade_updates``."""
        order = update.order
        event = "trade_bust" if update.event == "trade_bust" else update.event
        data: Document = {
            "event": event,
            "event_id": made_id("event", order.id, update.event, order.filled, update.ts),
            "timestamp": moment(update.ts),
            "order": self.order(order),
        }
        execution = update.execution
        if execution is not None:
            lot = self._markets[order.instrument].instrument.lot
            data |= {
                "execution_id": execution.id,
                "price": price_text(execution.price),
                "qty": lots_text(execution.lots, lot),
                "position_qty": lots_text(execution.position, lot),
            }
        return {"stream": "trade_updates", "data": data}

    def position(self, instrument: int) -> Document:
        """Return an open position."""
        market, holding = self._markets[instrument], self._account.book.holdings[instrument]
        lot, lots = market.instrument.lot, holding.lots
        price = self._account.means.mark(instrument)
        value = value_micro(market.instrument, lots, price)
        gain = value - holding.cost_micro
        part = f"{gain / abs(holding.cost_micro):.6f}" if holding.cost_micro else "0"
        return {
            "asset_id": made_id("asset", market.instrument.symbol),
            "symbol": market.instrument.symbol,
            "exchange": "CRYPTO" if is_crypto(market.instrument) else "NASDAQ",
            "asset_class": asset_class(market.instrument),
            "asset_marginable": not is_crypto(market.instrument),
            "qty": lots_text(lots, lot),
            "qty_available": lots_text(self._account.means.available(instrument), lot),
            "avg_entry_price": f"{holding.entry:.9f}".rstrip("0").rstrip("."),
            "side": "long" if lots > 0 else "short",
            "market_value": money(value),
            "cost_basis": money(holding.cost_micro),
            "unrealized_pl": money(gain),
            "unrealized_plpc": part,
            "unrealized_intraday_pl": money(gain),
            "unrealized_intraday_plpc": part,
            "current_price": price_text(price),
            "lastday_price": price_text(price),
            "change_today": "0",
        }

    def account(self, opened_ns: int) -> Document:
        """Return the account. Cash carries six decimals: the exchange loses nothing."""
        worth, terms = self._account.means.worth(), self._account.orders.terms
        return {
            "id": made_id("account", terms.name),
            "account_number": "PA" + made_id("number", terms.name)[:8].upper(),
            "status": "ACTIVE",
            "crypto_status": "ACTIVE",
            "currency": "USD",
            "cash": money(worth.cash, 6),
            "equity": money(worth.equity, 6),
            "portfolio_value": money(worth.equity, 6),
            "last_equity": money(self._account.last_equity, 6),
            "buying_power": money(worth.power),
            "regt_buying_power": money(worth.power),
            "daytrading_buying_power": "0",
            "non_marginable_buying_power": money(max(0, worth.cash - worth.reserved)),
            "effective_buying_power": money(worth.power),
            "long_market_value": money(worth.long),
            "short_market_value": money(worth.short),
            "position_market_value": money(worth.long - worth.short),
            "initial_margin": money(round((worth.long - worth.short) / terms.multiplier)),
            "maintenance_margin": money(round((worth.long - worth.short) * 0.3)),
            "last_maintenance_margin": "0",
            "accrued_fees": "0",
            "sma": "0",
            "daytrade_count": 0,
            "multiplier": f"{terms.multiplier:g}",
            "shorting_enabled": terms.may_short,
            "pattern_day_trader": False,
            "trading_blocked": False,
            "transfers_blocked": False,
            "account_blocked": False,
            "trade_suspended_by_user": False,
            "created_at": moment(opened_ns),
        }

    def activity(self, execution: Execution) -> Document:
        """Return a fill of ``/v2/account/activities``; ids ascend with time."""
        order = execution.order
        lot = self._markets[order.instrument].instrument.lot
        stamp = iso(execution.ts)
        digits = "".join(c for c in stamp if c.isdigit())[:17]
        return {
            "id": f"{digits}::{execution.id}",
            "account_id": made_id("account", self._account.orders.terms.name),
            "activity_type": "FILL",
            "transaction_time": stamp,
            "type": "fill" if order.life is Life.FILLED else "partial_fill",
            "price": price_text(execution.price),
            "qty": lots_text(execution.lots, lot),
            "side": "buy" if order.wish.side > 0 else "sell",
            "symbol": self._markets[order.instrument].instrument.symbol,
            "leaves_qty": lots_text(order.left, lot),
            "cum_qty": lots_text(order.filled, lot),
            "order_id": order.id,
            "order_status": order.life.value,
            "execution_id": execution.id,
            "commission": money(execution.fee_micro, 6),
        }


def asset(market: Market) -> Document:
    """Return an instrument as an asset."""
    instrument = market.instrument
    return {
        "id": made_id("asset", instrument.symbol),
        "class": asset_class(instrument),
        "exchange": "CRYPTO" if is_crypto(instrument) else "NASDAQ",
        "symbol": instrument.symbol,
        "name": instrument.symbol,
        "status": "active",
        "tradable": True,
        "marginable": not is_crypto(instrument),
        "shortable": instrument.is_shortable and not is_crypto(instrument),
        "easy_to_borrow": instrument.is_shortable and not is_crypto(instrument),
        "fractionable": instrument.lot != 1,
        "min_order_size": lots_text(instrument.min_lots, instrument.lot),
        "min_trade_increment": lots_text(1, instrument.lot),
        "price_increment": instrument.tick_size,
    }


def _price(price: float | None) -> str | None:
    return None if price is None else price_text(round(price, 9))
