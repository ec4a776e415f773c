from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from tradewright.core.types.errors import ModelError
from tradewright.core.types.rows import FeatureRows
from tradewright.models.model import FittedModel
from tradewright.research.dataset import Dataset, build_dataset
from tradewright.research.synthetic_markets import SyntheticMarket
from tradewright.research.validation import (
    ModelChoice,
    ValidationParams,
    _stretches,
    fit,
    folds_of,
    forecast_rows,
    naive_forecasts,
    paths_of,
)

CHOICE = ModelChoice(kind="logistic", calibration="platt", stop_share=0.1)


class LooksBack:
    """Says how many rows it was given up to each row of its instrument, if they are the ones in a row."""

    lookback = 4

    def predict(self, rows: FeatureRows) -> np.ndarray:
        values = np.full((len(rows), 4), np.nan)
        for number in np.unique(rows.instrument):
            mine = np.flatnonzero(rows.instrument == number)
            for k, row in enumerate(mine):
                if k >= self.lookback - 1:
                    values[row] = rows.values[mine[k - 3 : k + 1], 0].sum()
        return values


def test_learning_stopping_and_calibrating_rows_do_not_overlap_in_time(data: Dataset) -> None:
    learn, stop, calibrate = _stretches(CHOICE, data, np.arange(1_000), None)
    ends, begins = data.targets.ts_end, data.rows.ts_event
    assert ends[learn].max() <= begins[stop].min()
    assert ends[stop].max() <= begins[calibrate].min()
    assert len(calibrate) == 200
    assert 90 <= len(stop) <= 100


def test_a_validation_window_of_its_own_is_what_stops_and_calibrates(data: Dataset) -> None:
    late = np.arange(600, 900)
    learn, stop, calibrate = _stretches(CHOICE, data, np.arange(597), late)
    assert learn[-1] < 600 <= stop[0]
    assert stop[-1] < calibrate[0] == 700
    assert calibrate[-1] == 899


def test_methods_cut_as_they_say(data: Dataset) -> None:
    walk = folds_of(data, ValidationParams(folds=4, first_share=0.5))
    assert len(walk) == 4
    assert np.concatenate([f.test for f in walk])[-1] == len(data) - 1
    assert all(f.train[0] == 0 for f in walk)
    rolling = folds_of(data, ValidationParams(folds=4, first_share=0.5, anchored=False))
    assert rolling[3].train[0] > rolling[2].train[0] > 0
    kfold = folds_of(data, ValidationParams(method="purged_kfold", folds=4))
    np.testing.assert_array_equal(np.sort(np.concatenate([f.test for f in kfold])), np.arange(len(data)))
    (dated,) = folds_of(data, ValidationParams(method="dated", dates=("2000-01-01", "2004-01-01", "2005-01-01")))
    assert str(np.datetime64(int(data.rows.ts_event[dated.test[0]]), "ns"))[:7] == "2005-01"
    assert len(dated.validation) > 100
    words = folds_of(data, ValidationParams.model_validate({"train": "3y", "validate": "6mo", "test": "1y"}))
    assert len(words[0].validation) > 50
    assert len(paths_of(data, ValidationParams(path_folds=5, path_tests=2))) == 10
    assert paths_of(data, ValidationParams(path_folds=0)) == ()


@pytest.mark.parametrize(
    "given",
    [
        {"method": "dated"},
        {"dates": ["2001-01-01", "2002-01-01", "2003-01-01"]},
        {"train": "3y"},
        {"path_folds": 3, "path_tests": 3},
        {"folds": 1},
    ],
)
def test_settings_that_make_no_sense_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ValidationParams.model_validate(given)


def test_a_model_that_looks_back_gets_the_rows_before_each_row_of_its_instrument(
    data: Dataset, market: SyntheticMarket
) -> None:
    table = data.markets[0]
    both = build_dataset([table, replace(table, instrument=replace(market.instrument, symbol="TWO"))], data.labels)
    names, mark = both.rows.names, both.rows.feature_set_hash
    model = FittedModel(LooksBack(), names, mark, 1)  # type: ignore[arg-type]
    wanted = np.array([0, 9, 10, 40, 41, 43, len(both) - 1])
    said = forecast_rows(model, both.rows, wanted)
    whole = model.predict(both.rows).values[wanted]
    np.testing.assert_array_equal(said.values, whole)
    assert np.isnan(said.values[0]).all()
    np.testing.assert_array_equal(said.ts_event, both.rows.ts_event[wanted])


def test_a_model_without_calibration_still_gets_the_bias(data: Dataset) -> None:
    rows = np.arange(800)
    plain = fit(ModelChoice(kind="logistic", calibration="none", stop_share=0.0, bias=0.0), data, rows)
    careful = fit(ModelChoice(kind="logistic", calibration="none", stop_share=0.0), data, rows)
    one, other = (forecast_rows(m, data.rows, np.arange(900, 950)).values for m in (plain, careful))
    np.testing.assert_allclose(other[:, 0] - other[:, 1], 0.95 * (one[:, 0] - one[:, 1]))


def test_naive_forecasters_know_only_what_they_learned_from(data: Dataset) -> None:
    rows = np.arange(500)
    said = naive_forecasts(data, rows, data, np.arange(600, 700))
    weight, direction = data.targets.weight[rows], data.targets.direction[rows]
    assert said["base_rate"][0, 0] == pytest.approx(weight[direction > 0].sum() / weight.sum())
    assert len(np.unique(said["last_sign"][:, 0])) <= 3


def test_too_few_rows_to_calibrate_are_told(data: Dataset) -> None:
    with pytest.raises(ModelError, match="too few to calibrate"):
        fit(CHOICE, data, np.arange(200))


def test_one_class_only_is_told(data: Dataset) -> None:
    rising = replace(data, targets=replace(data.targets, direction=np.ones(len(data), np.int64)))
    with pytest.raises(ModelError, match="same outcome"):
        fit(CHOICE, rising, np.arange(900))
