"""Kill trainings at random moments until they are done, and say on stdout what they learned.

Every run is a fork of this process, which has imported torch and computed nothing with it: threads do not survive a
fork. Usage: killed_training.py FOLDER KILLS; writes one line of JSON for each kind.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[4]))

import torch._dynamo  # noqa: F401 -- optimisers import it when they are made: here once, not in every fork
from tests.unit.models.deep.lessons import digest, lesson, lstm, transformer

from tradewright.models.deep import export, training  # noqa: F401
from tradewright.models.deep.checkpoint import Checkpoint
from tradewright.models.deep.sequence_forecaster import SequenceForecaster

PARAMS = {"epochs": 3, "batch": 16, "chunk": 8, "checkpoint_batches": 3, "patience": 3}


def model_of(kind: str) -> SequenceForecaster:
    return lstm(**PARAMS) if kind == "lstm" else transformer(**PARAMS)


def learn(kind: str, folder: Path | None, out: Path) -> None:
    model = model_of(kind)
    model.checkpoints = folder
    model.learn(lesson(400), lesson(200, seed=1))
    out.write_text(digest(model))


def run(kind: str, folder: Path | None, out: Path, *, kill_after: float | None) -> int:
    """Learn in a fork and return how it ended; kill it so long after its first new checkpoint."""
    path = Checkpoint(folder).path if folder is not None else out
    before = path.stat().st_mtime_ns if path.is_file() else 0
    child = os.fork()
    if not child:
        learn(kind, folder, out)
        os._exit(0)
    if kill_after is not None:
        while not (path.is_file() and path.stat().st_mtime_ns != before):
            if os.waitpid(child, os.WNOHANG)[0]:
                return 0
            time.sleep(0.001)
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(root: Path, kills: int) -> None:
    rng = np.random.default_rng(0)
    for kind in ("lstm", "transformer"):
        whole, out, folder = root / f"{kind}-whole", root / f"{kind}-killed", root / kind
        assert run(kind, None, whole, kill_after=None) == 0
        ends = [run(kind, folder, out, kill_after=rng.uniform(0, 0.1)) for _ in range(kills)]
        assert run(kind, folder, out, kill_after=None) == 0
        killed = ends.count(-signal.SIGKILL)
        sys.stdout.write(json.dumps({"whole": whole.read_text(), "resumed": out.read_text(), "kills": killed}) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
