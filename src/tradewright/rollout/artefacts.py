"""The folders of a registry's artefacts, named by their content; those put away lie in a folder of their own."""

from __future__ import annotations

import shutil
from pathlib import Path

from tradewright.models.artefact import ModelManifest, verify_model
from tradewright.rollout.commit import copy_folder

ARTEFACTS, ARCHIVE = "artefacts", "archive"
_EVIDENCE = "evidence"


class Artefacts:
    """Artefacts below the root of a registry. Whoever changes them holds the registry's lock.

    Every method that writes raises ``OSError`` if it cannot.
    """

    def __init__(self, root: Path) -> None:
        self._in_reach, self._put_away = root / ARTEFACTS, root / ARCHIVE

    def folder(self, digest: str) -> Path:
        """Return where an artefact lies, or would."""
        archived = self._put_away / digest
        return archived if archived.is_dir() else self._in_reach / digest

    def bring_in(self, folder: Path, manifest: ModelManifest) -> None:
        """Copy an artefact in with all that lies beside it; of one that is there already, only its evidence is new."""
        self.take_back(manifest.digest)
        target = self._in_reach / manifest.digest
        if not target.is_dir():
            copy_folder(folder, target, verify_model)
        elif folder.resolve() != target.resolve() and (folder / _EVIDENCE).is_dir():
            shutil.rmtree(target / _EVIDENCE, ignore_errors=True)
            copy_folder(folder / _EVIDENCE, target / _EVIDENCE, lambda _folder: None)

    def put_away(self, digest: str) -> None:
        """Move an artefact out of reach."""
        if (self._in_reach / digest).is_dir():
            self._put_away.mkdir(parents=True, exist_ok=True)
            (self._in_reach / digest).rename(self._put_away / digest)

    def take_back(self, digest: str) -> None:
        """Move an artefact that was put away into reach again."""
        if (self._put_away / digest).is_dir():
            self._in_reach.mkdir(parents=True, exist_ok=True)
            (self._put_away / digest).rename(self._in_reach / digest)

    def delete(self, digest: str) -> None:
        """Delete an artefact for good."""
        folder = self.folder(digest)
        if folder.is_dir():
            shutil.rmtree(folder)
