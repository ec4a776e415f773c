"""Addresses of the simulation itself, which no real venue has: its state, its time, its faults."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tradewright.core.types.errors import UsageError
from tradewright.execution.exchange.scenarios import SCENARIOS, faults_of
from tradewright.services.exchange.moments import ns_of
from tradewright.services.exchange.runner import Runner
from tradewright.services.http_service.answers import iso


class SimulationFace:
    """``GET /simulation``, ``POST /simulation/advance``, ``POST /simulation/faults``."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def routes(self) -> list[Route]:
        """Return the addresses."""
        return [
            Route("/simulation", self._show, methods=["GET"]),
            Route("/simulation/advance", self._advance, methods=["POST"]),
            Route("/simulation/faults", self._add_faults, methods=["POST"]),
        ]

    async def _show(self, _: Request) -> Response:
        self._runner.sync()
        return _json(self._state())

    async def _advance(self, request: Request) -> Response:
        """Move time on: ``{"moments": 5}``, ``{"seconds": 60}`` or ``{"to": "2024-01-02T15:00:00Z"}``."""
        try:
            body = json.loads(await request.body())
            if "moments" in body:
                self._runner.advance_moments(int(body["moments"]))
            elif "seconds" in body:
                self._runner.advance_to(self._runner.now_ns + round(float(body["seconds"]) * 1e9))
            else:
                self._runner.advance_to(max(self._runner.now_ns, ns_of(str(body["to"]))))
        except (ValueError, TypeError, KeyError) as error:
            return _json({"what": f"moments, seconds or to is needed: {error}"}, 422)
        return _json(self._state())

    async def _add_faults(self, request: Request) -> Response:
        """Let scenarios happen from now on: ``{"scenarios": ["F01"]}``."""
        try:
            names = json.loads(await request.body())["scenarios"]
            self._runner.add_faults(faults_of(names))
        except (ValueError, TypeError, KeyError, UsageError) as error:
            return _json({"what": str(error), "known": [s.name for s in SCENARIOS]}, 422)
        return _json(self._state())

    def _state(self) -> dict[str, Any]:
        runner = self._runner
        worth = runner.account.means.worth()
        return {
            "now": iso(runner.now_ns),
            "speed": runner.clock.speed,
            "is_over": runner.exchange.is_over,
            "symbols": [m.instrument.symbol for m in runner.exchange.markets],
            "equity": worth.equity / 1e6,
            "open_orders": sum(1 for _ in runner.account.orders.open()),
            "listeners": runner.listeners,
            "watchers": runner.watchers,
            "faults": dict(sorted(runner.script.fired.items())),
        }


def _json(value: object, status: int = 200) -> Response:
    return Response(json.dumps(value), status, media_type="application/json")
