"""A trained network as it is kept and asked: an ONNX graph beside its weights; no torch needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tradewright.models.deep.sequences import Sequences
from tradewright.models.outcomes import unreadable

if TYPE_CHECKING:
    import onnxruntime

#: Names in the graph.
WINDOWS, INSTRUMENT, ANSWER = "windows", "instrument", "answer"
#: Values handed to the graph at one time, about 16 MB.
_BLOCK = 4_194_304


@dataclass(slots=True)
class ServedNetwork:
    """One network.

    Parameters
    ----------
    graph : bytes
        ONNX; reads ``windows`` f4[n, length, width] and, where it knows instruments, ``instrument`` i8[n].
    weights : bytes
        The same weights as safetensors, for whoever wants to learn on or look inside.
    """

    graph: bytes
    weights: bytes
    _session: onnxruntime.InferenceSession | None = field(default=None, repr=False)

    def answer(self, sequences: Sequences, instrument: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return f4[m, outputs], one row for each window; ``instrument`` i8[m] as the network numbers them."""
        session = self._opened()
        size = max(1, _BLOCK // (sequences.length * sequences.table.shape[1]))
        reads_instrument = len(session.get_inputs()) > 1
        parts = []
        for first in range(0, len(sequences), size):
            part = slice(first, first + size)
            feed: dict[str, NDArray[Any]] = {WINDOWS: sequences.windows(part)}
            if reads_instrument:
                feed[INSTRUMENT] = instrument[part]
            parts.append(np.asarray(session.run([ANSWER], feed)[0]))
        return np.concatenate(parts) if parts else np.empty((0, 0), np.float32)

    def verify(self, path: Path, length: int, width: int, outputs: int) -> None:
        """Check that both files are what they should be; ``path`` is where the graph came from.

        Raises
        ------
        ModelError
            If one cannot be read, or is that of another network.
        """
        try:
            session = self._opened()
        except ImportError:
            raise
        except Exception as error:  # those of ONNX Runtime have no class of their own
            raise unreadable(path, error) from error
        inputs = {one.name: list(one.shape[1:]) for one in session.get_inputs()}
        answers = {one.name: list(one.shape[1:]) for one in session.get_outputs()}
        wanted = {WINDOWS: [length, width]}, {ANSWER: [outputs]}
        if (inputs.pop(INSTRUMENT, []), inputs, answers) != ([], *wanted):
            found = f"it reads {inputs} and answers {answers}, not {wanted[0]} and {wanted[1]}"
            raise unreadable(path, ValueError(found))
        from safetensors import SafetensorError  # noqa: PLC0415 -- only deep models need it
        from safetensors.numpy import load  # noqa: PLC0415

        try:
            load(self.weights)
        except (SafetensorError, ValueError, KeyError) as error:
            raise unreadable(path.with_suffix(".safetensors"), error) from error

    def _opened(self) -> onnxruntime.InferenceSession:
        if self._session is None:
            import onnxruntime  # noqa: PLC0415 -- a tenth of a second, and only deep models need it

            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = options.inter_op_num_threads = 1
            options.log_severity_level = 4
            self._session = onnxruntime.InferenceSession(self.graph, options, providers=["CPUExecutionProvider"])
        return self._session
