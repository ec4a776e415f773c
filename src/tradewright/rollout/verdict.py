"""What a gate decided, with every number it decided by, signed."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from tradewright.core.types.errors import ModelError
from tradewright.core.types.evidence import Figure
from tradewright.rollout.signing import SigningKey

#: NaN and infinity as words, so that what is read is what was signed.
_STRICT = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class FigureLine(BaseModel):
    """A `core.types.evidence.Figure`, as it stands in a verdict."""

    model_config = _STRICT

    name: str
    value: float
    low: float
    high: float
    n: int
    trials: int
    scope: str
    method: str

    @classmethod
    def of(cls, figure: Figure) -> FigureLine:
        """Take over a figure."""
        return cls(**{name: getattr(figure, name) for name in cls.model_fields})


class Outcome(BaseModel):
    """One rule of the policy and whether it was met. ``found`` is what the evidence says, in words."""

    model_config = _STRICT

    rule: str
    is_met: bool
    found: str
    reason: str


class Verdict(BaseModel):
    """A gate's decision about one artefact.

    ``model`` and ``evidence`` are content hashes; ``policy`` is the policy's hash. ``passed`` is true only if every
    outcome is met. ``signature`` covers all of it.
    """

    model_config = _STRICT

    format: Literal[1] = 1
    model: str
    evidence: str
    policy_name: str
    policy: str
    passed: bool
    outcomes: tuple[Outcome, ...]
    figures: tuple[FigureLine, ...]
    warnings: tuple[str, ...] = ()
    at_ns: int
    key_id: str = ""
    signature: str = ""

    @property
    def refusals(self) -> tuple[str, ...]:
        """Why it was refused: every rule that was not met; empty where it passed."""
        return tuple(f"{o.rule}: {o.found}. {o.reason}" for o in self.outcomes if not o.is_met)

    def signed(self, key: SigningKey) -> Verdict:
        """Return it with its signature."""
        told = self.model_copy(update={"key_id": key.id, "signature": ""})
        return told.model_copy(update={"signature": key.mac(told.payload())})

    def check(self, key: SigningKey, where: str = "verdict") -> None:
        """Check that nobody changed it since it was signed with the key.

        Raises
        ------
        ModelError
            If it was changed, or signed with another key.
        """
        if self.key_id != key.id:
            what = f"it was signed with the key {self.key_id or 'of nobody'}, not with {key.id}"
            raise ModelError(what, where=where, fix="Give the key it was signed with, or run the gate again.")
        if not key.matches(self.payload(), self.signature):
            raise ModelError("it was changed after it was signed", where=where, fix="Run the gate again.")

    def payload(self) -> bytes:
        """Return what is signed."""
        return self.model_dump_json(exclude={"signature"}).encode()


def read_verdict(text: bytes, where: str) -> Verdict:
    """Return a verdict from its JSON; `Verdict.check` says whether it is genuine.

    Raises
    ------
    ModelError
        If it is not one.
    """
    try:
        return Verdict.model_validate_json(text)
    except ValidationError as error:
        reason = str(error).split("\n", 1)[0]
        raise ModelError(f"it is not a verdict: {reason}", where=where, fix="Run the gate again.") from error
