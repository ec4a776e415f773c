"""Quotes and trades take their costs, and a venue its latency, from the model that backtests on bars draw from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tradewright.core.types.instrument import Instrument
from tradewright.execution.costs.files import write_version
from tradewright.execution.costs.model import ALL, Question, default_model, find
from tradewright.execution.sim_venue import LatencyParams
from tradewright.services.costs.sampling import with_tick_costs
from tradewright.services.exchange.markets import Wanted
from tradewright.services.exchange.params import ExchangeServiceParams
from tradewright.services.exchange.serving import make_runner
from tradewright.services.settings import CostSettings

SPAN = (1_704_153_600_000_000_000, 1_704_240_000_000_000_000)
ACME = Instrument("ACME")


def test_the_latency_table_is_the_measured_distribution_drawn_by_seed() -> None:
    settings = CostSettings(model="assumed")
    found, latency, told = with_tick_costs([ACME], SPAN, settings, 3)
    assert found[0].costs is not None
    assert "latency of ACME" in told["assumed"]
    assert "median latency 250 ms (crypto/all)" in told["instruments"]["ACME"]
    known = find(default_model(), Question("ACME", "crypto"), ALL, "latency_ms").distribution
    request, answer = np.array(latency.table).T
    assert (answer == 0.0).all()
    for share in (0.1, 0.5, 0.9):
        assert np.quantile(request, share) == pytest.approx(known.at(share), rel=0.1)
    assert with_tick_costs([ACME], SPAN, settings, 3)[1] == latency
    assert with_tick_costs([ACME], SPAN, settings, 4)[1] != latency


def test_fixed_costs_leave_everything_as_it_is() -> None:
    assert with_tick_costs([ACME], SPAN, CostSettings(), 3) == ([ACME], LatencyParams(), {})


def test_the_exchange_draws_from_the_version_in_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = default_model().model_copy(update={"version": "2026-11-20.1", "assumed": False})
    write_version(tmp_path, model)
    costs = CostSettings(model="measured", folder=tmp_path, min_samples=1)
    wanted = Wanted(["synthetic:ACME"], tmp_path)
    runner = make_runner(ExchangeServiceParams(costs=costs), wanted)
    assert runner.exchange.markets[0].instrument.costs is not None
    assert len(runner.exchange.params.latency.table) > 1000
    assert "ASSUMED COSTS" in capsys.readouterr().err  # nobody measured these numbers
    plain = make_runner(ExchangeServiceParams(), wanted)
    assert plain.exchange.markets[0].instrument.costs is None
