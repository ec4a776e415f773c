"""`tradewright models`: the registry, the gate in front of it, and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradewright.core.types.errors import TradewrightError, UsageError
from tradewright.services.cli import forecast
from tradewright.services.cli.console import print_fields, print_json, print_table, warn
from tradewright.services.cli.guard import guarded
from tradewright.services.cli.options import add_command
from tradewright.services.cli.reading import Json, moment
from tradewright.services.model_registry import REGISTRY, mirrored, open_mirror, open_registry

if TYPE_CHECKING:
    from tradewright.rollout.promotion import Judgement
    from tradewright.rollout.registry import Registry
    from tradewright.rollout.verdict import Verdict
    from tradewright.rollout.versions import Version

RegistryRoot = Annotated[Path, typer.Option("--registry", help="Folder of the model registry.")]
Which = Annotated[str, typer.Argument(help="NAME (its newest), NAME@VERSION, NAME@promoted, or a hash's beginning.")]
Name = Annotated[str, typer.Argument(help="Name of a model.")]
PolicyName = Annotated[str, typer.Option("--policy", help="default, strict, classic, forecast, or a YAML file.")]
Mlflow = Annotated[
    str, typer.Option("--mlflow", help="`embedded` or an address: show it in MLflow too.", show_default=False)
]
#: Figures in the list of versions.
_SHOWN = ("accuracy.edge", "log_loss.skill", "sharpe.net", "sharpe.deflated")


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanOptions:
    """What is kept of each model."""

    name: Annotated[str, typer.Argument(help="One model; else all.")] = ""
    keep_last: Annotated[int, typer.Option(help="Newest versions kept.", min=1)] = 5
    keep_best: Annotated[int, typer.Option(help="Best versions kept.", min=0)] = 3
    best_by: Annotated[str, typer.Option(help="The figure that says which are best.")] = "sharpe.deflated"
    delete_archived_after_days: Annotated[
        float | None, typer.Option(help="Delete archived files this old; else never.", show_default=False)
    ] = None
    apply: Annotated[bool, typer.Option("--apply", help="Do it; else only show what would be done.")] = False
    registry: RegistryRoot = REGISTRY
    json: Json = False


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Models: what is registered, proven, promoted; and the way back.", no_args_is_help=True)
    app.add_typer(group, name="models")
    group.command("list")(guarded(list_))
    group.command("show")(guarded(show))
    group.command("compare")(guarded(compare))
    group.command("gate")(guarded(gate))
    group.command("promote")(guarded(promote))
    group.command("promote-unproven")(guarded(promote_unproven))
    group.command("rollback")(guarded(rollback))
    group.command("archive")(guarded(archive))
    group.command("verify")(guarded(verify))
    add_command(group, "clean", CleanOptions, clean)
    group.command("card")(guarded(card))
    group.command("mirror")(guarded(mirror))
    forecast.register(group)


def list_(
    name: Annotated[str, typer.Argument(help="One model; else all.")] = "",
    registry: RegistryRoot = REGISTRY,
    json: Json = False,
) -> None:
    """List models and their versions, the newest last."""
    versions = open_registry(registry).versions(name)
    if json:
        print_json([_document(v) for v in versions])
        return
    if not versions:
        print(f"The registry {registry} holds no model{f' {name}' if name else ''}. `tradewright train` makes one.")
        return
    rows = [
        (
            v.name,
            v.version,
            _stage(v),
            v.row.kind,
            v.digest[:12],
            moment(v.row.added_ns)[:16],
            *(_number(v.row.metrics.get(figure)) for figure in _SHOWN),
        )
        for v in versions
    ]
    columns = ("Model", "Version", "Stage", "Kind", "Hash", "Added (UTC)", "Edge", "Skill", "Sharpe", "Deflated")
    print_table(columns, rows, "      rrrr")
    unproven = [v.full_name for v in versions if v.is_unproven]
    if unproven:
        print(f"UNPROVEN, promoted without passing a gate: {', '.join(unproven)}")


def show(what: Which, registry: RegistryRoot = REGISTRY, json: Json = False) -> None:
    """Describe one version: what it was made from, what it showed, when it was in use."""
    version = open_registry(registry).find(what)
    if json:
        print_json(_document(version))
        return
    row = version.row
    if version.is_unproven:
        print(f"UNPROVEN: promoted without passing a gate. Reason given: {row.unproven}\n")
    print_fields(
        {
            "Model": f"{version.name}@{version.version}, {_stage(version)}",
            "Label": row.label,
            "Hash": row.digest,
            "Features": f"{row.features}, set {row.feature_set_hash}",
            "Horizon": f"{row.horizon_ns / 60e9:g} minutes",
            "Data": ", ".join(f"{symbol} {digest[:12]}" for symbol, digest in sorted(row.datasets.items()))
            or "unknown",
            "Code": row.code or "unknown",
            "Seed": row.seed,
            "Added": f"{moment(row.added_ns)} UTC",
            "Evidence": row.evidence or "not evaluated yet",
            "Verdict": row.verdict or "none",
            "Folder": version.folder,
        }
    )
    if row.params:
        print_table(("Parameter", "Value"), [(k, str(v)) for k, v in sorted(row.params.items())])
    if row.metrics:
        print_table(("Figure", "Value"), [(k, _number(v)) for k, v in sorted(row.metrics.items())], " r")
    if row.deployed:
        used = [(p.place, moment(p.from_ns), moment(p.to_ns) if p.to_ns else "now") for p in row.deployed]
        print_table(("In use at", "From (UTC)", "To (UTC)"), used)


def compare(before: Which, after: Which, registry: RegistryRoot = REGISTRY, json: Json = False) -> None:
    """Show the figures of two versions side by side, computed from the evidence of both."""
    from tradewright.services.model_card.comparison import compare_versions

    kept = open_registry(registry)
    found = compare_versions(kept.find(before), kept.find(after))
    if json:
        print_json(found.document())
        return
    print_table(("What", found.before, found.after), found.facts)
    print_table(("Figure", "Scope", found.before, found.after, "Intervals"), found.lines, "  rr")


def gate(
    what: Which,
    policy: PolicyName = "default",
    registry: RegistryRoot = REGISTRY,
    json: Json = False,
) -> None:
    """Put a version to a gate and keep the signed verdict; promotes nothing; exit code 1 if it is refused."""
    from tradewright.rollout.policy import read_policy
    from tradewright.rollout.promotion import put_to_gate

    kept = open_registry(registry)
    judged = put_to_gate(kept, kept.find(what), read_policy(policy))
    _refresh_card(kept, judged.version)
    _tell(judged, json=json)
    if not judged.verdict.passed:
        raise typer.Exit(1)


def promote(
    what: Which,
    policy: PolicyName = "default",
    mlflow: Mlflow = "",
    registry: RegistryRoot = REGISTRY,
    json: Json = False,
) -> None:
    """Put a version in use if it passes its gate; else give every reason, exit code 1. Nothing overrides a refusal."""
    from tradewright.rollout.policy import read_policy
    from tradewright.rollout.promotion import RefusedError
    from tradewright.rollout.promotion import promote as put_in_use

    kept = open_registry(registry)
    shown = open_mirror(mlflow, registry)
    try:
        judged = put_in_use(kept, kept.find(what), read_policy(policy))
    except RefusedError as error:
        _refresh_card(kept, error.judgement.version)
        _tell(error.judgement, json=json)
        raise typer.Exit(1) from None
    _refresh_card(kept, judged.version)
    _tell(judged, json=json)
    if not json:
        print(f"\n{judged.version.full_name} is promoted.")
    warn(mirrored(kept, shown, judged.version.name))


def promote_unproven(
    what: Which,
    reason: Annotated[str, typer.Option(help="Why it cannot wait for proof; kept for good.")],
    accept: Annotated[bool, typer.Option("--i-accept", help="You accept that nothing is proven.")] = False,
    mlflow: Mlflow = "",
    registry: RegistryRoot = REGISTRY,
    json: Json = False,
) -> None:
    """Put a version in use WITHOUT proof, in an emergency: logged, signed, and marked wherever the model appears."""
    from tradewright.rollout.switching import promote_unproven as put_in_use

    if not accept:
        fix = "Add --i-accept if you do, or use `tradewright models promote`."
        raise UsageError("a model without proof can lose money at once", where="models promote-unproven", fix=fix)
    kept = open_registry(registry)
    shown = open_mirror(mlflow, registry)
    version = put_in_use(kept, kept.find(what), reason)
    _refresh_card(kept, version)
    if json:
        print_json(_document(version))
    else:
        print(f"{version.full_name} is promoted UNPROVEN. Reason given: {version.row.unproven}")
    warn(mirrored(kept, shown, version.name))


def rollback(name: Name, mlflow: Mlflow = "", registry: RegistryRoot = REGISTRY, json: Json = False) -> None:
    """Go back to the version that was promoted before."""
    from tradewright.rollout.switching import rollback as go_back

    kept = open_registry(registry)
    shown = open_mirror(mlflow, registry)
    back = go_back(kept, name)
    if json:
        print_json({"from": back.left.full_name, "to": _document(back.now), "skipped": list(back.skipped)})
    else:
        print(f"{back.now.full_name} is promoted again; it was {back.left.full_name}.")
    for line in back.skipped:
        warn(f"passed over, because it is damaged: {line}")
    warn(mirrored(kept, shown, name))


def archive(
    what: Which,
    restore: Annotated[bool, typer.Option("--restore", help="Take it back instead.")] = False,
    registry: RegistryRoot = REGISTRY,
    json: Json = False,
) -> None:
    """Put a version away that nothing uses, or take it back."""
    kept = open_registry(registry)
    version = kept.find(what)
    done = kept.restore(version) if restore else kept.archive(version)
    if json:
        print_json(_document(done))
    else:
        print(f"{done.full_name} is {done.stage.value}: {done.folder}")


def verify(
    what: Annotated[str, typer.Argument(help="One version; else the whole registry.", show_default=False)] = "",
    repair: Annotated[bool, typer.Option("--repair", help="Make registry.json again from the journal.")] = False,
    registry: RegistryRoot = REGISTRY,
    json: Json = False,
) -> None:
    """Check hashes, evidence, signatures and the registry itself; exit code 1 if anything is not as it was written."""
    from tradewright.rollout import verification

    kept = open_registry(registry)
    lost = verification.repair(kept) if repair else ()
    checked = (verification.verify_version(kept, kept.find(what)),) if what else verification.verify(kept)
    if json:
        found = [{"subject": c.subject, "problems": list(c.problems)} for c in checked]
        print_json({"checked": found, "lost": list(lost)})
    else:
        for one in checked:
            print(f"{one.subject}: {'sound' if not one.problems else f'{len(one.problems)} problems'}")
            for problem in one.problems:
                print(f"  {problem}")
        for line in lost:
            print(f"lost: {line}")
    if lost or any(c.problems for c in checked):
        raise typer.Exit(1)


def clean(options: CleanOptions) -> None:
    """Show which versions a clean-up would put away or delete, and why the others stay; --apply does it."""
    from tradewright.rollout.retention import Fate, RetentionPolicy, carry_out, plan

    kept = open_registry(options.registry)
    fields = ("keep_last", "keep_best", "best_by", "delete_archived_after_days")
    policy = RetentionPolicy.model_validate({name: getattr(options, name) for name in fields})
    steps = plan(kept, policy, options.name)
    done = carry_out(kept, steps) if options.apply else ()
    if options.json:
        lines = [{"version": s.version.full_name, "fate": s.fate.value, "reason": s.reason} for s in steps]
        print_json({"steps": lines, "applied": options.apply, "changed": len(done)})
        return
    print_table(("Version", "Fate", "Why"), [(s.version.full_name, s.fate.value, s.reason) for s in steps])
    changes = sum(s.fate is not Fate.KEEP for s in steps)
    print(f"{len(done)} versions changed." if options.apply else f"{changes} versions would change; --apply does it.")


def card(
    what: Which,
    out: Annotated[
        Path | None, typer.Option("--out", help="File; else card.html beside it.", show_default=False)
    ] = None,
    open_it: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    registry: RegistryRoot = REGISTRY,
    json: Json = False,
) -> None:
    """Write the model card: one HTML page with what it is, what it showed, and what its gate said."""
    from tradewright.services.model_card.build import write_card

    kept = open_registry(registry)
    path = write_card(kept.find(what), kept.key(), out)
    if json:
        print_json({"card": str(path)})
    else:
        print(f"Card: {path}")
    if open_it:
        typer.launch(str(path.resolve()))


def mirror(mlflow: Mlflow = "embedded", registry: RegistryRoot = REGISTRY, json: Json = False) -> None:
    """Show the whole registry in MLflow: a model each, a version each, the alias `promoted` on the one in use."""
    from tradewright.services.model_registry import mlflow_params, tracked

    kept = open_registry(registry)
    shown = open_mirror(mlflow, registry)
    params = mlflow_params(mlflow, registry)
    if shown is None or params is None:
        raise UsageError("no MLflow was named", where="--mlflow", fix="Write `embedded` or an address.")
    changes = shown.publish([tracked(v) for v in kept.versions()])
    if json:
        print_json({"mlflow": params.place, "changed": changes})
    else:
        print(f"{params.place}: {changes} entries changed")


# ---- what is printed


def _tell(judged: Judgement, *, json: bool) -> None:
    verdict = judged.verdict
    if json:
        print_json(
            {"model": judged.version.full_name, "file": str(judged.file), "refusals": list(verdict.refusals)}
            | {"verdict": verdict.model_dump(mode="json")}
        )
        return
    word = "passes" if verdict.passed else "is REFUSED by"
    print(f"{judged.version.full_name} {word} the gate '{verdict.policy_name}'.")
    _print_outcomes(verdict)
    for warning in verdict.warnings:
        print(f"warning: {warning}")
    if not verdict.passed:
        print("\nRefused, because:")
        for reason in verdict.refusals:
            print(f"  - {reason}")
    print(f"Verdict, signed: {judged.file}")


def _print_outcomes(verdict: Verdict) -> None:
    rows = [("met" if o.is_met else "NOT MET", o.rule, o.found) for o in verdict.outcomes]
    print_table(("", "Requirement", "Evidence"), rows)


def _stage(version: Version) -> str:
    return version.stage.value + (", UNPROVEN" if version.is_unproven else "")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _document(version: Version) -> dict[str, Any]:
    told: dict[str, Any] = {"name": version.name, "version": version.version, "full_name": version.full_name}
    told |= {"folder": str(version.folder), "is_unproven": version.is_unproven}
    return told | version.row.model_dump(mode="json")


def _refresh_card(registry: Registry, version: Version) -> None:
    """Write a version's card again, if it has one; a card that cannot be written stops nothing."""
    from tradewright.services.model_card.build import CARD, write_card

    if not (version.folder / CARD).is_file():
        return
    try:
        write_card(version, registry.key())
    except TradewrightError as error:
        warn(f"the card was not written again: {error}")
