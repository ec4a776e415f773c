"""From a `CardView` to one HTML file that loads nothing: same view, same bytes."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import jinja2

from tradewright.services.model_card.view import CardView
from tradewright.services.report.render import as_script_data, page_environment, page_sources

_HERE = Path(__file__).parent


def render_card(view: CardView) -> str:
    """Return the card as one HTML document without any reference to a network.

    Raises
    ------
    RunError
        If plotly's JavaScript is not installed.
    """
    payload: dict[str, object] = {"figures": dict(view.figures), "prices": [], "trades": {}, "run": view.heading.name}
    extra = (_HERE / "card.css").read_text(encoding="utf-8")
    return _template().render(view=view, data=as_script_data(payload), extra_css=extra, **page_sources())


@cache
def _template() -> jinja2.Template:
    return page_environment(_HERE).get_template("card.html.j2")
