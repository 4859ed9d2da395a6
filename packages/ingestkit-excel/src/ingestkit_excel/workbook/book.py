"""A package into a workbook: the sheets in their order, each by the fastest scan that can read it.

workbook.xml ─► sheets, names, date system
styles.xml, sharedStrings.xml
each sheet ─► scan (fast) ─► walk (careful) ─► a fallback reader
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from xml.etree import ElementTree

from ingestkit_core.errors import ErrorCode, ParseError

from ingestkit_excel.workbook.blocks import Blocks, UnfitRows
from ingestkit_excel.workbook.markup import PartError, attribute, local_name
from ingestkit_excel.workbook.package import TOTAL_FREE_BYTES, Package, Relation
from ingestkit_excel.workbook.rows import NotRegular
from ingestkit_excel.workbook.scan import Scanned, scan_sheet
from ingestkit_excel.workbook.spill import SpilledColumn
from ingestkit_excel.workbook.strings import Strings, read_shared_strings
from ingestkit_excel.workbook.styles import read_styles
from ingestkit_excel.workbook.surroundings import parse_range, read_surroundings
from ingestkit_excel.workbook.values import CellKind, DefinedName, Sheet, SheetKind, SheetState, Styles, Workbook
from ingestkit_excel.workbook.walk import walk_sheet

__all__ = ["find_workbook_part", "part_sizes", "read_package", "root_name"]

_SHEET_KINDS = {
    "worksheet": SheetKind.WORKSHEET,
    "chartsheet": SheetKind.CHARTSHEET,
    "dialogsheet": SheetKind.DIALOGSHEET,
    "xlMacrosheet": SheetKind.MACROSHEET,
    "xlIntlMacrosheet": SheetKind.MACROSHEET,
}
_ROOTS = {"chartsheet": SheetKind.CHARTSHEET, "dialogsheet": SheetKind.DIALOGSHEET, "macrosheet": SheetKind.MACROSHEET}
_STATES = {"hidden": SheetState.HIDDEN, "veryHidden": SheetState.VERY_HIDDEN}


def find_workbook_part(package: Package) -> str | None:
    """The name of the part that is the workbook; None where there is none."""
    try:
        for relation in package.relations("").values():
            if relation.kind == "officeDocument" and not relation.external and package.has(relation.target):
                return relation.target
    except PartError:
        pass
    return next((name for name in ("xl/workbook.xml", "xl/workbook.bin") if package.has(name)), None)


_ROOT = re.compile(r"(?:\s++|<\?.*?\?>|<!--.*?-->)*+<(?:[\w.-]+:)?([\w.-]+)", re.DOTALL)


def root_name(package: Package, part: str) -> str | None:
    """The name of a part's root element without its prefix; None where it cannot be told."""
    try:
        root = _ROOT.match(package.head(part).lstrip("\ufeff"))
    except PartError:
        return None
    return root[1] if root is not None else None


@dataclass(frozen=True, slots=True)
class _Book:
    """What is shared by all sheets."""

    package: Package
    relations: Mapping[str, Relation]
    strings: Strings
    styles: Styles
    max_rows_in_memory: int

    def blocks(self) -> Blocks:
        """Where the rows of a sheet go."""
        return Blocks(self.max_rows_in_memory, self.package.check_text)


def read_package(package: Package, part: str, max_rows_in_memory: int, only: Sequence[int] | None = None) -> Workbook:
    """Read a workbook from its package; of sheets that are not among ``only`` the name.

    A sheet that cannot be read comes as ``failed``, its ``reason`` saying why: a fallback reader may do better.
    Raises ParseError (E_PARSE_CORRUPT) where there is no list of sheets, SecurityError.
    """
    try:
        tree, relations = package.tree(part), package.relations(part)
    except PartError as exc:
        raise ParseError(ErrorCode.E_PARSE_CORRUPT, f"The workbook cannot be read: {exc}.") from exc
    sections = {local_name(child): child for child in tree}
    styles = _styles(package, relations, sections.get("workbookPr"))
    book = _Book(package, relations, _strings(package, relations), styles, max_rows_in_memory)
    sheets = tuple(
        _sheet(book, element) if only is None or place in only else Sheet(name=element.get("name", ""))
        for place, element in enumerate(sections.get("sheets", ()))
    )
    package.check_text(_characters(sheets, book.strings))
    return Workbook(
        sheets=sheets,
        names=_names(sections.get("definedNames")),
        title=_title(package),
        has_macros=_has_macros(package, relations),
        has_external_links=_has_external_links(package, relations),
        is_locked=_is_locked(sections.get("workbookProtection")),
    )


def _is_locked(protection: ElementTree.Element | None) -> bool:
    """Whether only a password lets sheets be shown that are hidden."""
    if protection is None or protection.get("lockStructure") not in ("1", "true"):
        return False
    return any(protection.get(name) for name in ("workbookPassword", "workbookHashValue"))


