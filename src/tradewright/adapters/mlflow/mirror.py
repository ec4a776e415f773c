"""The registry, shown in MLflow's: a registered model each, a version each, the alias `promoted` on the one in use.

The mirror is for people. `registry.json` decides what is in use, and nothing is read back from here but what the mirror
wrote itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tradewright.adapters.mlflow.link import Link, experiment_id
from tradewright.adapters.mlflow.params import MlflowParams
from tradewright.core.types.tracking import TrackedVersion

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.tracking import MlflowClient

ALIAS = "promoted"
#: Tag that says which of our versions an entry shows.
VERSION = "tradewright.version"
_EXPERIMENT = "tradewright registry"


class MlflowMirror:
    """Brings MLflow's registry in line with ours (`core.types.tracking.RegistryMirror`).

    Parameters
    ----------
    params : MlflowParams
        Where MLflow is.
    """

    def __init__(self, params: MlflowParams) -> None:
        self._link = Link(params)

    @property
    def place(self) -> str:
        """Where the mirror is."""
        return self._link.params.place

    def publish(self, versions: Sequence[TrackedVersion]) -> int:
        """Show versions, their tags and which are promoted; return how many entries changed.

        Give every version of a model at once: where none of them is promoted, its alias is taken away. Doing it again
        changes nothing.

        Raises
        ------
        UsageError
            If mlflow is not installed.
        StoreError
            If MLflow cannot be reached, or refuses; what was shown before stays.
        """
        by_model: dict[str, list[TrackedVersion]] = {}
        for version in versions:
            by_model.setdefault(version.model, []).append(version)
        with self._link.client() as client:
            return sum(self._publish(client, name, mine) for name, mine in sorted(by_model.items()))

    def _publish(self, client: MlflowClient, name: str, versions: list[TrackedVersion]) -> int:
        models = {m.name: m for m in client.search_registered_models(f"name = '{name}'")}
        if name not in models:
            client.create_registered_model(name)
        shown = {v.tags.get(VERSION): v for v in client.search_model_versions(f"name = '{name}'", max_results=10_000)}
        changes = 0
        wanted = None
        for version in versions:
            entry = shown.get(version.version)
            if entry is None:
                if not version.folder:  # its files are gone, and it was never shown
                    continue
                entry = self._create(client, version)
                changes += 1
            changes += _retag(client, name, entry, _tags(version))
            if version.is_promoted:
                wanted = str(entry.version)
        aliases = dict(models[name].aliases) if name in models else {}
        if wanted is not None and str(aliases.get(ALIAS)) != wanted:
            client.set_registered_model_alias(name, ALIAS, wanted)
            changes += 1
        elif wanted is None and ALIAS in aliases:
            client.delete_registered_model_alias(name, ALIAS)
            changes += 1
        return changes

    def _create(self, client: MlflowClient, version: TrackedVersion) -> ModelVersion:
        """Copy the artefact into a run of its own, from which MLflow shows and serves it."""
        from mlflow.entities import Metric  # noqa: PLC0415

        experiment = experiment_id(client, self._link.params, _EXPERIMENT)
        run = client.create_run(experiment, run_name=f"{version.model}@{version.version}", tags=_tags(version))
        number = run.info.run_id
        metrics = [Metric(name.replace("@", "_"), value, 0, 0) for name, value in sorted(version.metrics.items())]
        client.log_batch(number, metrics=metrics[:1000])
        client.log_artifacts(number, version.folder, "model")
        client.set_terminated(number)
        source = f"{run.info.artifact_uri}/model"
        return client.create_model_version(version.model, source, number, tags=_tags(version))


def _tags(version: TrackedVersion) -> dict[str, str]:
    return {VERSION: version.version, "tradewright.digest": version.digest} | {
        f"tradewright.{key}": value for key, value in version.tags.items()
    }


def _retag(client: MlflowClient, name: str, entry: ModelVersion, tags: dict[str, str]) -> int:
    changed = {key: value for key, value in tags.items() if entry.tags.get(key) != value}
    for key, value in sorted(changed.items()):
        client.set_model_version_tag(name, entry.version, key, value)
    return int(bool(changed))
