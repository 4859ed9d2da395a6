"""What a sheet has besides cells: merges, hidden and wide columns, links, comments, tables, drawings.

It stands around the rows in the sheet's own XML and in the parts that XML refers to. A part that cannot be read costs
what it would have told, never the sheet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree import ElementTree

from ingestkit_excel.workbook.drawings import read_drawing
from ingestkit_excel.workbook.layouts import column_number
from ingestkit_excel.workbook.markup import attribute, local_name, whole_number
from ingestkit_excel.workbook.package import Package, Relation, relations_if_readable, tree_if_readable
from ingestkit_excel.workbook.strings import plain_text, tree_text
from ingestkit_excel.workbook.values import USUAL_WIDTH, Aside, AsideKind, Comment, Link, ListObject, Rectangle

__all__ = ["parse_range", "read_surroundings"]

_LETTERS_OF_PAGE_OF = 6
_VALIDATED = {"dataValidations", "extLst"}
_WIDTH = re.compile(r"\d{1,3}(?:\.\d+)?", re.ASCII)
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
    relations = relations_if_readable(package, part)
    sections = {local_name(child): child for child in envelope}
    drawn = [read_drawing(package, part) for part in _parts(relations, "drawing")]
    pivots = list(_pivots(package, relations))
    return {
        "merges": tuple(_ranges(sections.get("mergeCells"))),
        "hidden_columns": tuple(_hidden_columns(sections.get("cols"))),
        "column_widths": tuple(_column_widths(sections.get("cols"))),
        "usual_width": _characters(sections.get("sheetFormatPr"), "defaultColWidth") or USUAL_WIDTH,
        "links": tuple(_links(sections.get("hyperlinks"), relations)),
        "comments": tuple(_comments(package, relations)),
        "tables": tuple(_tables(package, relations)),
        "charts": tuple(chart for charts, _, _ in drawn for chart in charts),
        "asides": (
            *(text for _, texts, _ in drawn for text in texts),
            *(pivot for pivot in pivots if pivot is not None),
            *(_choices(envelope) if _VALIDATED & sections.keys() else ()),
            *_page_texts(sections.get("headerFooter")),
        ),
        "images": sum(images for _, _, images in drawn),
        "pivots": len(pivots),
    }


def _parts(relations: Mapping[str, Relation], kind: str) -> Iterator[str]:
    return (relation.target for relation in relations.values() if relation.kind == kind and not relation.external)


def _pivots(package: Package, relations: Mapping[str, Relation]) -> Iterator[Aside | None]:
    """The pivot tables of a sheet; None for one that cannot be read."""
    for part in _parts(relations, "pivotTable"):
        tree = tree_if_readable(package, part)
        location = (
            next((child for child in tree if local_name(child) == "location"), None) if tree is not None else None
        )
        name = tree.get("name", "") if tree is not None else ""
        place = parse_range(location.get("ref", "")) if location is not None else None
        yield Aside(AsideKind.PIVOT_TABLE, name, place) if name else None


def _choices(envelope: ElementTree.Element) -> Iterator[Aside]:
    """Lists of allowed values that stand in the rule itself, each once: those that stand in cells are told there.

    Newer programs write some rules among the extensions, with the same names but formula and range in elements.
    """
    told: set[str] = set()
    for rule in envelope.iter():
        if local_name(rule) != "dataValidation" or rule.get("type") != "list":
            continue
        inner = {local_name(child): "".join(child.itertext()).strip() for child in rule}
        formula = inner.get("formula1", "")
        place = parse_range((rule.get("sqref") or inner.get("sqref", "")).partition(" ")[0])
        if formula[:1] == '"' and formula not in told and place is not None:
            told.add(formula)
            values = [value.strip() for value in formula.strip('"').split(",")]
            yield Aside(AsideKind.CHOICES, ", ".join(value for value in values if value), place)


_PAGE_CODES = re.compile(r'&"[^"]*"|&K[0-9A-Fa-f]{6}|&K\d\d[+-]\d{3}|&\d+|&[A-Za-z]|&(?=&)')
_PAGE_KINDS = {"Header": AsideKind.PAGE_HEADER, "Footer": AsideKind.PAGE_FOOTER}


def _page_texts(section: ElementTree.Element | None) -> Iterator[Aside]:
    """What is printed at the head and foot of pages, without the codes of page numbers, fonts and places."""
    told: set[str] = set()
    for element in section if section is not None else ():
        kind = _PAGE_KINDS.get(local_name(element)[-6:])
        text = " ".join(_PAGE_CODES.sub(" ", element.text or "").split())
        if kind is not None and text not in told and sum(map(str.isalpha, text)) > _LETTERS_OF_PAGE_OF:
            told.add(text)
            yield Aside(kind, text)


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


def _column_widths(columns: ElementTree.Element | None) -> Iterator[tuple[int, int, float]]:
    for column in columns if columns is not None else ():
        first, last = whole_number(column.get("min", "")), whole_number(column.get("max", ""))
        width = _characters(column, "width")
        if first and last and width:
            yield first, last, width


def _characters(element: ElementTree.Element | None, name: str) -> float:
    """A width in characters; 0 where none is told."""
    told = element.get(name, "") if element is not None else ""
    return float(told) if _WIDTH.fullmatch(told) else 0.0


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
            tree = (
                tree_if_readable(package, relation.target) if relation.kind == kind and not relation.external else None
            )
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
        tree = tree_if_readable(package, relation.target) if relation.kind == "table" else None
        place = parse_range(tree.get("ref", "")) if tree is not None else None
        if tree is not None and place is not None:
            yield ListObject(
                name=tree.get("displayName") or tree.get("name") or "",
                place=place,
                header_rows=whole_number(tree.get("headerRowCount", "1")),
                totals_rows=whole_number(tree.get("totalsRowCount", "0")),
            )
