from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.unit.models.deep.lessons import digest, lesson, lstm, transformer

from tradewright.core.types.errors import ModelError
from tradewright.models.deep.checkpoint import Checkpoint, Position
from tradewright.models.deep.sequence_forecaster import SequenceForecaster
from tradewright.models.deep.training import Resident, Trainer
from tradewright.models.forecaster import Lesson

STEPWISE: dict[str, Any] = {"checkpoint_batches": 2, "dropout": 0.2, "epochs": 3}
MAKERS = {"lstm": lstm, "transformer": transformer}


class PulledPlugError(Exception):
    pass


def learn_and_stop(model: SequenceForecaster, folder: Path, *, steps: int) -> None:
    """Learn, and fail before another step: nothing can be written after it."""
    step, left = Trainer._step, [steps]

    def counted(self: Trainer, samples: Resident, rows: torch.Tensor) -> None:
        if not left[0]:
            raise PulledPlugError
        left[0] -= 1
        step(self, samples, rows)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "_step", counted)
        learn(model, folder)


def learn(model: SequenceForecaster, folder: Path | None, *, train: Lesson | None = None) -> list[str]:
    lines: list[str] = []
    model.checkpoints = folder
    model.learn(train or lesson(200), lesson(100, seed=1), lines.append)
    return lines


@pytest.mark.parametrize("kind", ["lstm", "transformer"])
def test_interrupted_again_and_again(kind: str, tmp_path: Path) -> None:
    whole = MAKERS[kind](**STEPWISE)
    learn(whole, None)
    interruptions = 0
    for steps in (1, 4, 6, 3, 5, 7, 99):
        model = MAKERS[kind](**STEPWISE)
        try:
            learn_and_stop(model, tmp_path, steps=steps)
        except PulledPlugError:
            interruptions += 1
        else:
            break
    assert interruptions == 5
    assert digest(model) == digest(whole)
    assert model.histories == whole.histories


def test_the_loss_scaler_is_kept(tmp_path: Path) -> None:
    params = {**STEPWISE, "precision": "float16"}
    whole, model = transformer(**params), transformer(**params)
    learn(whole, None)
    with pytest.raises(PulledPlugError):
        learn_and_stop(model, tmp_path, steps=9)
    found = Checkpoint(tmp_path).read(learn_key(tmp_path))
    assert found is not None
    assert found[0].scaler["_growth_tracker"] > 0
    learn(model, tmp_path)
    assert digest(model) == digest(whole)


def learn_key(folder: Path) -> str:
    """Return the key of the checkpoint that is there."""
    from safetensors import safe_open  # noqa: PLC0415

    with safe_open(Checkpoint(folder).path, framework="np") as stream:
        key = json.loads(stream.metadata()["state"])["key"]
    assert isinstance(key, str)
    return key


def test_killed_at_random_moments(tmp_path: Path) -> None:
    """SIGKILL, of processes of their own; then the very same weights."""
    program = Path(__file__).with_name("killed_training.py")
    done = subprocess.run([sys.executable, program, tmp_path, "3"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["kills"] for one in found] == [3, 3]
    for one in found:
        assert len(one["whole"]) == 64
        assert one["resumed"] == one["whole"]
    assert found[0]["whole"] != found[1]["whole"]


def test_a_finished_training_is_not_repeated(tmp_path: Path) -> None:
    """What is kept is the best epoch's weights, too, not those of the last one only."""
    params = {**STEPWISE, "epochs": 20, "patience": 2, "learning_rate": 0.05}
    first, second = lstm(**params), lstm(**params)
    learn(first, tmp_path)
    facts = first._members[0].facts
    assert facts.best_epoch == len(facts.losses) - 2
    assert learn(second, tmp_path) == [f"taken up in epoch {len(facts.losses) + 1} after 0 batches"]
    assert digest(first) == digest(second)


def test_each_instrument_has_a_checkpoint_of_its_own(tmp_path: Path) -> None:
    params = {**STEPWISE, "per_instrument": True}
    whole, model = lstm(**params), lstm(**params)
    learn(whole, None)
    with pytest.raises(PulledPlugError):
        learn_and_stop(model, tmp_path, steps=15)
    lines = learn(model, tmp_path)
    assert lines[0] == "AAA: taken up in epoch 4 after 0 batches"
    assert lines[1].startswith("BBB: taken up in epoch 1 after 2 ")
    assert digest(model) == digest(whole)


def test_of_other_parameters_or_data(tmp_path: Path) -> None:
    learn(lstm(**STEPWISE), tmp_path)
    made = lesson(200)
    changed = made.rows.values.copy()
    changed[50, 0] += 1e-12
    others = {
        "data": Lesson(replace(made.rows, values=changed), made.targets),
        "labels": Lesson(made.rows, replace(made.targets, direction=-made.targets.direction)),
        "weights": Lesson(made.rows, replace(made.targets, weight=np.linspace(0.5, 1.5, 200))),
        "names": Lesson(replace(made.rows, names=("a", "b", "c")), made.targets),
    }
    for train in others.values():
        with pytest.raises(ModelError, match="of other data, labels or parameters") as caught:
            learn(lstm(**STEPWISE), tmp_path, train=train)
        assert str(Checkpoint(tmp_path).path) == caught.value.where
    for params in ({"seed": 1}, {"hidden": 9}, {"learning_rate": 0.5}):
        with pytest.raises(ModelError, match="of other data, labels or parameters"):
            learn(lstm(**{**STEPWISE, **params}), tmp_path)
    without_validation = lstm(**STEPWISE)
    without_validation.checkpoints = tmp_path
    with pytest.raises(ModelError, match="of other data, labels or parameters"):
        without_validation.learn(made)


@pytest.mark.parametrize("content", [b"", b"garbage" * 99, b"\x02\0\0\0\0\0\0\0{}"])
def test_damaged(content: bytes, tmp_path: Path) -> None:
    Checkpoint(tmp_path).path.write_bytes(content)
    with pytest.raises(ModelError, match="the checkpoint cannot be read") as caught:
        learn(lstm(**STEPWISE), tmp_path)
    assert "Remove it" in caught.value.fix


def test_half_a_checkpoint_is_not_there(tmp_path: Path) -> None:
    learn(lstm(**STEPWISE), tmp_path)
    path = Checkpoint(tmp_path).path
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    path.with_suffix(".writing").write_bytes(path.read_bytes()[:100])
    assert learn(lstm(**STEPWISE), tmp_path) == ["taken up in epoch 4 after 0 batches"]


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = Checkpoint(tmp_path / "new")
    checkpoint.write(Position(key="k", chunk=4), {"a": torch.ones(2)})

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ModelError, match="No space left") as caught:
        checkpoint.write(Position(key="k", chunk=4, epoch=1), {"a": torch.zeros(2)})
    assert "Make room" in caught.value.fix
    found = checkpoint.read("k")
    assert found is not None
    assert found[0].epoch == 0
    assert torch.equal(found[1]["a"], torch.ones(2))
    assert [p.name for p in (tmp_path / "new").iterdir()] == [checkpoint.path.name]
