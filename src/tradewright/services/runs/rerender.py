"""Write the report of a run again, from its files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tradewright.core.types.errors import StoreError
from tradewright.services.report.build import build_view
from tradewright.services.report.contribution import contributions
from tradewright.services.report.numbers import numbers_of
from tradewright.services.report.render import render_report
from tradewright.services.runs.denials import denials_in
from tradewright.services.runs.facts import facts_of
from tradewright.services.runs.folder import REPORT
from tradewright.services.runs.read import StoredRun, stored_bars, stored_result, stored_settings
from tradewright.services.runs.write import performance_params


def rerender(run: StoredRun) -> Path:
    """Write ``report.html`` of a run anew and return its path.

    Raises
    ------
    StoreError
        If the run is damaged or the file cannot be written.
    """
    settings, text = stored_settings(run)
    result = stored_result(run, settings)
    bars, notices = stored_bars(run, settings)
    numbers = numbers_of(result, bars, performance_params(settings, result), result.fx, settings.seed)
    facts, denials = facts_of(run.manifest, settings, text), denials_in(run.folder)
    facts = replace(
        facts,
        notices=facts.notices + notices,
        denials=denials.rows if denials else (),
        contributions=contributions(result, numbers.trips, result.fx, run.manifest["strategy"].get("members", ())),
    )
    html = render_report(build_view(result, bars, numbers, facts))
    target, draft = run.folder / REPORT, run.folder / f".{REPORT}.writing"
    try:
        draft.write_text(html, encoding="utf-8")
        draft.replace(target)
    except OSError as error:
        draft.unlink(missing_ok=True)
        what = f"the report cannot be written: {error.strerror or error}"
        raise StoreError(what, where=str(target), fix="Make the run folder writable.") from error
    return target
