"""Leak detectors: they find numbers that know what nobody could have known then.

Each detector is a function of a way to compute (`Pipeline`) or of a table, and judges any of them, a user's own too.
It returns a verdict that says what was tried and what that proves. They need nothing but the market events, so whoever
may import features (research, a promotion gate, the command line) can run them. The layer knows no store: what a
universe was, or when rows were seen, is handed in.
"""

from __future__ import annotations

from tradewright.features.leaks.delay import DelayParams, check_delay
from tradewright.features.leaks.finding import Detector, LeakError, LeakFinding, LeakReport, LeakVerdict
from tradewright.features.leaks.gate import LeakCase, LeakParams, Training, UniverseUse, leak_gate, leak_report
from tradewright.features.leaks.label_overlap import Split, check_label_overlap, purged
from tradewright.features.leaks.pipeline import Pipeline, pipeline_of
from tradewright.features.leaks.random_labels import Predicted, check_random_labels, ridge_trainer
from tradewright.features.leaks.shuffle import ShuffleParams, check_future_shuffle
from tradewright.features.leaks.survivorship import check_survivorship
from tradewright.features.leaks.timestamps import check_complete_bars, check_timestamps
from tradewright.features.leaks.truncation import TruncationParams, check_truncation

__all__ = [
    "DelayParams",
    "Detector",
    "LeakCase",
    "LeakError",
    "LeakFinding",
    "LeakParams",
    "LeakReport",
    "LeakVerdict",
    "Pipeline",
    "Predicted",
    "ShuffleParams",
    "Split",
    "Training",
    "TruncationParams",
    "UniverseUse",
    "check_complete_bars",
    "check_delay",
    "check_future_shuffle",
    "check_label_overlap",
    "check_random_labels",
    "check_survivorship",
    "check_timestamps",
    "check_truncation",
    "leak_gate",
    "leak_report",
    "pipeline_of",
    "purged",
    "ridge_trainer",
]
