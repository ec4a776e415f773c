"""The networks. Imports torch, so nothing imports this module before something is to be learned."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

#: First columns of every network's answer, logits in the order of `core.types.forecast.ForecastRow`.
CLASSES = 3
#: Number of the instrument that stands for all those a network has never seen.
UNKNOWN = 0


class LstmNetwork(nn.Module):
    """LSTM (Hochreiter and Schmidhuber 1997) over the window; its last state gives the three logits.

    Parameters
    ----------
    width, hidden, layers : int
        Columns of a window, size of the state, LSTMs on top of each other.
    dropout : float
        Before the head, and between layers.
    """

    def __init__(self, width: int, hidden: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.lstm = nn.LSTM(width, hidden, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(hidden, CLASSES)

    def forward(self, windows: Tensor, _instrument: Tensor) -> Tensor:
        """Return f4[n, 3] for windows f4[n, length, width]; all instruments are the same to it."""
        states, _ = self.lstm(windows)
        answer: Tensor = self.head(self.dropout(states[:, -1]))
        return answer


class TransformerNetwork(nn.Module):
    """Encoder (Vaswani et al. 2017, normalised first) over the window; its last place answers for direction, strength.

    Parameters
    ----------
    shape : (int, int, int)
        Columns and rows of a window, and instruments it is trained on. While learning, some windows pretend to be of an
        unknown instrument, so that it has an answer for those to come.
    size, heads, layers, feedforward : int
        Width inside, heads of attention, encoder layers, width of their inner layer.
    dropout : (float, float)
        Share of values dropped on entering and before the heads (inside the encoder the random numbers would cost half
        of the time on a CPU); share of windows that pretend.
    """

    places: Tensor

    def __init__(
        self, shape: tuple[int, int, int], size: int, heads: int, layers: int, feedforward: int,
        dropout: tuple[float, float],
    ) -> None:  # fmt: skip
        super().__init__()
        width, length, instruments = shape
        self.enter = nn.Linear(width, size)
        self.instruments = nn.Embedding(instruments + 1, size)
        nn.init.normal_(self.instruments.weight, std=0.02)
        layer = nn.TransformerEncoderLayer(size, heads, feedforward, 0.0, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, nn.LayerNorm(size), enable_nested_tensor=False)
        self.head = nn.Linear(size, CLASSES)
        self.strength = nn.Linear(size, 1)
        self.register_buffer("places", sinusoids(length, size), persistent=False)
        self.dropout = nn.Dropout(dropout[0])
        self.instrument_dropout = dropout[1]

    def forward(self, windows: Tensor, instrument: Tensor) -> Tensor:
        """Return f4[n, 4], the logits and the strength, for windows f4[n, length, width] of instruments i8[n]."""
        if self.training:
            kept = torch.rand(instrument.shape, device=instrument.device) >= self.instrument_dropout
            instrument = instrument * kept
        inside = self.enter(windows) + self.places + self.instruments(instrument)[:, None]
        last = self.dropout(self.encoder(self.dropout(inside))[:, -1])
        return torch.cat([self.head(last), self.strength(last)], dim=1)


def sinusoids(length: int, size: int) -> Tensor:
    """Return f4[length, size], the positional encoding of Vaswani et al. 2017, section 3.5; ``size`` is even."""
    place = torch.arange(length, dtype=torch.float32)[:, None]
    rate = torch.exp(torch.arange(0, size, 2, dtype=torch.float32) * (-math.log(10_000.0) / size))
    return torch.stack([torch.sin(place * rate), torch.cos(place * rate)], dim=2).reshape(length, size)
