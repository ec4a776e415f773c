"""A snapshot as a stage of DVC, for teams that use it: ``dvc.yaml`` and ``dvc.lock``.

Forms: https://dvc.org/doc/user-guide/project-structure/dvcyaml-files (stages, and dvc.lock of schema 2.0 with md5 and
size of every dependency). DVC itself is not needed to write them.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path, PurePath
from typing import Any

from tradewright.core.types.errors import StoreError
from tradewright.data.snapshots import SNAPSHOTS, read, resolve
from tradewright.data.store import BarStore


def dvc_documents(store: BarStore, name: str, folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the contents of ``dvc.yaml`` and ``dvc.lock`` for a snapshot.

    The stage depends on the snapshot and on every partition file it pins, and its command fails where the store
    holds something else. DVC reruns it when a file changes.

    Parameters
    ----------
    store : BarStore
        Which holds the snapshot.
    name : str
        Of the snapshot.
    folder : Path
        Where the files will lie; paths are relative to it.

    Raises
    ------
    UsageError
        If there is no such snapshot.
    StoreError
        If a file cannot be read.
    """
    snapshot = read(store.root, name)
    paths = [store.root / SNAPSHOTS / f"{name}.json"]
    for dataset in resolve(store, snapshot).values():
        paths += store.files(dataset)
    deps = []
    for path in sorted(set(paths)):
        try:
            with path.open("rb") as stream:
                md5 = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
            size = path.stat().st_size
        except OSError as error:
            what = f"the file cannot be read: {error.strerror}"
            raise StoreError(what, where=str(path), fix="Put the file back from a copy.") from error
        deps.append({"path": _relative(path, folder), "hash": "md5", "md5": md5, "size": size})
    command = f"tradewright data diff {name} now --store {_relative(store.root, folder)}"
    stage = f"data-{name.replace('.', '-')}"  # a stage's name may not hold a dot
    paths_only = [str(d["path"]) for d in deps]
    return (
        {"stages": {stage: {"cmd": command, "deps": paths_only}}},
        {"schema": "2.0", "stages": {stage: {"cmd": command, "deps": deps}}},
    )


def _relative(path: Path, folder: Path) -> str:
    return PurePath(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
