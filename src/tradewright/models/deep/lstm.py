"""LSTM: the direction at the label's horizon, from the last rows of an instrument."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from tradewright.models.deep.parameters import SequenceParams
from tradewright.models.deep.sequence_forecaster import SequenceForecaster

if TYPE_CHECKING:
    from torch import nn


class LstmParams(SequenceParams):
    """Parameters of `LstmForecaster`.

    Parameters
    ----------
    hidden, layers : int
        Size of the state, and LSTMs on top of each other.
    per_instrument : bool
        A network for each instrument; else one for all of them, which does not know which is which.
    """

    hidden: int = Field(default=32, ge=1)
    layers: int = Field(default=1, ge=1)
    per_instrument: bool = False


class LstmForecaster(SequenceForecaster):
    """Direction by an LSTM; the expected return is that of the directions, weighted with their probabilities."""

    kind = "lstm"
    params_type: ClassVar[type[LstmParams]] = LstmParams
    params: LstmParams

    @property
    def has_one_per_instrument(self) -> bool:
        """Tell whether each instrument gets a network of its own."""
        return self.params.per_instrument

    def build(self, width: int, instruments: int) -> nn.Module:  # noqa: ARG002 -- it does not know which is which
        """Return a new network."""
        from tradewright.models.deep.networks import LstmNetwork  # noqa: PLC0415 -- torch: seconds to import

        return LstmNetwork(width, self.params.hidden, self.params.layers, self.params.dropout)
