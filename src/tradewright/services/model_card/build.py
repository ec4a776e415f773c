"""From a registered version to its card: everything is read from the artefact, its evidence and its verdicts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from tradewright.analytics.evidence import figures_of
from tradewright.analytics.verdict import verdict_of
from tradewright.core.types.errors import StoreError, TradewrightError
from tradewright.core.types.evidence import Figure
from tradewright.data.evidence_store import Evidence, read_evidence
from tradewright.data.universe import SURVIVORSHIP, Survivorship
from tradewright.models.artefact import ModelManifest, verify_model
from tradewright.rollout.commit import write_whole
from tradewright.rollout.promotion import VERDICTS
from tradewright.rollout.signing import SigningKey
from tradewright.rollout.verdict import read_verdict
from tradewright.rollout.versions import Version
from tradewright.services.model_card.pictures import fold_lines, pictures
from tradewright.services.model_card.render import render_card
from tradewright.services.model_card.view import (
    CardHeading,
    CardView,
    FigureRow,
    FoldRow,
    GateCard,
    GateRow,
    Pairs,
    PartRow,
    SeriesRow,
)
from tradewright.services.report.view import Metric, Unit
from tradewright.services.report.wording import day, duration, number, written

CARD = "card.html"
_SECOND_NS = 1e9
_UNSEEN = "the evidence has none"
#: Tiles at the top: figure, label, unit, and what it means.
_TILES = (
    ("accuracy", "Accuracy", Unit.PERCENT, "Share of forecasts whose likeliest class came true."),
    ("accuracy.edge", "Edge", Unit.SIGNED_PERCENT, "Accuracy above the better of two naive rules, paired."),
    ("log_loss.skill", "Log-loss skill", Unit.SIGNED_PERCENT, "How much better the probabilities are than base rates."),
    ("calibration.ece", "Calibration error", Unit.PERCENT, "Mean distance of stated probability and frequency."),
    ("sharpe.net", "Sharpe, net", Unit.RATIO, "Annual, after costs, of trading the forecasts."),
    ("sharpe.deflated", "Deflated Sharpe", Unit.PERCENT, "Chance to beat the best of as many worthless trials."),
    (
        "overfitting.probability",
        "Overfitting",
        Unit.PERCENT,
        "Chance that the best in one half is below median in the other.",
    ),
)
_SERIES = (
    ("net_return.costs_x1", "Model"),
    ("net_return.costs_x2", "Model, costs x2"),
    ("net_return.costs_x3", "Model, costs x3"),
    ("late.edge", "Late, above the better baseline"),
    ("net_return.base_rate", "Base rate"),
    ("net_return.last_sign", "Last sign"),
    ("net_return.buy_and_hold", "Buy and hold"),
)


def write_card(version: Version, key: SigningKey, out: Path | None = None) -> Path:
    """Write the card of a version, beside the artefact unless told otherwise; it appears whole or not at all.

    Raises
    ------
    ModelError
        If the artefact is not sound.
    StoreError
        If the card cannot be written.
    """
    path = out or version.folder / CARD
    page = render_card(card_of(version, key))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, page.encode())
    except OSError as error:
        what = f"the card cannot be written: {error.strerror or error}"
        raise StoreError(what, where=str(path), fix="Check its rights and the free space.") from error
    return path


def card_of(version: Version, key: SigningKey) -> CardView:
    """Return what the card of a version shows; without evidence, that there is none.

    Raises
    ------
    ModelError
        If the artefact is not sound.
    """
    manifest = verify_model(version.folder)
    notices: list[str] = []
    evidence: Evidence | None = None
    try:
        evidence = read_evidence(version.evidence)
    except StoreError as error:
        notices.append(f"No figure is shown: {error}")
    if evidence is not None and evidence.manifest.model_digest != version.digest:
        notices.append(f"The evidence is about another model ({evidence.manifest.model_digest[:12]}) and is not shown.")
        evidence = None
    figures = figures_of(evidence.tables, evidence.manifest) if evidence else ()
    known = {(f.name, f.scope): f for f in figures}
    drawn, missing = pictures(evidence) if evidence else ({}, {})
    gate = _gate(version, key)
    notices += gate.warnings if gate else ()
    if evidence:
        notices += [f"Leak found: {text}" for line in evidence.manifest.leaks for text in line.findings]
    config = evidence.manifest.config if evidence else manifest.origin.config
    return CardView(
        heading=_heading(version, manifest, evidence, figures),
        headline=tuple(
            _metric(known.get((name, "validation")), label, unit, text) for name, label, unit, text in _TILES
        ),
        gate=gate,
        figures=drawn,
        parts=tuple(_parts(known)),
        folds=tuple(_folds(evidence)) if evidence else (),
        money=tuple(_money(known)),
        table=tuple(_row(f) for f in figures),
        params=tuple((k, str(v)) for k, v in sorted(manifest.params.items())),
        provenance=_provenance(version, manifest, evidence),
        scheme=_scheme(evidence, known),
        config_yaml=yaml.safe_dump(config, sort_keys=True, allow_unicode=True) if config else "",
        notices=tuple(notices),
        missing=missing,
    )


def _heading(
    version: Version, manifest: ModelManifest, evidence: Evidence | None, figures: Sequence[Figure]
) -> CardHeading:
    origin = manifest.origin
    facts = [
        ("Horizon", duration(manifest.horizon_ns / _SECOND_NS)),
        ("Features", number(len(manifest.names), 0)),
        ("Learned from", f"{number(origin.rows, 0)} rows" if origin.rows else "unknown"),
    ]
    if origin.first_ns and origin.last_ns:
        facts.append(("Training ends", day(origin.last_ns)))
    if evidence is not None:
        badge = evidence.manifest.config.get(SURVIVORSHIP, Survivorship.UNKNOWN.value)
        facts.append(("Survivorship", str(badge)))
        facts.append(("Trials behind it", number(evidence.manifest.trials, 0)))
        facts.append(("Holdout looked at", _times(evidence.manifest.holdout_uses)))
    facts.append(("Hash", version.digest[:12]))
    word = verdict_of(figures) if evidence else None
    return CardHeading(
        name=version.name,
        version=version.version,
        tags=(version.stage.value, manifest.kind, *sorted(origin.datasets)),
        facts=tuple(facts),
        word=word.word if word else "no evidence",
        word_reasons=word.reasons if word else (),
        unproven=version.row.unproven,
    )


def _times(count: int) -> str:
    return {0: "never", 1: "once"}.get(count, f"{count} times")


def _metric(figure: Figure | None, label: str, unit: Unit, explain: str = "") -> Metric:
    if figure is None:
        return Metric(label, math.nan, unit, explain, missing=_UNSEEN)
    low, high = (figure.low, figure.high) if figure.low != figure.high else (math.nan, math.nan)
    missing = figure.method or "not defined here"
    return Metric(label, figure.value, unit, explain, missing=missing, basis="no interval", low=low, high=high)


def _gate(version: Version, key: SigningKey) -> GateCard | None:
    """Return the newest verdict; the registry's row names it."""
    if not version.row.verdict:
        return None
    path = version.folder / VERDICTS / version.row.verdict
    trouble = ""
    try:
        verdict = read_verdict(path.read_bytes(), path.name)
        verdict.check(key, path.name)
    except OSError as error:
        return GateCard("", "", passed=False, rows=(), file=path.name, trouble=f"it cannot be read: {error.strerror}")
    except TradewrightError as error:
        return GateCard("", "", passed=False, rows=(), file=path.name, trouble=str(error))
    rows = tuple(GateRow(o.rule, o.found, o.reason, o.is_met) for o in verdict.outcomes)
    return GateCard(
        policy=verdict.policy_name,
        when=day(verdict.at_ns),
        passed=verdict.passed,
        rows=rows,
        warnings=verdict.warnings,
        file=path.name,
        trouble=trouble,
    )


