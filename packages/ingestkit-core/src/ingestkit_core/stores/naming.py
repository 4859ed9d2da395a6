"""Names of SQL tables: derived from where a table stands, never from when it arrived. Pure."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from pathlib import PurePosixPath

from ingestkit_core.elements import TableColumn, TableDraft
from ingestkit_core.stores.base import NamedTable

__all__ = ["MAX_NAME_BYTES", "name_table", "table_name"]

MAX_NAME_BYTES = 63
"""PostgreSQL's limit, kept by every store so that a collection can move between them."""

_NOT_WORD = re.compile(r"\W+")
_ROW_COLUMNS = frozenset({"row_id", "_sheet", "_range", "_page", "_box"})


def table_name(tenant_id: str | None, source_uri: str, unit: str, region_id: str) -> str:
    """A readable name that is stable for one place and differs for any other.

    ``roster_employees_3f9a02c1d4``: file, unit, and a hash over tenant, source, unit and region.
    """
    place = json.dumps([tenant_id, source_uri, unit, region_id], ensure_ascii=False)
    digest = hashlib.sha256(place.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    stem = _slug(PurePosixPath(source_uri).stem, 26)
    words = [word for word in (stem, _slug(unit, 24)) if word]
    name = "_".join([*words, digest])
    return name if not name[0].isdigit() else f"t{name}"


def name_table(draft: TableDraft, tenant_id: str | None, source_uri: str) -> NamedTable:
    """The draft under its name; columns that would collide with the row's own columns are renamed."""
    taken = {column.name.casefold() for column in draft.columns}
    return NamedTable(
        name=table_name(tenant_id, source_uri, draft.unit, draft.region_id),
        unit=draft.unit,
        region_id=draft.region_id,
        title=draft.title,
        location=draft.location,
        columns=tuple(_renamed(column, taken) for column in draft.columns),
        rows=draft.rows,
        row_locations=draft.row_locations,
    )


def _renamed(column: TableColumn, taken: set[str]) -> TableColumn:
    name = column.name
    if name.casefold() not in _ROW_COLUMNS:
        return column
    number = 2
    while f"{name}_{number}".casefold() in taken:
        number += 1
    taken.add(f"{name}_{number}".casefold())
    return TableColumn(f"{name}_{number}", column.header, column.type)


def _slug(text: str, max_bytes: int) -> str:
    folded = unicodedata.normalize("NFKC", text).lower()
    slug = _NOT_WORD.sub("_", folded).strip("_")
    return slug.encode("utf-8")[:max_bytes].decode("utf-8", "ignore").strip("_")
