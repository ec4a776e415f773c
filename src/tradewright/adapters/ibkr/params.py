"""Where the gateway listens, what to ask it for, and how patient to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tradewright.core.types.calendar import Calendar
from tradewright.core.types.errors import UsageError

SEC_TYPES = ("STK", "CASH", "FUT", "CONTFUT", "CRYPTO")
WHAT_TO_SHOW = ("TRADES", "AGGTRADES", "MIDPOINT", "BID", "ASK", "BID_ASK")


@dataclass(frozen=True, slots=True)
class IbkrParams:
    """Settings of the Interactive Brokers adapter.

    The defaults meet a paper-trading IB Gateway on this machine. Ports are set in *Configure > API > Settings* of
    TWS or IB Gateway; theirs are 4002 (gateway, paper), 4001 (gateway, live), 7497 (TWS, paper), 7496 (TWS, live).

    Parameters
    ----------
    host, port : str, int
        Of TWS or IB Gateway.
    client_id : int
        Number of this connection among all to the same gateway; no two may share one, history and live included.
    sec_type : str
        ``STK``, ``CASH``, ``FUT``, ``CONTFUT`` or ``CRYPTO``; empty: as the symbol is written (see `symbols`).
    exchange, currency : str
        Empty exchange: SMART for stocks, IDEALPRO for currencies, PAXOS for crypto, the home of well-known futures.
    contracts : mapping of str to str
        Instruments that are called otherwise than `symbols` reads them: its word by our name.
    what_to_show : str
        Which prices bars are made of; empty: MIDPOINT for currencies, AGGTRADES for crypto, else TRADES.
    use_rth : bool
        Only regular trading hours.
    calendar : Calendar, optional
        Places daily bars; without it the zone and trading hours of the contract do (see `trading_day`).
    connect_timeout_s, request_timeout_s : float
        How long a connection, or an answer, may take.
    max_attempts : int
        How often one request is asked before giving up.
    backoff_s, backoff_max_s : float
        First and longest pause between attempts; doubles in between.
    pacing_wait_s : float
        First pause after a pacing violation; doubles at each repetition, up to ten minutes.
    page_ticks : int
        Ticks a request; the interface allows 1000.
    silence_s : float
        A live subscription silent for longer is reported and made again.
    queue_size : int
        Live messages kept for a slow reader before some are lost, which is then reported as a gap.
    """

    host: str = "127.0.0.1"
    port: int = 4002
    client_id: int = 71
    sec_type: str = ""
    exchange: str = ""
    currency: str = "USD"
    contracts: Mapping[str, str] = field(default_factory=dict)
    what_to_show: str = ""
    use_rth: bool = False
    calendar: Calendar | None = None
    connect_timeout_s: float = 20.0
    request_timeout_s: float = 90.0
    max_attempts: int = 6
    backoff_s: float = 0.5
    backoff_max_s: float = 60.0
    pacing_wait_s: float = 15.0
    page_ticks: int = 1000
    silence_s: float = 30.0
    queue_size: int = 100_000

    def __post_init__(self) -> None:
        _check_allowed("sec_type", self.sec_type, SEC_TYPES)
        _check_allowed("what_to_show", self.what_to_show, WHAT_TO_SHOW)
        if not 0 < self.port < 65536:
            raise UsageError(f"{self.port} is not a port", where="ibkr port", fix="Give 4002, 4001, 7497 or 7496.")
        if self.client_id < 0:
            raise UsageError(f"{self.client_id} is not a client id", where="ibkr client_id", fix="Give 1 or more.")
        if not 0 < self.page_ticks <= 1000:
            raise UsageError(f"{self.page_ticks} is out of range", where="ibkr page_ticks", fix="Give 1 to 1000.")
        for name in ("connect_timeout_s", "request_timeout_s", "backoff_s", "pacing_wait_s", "silence_s"):
            if not getattr(self, name) > 0:
                raise UsageError("must be greater than 0", where=f"ibkr {name}", fix="Give seconds.")
        if self.max_attempts < 1 or self.queue_size < 1:
            raise UsageError("max_attempts and queue_size must be 1 or more", where="ibkr", fix="Correct the number.")

    @property
    def address(self) -> str:
        """Host and port, for messages."""
        return f"{self.host}:{self.port}"

    def backoff(self, attempt: int) -> float:
        """Return the pause in seconds after the ``attempt``-th failure, counted from 1."""
        return float(min(self.backoff_s * 2.0 ** (attempt - 1), self.backoff_max_s))


def _check_allowed(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value and value not in allowed:
        raise UsageError(f"'{value}' is not allowed", where=f"ibkr {name}", fix=f"Allowed: {', '.join(allowed)}.")