def part_sizes(package: Package, part: str) -> tuple[list[int], int]:
    """How many bytes the XML of each sheet has, in their order, and that of the shared strings."""
    try:
        tree, relations = package.tree(part), package.relations(part)
    except PartError:
        return [], 0
    sheets = next((child for child in tree if local_name(child) == "sheets"), ())
    targets = [relations.get(attribute(element, "id") or "") for element in sheets]
    sizes = [package.size(target.target) if target is not None and not target.external else 0 for target in targets]
    return sizes, package.size(_part_of(relations, "sharedStrings") or "")


def _part_of(relations: Mapping[str, Relation], kind: str) -> str | None:
    return next((r.target for r in relations.values() if r.kind == kind and not r.external), None)


def _strings(package: Package, relations: Mapping[str, Relation]) -> Strings:
    part = _part_of(relations, "sharedStrings")
    if part is None or not package.has(part):
        return Strings()
    try:
        return read_shared_strings(package, part)
    except PartError:
        return Strings()


def _styles(package: Package, relations: Mapping[str, Relation], properties: ElementTree.Element | None) -> Styles:
    date1904 = properties is not None and properties.get("date1904") in ("1", "true")
    part = _part_of(relations, "styles")
    try:
        return read_styles(package, part, date1904=date1904) if part is not None else Styles(date1904=date1904)
    except PartError:
        return Styles(date1904=date1904)


def _sheet(book: _Book, element: ElementTree.Element) -> Sheet:
    name = element.get("name", "")
    state = _STATES.get(element.get("state", ""), SheetState.VISIBLE)
    identifier = attribute(element, "id")
    if identifier == "":
        return Sheet(name=name, kind=SheetKind.MODULE, state=state)
    relation = book.relations.get(identifier or "")
    if relation is None or relation.external or not book.package.has(relation.target):
        return Sheet(name=name, state=state, failed=True, reason="its part is missing")
    kind = _SHEET_KINDS.get(relation.kind, SheetKind.WORKSHEET)
    sheet = Sheet(name=name, kind=kind, state=state, styles=book.styles)
    if kind in (SheetKind.CHARTSHEET, SheetKind.DIALOGSHEET):
        return sheet
    try:
        return _read_sheet(book, sheet, relation.target)
    except PartError as exc:
        return replace(sheet, failed=True, reason=str(exc))


def _read_sheet(book: _Book, sheet: Sheet, part: str) -> Sheet:
    scanned = _scanned(book, part)
    pairs = (zip(band.forms, band.filled, strict=True) for block in scanned.blocks for band in block)
    forms = [pair for of_band in pairs for pair in of_band]
    found = read_surroundings(book.package, part, scanned.envelope)
    found["links"] = (*found["links"], *scanned.links)
    return replace(
        sheet,
        kind=_ROOTS.get(local_name(scanned.envelope), sheet.kind),
        blocks=scanned.blocks,
        hidden_rows=scanned.hidden_rows,
        formulas=sum(filled for form, filled in forms if form.formula),
        uncached=sum(filled for form, filled in forms if form.kind is CellKind.FORMULA),
        **found,
    )


def _scanned(book: _Book, part: str) -> Scanned:
    try:
        return scan_sheet(book.package.text_blocks(part), book.strings, book.blocks())
    except (NotRegular, PartError):
        pass
    try:
        return walk_sheet(book.package.text_blocks(part), book.strings, book.blocks(), in_order=True)
    except UnfitRows:
        return walk_sheet(book.package.text_blocks(part), book.strings, book.blocks(), in_order=False)


def _characters(sheets: Sequence[Sheet], strings: Strings) -> int:
    """How many characters the cells in memory have together; 0 where even the longest text could not make it many."""
    columns = [
        column
        for sheet in sheets
        for band in sheet.bands
        for column in band.columns
        if not isinstance(column, SpilledColumn)
    ]
    if strings.longest * sum(map(len, columns)) <= TOTAL_FREE_BYTES:
        return 0
    return sum(len(value) for column in columns for value in column if value is not None)


def _names(section: ElementTree.Element | None) -> tuple[DefinedName, ...]:
    names: list[DefinedName] = []
    for element in section if section is not None else ():
        name, reference = element.get("name", ""), (element.text or "").strip()
        sheet, bang, cells = reference.rpartition("!")
        place = parse_range(cells) if bang else None
        if place is not None and not name.startswith("_xlnm.") and element.get("hidden") not in ("1", "true"):
            names.append(DefinedName(name, sheet.strip("'").replace("''", "'"), place))
    return tuple(names)


def _title(package: Package) -> str:
    if not package.has("docProps/core.xml"):
        return ""
    try:
        tree = package.tree("docProps/core.xml")
    except PartError:
        return ""
    return next(((child.text or "").strip() for child in tree if local_name(child) == "title"), "")


def _has_macros(package: Package, relations: Mapping[str, Relation]) -> bool:
    macro_kinds = ("vbaProject", "xlMacrosheet", "xlIntlMacrosheet")
    return any(relation.kind in macro_kinds for relation in relations.values()) or any(
        name.endswith("vbaproject.bin") for name in package.names()
    )


def _has_external_links(package: Package, relations: Mapping[str, Relation]) -> bool:
    return any(relation.kind in ("externalLink", "connections") for relation in relations.values()) or any(
        "/externallinks/" in f"/{name}" for name in package.names()
    )
