"""Which model answers: the promoted one, and the last good one where that cannot be loaded."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.services.toy_forecaster import ToyForecaster

from tradewright.core.types.errors import ModelError, UsageError
from tradewright.core.types.rows import FeatureRows
from tradewright.models.model import FittedModel
from tradewright.services.predict_api.served import LoadedModel, ServedModels


def always(rows: FeatureRows) -> NDArray[np.float64]:
    """Say the same of every row."""
    return np.tile([0.5, 0.25, 0.25, 0.001], (len(rows), 1))


class Shelf:
    """A source whose promoted version a test switches, and breaks."""

    def __init__(self) -> None:
        self.current = "a"
        self.is_broken = False
        self.loads = 0

    def names(self) -> tuple[str, ...]:
        return ("m",)

    def digest(self, name: str) -> str:
        if name != "m":
            raise UsageError("no such model")
        return self.current

    def load(self, name: str) -> LoadedModel:
        if self.is_broken:
            raise ModelError("its file was changed")
        digest = self.digest(name)
        self.loads += 1
        model = FittedModel(ToyForecaster(always), ("x",), "hash", 60)
        return LoadedModel(f"1.0.{self.loads}", digest, {"x": "rsi_wilder(14)"}, False, model)


class Hands:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at = 0

    def now(self) -> int:
        return self.at


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def models(shelf: Shelf, clock: Hands) -> ServedModels:
    return ServedModels(shelf, 100, clock.now)


def test_a_model_is_loaded_once(models: ServedModels, shelf: Shelf, clock: Hands) -> None:
    first = models.get("m")
    clock.at = 1_000
    assert models.get("m") is first
    assert shelf.loads == 1


def test_a_switch_is_noticed_after_the_refresh_time(models: ServedModels, shelf: Shelf, clock: Hands) -> None:
    models.get("m")
    shelf.current = "b"
    clock.at = 99
    assert models.get("m").digest == "a"
    clock.at = 100
    assert models.get("m").digest == "b"


def test_a_version_that_cannot_be_loaded_leaves_the_old_one_serving(
    models: ServedModels, shelf: Shelf, clock: Hands
) -> None:
    models.get("m")
    shelf.current, shelf.is_broken, clock.at = "b", True, 100
    assert models.get("m").digest == "a"
    assert "changed" in models.trouble()["m"]
    shelf.is_broken, clock.at = False, 200
    assert models.get("m").digest == "b"
    assert models.trouble() == {}


def test_the_first_load_may_fail_and_is_tried_again(models: ServedModels, shelf: Shelf) -> None:
    shelf.is_broken = True
    with pytest.raises(ModelError):
        models.get("m")
    shelf.is_broken = False
    assert models.get("m").digest == "a"


def test_an_unknown_name_is_refused(models: ServedModels) -> None:
    with pytest.raises(UsageError):
        models.get("other")
