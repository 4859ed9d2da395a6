"""The command as a person runs it, with two small formats that stand in for the real ones.

Routers are found by entry point, so a folder with the metadata of a package on the path is all it takes to
install one, and an empty one under the name of a real package hides that one: the tests need no other
package of ours, and a broken one does not break them.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from ingestkit_cli.main import app
from ingestkit_core.testing import write_text
from ingestkit_core.testing.ending import ending_with_us

METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: 1.0.0\n"
ROUTERS = """\
[ingestkit.routers]
text = ingestkit_core.testing:TextRouter
lossy = lossy_format:LossyRouter
"""
LOSSY_FORMAT = '''
"""The text format under the suffix .lossy: whatever it reads, 30 characters more were in the source.

While a file says so with !broken-engine and no file named cured is beside it, OCR of two pages fails.
"""

from dataclasses import replace
from pathlib import Path

from ingestkit_core.errors import IngestError
from ingestkit_core.ledger import DropReason, Ledger
from ingestkit_core.testing import TextRouter
from ingestkit_core.testing.textformat import convert as convert_text, read as read_text


def read(file_path, config):
    extraction = read_text(file_path, config)
    (unit,) = extraction.ledger.units
    grown = unit.model_copy(update={"source": unit.source + 40, "dropped": {str(DropReason.HIDDEN): 10}})
    return replace(extraction, ledger=Ledger(measure="characters", units=(grown,)), issues=failures(Path(file_path)))


def convert(file_path, config):
    return replace(convert_text(file_path, config), issues=failures(Path(file_path)))


def failures(path):
    failed = b"!broken-engine" in path.read_bytes() and not path.with_name("cured").exists()
    return tuple(
        IngestError(code="E_OCR_FAILED", message="OCR failed", stage="ocr", recoverable=True, page_number=page)
        for page in (1, 2)
        if failed
    )


class LossyRouter(TextRouter):
    format = replace(
        TextRouter.format,
        name="lossy",
        suffixes=frozenset({".lossy"}),
        read=read,
        convert=convert,
        preload=("lossy_format",),
    )
'''


@dataclass(frozen=True)
class Ran:
    """What a command gave."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the import path in which two small formats are installed and the real ones are not."""
    folder = tmp_path_factory.mktemp("site")
    for name, entries in (("ingestkit-pdf", ""), ("ingestkit-excel", ""), ("ingestkit-text", ROUTERS)):
        info = folder / f"{name.replace('-', '_')}-1.0.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(METADATA.format(name=name), encoding="utf-8")
        (info / "entry_points.txt").write_text(entries, encoding="utf-8")
    (folder / "lossy_format.py").write_text(LOSSY_FORMAT, encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder as the current one, and no settings from outside."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("INGESTKIT_")]:
        monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture
def environment(site: Path) -> dict[str, str]:
    """What a process of ours gets."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("INGESTKIT_")}
    path = os.pathsep.join(filter(None, (str(site), kept.get("PYTHONPATH", ""))))
    return {**kept, "PYTHONPATH": path, "COLUMNS": "200"}


@pytest.fixture
def start(environment: dict[str, str], here: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts the command as a process with pipes; what still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: str, **more: str) -> subprocess.Popen[str]:
        process = ending_with_us(
            subprocess.Popen(
                [sys.executable, "-m", "ingestkit_cli", *arguments],
                cwd=here,
                env={**environment, **more},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def ingestkit(start: Callable[..., subprocess.Popen[str]]) -> Callable[..., Ran]:
    """Runs the command as a process of its own, to its end."""

    def run(*arguments: str, **more: str) -> Ran:
        process = start(*arguments, **more)
        out, err = process.communicate(timeout=60)
        return Ran(process.returncode, out, err)

    return run


@pytest.fixture
def quick(site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Runs the command in this process and its documents in threads, where a process would add nothing."""
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("INGESTKIT_EXECUTION_STRATEGY", "thread")

    def run(*arguments: str) -> Ran:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            app(list(arguments), prog_name="ingestkit")
        out, err = capsys.readouterr()
        return Ran(int(left.value.code or 0), out, err)

    return run


@pytest.fixture
def documents(here: Path) -> Path:
    """A folder with two good documents, and files that are none."""
    folder = here / "documents"
    (folder / "below").mkdir(parents=True)
    write_text(
        folder / "report.txt",
        "# Annual report",
        "",
        "The company earned more than ever.",
        "",
        "## Staff",
        "",
        "Name | City",
        "Ada | Lyon",
        "Bo | Oslo",
    )
    write_text(folder / "below" / "leave.txt", "# Leave", "", "Annual leave is thirty days for all employees.")
    (folder / "letter.docx").write_bytes(b"PK")
    (folder / ".hidden.txt").write_text("#!text\nhidden", encoding="utf-8")
    (folder / "~$report.txt").write_text("#!text\nlock", encoding="utf-8")
    return folder


@pytest.fixture
def faulty(documents: Path) -> Path:
    """The same folder with a document that is none inside."""
    (documents / "broken.txt").write_text("no document", encoding="utf-8")
    return documents


@pytest.fixture
def stored(quick: Callable[..., Ran], documents: Path) -> Callable[..., Ran]:
    """``quick`` with the documents in the store already."""
    assert quick("ingest", str(documents)).code == 0
    return quick


@pytest.fixture
def processes_of() -> Callable[[int], Sequence[int]]:
    """The living processes below one, by what the system says (Linux)."""

    def below(pid: int) -> Sequence[int]:
        children: list[int] = []
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            with contextlib.suppress(FileNotFoundError):
                children += map(int, task.read_text(encoding="ascii").split())
        return [*children, *(grandchild for child in children for grandchild in below(child))]

    return below
