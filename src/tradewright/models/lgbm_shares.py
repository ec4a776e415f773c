"""What LightGBM's trees say of one row, asked through its C interface: a third of the time of the Python call.

`Booster.predict` writes the parameters out, has them read again and makes a predictor before it comes to the trees,
each time. Here that is done once. The trees are the library's own: the same bits as there.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.errors import ModelError

if TYPE_CHECKING:
    import lightgbm as lgb

_NORMAL, _FROM_FIRST, _ALL, _F64 = 0, 0, -1, 1  # C_API_PREDICT_NORMAL, all iterations, C_API_DTYPE_FLOAT64


class OneRow:
    """A booster, ready to be asked for one row at a time; on one thread, because waking another takes longer.

    Raises
    ------
    ModelError
        If the library refuses.

    References
    ----------
    ``LGBM_BoosterPredictForMatSingleRowFast``, https://lightgbm.readthedocs.io/en/stable/C-API.html
    """

    def __init__(self, booster: lgb.Booster) -> None:
        import lightgbm as lgb  # noqa: PLC0415 - heavy; the command line starts without it

        self._library: Any = lgb.basic._LIB  # type: ignore[attr-defined]  # noqa: SLF001 - loading it again is slow
        self._booster = booster  # what is asked points into it
        self._outcomes = booster.num_model_per_iteration()
        self._columns = booster.num_feature()
        self._ready = ctypes.c_void_p()
        self._refuse(
            self._library.LGBM_BoosterPredictForMatSingleRowFastInit(
                booster._handle,  # noqa: SLF001 - it has no public name
                *(_NORMAL, _FROM_FIRST, _ALL, _F64, self._columns),
                b"num_threads=1 verbosity=-1",
                ctypes.byref(self._ready),
            )
        )

    def __del__(self) -> None:
        """Let go of what the library holds."""
        if self._ready.value:
            self._library.LGBM_FastConfigFree(self._ready)

    def shares(self, row: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what ``predict`` does for f8[1, k]: f8[1, outcomes], or of two outcomes the second's share, f8[1]."""
        if row.shape != (1, self._columns):
            msg = f"one row of {self._columns} columns is asked about, not {row.shape}"
            raise ValueError(msg)
        row = np.ascontiguousarray(row, np.float64)
        found, count = np.empty(self._outcomes), ctypes.c_int64()
        self._refuse(
            self._library.LGBM_BoosterPredictForMatSingleRowFast(
                self._ready, ctypes.c_void_p(row.ctypes.data), ctypes.byref(count), ctypes.c_void_p(found.ctypes.data)
            )
        )
        return found if self._outcomes == 1 else found.reshape(1, -1)

    def _refuse(self, status: int) -> None:
        if status:
            reason = self._library.LGBM_GetLastError().decode()
            raise ModelError(f"lightgbm: {reason}", fix="Train the model again.")