def _parts(known: Mapping[tuple[str, str], Figure]) -> list[PartRow]:
    rows = []
    for (name, scope), figure in known.items():
        if name == "accuracy" and scope.startswith("validation/"):
            part, _, word = scope.removeprefix("validation/").partition("=")
            count = known.get(("sample.rows", scope))
            edge = _metric(known.get(("accuracy.edge", scope)), "Edge", Unit.SIGNED_PERCENT)
            accuracy = _metric(figure, "Accuracy", Unit.PERCENT)
            rows.append(PartRow(f"{part}: {word.replace('_', ' ')}", int(count.value) if count else 0, accuracy, edge))
    return rows


def _folds(evidence: Evidence) -> list[FoldRow]:
    return [
        FoldRow(str(f["name"]), int(f["start"]), int(f["end"]), int(f["rows"]), float(f["accuracy"]))
        for f in fold_lines(evidence.tables["forecasts"])
    ]


def _money(known: Mapping[tuple[str, str], Figure]) -> list[SeriesRow]:
    rows = []
    for name, label in _SERIES:
        sides = [known.get((name, scope)) for scope in ("validation", "holdout")]
        if any(side is not None for side in sides):
            told = [None if side is None else _metric(side, label, Unit.SIGNED_PERCENT) for side in sides]
            rows.append(SeriesRow(label, told[0], told[1]))
    return rows


