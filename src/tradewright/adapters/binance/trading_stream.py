"""Binance's user data stream as events of the venue port."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

from tradewright.adapters.binance.trading_params import BinanceTradingParams
from tradewright.adapters.binance.trading_rows import Instruments, fill_of_event, order_of_event
from tradewright.adapters.commands import Command, VenueCommands
from tradewright.adapters.http import Sleep
from tradewright.adapters.websocket import Connect, Reconnected, Send, SocketParams, VenueSocket
from tradewright.core.types.errors import SourceError
from tradewright.core.types.venue import StreamGap, VenueEvent
from tradewright.execution.venue import VenueAuthError, VenueTimeoutError, VenueUnavailableError

_PATH = "/api/v3/userDataStream"
_PAUSE_S = 1.0
_HERE = 1  # number of the question whose answer says that the connection is there


async def events(
    http: VenueCommands,
    params: BinanceTradingParams,
    instruments: Instruments,
    clock_ns: Callable[[], int],
    opening: tuple[Connect, Sleep],
) -> AsyncGenerator[VenueEvent, None]:
    """Yield events for ever; a fill stands before the order it belongs to, a gap where events may be missing.

    Each connection has a key of its own: after a loss, or when a key expires, a new one is asked for.

    Raises
    ------
    VenueAuthError
        If the venue does not take the key.
    """
    connect, sleep = opening
    lost = "connected"  # what was before is not told: the first words are a gap, too

    async def ask_back(send: Send) -> None:
        await send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": _HERE}))

    while True:
        try:
            key = await _listen_key(http)
        except (VenueTimeoutError, VenueUnavailableError):
            await sleep(_PAUSE_S)
            continue
        socket = VenueSocket(
            SocketParams(f"{params.stream_url}/ws/{key}", silence_s=params.silence_s),
            name=params.name,
            on_open=ask_back,
            connect=connect,
            clock_ns=clock_ns,
            sleep=sleep,
        )
        renewing = asyncio.ensure_future(_renew(http, key, params.keep_alive_s, sleep))
        try:
            async with aclosing(socket.messages()) as messages:
                async for item in messages:
                    if isinstance(item, Reconnected):
                        lost = item.reason
                        break
                    event = _decoded(item)
                    if event.get("id") == _HERE and lost:
                        yield StreamGap(lost, clock_ns())  # only from here on is nothing missed
                        lost = ""
                    if event.get("e") == "listenKeyExpired":
                        lost = "the key of the stream expired"
                        break
                    if event.get("e") == "executionReport":
                        for told in _told(event, instruments, clock_ns):
                            yield told
        except SourceError as error:
            raise VenueUnavailableError(error.what, where=params.name, fix=error.fix) from error
        finally:
            renewing.cancel()


async def _listen_key(http: VenueCommands) -> str:
    answer = await http.send(Command("POST", _PATH))
    key = answer.body.get("listenKey") if isinstance(answer.body, dict) else None
    if not answer.is_success or not isinstance(key, str):
        raise VenueAuthError(
            f"{answer.status}: no key for the user data stream", where="binance", fix="Check the keys."
        )
    return key


async def _renew(http: VenueCommands, key: str, every_s: float, sleep: Sleep) -> None:
    """Keep a key alive; where that fails, the venue ends the stream and a new key is asked for."""
    while True:
        await sleep(every_s)
        try:
            await http.send(Command("PUT", _PATH, f"listenKey={key}"))
        except (VenueTimeoutError, VenueUnavailableError):
            continue


def _told(event: dict[str, Any], instruments: Instruments, clock_ns: Callable[[], int]) -> list[VenueEvent]:
    """Return what one report says; one that cannot be read is a reason to ask for everything."""
    try:
        order = order_of_event(event, instruments)
        fills = [fill_of_event(event, order, instruments)] if event.get("x") == "TRADE" else []
    except VenueTimeoutError as error:
        return [StreamGap(error.what, clock_ns())]
    return [*fills, order]


def _decoded(text: str) -> dict[str, Any]:
    try:
        event = json.loads(text)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}
