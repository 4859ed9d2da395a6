"""A store that mirrors folders: what vanished goes, and what only seems to have vanished stays."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from ingestkit_core.ingestor import Ingestor
from ingestkit_core.mirror import Mirrored, Withheld
from ingestkit_core.testing import TextRouter, write_text

pytestmark = pytest.mark.unit


@pytest.fixture
def ingestor(tmp_path: Path) -> Iterator[Ingestor]:
    settings = {"execution_strategy": "thread", "execution_max_workers": 1}
    with Ingestor(tmp_path / "store.db", settings, routers={"text": TextRouter}) as ingestor:
        yield ingestor


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return filled(tmp_path / "folder", 4)


def filled(folder: Path, documents: int) -> Path:
    folder.mkdir()
    for number in range(documents):
        write_text(folder / f"{number:03}.txt", f"{folder.name} word{number}")
    return folder


def synced(ingestor: Ingestor, *roots: Path, allow: int | None = None, exclude: tuple[str, ...] = ()) -> Mirrored:
    sync = ingestor.sync(roots, exclude=exclude, allow_deletes=allow)
    for result in sync:
        assert result.status in ("committed", "unchanged", "quarantined")
    assert sync.outcome is not None
    return sync.outcome


def names(ingestor: Ingestor, tenant: str = "") -> list[str]:
    return [Path(record.state.source_uri).name for record in ingestor.store.sources(tenant)]


def test_a_shortened_a_renamed_and_a_deleted_file_leave_nothing_behind(ingestor: Ingestor, folder: Path) -> None:
    synced(ingestor, folder)
    write_text(folder / "000.txt", "brief")
    (folder / "001.txt").rename(folder / "moved.txt")
    (folder / "002.txt").unlink()
    outcome = synced(ingestor, folder)
    assert names(ingestor) == ["000.txt", "003.txt", "moved.txt"]
    assert [Path(state.source_uri).name for state in outcome.removed] == ["002.txt"]
    assert outcome.withheld == ()
    assert ingestor.search("word0") == ingestor.search("word2") == []
    assert [hit.source_uri for hit in ingestor.search("word1")] == [str(folder / "moved.txt")]


def test_what_was_moved_is_neither_read_nor_deleted_again(ingestor: Ingestor, folder: Path) -> None:
    synced(ingestor, folder)
    (folder / "below").mkdir()
    for file in folder.glob("*.txt"):
        file.rename(folder / "below" / file.name)
    sync = ingestor.sync([folder])
    assert {result.status for result in sync} == {"unchanged"}
    assert sync.outcome == Mirrored()
    assert all("/below/" in record.state.source_uri for record in ingestor.store.sources(""))


def test_a_quarantined_source_vanishes_too(ingestor: Ingestor, folder: Path) -> None:
    (folder / "bad.txt").write_text("no document", encoding="utf-8")
    synced(ingestor, folder)
    assert len(list(ingestor.store.quarantined(""))) == 1
    (folder / "bad.txt").unlink()
    assert len(synced(ingestor, folder).removed) == 1
    assert list(ingestor.store.quarantined("")) == []


def test_an_empty_mount_deletes_nothing_until_the_number_is_typed(ingestor: Ingestor, folder: Path) -> None:
    synced(ingestor, folder)
    shutil.rmtree(folder)
    folder.mkdir()
    outcome = synced(ingestor, folder)
    assert outcome == Mirrored((), (Withheld("empty_listing", str(folder), 4),), 4)
    assert synced(ingestor, folder, allow=3).withheld == (Withheld("too_many", str(folder), 4),)
    assert len(names(ingestor)) == 4
    assert len(synced(ingestor, folder, allow=outcome.allow_deletes).removed) == 4
    assert names(ingestor) == []


def test_a_missing_root_deletes_nothing(ingestor: Ingestor, folder: Path) -> None:
    synced(ingestor, folder)
    folder.rename(folder.with_name("unmounted"))
    assert synced(ingestor, folder) == Mirrored((), (Withheld("missing_root", str(folder), 4),), 4)
    assert len(names(ingestor)) == 4


def test_a_root_on_another_device_deletes_nothing(ingestor: Ingestor, folder: Path) -> None:
    # Ingesting is enough for a folder to be known, and ingesting again makes no other device its own.
    for result in ingestor.ingest([folder]):
        assert result.status == "committed"
    known = ingestor.store.find_root(None, str(folder))
    assert known is not None
    assert (known.device, known.documents) == (str(os.stat(folder).st_dev), 4)
    ingestor.store.record_root(replace(known, device="elsewhere"))
    assert [result.status for result in ingestor.ingest([folder])] == ["unchanged"] * 4
    (folder / "000.txt").unlink()
    assert synced(ingestor, folder) == Mirrored((), (Withheld("other_device", str(folder), 1),), 1)
    assert len(synced(ingestor, folder, allow=1).removed) == 1
    (folder / "001.txt").unlink()
    assert len(synced(ingestor, folder).removed) == 1  # what was allowed once is the same folder from then on


@pytest.mark.parametrize(
    ("known", "gone", "goes"), [(30, 10, True), (30, 11, False), (120, 12, True), (120, 13, False)]
)
def test_too_many_at_once(ingestor: Ingestor, tmp_path: Path, known: int, gone: int, goes: bool) -> None:
    folder = filled(tmp_path / "many", known)
    synced(ingestor, folder)
    for number in range(gone):
        (folder / f"{number:03}.txt").unlink()
    filled(folder / "new", known)  # what is new makes nothing of it plausible
    outcome = synced(ingestor, folder)
    if goes:
        assert (len(outcome.removed), outcome.withheld) == (gone, ())
    else:
        assert outcome == Mirrored((), (Withheld("too_many", str(folder), gone),), gone)
        assert len(synced(ingestor, folder, allow=outcome.allow_deletes).removed) == gone


def test_an_unreadable_folder_withholds_what_lies_below(
    ingestor: Ingestor, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = filled(folder / "below", 2)
    synced(ingestor, folder)
    shutil.rmtree(below)
    (folder / "000.txt").unlink()
    scan = os.scandir

    def failing(path: str | Path) -> object:
        if str(path) == str(below):
            raise OSError(5, "Input/output error")
        return scan(path)

    below.mkdir()
    monkeypatch.setattr(os, "scandir", failing)
    outcome = synced(ingestor, folder)
    assert [Path(state.source_uri).name for state in outcome.removed] == ["000.txt"]
    assert (outcome.withheld, outcome.allow_deletes) == ((Withheld("unreadable", str(below), 2),), 0)
    assert len(synced(ingestor, folder, allow=99).removed) == 0  # no number makes it readable
    monkeypatch.undo()
    assert len(synced(ingestor, folder).removed) == 2


def test_other_folders_tenants_and_uris_are_never_touched(ingestor: Ingestor, folder: Path, tmp_path: Path) -> None:
    other = filled(tmp_path / "folder2", 2)
    synced(ingestor, folder, other)
    router = ingestor.routers["text"]
    router.process(write_text(folder / "named.txt", "named"), source_uri="crm://named")
    router.process(write_text(tmp_path / "elsewhere.txt", "theirs"), source_uri=str(folder / "theirs.txt"))
    settings = {"execution_strategy": "thread", "tenant_id": "north"}
    with Ingestor(ingestor.store, settings, routers={"text": TextRouter}) as north:
        synced(north, folder)
    for file in (*other.iterdir(), folder / "000.txt", folder / "001.txt", folder / "named.txt"):
        file.unlink()
    assert len(synced(ingestor, folder, exclude=("001*",)).removed) == 1
    assert sorted(names(ingestor)) == ["000.txt", "001.txt", "001.txt", "002.txt", "003.txt", "named", "theirs.txt"]
    assert len(names(ingestor, "north")) == 5


def test_a_stopped_run_removes_nothing(ingestor: Ingestor, folder: Path) -> None:
    synced(ingestor, folder)
    (folder / "000.txt").unlink()
    stop = threading.Event()
    stop.set()
    sync = ingestor.sync([folder], stop=stop)
    assert list(sync) == []
    assert sync.outcome is None
    assert len(names(ingestor)) == 4


def test_a_name_that_is_no_text_vanishes_too(ingestor: Ingestor, folder: Path) -> None:
    odd = os.path.join(os.fsencode(folder), b"caf\xe9.txt")
    shutil.copy(folder / "000.txt", odd)
    synced(ingestor, folder)
    assert synced(ingestor, folder).removed == ()
    os.unlink(odd)
    (gone,) = synced(ingestor, folder).removed
    assert gone.source_uri.endswith("caf\ufffdE9.txt")


def test_a_link_to_itself_stops_nobody(ingestor: Ingestor, folder: Path) -> None:
    os.symlink("round", folder / "round")
    synced(ingestor, folder)
    assert len(names(ingestor)) == 4
