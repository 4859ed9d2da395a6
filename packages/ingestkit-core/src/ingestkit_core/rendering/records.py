"""A document as JSON: in one piece, or a line for each element."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from typing import Any

from ingestkit_core.elements import Element, ElementKind, unit_of
from ingestkit_core.extraction import Conversion
from ingestkit_core.ledger import Ledger
from ingestkit_core.rendering.showing import locations, table_cells

__all__ = ["as_json", "as_json_lines"]


def as_json(conversion: Conversion) -> str:
    """One object: the document, with its elements."""
    document = {**_document_record(conversion), "elements": [_element_record(e) for e in conversion.elements]}
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def as_json_lines(conversion: Conversion) -> str:
    """One line for the document, then one per element."""
    records = [{"kind": "document", **_document_record(conversion)}, *map(_element_record, conversion.elements)]
    return "".join(f"{json.dumps(record, ensure_ascii=False)}\n" for record in records)


def _document_record(conversion: Conversion) -> dict[str, Any]:
    return {
        "title": conversion.title,
        "ledger": _account(conversion).model_dump(mode="json"),
        "issues": [issue.model_dump(mode="json", exclude_none=True) for issue in conversion.issues],
    }


def _account(conversion: Conversion) -> Ledger:
    """The ledger with what the elements hold as emitted: here nothing packs them into chunks and counts."""
    emitted: Counter[str] = Counter()
    for element in conversion.elements:
        for span in (*element.header, *element.spans):
            emitted[unit_of(span.location)] += span.count
    units = tuple(unit.model_copy(update={"emitted": emitted[unit.unit]}) for unit in conversion.ledger.units)
    return conversion.ledger.model_copy(update={"units": units})


def _element_record(element: Element) -> dict[str, Any]:
    record: dict[str, Any] = {"kind": str(element.kind)}
    if element.level:
        record["level"] = element.level
    if element.kind is ElementKind.TABLE:
        record["header"], record["rows"] = table_cells(element)
        record["row_locations"] = [asdict(span.location) for span in element.spans]
    else:
        record["text"] = element.text
    if element.content_type:
        record["content_type"] = element.content_type
    if element.metadata:
        record["metadata"] = dict(element.metadata)
    record["locations"] = [asdict(location) for location in locations(element)]
    return record
