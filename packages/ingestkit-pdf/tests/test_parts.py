"""A document of many pages, read in ranges side by side, is the document read whole."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pymupdf
import pytest
from ingestkit_core.errors import SourceError
from ingestkit_core.extraction import Extraction, Split
from ingestkit_core.stores import SqliteStore
from ingestkit_pdf import PDFRouter
from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.reader import PAGES_PER_PART, SPLIT_FROM_PAGES, assemble, read, read_or_split, read_range

PAGES = SPLIT_FROM_PAGES + 50


@pytest.fixture(scope="module")
def long_document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    document = pymupdf.open()
    for number in range(1, PAGES + 1):
        page = document.new_page()
        page.insert_text((60, 40), f"The long report, page {number}", fontsize=9)
        page.insert_text((60, 100), f"Chapter {number}", fontsize=18)
        page.insert_text((60, 140), f"What stands on page {number} stands nowhere else in the report.", fontsize=11)
        page.insert_text((60, 160), "It is said in two lines, so that there is some text.", fontsize=11)
    path = tmp_path_factory.mktemp("parts") / "long.pdf"
    document.save(path)
    return path


def _timeless(extraction: Extraction) -> Extraction:
    parse = extraction.parse.model_copy(update={"seconds": 0.0})
    return dataclasses.replace(extraction, parse=parse)


@pytest.mark.unit
def test_the_parts_put_together_are_the_whole(long_document: Path) -> None:
    config: dict[str, Any] = PDFProcessorConfig().model_dump()
    split = read_or_split(str(long_document), config)
    assert isinstance(split, Split)
    assert split.parts == (
        (1, PAGES_PER_PART),
        (PAGES_PER_PART + 1, 2 * PAGES_PER_PART),
        (2 * PAGES_PER_PART + 1, PAGES),
    )
    values = [split.read_part(str(long_document), config, part) for part in split.parts]
    assert _timeless(split.assemble(str(long_document), config, split.carried, values)) == _timeless(
        read(str(long_document), config)
    )


@pytest.mark.unit
def test_a_file_that_changed_between_its_parts_is_refused(long_document: Path, tmp_path: Path) -> None:
    config = PDFProcessorConfig().model_dump()
    path = tmp_path / "changing.pdf"
    path.write_bytes(long_document.read_bytes())
    values = [read_range(str(path), config, (1, 100))]
    path.write_bytes(long_document.read_bytes() + b"\n")
    with pytest.raises(SourceError):
        assemble(str(path), config, b"", values)


@pytest.mark.integration
@pytest.mark.timeout(120)
def test_a_large_document_goes_through_the_house_in_parts(long_document: Path, tmp_path: Path) -> None:
    with SqliteStore(tmp_path / "s.db") as store, PDFRouter(store, store) as router:
        result = router.process(long_document)
        assert result.status == "committed"
        assert result.parse_result is not None
        assert result.parse_result.units_done == PAGES
        (hit, *_) = store.search("page 237 stands nowhere else")
        assert hit.metadata["page_numbers"] == [237]
