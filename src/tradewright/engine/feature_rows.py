"""From bars in memory to the rows a model predicts from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tradewright.core.types.bar import Bars
from tradewright.core.types.feature import Feature
from tradewright.core.types.rows import FeatureRows
from tradewright.features.feature_set import FeatureSet
from tradewright.features.set_identity import set_identity


def rows_of_bars(bars: Sequence[Bars], features: Mapping[str, Feature]) -> FeatureRows:
    """Return one row a bar of every instrument, known when the bar ended, in order of time.

    Raises
    ------
    ConfigError
        If a feature reads something other than bars.
    """
    values = [np.column_stack(FeatureSet(features).extend(one.fields, 0, len(one))) for one in bars]
    numbers = np.concatenate([np.full(len(one), number) for number, one in enumerate(bars)])
    stamps = np.concatenate([one.ts_event for one in bars])
    order = np.lexsort((numbers, stamps))
    return FeatureRows(
        tuple(features),
        np.ascontiguousarray(np.concatenate(values)[order]),
        tuple(one.instrument for one in bars),
        numbers[order],
        stamps[order],
        stamps[order],
        set_identity(features),
    )
