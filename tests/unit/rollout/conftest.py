"""A registry in an empty folder, with a clock that goes on by a second at each look."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from tests.unit.rollout.made_up import START_NS, make_evidence, make_model, register

from tradewright.rollout.registry import Registry
from tradewright.rollout.versions import Version

AddModel = Callable[..., Version]


@pytest.fixture
def now_ns() -> Callable[[], int]:
    ticks = count(START_NS, 10**9)
    return lambda: next(ticks)


@pytest.fixture
def registry(tmp_path: Path, now_ns: Callable[[], int]) -> Registry:
    return Registry(tmp_path / "models", now_ns)


@pytest.fixture
def add(registry: Registry, tmp_path: Path) -> AddModel:
    """Train a small model with evidence of an edge (None: without evidence) and register it."""

    def make(seed: int = 0, name: str = "acme", edge: float | None = 0.15, bump: str = "minor") -> Version:
        folder = tmp_path / "trained" / f"{seed}"
        digest = make_model(folder, seed)
        if edge is not None:
            make_evidence(folder / "evidence", digest, edge)
        return register(registry, folder, name, bump)

    return make
