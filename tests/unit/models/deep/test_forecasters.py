from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.unit.models.deep.lessons import digest, lesson, lstm, transformer

from tradewright.core.types.errors import ConfigError, ModelError
from tradewright.models.artefact import Origin, load_model, save_model
from tradewright.models.deep.lstm import LstmForecaster
from tradewright.models.deep.sequence_forecaster import SequenceForecaster
from tradewright.models.deep.transformer import TransformerForecaster
from tradewright.models.forecaster import EXPECTED, P_DOWN, P_FLAT, P_UP, Lesson
from tradewright.models.model import FittedModel
from tradewright.models.registry import make_forecaster

MAKERS = {"lstm": lstm, "transformer": transformer}
BOTH = pytest.mark.parametrize("kind", ["lstm", "transformer"])


def accuracy(model: SequenceForecaster, judged: Lesson) -> float:
    values = model.predict(judged.rows)
    known = ~np.isnan(values[:, 0])
    said = np.array([1, -1, 0])[values[known, :3].argmax(axis=1)]
    return float((said == judged.targets.direction[known]).mean())


def test_the_row_before_is_read() -> None:
    """Whoever reads the newest row only is right in about half of the rows."""
    scores = []
    for length in (1, 3):
        model = lstm(length=length, epochs=6, learning_rate=0.02)
        model.learn(lesson(1000))
        scores.append(accuracy(model, lesson(1000, seed=1)))
    assert scores[1] > max(0.66, scores[0] + 0.06)


@BOTH
def test_rows_without_a_whole_window_get_nothing(kind: str) -> None:
    model = MAKERS[kind]()
    model.learn(lesson())
    values = model.predict(lesson(20, seed=1).rows)
    assert np.isnan(values[:6]).all()
    assert np.isfinite(values[6:]).all()
    assert np.abs(values[6:, :3].sum(axis=1) - 1).max() < 1e-12


@BOTH
def test_an_outcome_never_seen_has_no_probability(kind: str) -> None:
    made = lesson(400)
    direction = np.where(made.targets.direction == 0, 1, made.targets.direction)
    model = MAKERS[kind]()
    model.learn(Lesson(made.rows, replace(made.targets, direction=direction)))
    values = model.predict(made.rows)[6:]
    assert (values[:, P_FLAT] == 0.0).all()
    assert np.abs(values[:, P_UP] + values[:, P_DOWN] - 1).max() < 1e-12


def test_expected_return_of_directions() -> None:
    """Of the LSTM: probabilities times mean growth, in the scale of each instrument."""
    made = lesson(800)
    wild = made.rows.instrument == 1
    growth = np.where(wild, 10 * made.targets.growth, made.targets.growth)
    model = lstm()
    model.learn(Lesson(made.rows, replace(made.targets, growth=growth)))
    values = model.predict(made.rows)
    sizes = [np.nanmean(np.abs(values[made.rows.instrument == i, EXPECTED])) for i in (0, 1)]
    assert 7 < sizes[1] / sizes[0] < 14
    tame = ~np.isnan(values[:, 0]) & ~wild
    assert np.corrcoef(values[tame, EXPECTED], (values[:, P_UP] - values[:, P_DOWN])[tame])[0, 1] > 0.9


def test_strength_has_a_head_of_its_own() -> None:
    """All rows go up; only how far depends on the features. A forecast from directions alone could not tell."""
    made, later = lesson(1000), lesson(800, seed=1)
    learned = []
    for one in (made, later):
        direction = np.where(np.arange(len(one.rows)) % 7 == 0, -1, 1)
        learned.append(Lesson(one.rows, replace(one.targets, direction=direction)))
    model = transformer(epochs=6, learning_rate=0.02, strength_weight=2.0)
    model.learn(learned[0])
    values = model.predict(learned[1].rows)
    known = ~np.isnan(values[:, 0])
    truth = learned[1].targets.growth[known]
    assert np.corrcoef(values[known, EXPECTED], truth)[0, 1] > 0.8
    assert 0.5 < values[known, EXPECTED].std() / truth.std() < 1.1


def test_instruments_are_told_apart() -> None:
    """One goes up nine times of ten, the other down, whatever the features say."""
    made = lesson(400)
    sign = np.where(made.rows.instrument == 1, -1, 1) * np.where(np.arange(400) % 20 < 18, 1, -1)
    model = transformer(epochs=6, learning_rate=0.02)
    model.learn(Lesson(made.rows, replace(made.targets, direction=sign)))
    later = lesson(200, seed=1).rows
    ups: dict[str, float] = {}
    for symbols in (("AAA", "BBB"), ("BBB", "AAA"), ("NEW", "OTHER")):
        values = model.predict(replace(later, symbols=symbols))
        ups |= {symbol: np.nanmean(values[later.instrument == i, P_UP]) for i, symbol in enumerate(symbols)}
    assert ups["AAA"] > 0.8
    assert ups["BBB"] < 0.2
    assert 0.2 < ups["NEW"] < 0.8


