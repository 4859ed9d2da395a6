"""The real files and their ground truths: a folder that stands beside the repository, named by INGESTKIT_CORPORA."""

from __future__ import annotations

import datetime
import json
import os
import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from python_calamine import CalamineWorkbook

from benchmarks.fresh import NotMeasuredError, call
from benchmarks.outputs import Region

__all__ = [
    "Sheet",
    "SheetValue",
    "count_pages",
    "enclosing",
    "facts",
    "files",
    "files_below",
    "headed_sheets",
    "pages",
    "rectangle",
    "region_sheets",
    "text_pages",
]

VARIABLE = "INGESTKIT_CORPORA"

SheetValue = str | float | bool | datetime.datetime | datetime.date | datetime.time | datetime.timedelta


def _folder(name: str) -> Path:
    root = os.environ.get(VARIABLE)
    if not root:
        raise NotMeasuredError(f"{VARIABLE} does not say where the corpora are")
    folder = Path(root, name).absolute()
    if not folder.is_dir():
        raise NotMeasuredError(f"there is no {folder} ({VARIABLE} is {root})")
    return folder


def files(name: str) -> list[str]:
    """The paths of a corpus's files, sorted."""
    return sorted(str(path) for path in _folder(name).iterdir() if path.is_file())


def files_below(name: str, suffix: str) -> list[str]:
    """The paths of all files below a folder of the corpora that end so, sorted."""
    return sorted(map(str, _folder(name).rglob(f"*{suffix}")))


def pages(name: str, suffix: str = ".md") -> dict[str, str]:
    """Path of each page's PDF to its ground truth, a text."""
    folder = _folder(name)
    return {
        str(folder / "pdf" / f"{truth.stem}.pdf"): truth.read_text(encoding="utf-8")
        for truth in sorted((folder / "gt").glob(f"*{suffix}"))
    }


def text_pages(name: str) -> dict[str, str]:
    """Path of each page's PDF to its plain text."""
    return pages(name, ".txt")


def facts() -> dict[str, list[dict[str, Any]]]:
    """Path of each hard page's PDF to the facts about it."""
    folder = _folder("pdf/facts")
    tests = json.loads((folder / "tests.json").read_text(encoding="utf-8"))
    return {str(folder / "pdf" / f"{page}.pdf"): about for page, about in tests.items()}


def documents_with_text(name: str) -> list[str]:
    """The PDF files of a folder that have text on every page: reading them asks no OCR engine."""
    return call(_with_text, files(name))


def _with_text(paths: Sequence[str]) -> list[str]:
    import pymupdf

    found = []
    for path in paths:
        with pymupdf.open(path) as document:  # type: ignore[no-untyped-call]  # it is typed in part only
            if all(page.get_text().strip() for page in document):
                found.append(path)
    return found


def count_pages(paths: Sequence[str]) -> int:
    """How many pages PDF files have together."""
    return call(_count_pages, paths)


def _count_pages(paths: Sequence[str]) -> int:
    import pymupdf

    total = 0
    for path in paths:
        with pymupdf.open(path) as document:  # type: ignore[no-untyped-call]  # it is typed in part only
            total += document.page_count
    return total


# Sheets


@dataclass(frozen=True, slots=True)
class Sheet:
    """A workbook's first sheet with its truth. ``cells`` holds the non-empty ones by (row, column), 1-based.

    ``group`` is the template it was made from, or the collection it belongs to; ``header_rows`` are 1-based.
    """

    path: str
    group: str
    cells: Mapping[tuple[int, int], SheetValue]
    regions: tuple[Region, ...] = ()
    header_rows: Set[int] = frozenset()

    @property
    def used(self) -> Region:
        """The whole used range."""
        rows, columns = {row for row, _ in self.cells}, {column for _, column in self.cells}
        return Region("", min(rows), min(columns), max(rows), max(columns))


def region_sheets() -> list[Sheet]:
    """Sheets whose tables are known, with their header ranges."""
    folder = _folder("excel/regions")
    truths = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    sheets = []
    for name, truth in truths.items():
        regions = tuple(_region(table) for table in truth["tables"])
        rows = frozenset(row for region in regions for row in region.header_rows)
        path = folder / "xlsx" / name
        sheets.append(Sheet(str(path), truth["template"], _cells(path), regions, rows))
    return sheets


def headed_sheets() -> list[Sheet]:
    """Tables from yearbooks and reports, grouped by collection, whose header rows are known."""
    folder = _folder("excel/headers")
    truths = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    return [
        Sheet(
            str(folder / "xlsx" / name),
            name.partition("_")[0],
            _cells(folder / "xlsx" / name),
            header_rows=frozenset(truth["header_rows"]),
        )
        for name, truth in truths.items()
    ]


def _cells(path: Path) -> dict[tuple[int, int], SheetValue]:
    rows = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python(skip_empty_area=False)
    return {
        (r, c): value
        for r, row in enumerate(rows, 1)
        for c, value in enumerate(row, 1)
        if not isinstance(value, str) or value.strip()
    }


def _region(table: Mapping[str, Any]) -> Region:
    headers = [rectangle(header) for header in table["headers"]]
    rows = frozenset(row for top, _, bottom, _ in headers for row in range(top, bottom + 1))
    return Region("", *rectangle(table["range"]), rows)


_CELL = re.compile(r"([A-Z]+)(\d+)")


def rectangle(cell_range: str) -> tuple[int, int, int, int]:
    """Top, left, bottom, right of an A1 range; 1-based, inclusive."""
    corners = [(int(row), _column(letters)) for letters, row in _CELL.findall(cell_range)]
    (top, left), (bottom, right) = corners[0], corners[-1]
    return top, left, bottom, right


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def enclosing(ranges: Sequence[str]) -> tuple[int, int, int, int]:
    """The smallest rectangle that holds all the ranges."""
    corners = [rectangle(one) for one in ranges]
    tops, lefts, bottoms, rights = zip(*corners, strict=True)
    return min(tops), min(lefts), max(bottoms), max(rights)
