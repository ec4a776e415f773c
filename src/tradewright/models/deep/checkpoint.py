"""Where training has got to, kept so that a killed run goes on as if nothing had happened.

One safetensors file with the state as JSON in its header: no format that runs code, and one rename replaces all of it.
No state of a random generator is in it, because none is carried along: shuffles and dropout are drawn from the seed and
the position (`training.draws`).
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from tradewright.core.types.errors import ModelError

_FILE = "checkpoint.safetensors"
_STATE = "state"


class Position(BaseModel):
    """Where in training we are.

    Parameters
    ----------
    key : str
        Digest of the parameters and the data; a checkpoint is good for no other.
    epoch, batch : int
        The step that comes next.
    chunk : int
        Windows at one time that fitted into memory so far.
    loss, weight : float
        Summed over the steps of this epoch.
    best_loss : float, optional
        Of the validation rows; none before the first epoch has ended.
    best_epoch : int
        Epoch it was reached in.
    losses : list of (float, float or None)
        Of training and validation, one for each epoch that has ended.
    scaler : dict
        State of the loss scaler of float16, else empty.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    key: str
    epoch: int = 0
    batch: int = 0
    chunk: int
    loss: float = 0.0
    weight: float = 0.0
    best_loss: float | None = None
    best_epoch: int = 0
    losses: list[tuple[float, float | None]] = []
    scaler: dict[str, int | float] = {}


class Checkpoint:
    """The newest state of one training run.

    Parameters
    ----------
    folder : Path
        Its own; made where it does not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / _FILE

    def write(self, position: Position, tensors: dict[str, Tensor]) -> None:
        """Replace the checkpoint; a kill at any moment leaves the old one or the new one.

        Raises
        ------
        ModelError
            If the disk refuses.
        """
        content = save(
            {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()},
            metadata={_STATE: position.model_dump_json()},
        )
        draft = self.path.with_suffix(".writing")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with draft.open("wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            draft.replace(self.path)
        except OSError as error:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            raise ModelError(
                f"the checkpoint cannot be written: {error.strerror or error}",
                where=str(self.path.parent),
                fix="Make room or choose another folder; training goes on from the checkpoint before.",
            ) from error

    def read(self, key: str) -> tuple[Position, dict[str, Tensor]] | None:
        """Return what was written last, or None where nothing was.

        Raises
        ------
        ModelError
            If it cannot be read, or belongs to other data or parameters.
        """
        if not self.path.is_file():
            return None
        try:
            with safe_open(self.path, framework="pt") as stream:
                position = Position.model_validate_json((stream.metadata() or {}).get(_STATE, ""))
                tensors: dict[str, Tensor] = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
        except (SafetensorError, ValidationError, OSError) as error:
            raise ModelError(
                "the checkpoint cannot be read", where=str(self.path), fix="Remove it to begin from the start."
            ) from error
        if position.key != key:
            raise ModelError(
                "the checkpoint is of other data, labels or parameters",
                where=str(self.path),
                fix="Go on with those it was made with, or remove it to begin from the start.",
            )
        return position, tensors


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the state of an optimiser by names like ``optimizer.3.exp_avg``."""
    state: dict[int, dict[str, Tensor]] = optimizer.state_dict()["state"]
    return {f"optimizer.{i}.{name}": tensor for i, entry in state.items() for name, tensor in entry.items()}


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Put back what `optimizer_tensors` took; the settings are those ``optimizer`` was made with."""
    state: dict[int, dict[str, Tensor]] = {}
    for full, tensor in tensors.items():
        head, _, rest = full.partition(".")
        if head == "optimizer":
            i, _, name = rest.partition(".")
            state.setdefault(int(i), {})[name] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
