"""The trainer: the same seed gives the same weights, whatever interrupts it and however little memory there is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tradewright.core.types.errors import ModelError
from tradewright.models.deep.checkpoint import Checkpoint, Position, optimizer_tensors, restore_optimizer
from tradewright.models.deep.networks import CLASSES
from tradewright.models.deep.parameters import SequenceParams
from tradewright.models.deep.samples import Samples

T = TypeVar("T")
#: Strengths beyond this many scales pull on the network in proportion, no longer with their square (Huber 1964).
_HUBER_DELTA = 3.0


@dataclass(frozen=True, slots=True)
class Task:
    """What to train, and where to keep and tell how it goes.

    Parameters
    ----------
    build : callable
        Makes the network, with `torch`'s generator seeded.
    params : SequenceParams
        How to train.
    strength_weight : float
        Of the loss of the strength, for networks that answer it.
    key : str
        Digest of parameters and data.
    checkpoint : Checkpoint, optional
        Where to go on from and to write to.
    progress : callable
        Gets a line after each epoch.
    """

    build: Callable[[], nn.Module]
    params: SequenceParams
    strength_weight: float
    key: str
    checkpoint: Checkpoint | None
    progress: Callable[[str], None]


def train(task: Task, samples: Samples, validation: Samples | None) -> tuple[nn.Module, Position]:
    """Train a network, from its checkpoint if there is one; return it on the CPU with its best weights.

    Raises
    ------
    ModelError
        Without the GPU asked for, with a checkpoint of something else, where not even one window fits into memory, or
        where the loss runs away.
    """
    device = device_of(task.params.device)
    with reproducible(device, task.params.threads):
        torch.manual_seed(draw(task.params.seed, 0))
        trainer = Trainer(task, device, task.build())
        trainer.learn(samples, validation)
        return trainer.network.eval().cpu(), trainer.position


def device_of(name: str) -> torch.device:
    """Return the device of a name; ``auto`` is a GPU where there is one.

    Raises
    ------
    ModelError
        If CUDA is asked for and absent.
    """
    has_cuda = torch.cuda.is_available()
    if name == "cuda" and not has_cuda:
        raise ModelError(
            "device 'cuda' is asked for, but torch finds no GPU here",
            fix="Use device: auto or cpu, or install a build of torch for this GPU's driver.",
        )
    return torch.device("cuda" if has_cuda and name != "cpu" else "cpu")


def draw(seed: int, *place: int) -> int:
    """Return the seed of the random numbers at a place in training.

    Nothing random is carried from step to step, so a step that is repeated, or done by another process, draws the same.
    """
    return int(np.random.SeedSequence(seed % 2**63, spawn_key=place).generate_state(1, np.uint64)[0] >> np.uint64(1))


@contextmanager
def reproducible(device: torch.device, threads: int) -> Iterator[None]:
    """Let torch compute the same bits each time, and leave its settings as they were found."""
    found, had_threads = torch.get_deterministic_debug_mode(), torch.get_num_threads()
    is_cuda = device.type == "cuda"
    with torch.random.fork_rng([torch.cuda.current_device()] if is_cuda else []):
        try:
            # cuDNN's recurrent layers have no deterministic form unless the environment is set before the start.
            torch.set_deterministic_debug_mode("warn" if is_cuda else "error")
            torch.set_num_threads(threads)
            yield
        finally:
            torch.set_num_threads(had_threads)
            torch.set_deterministic_debug_mode(found)


def half_type(device: torch.device, precision: str) -> torch.dtype | None:
    """Return the type of mixed precision, or None for plain float32."""
    if precision == "auto":
        if device.type != "cuda":
            return None
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}[precision]


def is_out_of_memory(error: RuntimeError) -> bool:
    """Tell a lack of memory from other errors; the CPU's allocator has no class of its own for it."""
    return isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)


