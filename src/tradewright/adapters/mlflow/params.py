"""Where MLflow keeps things: a database file beside the registry, or a server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

_SCHEMES = ("sqlite:///", "postgresql://", "http://", "https://")


class MlflowParams(BaseModel):
    """Address of MLflow.

    Parameters
    ----------
    address : str
        ``sqlite:///FILE`` (embedded, nothing else runs), ``postgresql://...``, or a server's ``http(s)://``.
    artefacts : Path, optional
        Folder for copies of artefacts; only where there is no server to hand them to.
    timeout_s : float
        Longest wait for one answer of a server.
    retries : int
        How often a server that does not answer is asked again.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: str
    artefacts: Path | None = None
    timeout_s: Annotated[float, Field(gt=0, le=300)] = 10
    retries: Annotated[int, Field(ge=0, le=10)] = 1

    @field_validator("address")
    @classmethod
    def _known_scheme(cls, address: str) -> str:
        if not address.startswith(_SCHEMES):
            msg = f"must begin with {', '.join(_SCHEMES)}"
            raise ValueError(msg)
        return address

    @property
    def is_server(self) -> bool:
        """Whether a server keeps the artefacts."""
        return self.address.startswith(("http://", "https://"))

    @property
    def place(self) -> str:
        """The address for messages, without a password."""
        parts = urlsplit(self.address)
        if "@" not in parts.netloc:
            return self.address
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()

    @property
    def artefact_folder(self) -> Path | None:
        """Where copies of artefacts go; beside the database file unless said otherwise, None with a server."""
        if self.is_server or self.artefacts is not None or not self.address.startswith("sqlite:///"):
            return self.artefacts
        return Path(self.address.removeprefix("sqlite:///")).with_suffix("") / "artefacts"


def embedded(folder: Path) -> MlflowParams:
    """Return the embedded MLflow of a folder: the file ``mlflow.db`` in it."""
    return MlflowParams(address=f"sqlite:///{folder.resolve() / 'mlflow.db'}")
