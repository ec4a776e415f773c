from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load
from tests.unit.models.deep.lessons import lesson, lstm, transformer

from tradewright.models.deep.export import export
from tradewright.models.deep.sequence_forecaster import SequenceForecaster
from tradewright.models.deep.sequences import Sequences

MAKERS = {"lstm": lstm, "transformer": transformer}
#: Shapes as they are used, not tiny ones: rounding grows with them.
FULL: dict[str, dict[str, Any]] = {
    "lstm": {"length": 48, "hidden": 32, "layers": 2, "missing_flags": True},
    "transformer": {"length": 32, "size": 32, "heads": 4, "layers": 3, "feedforward": 64},
}


def trained(kind: str) -> SequenceForecaster:
    model = MAKERS[kind](**{**FULL[kind], "learning_rate": 0.01, "epochs": 1})
    model.learn(lesson(600))
    return model


@pytest.mark.parametrize("kind", ["lstm", "transformer"])
def test_torch_and_onnx_agree(kind: str) -> None:
    model = trained(kind)
    member = model._members[0]
    rows = lesson(500, seed=2, symbols=("AAA", "BBB", "NEW")).rows
    cut = Sequences.cut(rows, member.facts.scaling, model.lookback)
    numbers = member.facts.growth.numbers(rows.symbols)[rows.instrument[cut.rows]]
    assert set(numbers.tolist()) == {0, 1, 2}
    network = model.build(member.facts.scaling.width, len(member.facts.growth.symbols)).eval()
    network.load_state_dict(load(member.network.weights))
    with torch.inference_mode():
        expected = network(torch.from_numpy(cut.windows(slice(None))), torch.from_numpy(numbers)).numpy()
    answer = member.network.answer(cut, numbers)
    assert answer.shape == (len(cut), model.outputs)
    assert np.abs(answer - expected).max() < 1e-5
    assert np.ptp(expected[:, 0]) > 0.1  # it says something


@pytest.mark.parametrize("kind", ["lstm", "transformer"])
def test_many_are_as_one(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = trained(kind)
    rows = lesson(300, seed=2).rows
    many = model.predict(rows)
    for i in (*range(95, 105), 299):
        own = np.flatnonzero(rows.instrument[: i + 1] == rows.instrument[i])[-model.lookback :]
        alone = model.predict(rows.take(own))
        assert np.isnan(alone[:-1]).all()
        assert np.abs(alone[-1] - many[i]).max() <= model.tolerance
    monkeypatch.setattr("tradewright.models.deep.serving._BLOCK", 1)
    assert np.nanmax(np.abs(model.predict(rows) - many)) <= model.tolerance


@pytest.mark.parametrize("kind", ["lstm", "transformer"])
def test_the_same_network_gives_the_same_bytes(kind: str) -> None:
    torch.manual_seed(3)
    model = MAKERS[kind]()
    network = model.build(3, 2)
    first, second = export(network, model.lookback, 3), export(network, model.lookback, 3)
    assert first.graph == second.graph
    assert first.weights == second.weights
