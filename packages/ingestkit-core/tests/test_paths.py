"""However a path is written, it is one document, and is found again under the name that is stored."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ingestkit_core.errors import ErrorCode, SourceError
from ingestkit_core.ingestor import Ingestor
from ingestkit_core.keys import source_uri_of
from ingestkit_core.models import ProcessingResult
from ingestkit_core.paths import normalised, on_disk, printable
from ingestkit_core.rendering import render
from ingestkit_core.testing import TextRouter, write_text

pytestmark = pytest.mark.unit

SETTINGS = {"execution_strategy": "thread", "execution_max_workers": 1}


@pytest.fixture(autouse=True)
def _no_other_folder_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path that is taken for its letters begins with the root of the disk."""
    scandir = os.scandir

    def guarded(path: str | Path = ".") -> Iterator[os.DirEntry[str]]:
        assert Path(path).resolve().is_relative_to(tmp_path.resolve()), f"{path} was to be listed"
        return scandir(path)

    monkeypatch.setattr("ingestkit_core.walking.os", _Os(guarded))


class _Os:
    """The module ``os`` as one module sees it, with another ``scandir``."""

    path = os.path

    def __init__(self, scandir: object) -> None:
        self.scandir = scandir


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder."""
    (tmp_path / "docs").mkdir()
    write_text(tmp_path / "docs" / "one.txt", "the first word")
    write_text(tmp_path / "docs" / "two.text.txt", "the second word")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def ingestor(here: Path) -> Iterator[Ingestor]:
    with Ingestor(here / "store.db", SETTINGS, routers={"text": TextRouter}) as opened:
        yield opened


async def _all_of(results: object) -> list[ProcessingResult]:
    return [result async for result in results]  # type: ignore[attr-defined]  # an async iterator of any kind


FOLDER_DOORS: dict[str, Callable[[Ingestor, object], list[str]]] = {
    "discover": lambda ingestor, path: [asked.file_path for asked in ingestor.discover(path)],  # type: ignore[arg-type]
    "ingest": lambda ingestor, path: [result.file_path for result in ingestor.ingest(path)],  # type: ignore[arg-type]
    "sync": lambda ingestor, path: [result.file_path for result in ingestor.sync(path)],  # type: ignore[arg-type]
}

FILE_DOORS: dict[str, Callable[[TextRouter, object], list[ProcessingResult]]] = {
    "process_batch": lambda router, path: router.process_batch(path),  # type: ignore[arg-type]
    "iter_batch": lambda router, path: list(router.iter_batch(path)),  # type: ignore[arg-type]
    "aiter_batch": lambda router, path: asyncio.run(_all_of(router.aiter_batch(path))),  # type: ignore[arg-type]
}


class Somewhere:
    """A path of somebody's own."""

    def __fspath__(self) -> str:
        return "docs"


@pytest.mark.parametrize("door", FOLDER_DOORS)
@pytest.mark.parametrize("one", ["docs", Path("docs"), Somewhere()], ids=lambda path: type(path).__name__)
def test_one_folder_is_not_many(ingestor: Ingestor, here: Path, door: str, one: object) -> None:
    assert sorted(FOLDER_DOORS[door](ingestor, one)) == [str(here / "docs" / n) for n in ("one.txt", "two.text.txt")]


@pytest.mark.parametrize("door", FILE_DOORS)
def test_one_file_is_not_many(ingestor: Ingestor, here: Path, door: str) -> None:
    router = ingestor.routers["text"]
    assert isinstance(router, TextRouter)
    for one in ("docs/one.txt", Path("docs/one.txt")):
        (result,) = FILE_DOORS[door](router, one)
        assert (result.status in ("committed", "unchanged"), result.file_path) == (True, str(here / "docs" / "one.txt"))


def test_one_glob_is_not_many(ingestor: Ingestor) -> None:
    assert [Path(asked.file_path).name for asked in ingestor.discover("docs", "one*")] == ["one.txt"]
    assert [Path(asked.file_path).name for asked in ingestor.discover("docs", (), "*.text.*")] == ["one.txt"]


@pytest.mark.parametrize("door", FOLDER_DOORS)
@pytest.mark.parametrize("missing", ["nothing", "nothing.txt", "docs/one.txt/below", ""])
def test_a_path_that_leads_nowhere_is_told_before_anything_is_read(ingestor: Ingestor, door: str, missing: str) -> None:
    with pytest.raises(SourceError) as told:
        FOLDER_DOORS[door](ingestor, ["docs", missing])
    assert told.value.code == ErrorCode.E_SOURCE_NOT_FOUND
    assert missing in told.value.message
    assert list(ingestor.store.sources()) == []


