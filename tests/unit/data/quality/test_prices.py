"""The yardstick of the spike rule."""

from __future__ import annotations

import numpy as np
import pytest

from tradewright.data.quality.prices import _scale


@pytest.mark.parametrize("n", [32, 511, 512, 1023, 1024, 1027, 5000, 51_300])  # widths of blocks are odd and even
def test_deviations_are_medians_of_blocks(n: int) -> None:
    size = np.abs(np.random.default_rng(n).normal(0, 1e-3, n)) * np.linspace(0.1, 2, n)
    scale = _scale(size)
    blocks = [size[i * scale.width : (i + 1) * scale.width] for i in range(max(1, n // 512))]
    medians = np.array([np.median(b) for b in blocks])
    least = 0.5 * max(np.median(medians), np.mean(size) / 4)
    assert scale.blocks.tolist() == (1.4826 * np.maximum(medians, least)).tolist()
    last = np.array([0, scale.width - 1, n - 1])
    assert scale.around(last).tolist() == [scale.blocks[0], scale.blocks[0], scale.blocks[-1]]
    assert scale.least == scale.blocks.min()
