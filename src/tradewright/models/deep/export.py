"""A trained torch network as ONNX and safetensors."""

from __future__ import annotations

import io
import warnings

import onnx  # noqa: F401 -- the exporter needs it: better missed before the training than after it
import torch
from safetensors.torch import save
from torch import nn

from tradewright.models.deep.serving import ANSWER, INSTRUMENT, WINDOWS, ServedNetwork

#: Version of ONNX's operators: old enough for any ONNX Runtime of the last years.
_OPSET = 17


def export(network: nn.Module, length: int, width: int) -> ServedNetwork:
    """Return the network as it is served; ``network`` is on the CPU and keeps its weights.

    The exporter is the one that traces (``dynamo=False``): the newer one needs a package more, onnxscript, and gives
    nothing for graphs of a fixed shape.
    """
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is the older one, and that shapes checked in Python are now fixed
        torch.onnx.export(
            network.eval(),
            (torch.zeros(1, length, width), torch.zeros(1, dtype=torch.int64)),
            stream,  # type: ignore[arg-type]  # any stream will do for this exporter
            dynamo=False,
            opset_version=_OPSET,
            input_names=[WINDOWS, INSTRUMENT],
            output_names=[ANSWER],
            dynamic_axes={name: {0: "n"} for name in (WINDOWS, INSTRUMENT, ANSWER)},
        )
    weights = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    return ServedNetwork(graph=stream.getvalue(), weights=save(weights))