def test_a_network_for_each_instrument() -> None:
    made = lesson(900, symbols=("AAA", "BBB", "CCC"))
    model = lstm(per_instrument=True)
    lines: list[str] = []
    model.learn(made, lesson(300, seed=1, symbols=("CCC", "AAA", "BBB")), lines.append)
    assert [line.split(":")[0] for line in lines] == ["AAA", "AAA", "BBB", "BBB", "CCC", "CCC"]
    alone = lstm()
    own = np.flatnonzero(made.rows.instrument == 1)
    judge = lesson(300, seed=1, symbols=("CCC", "AAA", "BBB"))
    judged = np.flatnonzero(judge.rows.instrument == 2)
    alone.learn(
        Lesson(made.rows.take(own), made.targets.take(own)),
        Lesson(judge.rows.take(judged), judge.targets.take(judged)),
    )
    assert model._members[1].network.weights == alone._members[0].network.weights
    rows = lesson(90, seed=2, symbols=("NEW", "BBB")).rows
    values = model.predict(rows)
    assert np.isnan(values[rows.instrument == 0]).all()
    assert np.array_equal(values, np.where(rows.instrument[:, None] == 0, np.nan, alone.predict(rows)), equal_nan=True)


@pytest.mark.parametrize(
    ("n", "params", "words"),
    [
        (60, {"length": 40}, "too few training rows: 60 give 0 windows of 40 rows"),
        (20, {}, "20 training rows are too few"),
        (90, {"per_instrument": True}, "45 training rows are too few"),
    ],
)
def test_too_few_rows(n: int, params: dict[str, object], words: str) -> None:
    with pytest.raises(ModelError, match=words) as caught:
        lstm(**params).learn(lesson(n))
    assert caught.value.fix
    assert ("AAA" in caught.value.where) == ("per_instrument" in params)


def test_too_few_validation_rows() -> None:
    with pytest.raises(ModelError, match="too few validation rows: 6 give 0 windows"):
        lstm().learn(lesson(), lesson(6))
    with pytest.raises(ModelError, match="too few validation rows") as caught:
        lstm(per_instrument=True).learn(lesson(), lesson(100, symbols=("AAA",)))
    assert caught.value.where == "BBB"


def test_one_class_only_where_there_are_windows() -> None:
    made = lesson(60, symbols=("AAA",))
    direction = np.where(np.arange(60) < 20, -1, 1)
    with pytest.raises(ModelError, match="all 20 training windows have one direction: up"):
        lstm(length=41).learn(Lesson(made.rows, replace(made.targets, direction=direction)))


@BOTH
def test_saved_and_loaded_models_are_the_same(kind: str, tmp_path: Path) -> None:
    model = MAKERS[kind](missing_flags=True)
    made = lesson()
    model.learn(made)
    fitted = FittedModel(model, made.rows.names, "set", made.targets.horizon_ns, None)
    first = save_model(fitted, tmp_path / "first", Origin())
    again = load_model(tmp_path / "first")
    assert again.predict(made.rows).values.tobytes() == fitted.predict(made.rows).values.tobytes()
    second = save_model(again, tmp_path / "second", Origin())
    assert first.files == second.files
    assert isinstance(again.forecaster, SequenceForecaster)
    assert again.forecaster.histories == model.histories
    assert digest(again.forecaster) == digest(model)


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    model, other = lstm(), lstm(length=5)
    for one, name in ((model, "one"), (other, "other")):
        one.learn(lesson())
        (tmp_path / name).mkdir()
        one.save(tmp_path / name)
    with pytest.raises(ModelError, match=r"network-0.onnx cannot be read: it reads .*\[4, 3\]"):
        LstmForecaster.load(tmp_path / "one", other.params)
    with pytest.raises(ModelError, match="it is not that of one transformer"):
        TransformerForecaster.load(tmp_path / "one", transformer().params)
    facts = tmp_path / "one" / "deep.json"
    content = json.loads(facts.read_text())
    wrong: list[dict[str, object]] = [{"format": 2}, {"symbols": ["AAA", "BBB"]}, {"networks": []}, {"more": 1}]
    for changed in wrong:
        facts.write_text(json.dumps({**content, **changed}))
        with pytest.raises(ModelError, match=r"deep\.json cannot be read"):
            LstmForecaster.load(tmp_path / "one", model.params)
    facts.write_text(json.dumps(content))
    assert LstmForecaster.load(tmp_path / "one", model.params)._members
    (tmp_path / "one" / "network-0.safetensors").write_bytes(b"PK\x03\x04 not safe")
    with pytest.raises(ModelError, match=r"network-0\.safetensors cannot be read"):
        LstmForecaster.load(tmp_path / "one", model.params)


def test_parameters_that_do_not_fit() -> None:
    with pytest.raises(ConfigError, match="size 10 must be even and a multiple of heads 4"):
        make_forecaster("transformer", {"size": 10})
    with pytest.raises(ConfigError, match="device"):
        make_forecaster("lstm", {"device": "tpu"})


def test_serving_needs_no_torch(tmp_path: Path) -> None:
    model = lstm()
    model.learn(lesson())
    made = lesson()
    save_model(FittedModel(model, made.rows.names, "set", 1, None), tmp_path / "model", Origin())
    program = """
import sys
import tradewright.models, tradewright.models.registry
assert not {"torch", "onnxruntime", "safetensors"} & set(sys.modules)
from pathlib import Path
from tradewright.models.artefact import load_model
from tests.unit.models.deep.lessons import lesson
values = load_model(Path(sys.argv[1])).predict(lesson().rows).values
assert values.shape == (400, 4)
print("torch" in sys.modules)
"""
    root = Path(__file__).resolve().parents[4]
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "model"], cwd=root, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.returncode) == ("False\n", 0), done.stderr
