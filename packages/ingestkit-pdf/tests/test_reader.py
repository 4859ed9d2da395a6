"""The reader as its owner sees it: pure, accounted for, described, the same every time."""

from __future__ import annotations

import gc
import hashlib
import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import ingestkit_core.errors
import ingestkit_core.models
import ingestkit_core.protocols
import ingestkit_pdf
import ingestkit_pdf.errors
import ingestkit_pdf.models
import ingestkit_pdf.protocols
import pytest
from ingestkit_core.elements import ElementKind
from ingestkit_core.extraction import Extraction
from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.models import PDFChunkMetadata
from ingestkit_pdf.reader import PRELOAD, convert, read, reader_versions
from pydantic import ValidationError

pytestmark = pytest.mark.unit

Reading = Callable[..., Extraction]


@pytest.fixture
def report(book: Any) -> str:
    """Four pages with a bit of everything."""
    for number in range(1, 5):
        page = book.page()
        page.insert_text((72, 40), "Annual Report", fontsize=8)
        page.insert_text((72, 100), f"Matter {'abcd'[number - 1]}", fontsize=18)
        book.body(page, start=number)
        page.insert_text((72, 500), "kumquat", render_mode=3)
        page.insert_text((290, 815), str(number), fontsize=8)
    book.document.set_metadata(
        {"title": "The Harbour", "author": "A. Pilot", "creationDate": "D:20240131120000+01'00'"}
    )
    return str(book.save())


def test_importing_the_package_does_not_import_pymupdf() -> None:
    code = (
        "import sys, ingestkit_pdf, ingestkit_pdf.reader, ingestkit_pdf.config, ingestkit_pdf.models;"
        "ingestkit_pdf.reader.reader_versions(); ingestkit_pdf.reader.recognises(b'%PDF-');"
        "sys.exit('pymupdf' in sys.modules or 'fitz' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_versions_and_preload_name_what_is_used() -> None:
    assert set(reader_versions()) == {"pymupdf"}
    code = f"import importlib; [importlib.import_module(name) for name in {PRELOAD!r}]"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_worker_loads_no_more_of_pymupdf_than_readers_use_and_may_load_the_rest() -> None:
    code = (
        f"import importlib, sys; [importlib.import_module(name) for name in {PRELOAD!r}];"
        "assert not {'pymupdf.layout', 'pymupdf4llm', 'onnxruntime', 'numpy'} & set(sys.modules);"
        "import pymupdf; before = vars(pymupdf._globals).copy();"
        "import pymupdf4llm, pymupdf.layout; assert pymupdf4llm.to_markdown; assert pymupdf.layout.activate;"
        "assert vars(pymupdf._globals) == before, 'what is read would depend on who else is loaded'"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_character_is_accounted_for(report: str, reading: Reading) -> None:
    ledger = reading(report).ledger
    assert ledger.unexplained == 0
    assert ledger.dropped == {"hidden": 4 * len("kumquat"), "running_header_or_footer": 4 * len("AnnualReport1")}
    assert [unit.unit for unit in ledger.units] == ["page 1", "page 2", "page 3", "page 4"]
    assert ledger.source == ledger.emitted + sum(ledger.dropped.values())


def test_the_hash_is_of_the_bytes_that_were_read(report: str, reading: Reading) -> None:
    assert reading(report).content_hash == hashlib.sha256(Path(report).read_bytes()).hexdigest()


def test_the_same_file_gives_the_same_extraction(report: str, reading: Reading) -> None:
    def steady(extraction: Extraction) -> Extraction:
        return replace(extraction, parse=extraction.parse.model_copy(update={"seconds": 0.0}))

    assert steady(reading(report)) == steady(reading(report))


def test_an_extraction_pickles(report: str, reading: Reading) -> None:
    extraction = reading(report)
    assert pickle.loads(pickle.dumps(extraction)) == extraction


def test_chunks_carry_what_their_metadata_class_takes(report: str, reading: Reading) -> None:
    extraction = reading(report)
    assert len(extraction.chunks) >= 4
    for index, chunk in enumerate(extraction.chunks):
        metadata = PDFChunkMetadata.model_validate(
            {
                **chunk.metadata,
                "source_uri": "file:///x.pdf",
                "ingestion_method": extraction.ingestion_method,
                "parser_version": "ingestkit_pdf:1.0.0",
                "chunk_index": index,
                "chunk_hash": chunk.chunk_hash,
                "ingest_key": "k",
                "locations": chunk.locations,
            }
        )
        assert metadata.page_numbers == tuple(sorted({place.page_number for place in chunk.locations}))
        assert (metadata.doc_title, metadata.doc_author) == ("The Harbour", "A. Pilot")
        assert metadata.doc_date == "2024-01-31T12:00:00+01:00"
        assert set(chunk.metadata) <= set(PDFChunkMetadata.model_fields)
        json.dumps(metadata.model_dump(mode="json"), allow_nan=False)


def test_what_is_converted_is_what_is_chunked(report: str, reading: Reading) -> None:
    conversion = convert(report, PDFProcessorConfig().model_dump())
    extraction = reading(report, chunk_overlap_tokens=0)
    assert conversion.title == "The Harbour"
    assert conversion.ledger == extraction.ledger
    assert conversion.issues == extraction.issues
    told = " ".join(element.text for element in conversion.elements).split()
    assert told == " ".join(chunk.text for chunk in extraction.chunks).split()
    assert next(element.text for element in conversion.elements if element.kind is ElementKind.HEADING) == "Matter a"


def test_a_title_of_a_file_without_one_is_its_name(raw: Any, write: Callable[..., str]) -> None:
    assert convert(write(raw.one_page(), "letter.pdf"), PDFProcessorConfig().model_dump()).title == "letter"


@pytest.mark.parametrize(
    ("settings", "language"),
    [({}, "en"), ({"enable_language_detection": False, "default_language": "nl"}, "nl")],
)
def test_language(settings: dict[str, Any], language: str, report: str, reading: Reading) -> None:
    assert reading(report, **settings).language == language


def test_language_is_unknown_without_evidence(book: Any, reading: Reading) -> None:
    book.page().insert_text((72, 100), "12 450 77")
    assert reading(book.save()).language is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("D:20240131", "2024-01-31"),
        ("D:2024", "2024"),
        ("D:20240131120000Z", "2024-01-31T12:00:00Z"),
        ("D:20240131120000-08'30'", "2024-01-31T12:00:00-08:30"),
        ("last Tuesday", "last Tuesday"),
    ],
)
def test_dates(given: str, expected: str, book: Any, reading: Reading) -> None:
    book.page().insert_text((72, 100), "dated")
    book.document.set_metadata({"creationDate": given})
    assert reading(book.save()).chunks[0].metadata["doc_date"] == expected


