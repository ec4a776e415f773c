from __future__ import annotations

import pytest
from pydantic import Field, ValidationError

from tradewright.strategies.strategy import StrategyParams


class _Params(StrategyParams):
    bars: int = Field(5, ge=1)


def test_parameters_are_checked_and_frozen() -> None:
    params = _Params(bars=7)
    with pytest.raises(ValidationError, match="frozen"):
        params.bars = 8  # type: ignore[misc]  # that this is refused is the point
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        _Params(bars=0)
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        _Params.model_validate({"bar": 7})
    with pytest.raises(ValidationError):
        _Params.model_validate({"bars": float("nan")})
