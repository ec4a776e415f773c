"""What replay, explanation and divergence say to machines: JSON documents."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from tradewright.forensics.divergence import Divergence
from tradewright.forensics.explain import Explanation
from tradewright.forensics.parting import Parting
from tradewright.forensics.replay import Replay


def moment(ns: int) -> str:
    """Return ns UTC as ISO 8601."""
    return f"{np.datetime64(ns, 'ns').astype('datetime64[ms]')}Z"


def replay_document(found: Replay, torn_bytes: int) -> dict[str, Any]:
    """Return a replay; ``torn_bytes`` at the journal's end were never durable."""
    return {
        "same": found.is_same,
        "records": found.records,
        "inputs": found.inputs,
        "decisions": found.decisions,
        "cut_off": found.cut_off,
        "torn_bytes": torn_bytes,
        "fills": len(found.result.fills),
        "equity": found.result.final_equity,
        "trace": found.trace,
        "changed": list(found.changed),
        "starts": [asdict(s) | {"time": moment(s.ts), "changed": list(s.changed)} for s in found.starts],
        "differences": [asdict(d) | {"time": moment(d.ts)} for d in found.differences],
    }


def explanation_document(found: Explanation) -> dict[str, Any]:
    """Return an explanation."""
    return asdict(found) | {"time": moment(found.ts)}


def divergence_document(found: Divergence, market: str) -> dict[str, Any]:
    """Return a divergence; ``market`` says where the backtest's came from."""
    return {
        "equal": not found.partings and not found.pnl,
        "market": market,
        "events": {"session": found.events[0], "backtest": found.events[1]},
        "fills": {"session": len(found.session.fills), "backtest": len(found.backtest.fills)},
        "equity": {"session": found.session.final_equity, "backtest": found.backtest.final_equity},
        "currency": found.session.currency,
        "pnl": found.pnl,
        "causes": [asdict(row) for row in found.table],
        "unexplained": found.unexplained,
        "differences": [parting_document(found, parting) for parting in found.partings],
    }


def parting_document(found: Divergence, parting: Parting) -> dict[str, Any]:
    """Return one difference, its instrument by name."""
    return asdict(parting) | {"time": moment(parting.ts), "instrument": symbol_of(found, parting)}


def symbol_of(found: Divergence, parting: Parting) -> str:
    """Return the instrument of a difference, "" where it is about none."""
    return found.session.instruments[parting.instrument].symbol if parting.instrument >= 0 else ""
