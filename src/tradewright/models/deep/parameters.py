"""Parameters that every deep forecaster has."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tradewright.models.forecaster import ForecasterParams


class SequenceParams(ForecasterParams):
    """How to cut windows and how to train; each kind adds the shape of its network.

    Parameters
    ----------
    length : int
        Rows of an instrument in one window, the newest included.
    missing_flags : bool
        Also tell the network which values were missing (one more column for each feature); else they are only the mean.
    epochs, patience : int
        Passes over the windows at most; and how many without a better log loss of the validation rows end it.
    batch : int
        Windows in one step of the optimiser.
    chunk : int, optional
        Windows on the device at one time; their gradients are added up until ``batch`` is complete. By default the
        whole batch. Halved whenever the device runs out of memory, so ``batch`` stays what it is.
    learning_rate, weight_decay, clip_norm : float
        Of AdamW (Loshchilov and Hutter 2019), and the largest norm of a gradient.
    dropout : float
        Share of values dropped while learning.
    device : str
        ``auto`` takes a GPU where there is one. Runs repeat to the bit on the CPU; a GPU's libraries promise less.
    precision : str
        ``auto``: on a GPU bfloat16, or float16 with a scaled loss where it has no bfloat16; float32 on the CPU.
        Weights, validation and forecasts are always float32.
    threads : int
        Of the CPU; another number may round in another order. Folds and trials are what runs in parallel.
    checkpoint_batches : int
        Steps between two checkpoints; there is one after each epoch, too. Only where `Forecaster.checkpoints` is set.
    """

    length: int = Field(default=32, ge=1)
    missing_flags: bool = False
    epochs: int = Field(default=10, ge=1)
    patience: int = Field(default=3, ge=1)
    batch: int = Field(default=256, ge=1)
    chunk: int | None = Field(default=None, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0, le=1)
    weight_decay: float = Field(default=1e-2, ge=0)
    clip_norm: float = Field(default=1.0, gt=0)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    threads: int = Field(default=1, ge=1)
    checkpoint_batches: int = Field(default=200, ge=1)
