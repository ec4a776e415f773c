"""The gate study with the real gate: what lies beside each other in the storey below is put together here."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from tradewright.research.executor import Executor
from tradewright.research.gate_study import StudyParams, StudyRow, gate_study
from tradewright.rollout.gate import judge
from tradewright.rollout.policy import Policy, read_policy


def run_study(
    params: StudyParams, policy: str, executor: Executor, progress: Callable[[StudyRow], None]
) -> tuple[StudyRow, ...]:
    """Send every market through the pipeline and to the gate of a policy.

    Raises
    ------
    UsageError
        If there is no such policy.
    """
    return gate_study(params, partial(refusals, read_policy(policy)), executor, progress)


def refusals(policy: Policy, evidence: Path) -> tuple[str, ...]:
    """Return why a gate refuses a model by its evidence; nothing where it lets it pass."""
    return judge(evidence, policy).refusals
