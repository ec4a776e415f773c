"""Transformer encoder: direction and strength of several instruments, by one network."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import Field, model_validator

from tradewright.models.deep.parameters import SequenceParams
from tradewright.models.deep.sequence_forecaster import SequenceForecaster

if TYPE_CHECKING:
    from torch import nn


class TransformerParams(SequenceParams):
    """Parameters of `TransformerForecaster`.

    Parameters
    ----------
    length : int
        As in `SequenceParams`; attention costs more for each row than an LSTM does.
    size, heads, layers, feedforward : int
        Width inside (even, a multiple of the heads), heads of attention, encoder layers, width of their inner layer.
    strength_weight : float
        Weight of the loss of the strength beside that of the direction.
    instrument_dropout : float
        Share of training windows that pretend to be of an instrument never seen.
    """

    length: int = Field(default=16, ge=1)
    size: int = Field(default=32, ge=2)
    heads: int = Field(default=4, ge=1)
    layers: int = Field(default=2, ge=1)
    feedforward: int = Field(default=64, ge=1)
    strength_weight: float = Field(default=0.5, ge=0)
    instrument_dropout: float = Field(default=0.1, ge=0, le=1)

    @model_validator(mode="after")
    def _heads_share_the_size(self) -> Self:
        if self.size % self.heads or self.size % 2:
            raise ValueError(f"size {self.size} must be even and a multiple of heads {self.heads}")
        return self


class TransformerForecaster(SequenceForecaster):
    """Direction by one head; by another the strength, which is the growth in units of the instrument's usual one."""

    kind = "transformer"
    params_type: ClassVar[type[TransformerParams]] = TransformerParams
    params: TransformerParams
    outputs: ClassVar[int] = 4

    @property
    def strength_weight(self) -> float:
        """Return the weight of the strength's loss beside the direction's."""
        return self.params.strength_weight

    def build(self, width: int, instruments: int) -> nn.Module:
        """Return a new network."""
        from tradewright.models.deep.networks import TransformerNetwork  # noqa: PLC0415 -- torch: seconds to import

        params = self.params
        return TransformerNetwork(
            (width, params.length, instruments),
            params.size,
            params.heads,
            params.layers,
            params.feedforward,
            (params.dropout, params.instrument_dropout),
        )
