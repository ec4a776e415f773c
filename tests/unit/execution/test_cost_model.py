"""The model: where numbers come from, files that are refused, draws that anyone can repeat."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tradewright.core.types.errors import ConfigError, StoreError, UsageError
from tradewright.core.types.execution_costs import PROBABILITIES, SESSIONS, ExecutionCosts
from tradewright.core.types.instrument import Instrument
from tradewright.execution.costs.distribution import Distribution, distribution_of
from tradewright.execution.costs.files import next_version, read_version, rollback, versions, write_version
from tradewright.execution.costs.measuring import (
    Origin,
    OwnFills,
    Samples,
    fill_samples,
    liquidity_of,
    measured_model,
    spread_samples,
)
from tradewright.execution.costs.model import (
    CLASSES,
    QUANTITIES,
    CostModel,
    Liquidity,
    Pool,
    Question,
    default_model,
    find,
)
from tradewright.execution.costs.sampling import SamplingParams, expected_costs, sampled_costs, uniform

S = 1_000_000_000
EURUSD = Question("EURUSD", "fx", min_samples=10)
NO_SESSIONS = (np.zeros(0, np.int64), np.zeros(0, np.int64))


def of(n: int, value: float) -> Distribution:
    return distribution_of(np.full(n, value))


def model(instrument: int = 0, klass: int = 0, **changes: object) -> CostModel:
    """Return a model in which EURUSD has so many samples in Tokyo (1 bp) and fx has so many in all sessions (2 bps)."""
    cells = {"tokyo": {"half_spread_bps": of(instrument, 1.0)}} if instrument else {}
    pools = {"all": {"half_spread_bps": of(klass, 2.0)}} if klass else {}
    found = CostModel(
        version="2026-01-02.1",
        as_of="2026-01-02",
        instruments={"EURUSD": Pool(cells=cells)},
        pools={"fx": Pool(cells=pools)},
    )
    return found.model_copy(update=changes)


@pytest.mark.parametrize(
    ("instrument", "klass", "session", "pool", "mean"),
    [
        (10, 10, "tokyo", "EURUSD/tokyo", 1.0),
        (9, 10, "tokyo", "fx/all", 2.0),
        (10, 10, "london", "fx/all", 2.0),
        (9, 9, "tokyo", "assumed fx/all", default_model().pools["fx"].cells["all"]["half_spread_bps"].mean),
    ],
)
def test_too_few_samples_fall_back_and_say_so(
    instrument: int, klass: int, session: str, pool: str, mean: float
) -> None:
    found = find(model(instrument, klass), EURUSD, session, "half_spread_bps")
    assert (found.pool, found.distribution.mean) == (pool, mean)
    assert found.is_assumed == pool.startswith("assumed")


def test_what_was_measured_of_one_class_is_not_told_of_another() -> None:
    assert find(model(50, 50), Question("BTCUSDT", "crypto"), "tokyo", "half_spread_bps").is_assumed


def test_fills_of_the_simulated_venue_leave_the_mark_and_spreads_do_not() -> None:
    cells = {"all": {"half_spread_bps": of(50, 1.0), "slippage_bps": of(50, 1.0)}}
    found = model(simulated=True, instruments={"EURUSD": Pool(cells=cells)})
    assert find(found, EURUSD, "tokyo", "slippage_bps").is_assumed
    assert not find(found, EURUSD, "tokyo", "half_spread_bps").is_assumed


def test_the_shipped_table_answers_everything_and_is_marked() -> None:
    shipped = default_model()
    assert shipped.assumed
    for klass in CLASSES:
        for session in SESSIONS:
            for quantity in QUANTITIES:
                assert find(shipped, Question("ANY", klass), session, quantity).is_assumed


def test_versions_are_dated_and_the_pointer_goes_back(tmp_path: Path) -> None:
    for day in ("2026-01-02", "2026-01-02", "2026-01-10"):
        write_version(tmp_path, model().model_copy(update={"version": next_version(tmp_path, day)}))
    assert versions(tmp_path) == ("2026-01-02.1", "2026-01-02.2", "2026-01-10.1")
    assert read_version(tmp_path).version == "2026-01-10.1"
    assert rollback(tmp_path).version == "2026-01-02.2"
    assert read_version(tmp_path).version == "2026-01-02.2"
    assert rollback(tmp_path, "2026-01-10.1").version == "2026-01-10.1"
    rollback(tmp_path, "2026-01-02.1")
    with pytest.raises(UsageError, match="no earlier"):
        rollback(tmp_path)


def test_a_file_changed_by_hand_is_refused(tmp_path: Path) -> None:
    path = write_version(tmp_path, model(20, 20))
    path.write_text(path.read_text().replace('"mean": 1.0', '"mean": 0.1'))
    with pytest.raises(StoreError, match="changed after"):
        read_version(tmp_path)


def test_a_hand_made_hash_does_not_help(tmp_path: Path) -> None:
    path = write_version(tmp_path, model(20, 20))
    forged = model(20, 20).model_copy(update={"assumed": True})
    path.write_text(json.dumps(forged.model_dump(mode="json") | {"digest": forged.digest()}))
    with pytest.raises(StoreError, match="changed after"):
        read_version(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 3}'])
def test_a_damaged_pointer_is_refused(tmp_path: Path, text: str) -> None:
    write_version(tmp_path, model())
    (tmp_path / "latest").write_text(text)
    with pytest.raises(StoreError):
        read_version(tmp_path)


def test_without_a_measurement_the_fix_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no execution model") as error:
        read_version(tmp_path)
    assert "costs measure" in error.value.fix


def test_a_spread_counts_as_long_as_it_stood() -> None:
    # 2 bps for 9 s, then 4 bps for 1 s; the crossed quote and the last one (0 s) weigh nothing
    ts = np.array([0, 9 * S, 10 * S, 10 * S])
    bid, ask = np.array([9_999.0, 9_998.0, 10_001.0, 9_999.0]), np.array([10_001.0, 10_002.0, 10_000.0, 10_001.0])
    found = spread_samples("X", ts, bid, ask)
    assert found.values.tolist() == [1.0, 2.0, 1.0]
    assert found.weights.tolist() == [9.0, 1.0, 0.0]


def test_no_quotes_are_no_samples() -> None:
    found = spread_samples("X", np.zeros(0, np.int64), np.zeros(0), np.zeros(0))
    assert len(found.values) == len(found.weights) == 0


def test_what_own_fills_tell() -> None:
    n = np.nan
    fills = OwnFills(
        symbol="X",
        decided=np.array([0, 0, 0]),
        filled=np.array([S, S, S // 2]),
        side=np.array([1.0, -1.0, 1.0]),
        decision_price=np.array([100.0, 100.0, n]),
        price=np.array([100.03, 99.99, 99.0]),
        half_spread_bps=np.array([1.0, 1.0, 0.0]),
        fee_share=np.array([0.0005, n, 0.0]),
        fill_ratio=np.array([1.0, 0.5, n]),
        is_maker=np.array([False, False, True]),
    )
    found = {s.quantity: s.values.tolist() for s in fill_samples(fills)}
    assert found["slippage_bps"] == pytest.approx(
        [2.0, 0.0], abs=1e-9
    )  # 3 bps and 1 bp against us, less half the spread
    assert found["latency_ms"] == [1000.0, 1000.0]
    assert found["taker_fee_bps"] == [5.0]
    assert found["maker_fee_bps"] == [0.0]
    assert found["fill_ratio"] == [1.0, 0.5]


def test_samples_pool_by_session_and_class() -> None:
    starts, labels = np.array([0, 100]), np.array([0, 1])
    samples = [
        Samples(name, "half_spread_bps", np.array([10, 110]), np.array(values), np.ones(2))
        for name, values in (("EURUSD", [1.0, 2.0]), ("USDJPY", [3.0, 4.0]))
    ]
    origin = Origin("2026-01-02.1", "2026-01-02", (), False, {"EURUSD": "fx", "USDJPY": "fx"})
    found = measured_model(samples, (starts, labels), origin)
    assert found.instruments["EURUSD"].cells["tokyo"]["half_spread_bps"].mean == 1.0
    assert found.pools["fx"].cells["london"]["half_spread_bps"].mean == 3.0
    assert found.pools["fx"].cells["all"]["half_spread_bps"].n == 4
    assert measured_model(samples[::-1], (starts, labels), origin).digest() != ""


def test_a_day_of_volume() -> None:
    found = liquidity_of(np.array([1, 1, 2, 3]), np.array([9.0, 10.0, 11.0, 10.0]), np.array([1.0, 2.0, 4.0, 5.0]))
    assert found is not None
    assert (found.days, found.daily_units) == (3, 4.0)
    assert found.daily_volatility == pytest.approx(np.std([np.log(1.1), np.log(10 / 11)], ddof=1))
    assert liquidity_of(np.array([1, 2, 3]), np.ones(3), np.zeros(3)) is None


def costs_of(**params: float) -> ExecutionCosts:
    cells = {"all": {"half_spread_bps": of(50, 1.0), "slippage_bps": distribution_of(np.arange(1.0, 101.0))}}
    cells["all"]["latency_ms"] = distribution_of(np.arange(1.0, 101.0))
    found = model(instruments={"EURUSD": Pool(cells=cells)})
    return sampled_costs(found, Instrument("EURUSD"), EURUSD, NO_SESSIONS, SamplingParams.model_validate(params), 7)[0]


def test_the_draws_have_the_measured_distribution() -> None:
    costs = costs_of(latency_budget_ms=75)
    drawn = [expected_costs(costs, order, 0) for order in range(8, 8 * 4001, 8)]
    slippage = np.array([d.slippage_bps for d in drawn])
    # the deviation of a quantile of n draws is root(p(1-p)/n)/density: 100 x 0.5/root(4000) = 0.8; 4 of them
    for p in (0.1, 0.5, 0.9):
        assert np.quantile(slippage, p) == pytest.approx(costs.slippage_bps[0, PROBABILITIES.index(p)], abs=3.2)
    late = np.array([d.late_bps > 0.0 for d in drawn])
    assert late.mean() == pytest.approx(0.25, abs=0.03)
    assert max(d.late_bps for d in drawn) == pytest.approx(90.5)


def test_a_draw_depends_on_seed_symbol_and_order_only() -> None:
    costs = costs_of()
    assert expected_costs(costs, 8, 0) == expected_costs(costs, 8, 0)
    assert expected_costs(costs, 8, 0) != expected_costs(costs, 16, 0)
    assert expected_costs(replace(costs, seed=costs.seed + 1), 8, 0) != expected_costs(costs, 8, 0)


def test_the_published_sequence_of_splitmix() -> None:
    # Seed 1234567: first outputs of the reference implementation, https://prng.di.unimi.it/splitmix64.c
    reference = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert [uniform(1234567, 0, k) for k in range(3)] == [float(z >> 11) * 2.0**-53 for z in reference]


def test_impact_follows_the_square_root_of_the_share_of_a_day() -> None:
    # 1 x 2 % x root(100 / 1,000,000) = 2 bps
    instrument = Instrument("EURUSD", lot_size="100")
    found = model(liquidity={"EURUSD": Liquidity(daily_units=1_000_000, daily_volatility=0.02, days=9)})
    costs, _ = sampled_costs(found, instrument, EURUSD, NO_SESSIONS, SamplingParams(impact=1.0), 0)
    assert costs.impact_bps == pytest.approx(2.0)
    quiet, _ = sampled_costs(found, instrument, EURUSD, NO_SESSIONS, SamplingParams(), 0)
    drawn = expected_costs(costs, 8, 0, lots=4).slippage_bps - expected_costs(quiet, 8, 0, lots=4).slippage_bps
    assert drawn == pytest.approx(4.0)


def test_impact_without_a_volume_is_refused() -> None:
    with pytest.raises(ConfigError, match="daily volume"):
        sampled_costs(model(), Instrument("EURUSD"), EURUSD, NO_SESSIONS, SamplingParams(impact=1.0), 0)
