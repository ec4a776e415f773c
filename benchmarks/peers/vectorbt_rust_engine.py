"""vectorbt with its optional Rust engine (the extra ``vectorbt[rust]``), same jobs as ``vectorbt_engine``."""

from __future__ import annotations

import importlib

import vectorbt as vbt

from benchmarks.peers import vectorbt_engine
from benchmarks.spec import Engine

# Fails here when the extra is not installed; otherwise vectorbt would silently use Numba.
importlib.import_module("vectorbt_rust")
# "auto" takes Rust wherever it can and Numba for the rest; W4's callback can only be Numba.
vbt.settings["engine"] = "auto"

ENGINE = Engine(
    "vectorbt-rust",
    "vectorbt-rust",
    {name: vectorbt_engine.ENGINE.jobs[name] for name in ("W1", "W2", "W2S")},
    {name: vectorbt_engine.ENGINE.rules[name] for name in ("W1", "W2", "W2S")},
)
