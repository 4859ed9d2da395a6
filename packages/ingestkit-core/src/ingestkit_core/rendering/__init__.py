"""A document as Markdown, HTML or JSON, and a place as people write it. Pure.

    Conversion ─► render(conversion, "md" | "html" | "json" | "jsonl") ─► text

Markdown and HTML show what a person reads, the sheets of a workbook under their names; elements that describe the
document rather than being part of it (a table's schema) stand in the JSON forms only. A text is escaped where it would
turn into markup and left alone otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ingestkit_core.extraction import Conversion
from ingestkit_core.rendering.html import as_html
from ingestkit_core.rendering.markdown import as_markdown
from ingestkit_core.rendering.places import place
from ingestkit_core.rendering.records import as_json, as_json_lines
from ingestkit_core.rendering.showing import table_cells

__all__ = ["FORMS", "place", "render", "table_cells"]

FORMS: Mapping[str, Callable[[Conversion], str]] = {
    "md": as_markdown,
    "json": as_json,
    "jsonl": as_json_lines,
    "html": as_html,
}
"""The forms a document can be rendered in, by name; each name is also the suffix of such a file."""


def render(conversion: Conversion, form: str) -> str:
    """The document in one of ``FORMS``, ending in a line feed. Raises ValueError for another form."""
    if form not in FORMS:
        raise ValueError(f"no form {form!r}; there are {', '.join(map(repr, FORMS))}")
    return FORMS[form](conversion)
