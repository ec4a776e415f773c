"""Interactive Brokers and MetaTrader 5 on this machine, each with a market, a feed, and what a user writes to trade."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from tests.e2e.processes import status
from tests.venues.asgi_server import serving
from tests.venues.ibkr_market import Market, Seconds
from tests.venues.ibkr_orders import TwsOrders
from tests.venues.ibkr_venue import IbkrVenue
from tests.venues.local_account import LocalAccount
from tests.venues.metaapi_venue import ACCOUNT, TOKEN, MetaApiVenue
from tests.venues.mt5_module import Mt5Module
from tests.venues.mt5_server import Mt5Server
from tests.venues.mt5_ways import BRIDGE_TOKEN, SERVER_ZONE, module_terminal

from tradewright.adapters.mt5 import module_terminal as package
from tradewright.data.importer import import_file
from tradewright.data.instruments import InstrumentParams
from tradewright.data.store import BarStore
from tradewright.services.mt5_bridge import make_app
from tradewright.services.settings import RunSettings
from tradewright.services.trading.folder import AccountFolder

SYMBOL = "AAPL"
#: Between 0.99 and 1.01 of the price at which the venue fills, up and down in some twelve minutes.
SWING_S = 120.0


class Swinging(Market):
    """A market around the venue's own price, on every day of the week."""

    def __init__(self, mid: float) -> None:
        super().__init__()
        self.mid = mid

    def prices(self, seconds: Seconds) -> NDArray[np.float64]:
        prices: NDArray[np.float64] = np.round(self.mid * (1.0 + 0.01 * np.sin(seconds / SWING_S)), 2)
        return prices

    def is_open(self, seconds: Seconds) -> NDArray[np.bool_]:
        return np.ones(len(seconds), dtype=np.bool_)


@dataclass
class Place:
    """A broker's program on this machine, a feed beside it, and what a user writes to trade there."""

    local: LocalAccount
    trading: dict[str, Any]
    environment: dict[str, str]
    tws: IbkrVenue
    server: Mt5Server | None = None
    store: Path = field(default=Path())
    source: str = "ibkr"

    @property
    def held(self) -> int:
        with self.local.lock:
            return sum(h.lots for h in self.local.account.book.holdings.values())

    @property
    def working(self) -> int:
        with self.local.lock:
            return sum(not o.is_over for o in self.local.account.orders.by_id.values())


@contextmanager
def place_at(
    where: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch | None = None,
    *,
    is_real: bool = False,
    source: str = "ibkr",
) -> Iterator[Place]:
    """Yield ``ibkr`` or ``mt5 WAY``, with real money if asked for; ``module`` takes the package's place in here.

    ``source`` ``mt5``: the terminal's own market, two hours old, is the feed, and nothing is stored yet.
    """
    is_mt5 = where != "ibkr"
    local = LocalAccount(f"{SYMBOL}.m" if is_mt5 else SYMBOL)
    now_s = local.now_ns // 10**9
    bid, ask = local.runner.exchange.top(0)
    account = "U0000001" if is_real else "DU0000001"
    with ExitStack() as stack:
        tws = IbkrVenue(
            market=Swinging((bid + ask) / 2),
            orders=TwsOrders(LocalAccount("SPY") if is_mt5 else local, account),
            live_start=now_s - now_s % 60,
            live_pause_s=0.006,
        )
        stack.enter_context(tws)
        kind = "live" if is_real else "paper"
        if not is_mt5:
            about = {"account_id": account, "port": tws.port}
            place = Place(local, {"venue": "ibkr", "kind": kind, "ibkr": about}, {}, tws)
        else:
            server = Mt5Server(local, trade_mode=2 * is_real, margin_mode=2 * where.endswith("hedging"))
            place = Place(local, {"venue": "mt5", "kind": kind}, _gateway(tws), tws, server, source=source)
            _terminal(where.split()[1], place, server, stack, monkeypatch)
        if source == "mt5":
            place.store = folder / "store"
            local.advance(480)
        else:
            end = now_s - now_s % 60
            place.store = stored(folder, tws.market.bars(end - 7_200, end, 60))
        yield place


def _gateway(tws: IbkrVenue) -> dict[str, str]:
    """Return what a feed of Interactive Brokers needs where nobody trades there."""
    return {"TRADEWRIGHT_IBKR_HOST": "127.0.0.1", "TRADEWRIGHT_IBKR_PORT": str(tws.port)}


def _terminal(
    way: str, place: Place, server: Mt5Server, stack: ExitStack, monkeypatch: pytest.MonkeyPatch | None
) -> None:
    """Put a terminal before a server, and write down how it is reached."""
    told: dict[str, Any] = {"login": 5001, "way": way, "suffix": ".m"}
    kind = place.trading["kind"]
    secret = f"TRADEWRIGHT_KEYS_MT5_{kind.upper()}_SECRET"
    if way == "module":
        assert monkeypatch is not None
        monkeypatch.setattr(package, "load_module", lambda: Mt5Module(server))
        told |= {"utc_offset_s": 3 * 3_600}  # of a market of other days it cannot be measured by our clock
    elif way == "bridge":
        app = make_app(module_terminal(server, zone=SERVER_ZONE), BRIDGE_TOKEN, allows_real=kind == "live")
        told |= {"url": stack.enter_context(serving(app))}
        place.environment[secret] = BRIDGE_TOKEN
    else:
        url = stack.enter_context(serving(MetaApiVenue(server).app))
        told |= {"url": url, "metaapi_account": ACCOUNT, "server_zone": SERVER_ZONE}
        place.environment[secret] = TOKEN
    place.trading["mt5"] = told


def stored(folder: Path, rows: Iterable[Sequence[Any]]) -> Path:
    """Store bars of a minute: begin (s) and prices of each."""
    made = list(rows)
    columns = {name: [float(row[k]) for row in made] for k, name in enumerate(("open", "high", "low", "close"), 1)}
    times = pl.Series([int(row[0]) * 10**9 for row in made]).cast(pl.Datetime("ns", "UTC"))
    pl.DataFrame({"time": times} | columns | {"volume": [1.0] * len(made)}).write_parquet(folder / "bars.parquet")
    params = InstrumentParams.model_validate({"symbol": SYMBOL, "tick_size": "0.01", "calendar": "24/7"})
    BarStore(folder / "store").write(import_file(folder / "bars.parquet", params.instrument().calendar), params)
    return folder / "store"


def moving(place: Place, account: AccountFolder) -> Callable[[], None]:
    """Return what lets a place's market move on once a session has said something: it ends one day."""

    def moves() -> None:
        if status(account):  # a start may take long
            place.local.advance()

    return moves


def settings(place: Place, **changes: Any) -> RunSettings:  # noqa: ANN401
    strategy = {"fast": 2, "slow": 4, "weight": 0.003, "stop_loss": 0.2}
    return RunSettings.model_validate(
        {
            "strategy": {"name": "ema_cross", "params": strategy},
            "data": {"store": place.store, "symbols": [f"{SYMBOL}@1m"]},
            "trading": place.trading | {"account": "side"} | changes,
            "feed": {"source": place.source, "clock": "venue"},
        }
    )