class Resident:
    """Samples on the device: the table once, and windows as a view of it."""

    def __init__(self, samples: Samples, device: torch.device) -> None:
        table = torch.from_numpy(samples.sequences.table).to(device)
        rows, width = table.shape
        length = samples.sequences.length
        self.windows = table.as_strided((rows - length + 1, length, width), (width, width, 1))
        self.starts, self.instrument, self.target, self.strength, self.weight = (
            torch.from_numpy(array).to(device)
            for array in (
                samples.sequences.starts,
                samples.instrument,
                samples.target,
                samples.strength,
                samples.weight,
            )
        )

    def __len__(self) -> int:
        return len(self.target)


class Trainer:
    """One training run; its whole state is ``position``, the weights, the best weights and the optimiser."""

    def __init__(self, task: Task, device: torch.device, network: nn.Module) -> None:
        self.task = task
        self.device = device
        self.network = network.to(device)
        params = task.params
        self.optimizer = torch.optim.AdamW(
            network.parameters(), lr=params.learning_rate, weight_decay=params.weight_decay, fused=True
        )
        self.half = half_type(device, params.precision)
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.half is torch.float16)
        self.best: dict[str, Tensor] = {}
        self.position = Position(key=task.key, chunk=min(params.chunk or params.batch, params.batch))

    def learn(self, samples: Samples, validation: Samples | None) -> None:
        """Train until the last epoch, or until the validation rows say stop; end with the best weights."""
        shares = torch.from_numpy(samples.class_shares())
        with torch.no_grad():  # begin at the base rates: no epoch is spent on finding them
            self.network.head.bias.copy_(torch.log(shares))  # type: ignore[union-attr, operator]
        self._resume()
        inside = Resident(samples, self.device)
        judge = Resident(validation, self.device) if validation is not None else None
        while not self._is_finished(has_judge=judge is not None):
            self._epoch(inside)
            self._end_epoch(judge)
            self._keep()
        if self.best:
            self.network.load_state_dict(self.best)

    def _is_finished(self, *, has_judge: bool) -> bool:
        position, params = self.position, self.task.params
        waited = position.epoch - position.best_epoch
        return position.epoch >= params.epochs or (has_judge and waited >= params.patience)

    def _epoch(self, samples: Resident) -> None:
        """Take the steps of this epoch that have not been taken."""
        params, position = self.task.params, self.position
        order = np.random.default_rng(draw(params.seed, 2, position.epoch)).permutation(len(samples))
        self.network.train()
        for first in range(position.batch * params.batch, len(order), params.batch):
            if position.batch and position.batch % params.checkpoint_batches == 0:
                self._keep()
            self._step(samples, torch.from_numpy(order[first : first + params.batch]).to(self.device))
            position.batch += 1

    def _step(self, samples: Resident, rows: Tensor) -> None:
        weight = samples.weight[rows].sum()
        loss = self._fitted(lambda chunk: self._gradients(samples, rows, weight, chunk))
        self.scaler.unscale_(self.optimizer)
        nn.utils.clip_grad_norm_(self.network.parameters(), self.task.params.clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if not math.isfinite(loss):
            raise ModelError(
                f"the loss ran away in epoch {self.position.epoch + 1}",
                fix="Lower learning_rate, or look for absurd values among the features.",
            )
        self.position.loss += loss
        self.position.weight += float(weight)

    def _gradients(self, samples: Resident, rows: Tensor, weight: Tensor, chunk: int) -> float:
        """Add up the gradients of one batch, chunk by chunk; return its summed cross-entropy."""
        self.optimizer.zero_grad(set_to_none=True)
        position = self.position
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        for first in range(0, len(rows), chunk):
            torch.manual_seed(draw(self.task.params.seed, 1, position.epoch, position.batch, first))
            some = rows[first : first + chunk]
            with torch.autocast(self.device.type, self.half, enabled=self.half is not None):
                answer = self._answer(samples, some)
            loss, entropy = self._losses(answer.float(), samples, some)
            self.scaler.scale(loss / weight).backward()  # type: ignore[no-untyped-call]
            total += entropy.detach()
        return total.item()

    def _answer(self, samples: Resident, rows: Tensor) -> Tensor:
        answer: Tensor = self.network(samples.windows[samples.starts[rows]], samples.instrument[rows])
        return answer

    def _losses(self, answer: Tensor, samples: Resident, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return the weighted sums of what is minimised, and of the cross-entropy in it."""
        weight = samples.weight[rows]
        each = functional.cross_entropy(answer[:, :CLASSES], samples.target[rows], reduction="none")
        entropy = (each * weight).sum()
        if answer.shape[1] == CLASSES:
            return entropy, entropy
        wanted = samples.strength[rows]
        miss = functional.huber_loss(answer[:, CLASSES], wanted, reduction="none", delta=_HUBER_DELTA)
        return entropy + self.task.strength_weight * (miss * weight).sum(), entropy

    def _score(self, samples: Resident) -> float:
        """Return the weighted log loss, in float32 as it is served."""

        def score(chunk: int) -> float:
            total = torch.zeros((), dtype=torch.float64, device=self.device)
            for first in range(0, len(samples), chunk):
                rows = torch.arange(first, min(first + chunk, len(samples)), device=self.device)
                total += self._losses(self._answer(samples, rows), samples, rows)[1]
            return total.item()

        self.network.eval()
        with torch.inference_mode():
            return self._fitted(score) / float(samples.weight.sum(dtype=torch.float64))

    def _fitted(self, work: Callable[[int], T]) -> T:
        """Do some work with as many windows at one time as the device has memory for."""
        while True:
            try:
                return work(self.position.chunk)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
            # Here and not in the handler: while the error lives, it holds on to what the attempt had allocated.
            if self.position.chunk == 1:
                raise ModelError(
                    "not even one window fits into the memory of the device",
                    fix="Use a smaller length or network, or device: cpu.",
                )
            self.optimizer.zero_grad(set_to_none=True)
            self.position.chunk = (self.position.chunk + 1) // 2
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
            self.task.progress(f"out of memory: from now on {self.position.chunk} windows at one time")

    def _end_epoch(self, judge: Resident | None) -> None:
        position = self.position
        loss = position.loss / position.weight
        score = self._score(judge) if judge is not None else None
        position.losses.append((loss, score))
        position.epoch += 1
        position.batch, position.loss, position.weight = 0, 0.0, 0.0
        line = f"epoch {position.epoch} of {self.task.params.epochs}: log loss {loss:.4f}"
        if score is not None:
            if position.best_loss is None or score < position.best_loss:
                position.best_loss, position.best_epoch = score, position.epoch
                self.best = {name: tensor.clone() for name, tensor in self.network.state_dict().items()}
            line += f", validation {score:.4f} (best {position.best_loss:.4f} in epoch {position.best_epoch})"
        self.task.progress(line)

    def _keep(self) -> None:
        if self.task.checkpoint is None:
            return
        self.position.scaler = self.scaler.state_dict()
        weights = {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}
        best = {f"best.{name}": tensor for name, tensor in self.best.items()}
        self.task.checkpoint.write(self.position, {**weights, **best, **optimizer_tensors(self.optimizer)})

    def _resume(self) -> None:
        kept = self.task.checkpoint.read(self.task.key) if self.task.checkpoint is not None else None
        if kept is None:
            return
        self.position, tensors = kept
        tensors = {name: tensor.to(self.device) for name, tensor in tensors.items()}
        self.network.load_state_dict(_below("network.", tensors))
        self.best = _below("best.", tensors)
        restore_optimizer(self.optimizer, tensors)
        if self.position.scaler:
            self.scaler.load_state_dict(self.position.scaler)
        self.task.progress(f"taken up in epoch {self.position.epoch + 1} after {self.position.batch} batches")


def _below(head: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(head): tensor for name, tensor in tensors.items() if name.startswith(head)}
