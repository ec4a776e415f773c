"""What XGBoost's trees say of rows, asked through its C interface: one row costs a third of the Python call.

`Booster.inplace_predict` looks a row over for a dozen kinds of table before it asks the same function, which for one
row takes longer than the trees. The trees are the library's own: one row or many give the same bits as there.
"""

from __future__ import annotations

import ctypes
import json
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.errors import ModelError

if TYPE_CHECKING:
    import xgboost as xgb

_HOW = json.dumps(
    {
        "type": 0,
        "training": False,
        "iteration_begin": 0,
        "iteration_end": 0,
        "missing": float("nan"),
        "strict_shape": False,
        "cache_id": 0,
    }
).encode()


def shares_in(booster: xgb.Booster, values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return what ``inplace_predict`` does: f4[n, outcomes], or of two outcomes the second's share, f4[n].

    Parameters
    ----------
    booster : xgboost.Booster
        Trained or loaded.
    values : f8[n, k]
        With as many columns as the trees learned from: the library does not look.

    Raises
    ------
    ModelError
        If the library refuses.

    References
    ----------
    ``XGBoosterPredictFromDense``, https://xgboost.readthedocs.io/en/stable/c.html
    """
    library = _library()
    shape, dims, found = ctypes.POINTER(ctypes.c_uint64)(), ctypes.c_uint64(), ctypes.c_void_p()
    status = library.XGBoosterPredictFromDense(
        booster.handle,
        json.dumps(values.__array_interface__).encode(),
        _HOW,
        None,
        ctypes.byref(shape),
        ctypes.byref(dims),
        ctypes.byref(found),
    )
    if status:
        raise ModelError(f"xgboost: {library.XGBGetLastError().decode()}", fix="Train the model again.")
    # The library writes its next answer over this one.
    shares = np.empty(shape[: dims.value], np.float32)
    ctypes.memmove(shares.ctypes.data, found.value or 0, shares.nbytes)
    return shares


@cache
def _library() -> ctypes.CDLL:
    import xgboost as xgb  # noqa: PLC0415 - heavy; the command line starts without it

    library = ctypes.CDLL(xgb.build_info()["libxgboost"])
    library.XGBGetLastError.restype = ctypes.c_char_p
    return library
