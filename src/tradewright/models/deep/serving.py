"""A trained network as it is kept and asked: an ONNX graph beside its weights; no torch needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.errors import ModelError
from tradewright.models.deep.sequences import Sequences

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
            feed = {WINDOWS: sequences.windows(part)}
            if reads_instrument:
                feed[INSTRUMENT] = instrument[part]
            parts.append(np.asarray(session.run([ANSWER], feed)[0]))
        return np.concatenate(parts) if parts else np.empty((0, 0), np.float32)

    def verify(self, length: int, width: int, outputs: int) -> None:
        """Check that both files are what they should be.

        Raises
        ------
        ModelError
            If one cannot be read, or is that of another network.
        """
        session = self._opened()
        inputs = {one.name: list(one.shape[1:]) for one in session.get_inputs()}
        answers = {one.name: list(one.shape[1:]) for one in session.get_outputs()}
        wanted = {WINDOWS: [length, width]}, {ANSWER: [outputs]}
        if (inputs.pop(INSTRUMENT, []), inputs, answers) != ([], *wanted):
            raise ModelError(f"the ONNX graph reads {inputs} and answers {answers}, but should {wanted}")
        from safetensors import SafetensorError  # noqa: PLC0415 -- only deep models need it
        from safetensors.numpy import load  # noqa: PLC0415

        try:
            load(self.weights)
        except (SafetensorError, ValueError, KeyError) as error:
            raise ModelError(f"the weights are no safetensors: {error}") from error

    def _opened(self) -> onnxruntime.InferenceSession:
        if self._session is None:
            import onnxruntime  # noqa: PLC0415 -- a tenth of a second, and only deep models need it

            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = options.inter_op_num_threads = 1
            options.log_severity_level = 4
            try:
                self._session = onnxruntime.InferenceSession(self.graph, options, providers=["CPUExecutionProvider"])
            except Exception as error:  # its errors have no common class of their own
                raise ModelError(f"ONNX Runtime cannot read the graph: {str(error)[:200]}") from error
        return self._session