def test_a_folder_that_vanished_hides_no_other(ingestor: Ingestor, here: Path) -> None:
    (here / "more").mkdir()
    write_text(here / "more" / "three.txt", "the third word")
    assert len(list(ingestor.sync(["docs", "more"]))) == 3
    (here / "more").rename(here / "unmounted")
    sync = ingestor.sync(["more", "docs"])
    assert [result.status for result in sync] == ["unchanged"] * 2
    assert sync.outcome is not None
    assert [(withheld.cause, withheld.documents) for withheld in sync.outcome.withheld] == [("missing_root", 1)]
    # Empty when it was let go of, and then gone: it was known once.
    sync = ingestor.sync(["more", "docs"], allow_deletes=1)
    assert len(list(sync)) == 2
    assert len(list(ingestor.sync(["more", "docs"]))) == 2


@pytest.mark.parametrize(
    "written",
    [
        "docs/../docs/one.txt",
        "./docs//one.txt",
        "docs/./one.txt",
        "{here}/docs/../docs/one.txt",
        "/{here}/docs/one.txt",
    ],
)
def test_one_file_is_one_document_however_it_is_written(ingestor: Ingestor, here: Path, written: str) -> None:
    written = written.format(here=here)
    uri = f"{here}/docs/one.txt"
    assert source_uri_of(written) == uri
    router = ingestor.routers["text"]
    assert {router.process(path).file_path for path in (uri, written)} == {uri}
    for result in (
        *ingestor.ingest(written),
        *ingestor.sync(written),
        *ingestor.ingest(os.path.dirname(written), "one*"),
    ):
        assert (result.status, result.file_path) == ("unchanged", uri)
    assert [record.state.source_uri for record in ingestor.store.sources()] == [uri]
    assert [hit.source_uri for hit in ingestor.search("first", filters={"source_uri": written})] == [uri]


def test_after_a_link_dots_lead_where_they_lead_on_the_disk(here: Path) -> None:
    (here / "far" / "deep").mkdir(parents=True)
    (here / "link").symlink_to(here / "far" / "deep")
    write_text(here / "far" / "there.txt", "there")
    assert normalised("link/../there.txt") == str((here / "far").resolve() / "there.txt")
    # A link that nothing climbs out of keeps its name, and so do the folders in it.
    (here / "far" / "deep" / "room").mkdir()
    assert normalised("link/room/../a.txt") == f"{here}/link/a.txt"
    assert normalised("../" * 99 + "a.txt") == "/a.txt"


def test_a_file_that_moved_is_known_under_a_root_with_dots(ingestor: Ingestor, here: Path) -> None:
    assert len(list(ingestor.ingest("docs"))) == 2
    (here / "docs" / "one.txt").rename(here / "docs" / "first.txt")
    assert {result.status for result in ingestor.ingest("docs/../docs")} == {"unchanged"}
    assert {Path(record.state.source_uri).name for record in ingestor.store.sources()} == {"first.txt", "two.text.txt"}


def test_a_name_that_is_no_text_can_be_turned_back(here: Path) -> None:
    real = os.fsdecode(b"bad\xff\xfename.txt")
    assert printable(real) == "bad\ufffdFF\ufffdFEname.txt"
    assert on_disk(printable(real)) == real
    # One that is really called so goes first.
    (here / printable(real)).write_bytes(b"")
    assert on_disk(printable(real)) == printable(real)
    assert on_disk("\ufffd41 \ufffdGG \ufffd") == "\ufffd41 \ufffdGG \ufffd"


def test_a_document_whose_name_is_no_text_is_found_again(ingestor: Ingestor, here: Path) -> None:
    real = os.fsdecode(os.fsencode(here / "docs") + b"/bad\xff\xfename.txt")
    try:
        write_text(Path(real), "# A title", "and the third word")
    except OSError:
        pytest.skip("this file system takes text as names only")
    assert [result.status for result in ingestor.ingest(real)] == ["committed"]
    stored = source_uri_of(real)
    (record,) = ingestor.store.sources()
    assert (record.state.source_uri, record.state.file_path) == (stored, stored)
    # Both names, the one on the disk and the one that is stored, mean it everywhere.
    for name in (real, stored):
        assert [result.status for result in ingestor.ingest(name)] == ["unchanged"]
        assert ingestor.routers["text"].process(name).status == "unchanged"
        assert "third word" in render(ingestor.convert(name), "md")
        assert len(ingestor.search("third", filters={"source_uri": name})) == 1
    (verified,) = ingestor.verify()
    assert verified.verdict != "gone"
    Path(real).rename(here / "docs" / "good.txt")
    assert [result.status for result in ingestor.ingest("docs", "good*")] == ["unchanged"]
    assert [Path(record.state.source_uri).name for record in ingestor.store.sources()] == ["good.txt"]