def test_loss_beyond_the_limit_is_said(report: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks that went missing on the way out are noticed by the account."""
    from ingestkit_core.chunking import Packed
    from ingestkit_pdf import interpretation

    pack = interpretation.pack_sparing

    def losing(*arguments: Any) -> Packed:
        packed = pack(*arguments)
        return Packed(packed.chunks[:-1], {**packed.emitted, "page 4": 0})

    monkeypatch.setattr(interpretation, "pack_sparing", losing)
    extraction = read(report, PDFProcessorConfig().model_dump())
    assert extraction.issues[-1].code == "W_UNEXPLAINED_LOSS"
    assert extraction.ledger.unexplained > 100
    lenient = PDFProcessorConfig(max_unexplained_ratio=1.0).model_dump()
    assert "W_UNEXPLAINED_LOSS" not in [issue.code for issue in read(report, lenient).issues]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_page_count": 6000}, "max_page_count_override_reason"),
        ({"max_page_count": 6000, "max_page_count_override_reason": "  "}, "max_page_count_override_reason"),
        ({"no_such_setting": 1}, "no_such_setting"),
        ({"ocr_preprocessing_steps": ["sharpen"]}, "ocr_preprocessing_steps"),
        ({"ocr_engine": "oracle"}, "ocr_engine"),
    ],
)
def test_unfit_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        PDFProcessorConfig(**settings)


def test_settings_survive_being_sent() -> None:
    config = PDFProcessorConfig(ocr_engine="rapidocr")
    assert PDFProcessorConfig.model_validate(config.model_dump()) == config
    assert PDFProcessorConfig.model_validate(json.loads(json.dumps(config.model_dump(mode="json")))) == config


@pytest.mark.parametrize(
    ("module", "source"),
    [
        (ingestkit_pdf.errors, ingestkit_core.errors),
        (ingestkit_pdf.protocols, ingestkit_core.protocols),
    ],
)
def test_re_exports_are_the_identical_objects(module: Any, source: Any) -> None:
    for name in module.__all__:
        assert getattr(module, name) is getattr(source, name)


def test_shared_records_are_the_identical_objects() -> None:
    shared = set(ingestkit_pdf.models.__all__) & set(ingestkit_core.models.__all__)
    assert {"ProcessingResult", "ParseStageResult", "OCRStageResult", "EmbedStageResult"} <= shared
    for name in shared:
        assert getattr(ingestkit_pdf.models, name) is getattr(ingestkit_core.models, name)


def test_everything_listed_exists() -> None:
    for name in ingestkit_pdf.__all__:
        assert hasattr(ingestkit_pdf, name), name


@pytest.mark.parametrize("searching", [True, False])
def test_no_cycles_are_searched_for_while_a_document_is_read(report: str, tmp_path: Path, searching: bool) -> None:
    config = PDFProcessorConfig().model_dump()
    Path(tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7 and no more")
    searches: list[str] = []
    thresholds = gc.get_threshold()
    (gc.enable if searching else gc.disable)()
    gc.callbacks.append(lambda phase, _: searches.append(phase))
    try:
        gc.set_threshold(50)
        read(report, config)
        with pytest.raises(ingestkit_core.errors.IngestkitError):
            read(str(tmp_path / "broken.pdf"), config)
        assert gc.isenabled() is searching
        assert len(searches) < 10
    finally:
        gc.callbacks.pop()
        gc.set_threshold(*thresholds)
        gc.enable()
