from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.unit.models.deep.lessons import digest, lesson, lstm, transformer
from torch import Tensor, nn

from tradewright.core.types.errors import ModelError
from tradewright.models.deep import training
from tradewright.models.deep.networks import LstmNetwork
from tradewright.models.forecaster import Lesson


@contextmanager
def memory_for(monkeypatch: pytest.MonkeyPatch, windows: int) -> Iterator[None]:
    """Let the LSTM run out of memory where it gets more windows at one time."""
    forward = LstmNetwork.forward

    def greedy(self: LstmNetwork, inputs: Tensor, instrument: Tensor) -> Tensor:
        if len(inputs) > windows:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
        return forward(self, inputs, instrument)

    with monkeypatch.context() as patch:
        patch.setattr(LstmNetwork, "forward", greedy)
        yield


def weights(model: object) -> np.ndarray:
    from safetensors.numpy import load  # noqa: PLC0415

    arrays = load(model._members[0].network.weights)  # type: ignore[attr-defined]
    return np.concatenate([arrays[name].ravel() for name in sorted(arrays)])


def test_out_of_memory_halves_the_chunk_and_leaves_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted, lines = lstm(dropout=0.3), list[str]()
    with memory_for(monkeypatch, 9):
        fitted.learn(lesson(), lesson(seed=1), lines.append)
    asked = lstm(dropout=0.3, chunk=8)
    asked.learn(lesson(), lesson(seed=1))
    assert weights(fitted).tobytes() == weights(asked).tobytes()
    assert [line for line in lines if "memory" in line] == [
        "out of memory: from now on 16 windows at one time",
        "out of memory: from now on 8 windows at one time",
    ]


def test_chunks_add_up_to_the_batch() -> None:
    whole, chunked, smaller = lstm(dropout=0), lstm(dropout=0, chunk=5), lstm(dropout=0, batch=5)
    for model in (whole, chunked, smaller):
        model.learn(lesson())
    assert weights(chunked) == pytest.approx(weights(whole), abs=1e-5)
    assert weights(chunked).tobytes() != weights(whole).tobytes()  # so the chunks were there
    assert np.abs(weights(smaller) - weights(whole)).max() > 1e-3


def test_not_even_one_window_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    with memory_for(monkeypatch, 0), pytest.raises(ModelError, match="not even one window fits"):
        lstm().learn(lesson())


def test_other_errors_are_not_taken_for_a_lack_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(LstmNetwork, "forward", broken)
    with pytest.raises(RuntimeError, match="shapes"):
        lstm().learn(lesson())


def test_the_cpu_allocator_is_understood() -> None:
    text = "[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory: you tried to allocate"
    assert training.is_out_of_memory(RuntimeError(text))
    assert training.is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert not training.is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


def test_early_stopping_keeps_the_best_epoch() -> None:
    noise = lesson(200, seed=5, edge=0.0)
    model, lines = lstm(epochs=30, patience=2, learning_rate=0.03), list[str]()
    model.learn(lesson(200, edge=0.0), noise, lines.append)
    facts = model._members[0].facts
    scores = [score for _, score in facts.losses]
    assert len(facts.losses) < 30
    assert facts.best_epoch == len(facts.losses) - 2
    assert scores[facts.best_epoch - 1] == min(s for s in scores if s is not None)
    assert len(lines) == len(facts.losses)
    assert lines[0].startswith("epoch 1 of 30: log loss ")
    best = lstm(epochs=facts.best_epoch, patience=2, learning_rate=0.03)
    best.learn(lesson(200, edge=0.0), noise)
    assert weights(best).tobytes() == weights(model).tobytes()


def test_without_validation_all_epochs_are_learned() -> None:
    model = lstm(epochs=3)
    model.learn(lesson())
    assert [score for _, score in model.histories[0]] == [None] * 3
    assert model.histories[0][-1][0] < model.histories[0][0][0]


def test_weights_of_rows_count() -> None:
    plain = lesson()
    half = np.arange(len(plain.rows)) % 4 < 2
    weight = np.where(half, 2.0, 0.0)
    lied = np.where(half, plain.targets.direction, -plain.targets.direction)
    models = []
    for direction in (plain.targets.direction, lied):
        model = lstm()
        model.learn(Lesson(plain.rows, replace(plain.targets, weight=weight, direction=direction)))
        models.append(model)
    assert digest(models[0]) == digest(models[1])


def test_torch_is_left_as_it_was_found() -> None:
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    with training.reproducible(torch.device("cpu"), threads + 1):
        assert torch.get_num_threads() == threads + 1
        assert torch.are_deterministic_algorithms_enabled()
        torch.rand(3)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()


def test_the_state_of_torch_does_not_show() -> None:
    torch.manual_seed(1)
    first = transformer(seed=-3)
    first.learn(lesson())
    torch.manual_seed(2)
    second = transformer(seed=-3)
    second.learn(lesson())
    assert digest(first) == digest(second)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there() -> None:
    with pytest.raises(ModelError, match="'cuda' is asked for, but torch finds no GPU here") as caught:
        lstm(device="cuda").learn(lesson())
    assert "device: auto or cpu" in caught.value.fix
    assert training.device_of("auto").type == "cpu"


@pytest.mark.parametrize(("precision", "distance"), [("bfloat16", 0.05), ("float16", 0.05)])
def test_mixed_precision(precision: str, distance: float) -> None:
    """The path a GPU takes, on the CPU: it has autocast and the scaled loss, too."""
    plain, mixed = transformer(), transformer(precision=precision)
    for model in (plain, mixed):
        model.learn(lesson(), lesson(seed=1))
    apart = np.abs(weights(plain) - weights(mixed)).max()
    assert 0 < apart < distance
    assert weights(mixed).dtype == np.float32


def test_which_precision() -> None:
    cpu = torch.device("cpu")
    assert training.half_type(cpu, "auto") is None
    assert training.half_type(cpu, "float32") is None
    assert training.half_type(cpu, "bfloat16") is torch.bfloat16
    assert training.half_type(torch.device("cuda"), "float16") is torch.float16


def test_a_loss_that_runs_away(monkeypatch: pytest.MonkeyPatch) -> None:
    forward = LstmNetwork.forward
    monkeypatch.setattr(LstmNetwork, "forward", lambda *arguments: forward(*arguments) * float("inf"))
    with pytest.raises(ModelError, match="the loss ran away in epoch 1") as caught:
        lstm().learn(lesson())
    assert "learning_rate" in caught.value.fix


def test_draws_differ_by_place() -> None:
    places = [(0, 1), (0, 1, 0), (0, 1, 0, 0), (1, 1), (0, 2), (-1, 1)]
    assert len({training.draw(*place) for place in places}) == len(places)
    assert all(0 <= training.draw(*place) < 2**63 for place in places)


def test_training_begins_at_the_base_rates() -> None:
    heads: list[Tensor] = []
    made = lesson()

    class Watched(training.Trainer):
        def _epoch(self, samples: training.Resident) -> None:
            head = self.network.head
            assert isinstance(head, nn.Linear)
            heads.append(torch.softmax(head.bias.detach(), 0).clone())
            super()._epoch(samples)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "Trainer", Watched)
        lstm().learn(made)
    ends = made.targets.direction[6:]  # the first whole windows of four rows of two instruments
    shares = [(np.sum(ends == d) + 1) / (len(ends) + 3) for d in (1, -1, 0)]
    assert heads[0].tolist() == pytest.approx(shares, abs=1e-6)