def _row(figure: Figure) -> FigureRow:
    has_interval = math.isfinite(figure.low) and math.isfinite(figure.high) and figure.low != figure.high
    return FigureRow(
        name=figure.name,
        scope=figure.scope,
        value=_plain(figure.value),
        interval=f"{_plain(figure.low)} … {_plain(figure.high)}" if has_interval else "",
        n=figure.n,
        trials=figure.trials,
        method=figure.method,
    )


def _plain(value: float) -> str:
    if not math.isfinite(value) or abs(value) >= 100:
        return written(value, Unit.COUNT)
    return number(value, 0 if value == int(value) else 4)


def _provenance(version: Version, manifest: ModelManifest, evidence: Evidence | None) -> Pairs:
    origin = manifest.origin
    pairs = [
        ("Label", version.row.label),
        ("Artefact", version.digest),
        ("Feature set", manifest.feature_set_hash),
        ("Code", origin.code or "unknown"),
        ("Seed", str(origin.seed)),
        *((f"Data, {symbol}", digest) for symbol, digest in sorted(origin.datasets.items())),
        *((f"File {name}", f"sha256 {digest[:32]}…") for name, digest in sorted(manifest.files.items())),
        ("Registered", f"{day(version.row.added_ns)} as {version.full_name}"),
    ]
    if evidence is not None:
        pairs.append(("Evidence", evidence.manifest.digest))
    pairs += [
        ("In use", f"{p.place}, {day(p.from_ns)} to {day(p.to_ns) if p.to_ns else 'now'}") for p in version.deployed
    ]
    return tuple(pairs)


def _scheme(evidence: Evidence | None, known: Mapping[tuple[str, str], Figure]) -> Pairs:
    if evidence is None:
        return ()
    told = evidence.manifest
    effective = known.get(("sample.effective", "validation"))
    checks = ", ".join(sorted({line.detector for line in told.leaks})) or "none ran"
    folds = (
        evidence.tables["forecasts"].filter(evidence.tables["forecasts"]["scope"] == "validation")["fold"].n_unique()
    )
    paths = evidence.tables["paths"]["path"].n_unique()
    train = told.config.get("train", told.config)
    scheme = train.get("validation", {}) if isinstance(train, dict) else {}
    said = scheme if isinstance(scheme, dict) else {"scheme": scheme}
    pairs = [
        *((str(k).replace("_", " "), str(v)) for k, v in sorted(said.items()) if not isinstance(v, dict | list)),
        ("Folds judged", number(folds, 0)),
        ("Worth independent forecasts", number(effective.value, 0) if effective else "unknown"),
        ("Paths of combinatorial cross-validation", number(paths, 0)),
        ("Leak detectors", checks),
    ]
    return tuple(pairs)
