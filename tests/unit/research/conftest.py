"""A small market with a planted edge, and everything a training needs, made once."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from tradewright.research.dataset import Dataset, build_dataset, market_of_features
from tradewright.research.experiments import ExperimentStore, family_of
from tradewright.research.holdout import HoldoutGuard
from tradewright.research.labelling import LabelParams
from tradewright.research.money import MoneyParams
from tradewright.research.synthetic_markets import SyntheticMarket, SyntheticParams, study_features, synthetic_market
from tradewright.research.training import TrainingPlan
from tradewright.research.validation import ModelChoice, ValidationParams

TRADES = {"enter_up": 0.51, "leave_up": 0.5, "enter_down": 0.51, "leave_down": 0.5, "stop_loss": 0, "take_profit": 0}


@dataclass(frozen=True)
class Bench:
    """A training about to begin, in a folder of its own."""

    data: Dataset
    store: ExperimentStore
    guard: HoldoutGuard
    plan: TrainingPlan
    folder: Path


@pytest.fixture(scope="session")
def market() -> SyntheticMarket:
    return synthetic_market(7, SyntheticParams(bars=2_000, edge=0.4))


@pytest.fixture(scope="session")
def data(market: SyntheticMarket) -> Dataset:
    features = study_features()
    return build_dataset([market_of_features(market.instrument, market.bars, features)], LabelParams(bars=3))


@pytest.fixture
def bench(data: Dataset, tmp_path: Path) -> Bench:
    clock = count(1_000)
    store = ExperimentStore(tmp_path / "experiments.sqlite", lambda: next(clock))
    family = family_of(data.bars_digests, data.labels.target)
    plan = TrainingPlan(
        choice=ModelChoice(kind="logistic", calibration="platt", stop_share=0.0),
        validation=ValidationParams(folds=3, path_folds=4, path_tests=2),
        money=MoneyParams(params=TRADES),
        family=family,
        config={"name": "bench"},
        code="c0de",
        keep=tmp_path / "keep",
    )
    return Bench(data, store, HoldoutGuard(data, 0.25, family, store), plan, tmp_path)
