"""What a sheet has besides cells: merges, hidden columns, links, comments, tables, drawings.

It stands around the rows in the sheet's own XML and in the parts that XML refers to. A part that cannot be read costs
what it would have told, never the sheet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree import ElementTree

from ingestkit_excel.workbook.layouts import column_number
from ingestkit_excel.workbook.package import Package, PartError, Relation, attribute, local_name, whole_number
from ingestkit_excel.workbook.strings import plain_text, tree_text
from ingestkit_excel.workbook.values import Chart, Comment, Link, ListObject, Rectangle

__all__ = ["parse_range", "read_surroundings"]

_LAST_ROW, _LAST_COLUMN = 1 << 20, 1 << 14


def parse_range(reference: str) -> Rectangle | None:
    """``$B$4:D7``, ``B:D`` or ``4:7`` as a rectangle; None for anything else."""
    first, _, second = reference.replace("$", "").upper().partition(":")
    start, end = _corner(first), _corner(second or first)
    if start is None or end is None:
        return None
    (top, left), (bottom, right) = start, end
    rectangle = Rectangle(top or 1, left or 1, bottom or _LAST_ROW, right or _LAST_COLUMN)
    return rectangle if rectangle.top <= rectangle.bottom and rectangle.left <= rectangle.right else None


def _corner(text: str) -> tuple[int, int] | None:
    letters = text.rstrip("0123456789")
    digits = text[len(letters) :]
    if (
        not text
        or len(letters) > 3
        or len(digits) > 7
        or not (letters.isascii() and (letters.isalpha() or not letters))
    ):
        return None
    return int(digits or 0), column_number(letters)


def read_surroundings(package: Package, part: str, envelope: ElementTree.Element) -> dict[str, Any]:
    """The fields of a Sheet that do not come from its rows."""
    relations = _relations(package, part)
    sections = {local_name(child): child for child in envelope}
    drawn = list(_drawings(package, relations))
    return {
        "merges": tuple(_ranges(sections.get("mergeCells"))),
        "hidden_columns": tuple(_hidden_columns(sections.get("cols"))),
        "links": tuple(_links(sections.get("hyperlinks"), relations)),
        "comments": tuple(_comments(package, relations)),
        "tables": tuple(_tables(package, relations)),
        "charts": tuple(one for one in drawn if isinstance(one, Chart)),
        "images": sum(not isinstance(one, Chart) for one in drawn),
        "pivots": sum(relation.kind == "pivotTable" for relation in relations.values()),
    }


def _relations(package: Package, part: str) -> dict[str, Relation]:
    try:
        return package.relations(part)
    except PartError:
        return {}


def _tree(package: Package, part: str) -> ElementTree.Element | None:
    try:
        return package.tree(part)
    except PartError:
        return None


def _ranges(merges: ElementTree.Element | None) -> Iterator[Rectangle]:
    for merge in merges if merges is not None else ():
        rectangle = parse_range(merge.get("ref", ""))
        if rectangle is not None and rectangle[:2] != rectangle[2:]:
            yield rectangle


def _hidden_columns(columns: ElementTree.Element | None) -> Iterator[tuple[int, int]]:
    for column in columns if columns is not None else ():
        no_width = column.get("width") == "0" and column.get("customWidth") in ("1", "true")
        if column.get("hidden") in ("1", "true") or no_width:
            first, last = column.get("min", ""), column.get("max", "")
            if whole_number(first) and whole_number(last):
                yield whole_number(first), whole_number(last)


def _links(links: ElementTree.Element | None, relations: Mapping[str, Relation]) -> Iterator[Link]:
    for link in links if links is not None else ():
        place = parse_range(link.get("ref", ""))
        relation = relations.get(attribute(link, "id") or "")
        location = link.get("location")
        target = (relation.target if relation is not None else "") + (f"#{location}" if location else "")
        if place is not None and target:
            yield Link(place, target)


def _comments(package: Package, relations: Mapping[str, Relation]) -> Iterator[Comment]:
    """Comments, threads first: what Excel leaves in the old place for a thread is a notice, not its text."""
    told: set[str] = set()
    for kind, item in (("threadedComment", "threadedComment"), ("comments", "comment")):
        for relation in relations.values():
            tree = _tree(package, relation.target) if relation.kind == kind and not relation.external else None
            for element in tree.iter() if tree is not None else ():
                reference = element.get("ref", "")
                place = parse_range(reference)
                if local_name(element) != item or place is None or (item == "comment" and reference in told):
                    continue
                told.add(reference)
                text = _comment_text(element)
                if text is not None:
                    yield Comment(place.top, place.left, text)


def _comment_text(element: ElementTree.Element) -> str | None:
    for child in element:
        if local_name(child) == "text":
            return plain_text(child.text if child.text and not len(child) else tree_text(child))
    return None


def _tables(package: Package, relations: Mapping[str, Relation]) -> Iterator[ListObject]:
    for relation in relations.values():
        tree = _tree(package, relation.target) if relation.kind == "table" else None
        place = parse_range(tree.get("ref", "")) if tree is not None else None
        if tree is not None and place is not None:
            yield ListObject(
                name=tree.get("displayName") or tree.get("name") or "",
                place=place,
                header_rows=whole_number(tree.get("headerRowCount", "1")),
                totals_rows=whole_number(tree.get("totalsRowCount", "0")),
            )


def _drawings(package: Package, relations: Mapping[str, Relation]) -> Iterator[Relation | Chart]:
    """The charts on a sheet, and the relations of its pictures."""
    for relation in relations.values():
        if relation.kind != "drawing" or relation.external:
            continue
        places = _anchors(_tree(package, relation.target))
        for identifier, inner in _relations(package, relation.target).items():
            if inner.kind == "image":
                yield inner
            elif inner.kind in ("chart", "chartEx"):
                titles = dict.fromkeys(_titles(_tree(package, inner.target)))
                yield Chart(tuple(titles), places.get(identifier))


def _anchors(drawing: ElementTree.Element | None) -> dict[str, Rectangle]:
    """Where the parts a drawing refers to are anchored, by the id of the relation."""
    places: dict[str, Rectangle] = {}
    for anchor in drawing if drawing is not None else ():
        corners = [_anchor_corner(corner) for corner in anchor if local_name(corner) in ("from", "to")]
        if not corners:
            continue
        place = Rectangle(*corners[0], *corners[-1])
        for element in anchor.iter():
            if local_name(element) == "chart" and (identifier := attribute(element, "id")):
                places[identifier] = place
    return places


def _anchor_corner(corner: ElementTree.Element) -> tuple[int, int]:
    numbers = {local_name(child): whole_number((child.text or "").strip()) + 1 for child in corner}
    return numbers.get("row", 1), numbers.get("col", 1)


def _titles(chart: ElementTree.Element | None) -> Iterator[str]:
    for element in chart.iter() if chart is not None else ():
        if local_name(element) == "title":
            text = "".join(part.text or "" for part in element.iter() if local_name(part) in ("t", "v"))
            if text.strip():
                yield " ".join(text.split())
