"""The addresses for people: one page made from the OpenAPI description, which stands beside it as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

_STYLE = "body{font:16px/1.5 system-ui;margin:2rem auto;max-width:52rem;padding:0 1rem}code{background:#8882}"


def docs_page(schema: Mapping[str, Any]) -> str:
    """Return an HTML page that loads nothing."""
    info = schema["info"]
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8">',
        f"<title>{escape(info['title'])}</title><style>{_STYLE}</style>",
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1><p>{escape(info['description'])}</p>",
        '<p>For programs: <a href="/openapi.json">openapi.json</a></p>',
    ]
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            parts.append(f"<h2><code>{method.upper()} {escape(path)}</code></h2>")
            parts.append(f"<p>{escape(operation.get('description', ''))}</p><ul>")
            for given in operation.get("parameters", ()):
                told = escape(given.get("description", "part of the address"))
                parts.append(f"<li><code>{escape(given['name'])}</code>: {told}</li>")
            codes = ", ".join(f"{c} {escape(r.get('description', ''))}" for c, r in operation["responses"].items())
            parts.append(f"</ul><p>Answers: {codes}</p>")
    return "".join(parts)
