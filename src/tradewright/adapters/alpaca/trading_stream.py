"""Alpaca's ``trade_updates`` as events of the venue port."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

from tradewright.adapters.alpaca.trading_params import AlpacaTradingParams
from tradewright.adapters.alpaca.trading_rows import Instruments, fill_of_event, orders_of
from tradewright.adapters.http import Sleep
from tradewright.adapters.websocket import Connect, Reconnected, Send, SocketParams, VenueSocket
from tradewright.core.types.errors import SourceError
from tradewright.core.types.venue import StreamGap, VenueEvent
from tradewright.execution.venue import VenueAuthError, VenueTimeoutError, VenueUnavailableError

_FILLS = {"fill", "partial_fill"}
_UNDONE = {"trade_bust", "trade_correct"}


async def events(
    params: AlpacaTradingParams, instruments: Instruments, clock_ns: Callable[[], int], connect: Connect, sleep: Sleep
) -> AsyncGenerator[VenueEvent, None]:
    """Yield events for ever; a fill stands before the order it belongs to, a gap where events may be missing.

    Raises
    ------
    VenueAuthError
        If the venue does not take the keys.
    VenueUnavailableError
        If it never has us.
    """
    keys = params.keys
    secrets = {"key_id": keys.key.get_secret_value(), "secret_key": keys.secret.get_secret_value()}

    async def log_in(send: Send) -> None:
        await send(json.dumps({"action": "authenticate", "data": secrets}))
        await send(json.dumps({"action": "listen", "data": {"streams": ["trade_updates"]}}))

    socket = VenueSocket(
        SocketParams(params.stream_url, silence_s=params.silence_s),
        name=params.name,
        on_open=log_in,
        connect=connect,
        clock_ns=clock_ns,
        sleep=sleep,
    )
    lost = "connected"  # what was before is not told: the first words are a gap, too
    try:
        async with aclosing(socket.messages()) as messages:
            async for item in messages:
                if isinstance(item, Reconnected):
                    lost = item.reason
                    continue
                message = _decoded(item)
                data = message.get("data")
                data = data if isinstance(data, dict) else {}
                if message.get("stream") == "authorization" and data.get("status") != "authorized":
                    raise VenueAuthError(
                        "the order stream does not take the keys", where=params.name, fix="Check them."
                    )
                if message.get("stream") == "listening" and lost:
                    yield StreamGap(lost, clock_ns())  # only from here on is nothing missed
                    lost = ""
                if message.get("stream") == "trade_updates":
                    for event in _told(data, instruments, clock_ns):
                        yield event
    except SourceError as error:
        raise VenueUnavailableError(error.what, where=params.name, fix=error.fix) from error


def _told(data: dict[str, Any], instruments: Instruments, clock_ns: Callable[[], int]) -> list[VenueEvent]:
    """Return what one update says; one that cannot be read, or takes a fill back, is a reason to ask for everything."""
    kind = data.get("event")
    try:
        orders = orders_of(data.get("order"), instruments)
        if kind in _UNDONE:
            return [StreamGap(f"{kind} of {orders[0].client_id}", clock_ns())]
        fills = [fill_of_event(data, orders[0], instruments)] if kind in _FILLS else []
    except VenueTimeoutError as error:
        return [StreamGap(error.what, clock_ns())]
    return [*fills, *orders]


def _decoded(text: str) -> dict[str, Any]:
    try:
        message = json.loads(text)
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}
