"""Names that users import, and that a re-export is the identical object."""

from __future__ import annotations

import importlib
import subprocess
import sys

import ingestkit_core
import pytest

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

PDF = """
PDFRouter create_default_router PDFProcessorConfig PDFType PageType IngestionMethod OCREngine ContentType
ExtractionQualityGrade DocumentProfile DocumentMetadata PageProfile ExtractionQuality ClassificationResult
PDFChunkMetadata OCRResult TableResult ProcessingResult ExecutionBackend DistributedExecutionBackend LocalExecutionBackend ExecutionError
ErrorCode IngestError
"""
EXCEL = """
ExcelRouter create_default_router ExcelProcessorConfig FileType RegionType ParserUsed IngestionMethod FileProfile
SheetProfile SheetRegion ClassificationResult ChunkMetadata ProcessingResult ExecutionBackend DistributedExecutionBackend LocalExecutionBackend
ExecutionError ErrorCode IngestError
"""


@pytest.mark.parametrize(("package", "names"), [("ingestkit_pdf", PDF), ("ingestkit_excel", EXCEL)])
def test_the_formats_export_their_names(package: str, names: str) -> None:
    module = importlib.import_module(package)
    assert set(names.split()) <= set(module.__all__)
    for name in module.__all__:
        assert getattr(module, name) is not None
        if name in ingestkit_core.__all__:
            assert getattr(module, name) is getattr(ingestkit_core, name)


@pytest.mark.parametrize("package", ["ingestkit_pdf", "ingestkit_excel"])
@pytest.mark.parametrize("room", ["config", "models", "router", "protocols", "errors", "execution"])
def test_both_formats_have_the_same_rooms(package: str, room: str) -> None:
    module = importlib.import_module(f"{package}.{room}")
    assert module.__all__


@pytest.mark.parametrize("room", ["protocols", "errors", "execution"])
def test_thin_rooms_hold_identical_objects(room: str) -> None:
    pdf, excel = (importlib.import_module(f"{package}.{room}") for package in ("ingestkit_pdf", "ingestkit_excel"))
    for name in set(pdf.__all__) & set(excel.__all__):
        assert getattr(pdf, name) is getattr(excel, name)


@pytest.mark.parametrize(
    "code",
    [
        "from ingestkit_pdf import ExecutionBackend, LocalExecutionBackend, ExecutionError",
        "from ingestkit_excel import ExecutionBackend, LocalExecutionBackend, ExecutionError",
        "from ingestkit_pdf.protocols import ExecutionBackend",
        "from ingestkit_pdf.config import PDFProcessorConfig as C; c = C(); "
        "assert (c.execution_backend, c.execution_max_workers, c.execution_queue_url) == ('local', 4, None)",
        "import ingestkit_core, ingestkit_pdf, ingestkit_excel; "
        "assert ingestkit_core.ErrorCode is ingestkit_pdf.ErrorCode is ingestkit_excel.ErrorCode; "
        "[ingestkit_core.ErrorCode[f'E_EXECUTION_{n}'] for n in ('TIMEOUT', 'SUBMIT', 'NOT_FOUND')]",
        "import sys, ingestkit_pdf, ingestkit_excel, ingestkit_cli; "
        "assert not {'pymupdf', 'openpyxl', 'python_calamine', 'pandas', 'numpy', 'onnxruntime'} & set(sys.modules)",
    ],
)
def test_imports_that_must_work_and_stay_light(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", f"{code}; print('OK')"], capture_output=True, text=True, check=False)
    assert done.stdout == "OK\n", done.stderr
