"""Runs the local exchange until it is told to stop."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import SecretStr
from starlette.types import ASGIApp

from tradewright.core.types.errors import UsageError
from tradewright.execution.exchange.exchange import Exchange, ExchangeParams
from tradewright.execution.exchange.faults import FaultScript
from tradewright.execution.exchange.market import QuoteParams
from tradewright.execution.exchange.scenarios import faults_of
from tradewright.execution.exchange.terms import AccountTerms
from tradewright.execution.sim_venue import LatencyParams
from tradewright.services.costs.sampling import with_tick_costs
from tradewright.services.exchange.app import Doors, alpaca_app, binance_app
from tradewright.services.exchange.clock import SimulatedClock
from tradewright.services.exchange.keys import Keys
from tradewright.services.exchange.markets import Wanted, load_markets
from tradewright.services.exchange.params import ExchangeServiceParams, KeyPair
from tradewright.services.exchange.quota import Quota
from tradewright.services.exchange.runner import Runner
from tradewright.services.http_service.access import is_this_machine
from tradewright.services.http_service.answers import iso
from tradewright.services.http_service.serving import run_app
from tradewright.services.runs.facts import cost_notices
from tradewright.services.secrets import secret

#: The pair of keys, from the environment; the secret may stand in a file that ``..._SECRET_FILE`` names.
KEY, SECRET = "TRADEWRIGHT_EXCHANGE_KEY", "TRADEWRIGHT_EXCHANGE_SECRET"


#: What the venues allow in a minute: requests of Alpaca, weight of Binance.
_REQUESTS = {"alpaca": 200, "binance": 6_000}


def keys_from(environment: Mapping[str, str] = os.environ) -> KeyPair:
    """Return the pair of keys that the environment names, or the usual one; raises ConfigError as `secret` does."""
    key, hidden = environment.get(KEY, ""), secret(environment, SECRET)
    return KeyPair(key=key, secret=SecretStr(hidden)) if key and hidden else KeyPair()


def make_runner(
    params: ExchangeServiceParams, wanted: Wanted, steady_s: Callable[[], float] = time.monotonic
) -> Runner:
    """Return the exchange, ready to run.

    Raises
    ------
    UsageError
        If the data or a fault does not exist.
    """
    script = FaultScript(faults_of(params.faults), params.seed)
    markets, events = load_markets(wanted)
    latency = LatencyParams(request_ms=params.request_ms, answer_ms=params.answer_ms)
    if params.costs.model != "fixed":
        span = int(events.ts_event[0]), int(events.ts_event[-1])
        drawn, latency, told = with_tick_costs([m.instrument for m in markets], span, params.costs, params.seed)
        markets = tuple(replace(m, instrument=i) for m, i in zip(markets, drawn, strict=True))
        for notice in cost_notices({"costs": told}):
            print(notice, file=sys.stderr)
    currencies = {m.instrument.currency for m in markets}
    if len(currencies) > 1:
        what = f"instruments in several currencies: {', '.join(sorted(currencies))}"
        raise UsageError(what, where="--data", fix="An exchange has one account in one currency.")
    exchange = Exchange(markets, events, ExchangeParams(currency=currencies.pop(), latency=latency, seed=params.seed))
    clock = SimulatedClock(exchange.now_ns, params.speed, steady_s)
    is_spot = params.protocol == "binance"
    terms = AccountTerms(
        params.keys.key, params.cash, 1.0 if is_spot else params.multiplier, may_short=not is_spot, frees_ids=is_spot
    )
    return Runner(exchange, clock, script, terms, params.hold_ms / 1e3)


def make_app(params: ExchangeServiceParams, runner: Runner, lost_s: float = 30.0) -> ASGIApp:
    """Return the application that speaks the chosen protocol."""
    quota = Quota(params.requests_per_minute or _REQUESTS[params.protocol], time.monotonic)
    doors = Doors(Keys(params.keys), quota, time.time_ns, params.host, lost_s)
    return (binance_app if params.protocol == "binance" else alpaca_app)(runner, doors)


def serve(params: ExchangeServiceParams, specs: list[str], store: Path, start: int | None, end: int | None) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Raises
    ------
    UsageError
        If the data or a fault does not exist, the address is taken, or it would listen beyond this machine with keys
        that everybody knows.
    """
    if not is_this_machine(params.host) and params.keys == KeyPair():
        what = f"listening on {params.host} lets others in, and the keys are those that everybody knows"
        fix = "Set TRADEWRIGHT_EXCHANGE_KEY and TRADEWRIGHT_EXCHANGE_SECRET, or use 127.0.0.1."
        raise UsageError(what, where="--host", fix=fix)
    quotes = QuoteParams(half_spread_bps=params.half_spread_bps, shown=params.shown)
    runner = make_runner(params, Wanted(specs, store, start, end, params.fills, quotes, params.seed))
    events = runner.exchange.events
    names = ", ".join(m.instrument.symbol for m in runner.exchange.markets)
    speed = f"{params.speed:g}x" if params.speed else "on command (POST /simulation/advance)"
    first, last = (iso(ns)[:19] for ns in (runner.now_ns, int(events.ts_event[-1])))
    told = params.keys.secret.get_secret_value() if params.keys == KeyPair() else "as set"
    print(f"{params.protocol}: {names}; {len(events):,} events, {first} to {last} UTC")
    print(f"Time: {speed}. Key {params.keys.key}, secret {told}.")
    if params.faults:
        print(f"Faults: {', '.join(params.faults)}, seed {params.seed}.")
    run_app(make_app(params, runner), params.host, params.port, "the exchange", hears_sockets=True)
