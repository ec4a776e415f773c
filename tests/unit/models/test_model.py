from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tradewright.core.types.errors import ModelError
from tradewright.models.calibration import fit_calibration
from tradewright.models.contract import contract_lesson
from tradewright.models.model import FittedModel
from tradewright.models.registry import make_forecaster

LESSON = contract_lesson(1000)
ROWS = LESSON.rows


@pytest.fixture(scope="module")
def model() -> FittedModel:
    forecaster = make_forecaster("logistic")
    forecaster.learn(LESSON)
    calibration = fit_calibration(forecaster.predict(ROWS), LESSON.targets, "platt")
    return FittedModel(forecaster, ROWS.names, "contract", LESSON.targets.horizon_ns, calibration, "2.0.1")


def test_forecasts_carry_their_origin(model: FittedModel) -> None:
    table = model.predict(ROWS)
    row = table.row(7)
    assert (row.instrument, row.ts_event, row.horizon_ns) == ("BBB", int(ROWS.ts_event[7]), LESSON.targets.horizon_ns)
    assert (row.model_version, row.feature_set_hash) == ("2.0.1", "contract")
    assert row.p_up + row.p_down + row.p_flat == pytest.approx(1.0)


def test_the_order_is_forecaster_calibration_bias(model: FittedModel) -> None:
    assert model.calibration is not None
    raw = model.forecaster.predict(ROWS)
    assert replace(model, calibration=None).predict(ROWS).values.tobytes() == raw.tobytes()
    unbiased = model.calibration.model_copy(update={"bias": 0.0})
    calibrated = replace(model, calibration=unbiased).predict(ROWS).values
    done = model.predict(ROWS).values
    assert calibrated.tobytes() == unbiased.apply(raw).tobytes()
    lead, before = done[:, 0] - done[:, 1], calibrated[:, 0] - calibrated[:, 1]
    assert lead == pytest.approx(0.95 * before, abs=1e-12)


def test_many_equal_one_to_the_bit(model: FittedModel) -> None:
    many = model.predict(ROWS).values
    one = [model.predict(ROWS.take(slice(i, i + 1))).values for i in range(len(ROWS))]
    assert np.concatenate(one).tobytes() == many.tobytes()


def test_other_rows_are_refused(model: FittedModel) -> None:
    with pytest.raises(ModelError, match="needs the feature 'level'") as caught:
        model.predict(replace(ROWS, names=(*ROWS.names[:-1], "other")))
    assert "return_1, trend" in caught.value.fix
    with pytest.raises(ModelError, match="never saw the feature 'more'"):
        model.predict(replace(ROWS, names=(*ROWS.names, "more")))
    with pytest.raises(ModelError, match="feature 2 is 'noise' where the model has 'trend'"):
        model.predict(replace(ROWS, names=("return_1", "noise", "trend", "gappy", "level")))
    with pytest.raises(ModelError, match="of the feature set 0123456789ab, the model learned from contract"):
        model.predict(replace(ROWS, feature_set_hash="0123456789abcdef"))
    with pytest.raises(ModelError, match="none given"):
        model.predict(replace(ROWS, feature_set_hash=""))
