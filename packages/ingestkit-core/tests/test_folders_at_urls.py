"""Folders behind URLs: found, fetched, known again without a fetch, mirrored; and what fails on the way."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from ingestkit_core import spool
from ingestkit_core.discovery import Discovered
from ingestkit_core.errors import ErrorCode, ExecutionError, SourceError
from ingestkit_core.ingestor import Ingestor
from ingestkit_core.mirror import Mirrored, Withheld
from ingestkit_core.models import ProcessingResult
from ingestkit_core.serving import JobServer
from ingestkit_core.stores.jobs import JobRequest
from ingestkit_core.testing import TextRouter, write_text

pytest.importorskip("fsspec", reason="pip install 'ingestkit-core[fsspec]'")
from ingestkit_core.testing.shelf import Served, serving

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

SETTINGS = {"execution_strategy": "thread", "execution_max_workers": 2}
LONG_AGO = 1_700_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Documents in folders, and what is none; all of them old, so that their times are to be trusted."""
    made = tmp_path / "documents"
    for name in ("b/2.txt", "b/deep/4.txt", "a.txt", "b.txt", "ä #1?.txt", ".hidden/x.txt", "~$a.txt", "b/.y.txt"):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        write_text(made / name, f"word{Path(name).stem}")
    (made / "b" / "letter.docx").write_bytes(b"PK")
    age(made)
    return made


def age(folder: Path, seconds: float = LONG_AGO) -> None:
    for file in folder.rglob("*.*"):
        os.utime(file, (seconds, seconds))


@pytest.fixture
def served(folder: Path) -> Iterator[Served]:
    with serving(folder) as served:
        yield served


@pytest.fixture
def ingestor(tmp_path: Path) -> Iterator[Ingestor]:
    with Ingestor(tmp_path / "store.db", SETTINGS, routers={"text": TextRouter}) as ingestor:
        yield ingestor


@pytest.fixture(autouse=True)
def copies() -> Iterator[Callable[[], list[Path]]]:
    """The copies that are there now; none is left at the end of any test."""

    def there() -> list[Path]:
        # Not by rglob: folders go while it looks.
        return [
            Path(top, name) for top, _, names in os.walk(spool._fallback()) for name in names if name[-4:] == ".txt"
        ]

    yield there
    deadline = time.monotonic() + 10
    while there() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert there() == []


def url_of(kind: str, folder: Path) -> str:
    """The folder's URL by one file system or another."""
    if kind == "zip":
        box = folder.with_name("box.zip")
        with zipfile.ZipFile(box, "w") as archive:
            for file in sorted(folder.rglob("*.*")):
                if file.is_file():
                    archive.write(file, f"in side/{file.relative_to(folder)}")
        return f"zip://in side::{box.as_uri()}"
    return f"file://{folder}/" if kind == "file" else f"{kind}://host/"


def ingested(ingestor: Ingestor, *urls: str, checksum: bool = False) -> dict[str, ProcessingResult]:
    return {result.file_path: result for result in ingestor.ingest(urls, checksum=checksum)}


def statuses(results: dict[str, ProcessingResult]) -> dict[str, str]:
    return {Path(path.partition("::")[0]).name: result.status for path, result in results.items()}


def synced(ingestor: Ingestor, *urls: str, allow: int | None = None) -> Mirrored:
    sync = ingestor.sync(urls, allow_deletes=allow)
    assert {result.status for result in sync} <= {"committed", "unchanged", "quarantined"}
    assert sync.outcome is not None
    return sync.outcome


def uris(ingestor: Ingestor, tenant: str = "") -> list[str]:
    return [record.state.source_uri for record in ingestor.store.sources(tenant)]


@pytest.mark.parametrize("kind", ["file", "zip", "shelf", "heap"])
def test_wherever_the_folder_is_its_documents_are_the_same(
    ingestor: Ingestor, served: Served, folder: Path, kind: str, tmp_path: Path
) -> None:
    url = url_of(kind, folder)
    here, there = Discovered(), Discovered()
    local = [Path(asked.file_path).relative_to(folder) for asked in ingestor.discover([folder], seen=here)]
    found = [asked.file_path for asked in ingestor.discover([url], seen=there)]
    first, mark, rest = url.partition("::")
    assert found == [f"{first.rstrip('/')}/{relative}{mark}{rest}" for relative in local]
    assert here == there
    results = ingested(ingestor, url)
    assert sorted(results) == sorted(found) == uris(ingestor)
    assert {result.status for result in results.values()} == {"committed"}
    (hit,) = ingestor.search("word4")
    assert hit.source_uri == next(uri for uri in found if "4.txt" in uri)
    with Ingestor(tmp_path / "local.db", SETTINGS, routers={"text": TextRouter}) as other:
        list(other.ingest([folder]))
        hashes = [[record.state.content_hash for record in i.store.sources("")] for i in (ingestor, other)]
    assert sorted(hashes[0]) == sorted(hashes[1])
    for included in (("b/*",), ("2*",)):
        one = [Path(asked.file_path).relative_to(folder) for asked in ingestor.discover([folder], included)]
        assert len(list(ingestor.discover([url], included))) == len(one) > 0


@pytest.mark.parametrize("kind", ["shelf", "heap"])
def test_what_the_listing_says_is_unchanged_is_not_fetched(ingestor: Ingestor, served: Served, kind: str) -> None:
    url = f"{kind}://host/b"
    ingested(ingestor, url)
    assert sorted(served.taken) == ["/b/2.txt", "/b/deep/4.txt"]
    served.taken.clear()
    assert set(statuses(ingested(ingestor, url)).values()) == {"unchanged"}
    assert served.taken == []
    assert set(statuses(ingested(ingestor, url, checksum=True)).values()) == {"unchanged"}
    assert len(served.taken) == 2
    served.taken.clear()
    age(served.root, LONG_AGO + 60)
    assert set(statuses(ingested(ingestor, url)).values()) == {"unchanged"}
    assert len(served.taken) == 2, "another time may mean other bytes"
    assert set(statuses(ingested(ingestor, url)).values()) == {"unchanged"}
    assert len(served.taken) == 2, "what was fetched for nothing is known from then on"
    write_text(served.root / "b" / "2.txt", "other")
    age(served.root, LONG_AGO + 120)
    assert statuses(ingested(ingestor, url)) == {"2.txt": "committed", "4.txt": "unchanged"}


def test_an_etag_tells_what_a_time_does_not(ingestor: Ingestor, served: Served) -> None:
    served.etags["/b/2.txt"] = "one"
    url = "shelf://host/b"
    ingested(ingestor, url)
    write_text(served.root / "b" / "2.txt", "wordX")  # as many bytes as before
    ingested(ingestor, url)
    assert ingestor.search("wordX") == [], "nothing said that it changed"
    served.etags["/b/2.txt"] = "two"
    assert statuses(ingested(ingestor, url)) == {"2.txt": "committed", "4.txt": "unchanged"}
    assert len(ingestor.search("wordX")) == 1


def test_a_time_just_now_is_not_trusted(ingestor: Ingestor, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingestkit_core.sources._TIME_DOUBT_NS", 60 * 10**9)
    age(served.root, time.time())
    ingested(ingestor, "shelf://host/b")
    served.taken.clear()
    ingested(ingestor, "shelf://host/b")
    assert len(served.taken) == 2


@pytest.mark.parametrize(
    ("raised", "status", "code"),
    [
        (PermissionError("403"), "quarantined", "E_SOURCE_UNREADABLE"),
        (ConnectionResetError(104, "reset"), "deferred", "E_SOURCE_UNREADABLE"),
        (FileNotFoundError(2, "gone meanwhile"), "quarantined", "E_SOURCE_NOT_FOUND"),
        (RuntimeError("what its library raises"), "deferred", "E_SOURCE_UNREADABLE"),
    ],
)
def test_one_that_cannot_be_fetched_costs_only_itself(
    ingestor: Ingestor, served: Served, raised: Exception, status: str, code: str
) -> None:
    found = list(ingestor.discover(["shelf://host/"]))
    served.failing["/b/2.txt"] = raised
    results = {result.file_path: result for result in ingestor.routers["text"].iter_batch(a.file_path for a in found)}
    failed = results.pop("shelf://host/b/2.txt")
    assert (failed.status, failed.errors) == (status, (code,))
    assert "shelf://host/b/2.txt" in failed.error_details[0].message
    assert {result.status for result in results.values()} == {"committed"}
    recorded = [record.state.source_uri for record in ingestor.store.quarantined("")]
    assert recorded == (["shelf://host/b/2.txt"] if isinstance(raised, PermissionError) else [])
    served.failing.clear()
    assert statuses(ingested(ingestor, "shelf://host/"))["2.txt"] == "committed"
    assert list(ingestor.store.quarantined("")) == []


def test_a_server_that_says_nothing_is_given_up(tmp_path: Path, served: Served) -> None:
    served.silent |= {"/a.txt", "/b/2.txt"}
    with Ingestor(
        tmp_path / "store.db", {**SETTINGS, "per_document_timeout_seconds": 0.5}, routers={"text": TextRouter}
    ) as ingestor:
        results = ingested(ingestor, "shelf://host/")
    assert [path for path, result in results.items() if result.status == "committed"]
    assert statuses(results)["a.txt"] == statuses(results)["2.txt"] == "deferred"
    assert results["shelf://host/a.txt"].error_details[0].message.endswith("said nothing for 0.5 s")
    served.silent.clear()


def test_a_stop_drops_what_is_fetched_and_leaves_no_copy(
    ingestor: Ingestor, served: Served, copies: Callable[[], list[Path]]
) -> None:
    served.silent |= {f"/{file.relative_to(served.root)}" for file in served.root.rglob("*.txt")}
    stop = threading.Event()

    def stop_soon() -> None:
        while not served.taken:
            time.sleep(0.01)
        stop.set()

    threading.Thread(target=stop_soon, daemon=True).start()
    results = list(ingestor.ingest(["shelf://host/"], stop=stop))
    assert {result.status for result in results} == {"cancelled"}
    served.silent.clear()


def test_leaving_early_leaves_no_copy(ingestor: Ingestor, served: Served) -> None:
    served.silent.add("/ä #1?.txt")
    running = ingestor.ingest(["shelf://host/"])
    assert next(running).status == "committed"
    running.close()  # type: ignore[attr-defined]  # a generator
    served.silent.clear()


def test_what_is_too_large_is_not_fetched(tmp_path: Path, served: Served) -> None:
    (served.root / "a.txt").write_bytes(b"#!text" + b"a" * (2 << 20))
    with Ingestor(tmp_path / "store.db", {**SETTINGS, "max_file_size_mb": 1}, routers={"text": TextRouter}) as ingestor:
        results = ingested(ingestor, "shelf://host/")
    assert results["shelf://host/a.txt"].errors == ("E_SECURITY_TOO_LARGE",)
    assert "/a.txt" not in served.taken


def test_the_first_bytes_say_which_format_it_is(tmp_path: Path, served: Served) -> None:
    class Other(TextRouter):
        format = replace(
            TextRouter.format,
            name="other",
            suffixes=frozenset({".other"}),
            recognises=lambda head: head.startswith(b"#!other"),
        )

    shutil.copy(served.root / "a.txt", served.root / "really.other")
    with Ingestor(tmp_path / "store.db", SETTINGS, routers={"text": TextRouter, "other": Other}) as ingestor:
        assert statuses(ingested(ingestor, "shelf://host/"))["really.other"] == "committed"


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [
        ("nosuch://host/x", ErrorCode.E_SOURCE_UNREADABLE, "no protocol that fsspec knows"),
        ("sfpt://host/x", ErrorCode.E_SOURCE_UNREADABLE, "did you mean sftp://?"),
        ("gs://bucket/x", ErrorCode.E_SOURCE_UNREADABLE, "pip install gcsfs"),
        ("shelf://host/nowhere", ErrorCode.E_SOURCE_NOT_FOUND, "there is nothing at shelf://host/nowhere"),
        ("shelf://host/b", ErrorCode.E_SOURCE_UNREADABLE, "shelf://host/b may not be read (PermissionError)"),
        ("heap://ada:other@host/", ErrorCode.E_SOURCE_UNREADABLE, "heap://ada@host may not be read (PermissionError)"),
        ("file:///nowhere/at/all", ErrorCode.E_SOURCE_NOT_FOUND, "there is nothing at file:///nowhere/at/all"),
        ("http://127.0.0.1:1/a.txt", ErrorCode.E_SOURCE_UNREADABLE, "cannot be reached (ClientConnectorError)"),
    ],
)
def test_a_url_that_leads_nowhere_is_told(
    ingestor: Ingestor, served: Served, url: str, code: ErrorCode, words: str
) -> None:
    if url.startswith("http"):
        pytest.importorskip("aiohttp")
    served.failing["/b"] = PermissionError("403")
    with pytest.raises(SourceError) as told:
        ingested(ingestor, "shelf://host/", url)
    assert told.value.code == code
    assert words in told.value.message
    assert "other@" not in told.value.message
    assert (served.taken, uris(ingestor)) == ([], []), "it was looked at before anything was read"


def test_without_fsspec_it_says_what_to_type(ingestor: Ingestor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(SourceError, match=r"pip install 'ingestkit-core\[fsspec\]'"):
        ingested(ingestor, "s3://bucket/folder")


def test_a_password_is_used_and_kept_nowhere(ingestor: Ingestor, served: Served, tmp_path: Path) -> None:
    served.password = "sesame"
    url = "shelf://ada:sesame@host/b"
    results = ingested(ingestor, url)
    assert sorted(results) == uris(ingestor) == ["shelf://ada@host/b/2.txt", "shelf://ada@host/b/deep/4.txt"]
    served.failing["/b/2.txt"] = ConnectionError("later")
    age(served.root, LONG_AGO + 60)
    assert statuses(ingested(ingestor, url)) == {"2.txt": "deferred", "4.txt": "unchanged"}
    served.failing.clear()
    (served.root / "b" / "2.txt").unlink()
    assert [state.source_uri for state in synced(ingestor, url).removed] == ["shelf://ada@host/b/2.txt"]
    ingestor.close()
    assert all(b"sesame" not in file.read_bytes() for file in tmp_path.glob("store.db*"))
    queued = {"execution_backend": "distributed", "execution_queue_url": "redis://127.0.0.1:1"}
    with (
        Ingestor(tmp_path / "queued.db", queued, routers={"text": TextRouter}) as submitter,
        pytest.raises(ExecutionError, match="has a password, which is not handed to a queue"),
    ):
        list(submitter.ingest([url]))


@pytest.mark.parametrize("kind", ["file", "shelf", "heap"])
def test_what_vanished_goes_and_what_moved_stays(ingestor: Ingestor, served: Served, kind: str) -> None:
    url = url_of(kind, served.root)
    synced(ingestor, url)
    (served.root / "a.txt").rename(served.root / "b" / "moved.txt")
    (served.root / "b" / "deep" / "4.txt").unlink()
    outcome = synced(ingestor, url)
    assert [Path(state.source_uri).name for state in outcome.removed] == ["a.txt", "4.txt"]
    assert outcome.withheld == ()
    assert sorted(Path(uri).name for uri in uris(ingestor)) == ["2.txt", "b.txt", "moved.txt", "ä #1?.txt"]


def test_an_emptied_folder_is_not_believed_until_the_number_is_typed(ingestor: Ingestor, served: Served) -> None:
    url = "shelf://host/b"
    synced(ingestor, url)
    shutil.rmtree(served.root / "b")
    (served.root / "b").mkdir()
    outcome = synced(ingestor, url)
    assert outcome == Mirrored((), (Withheld("empty_listing", "shelf://host/b", 2),), 2)
    (served.root / "b").rmdir()
    assert synced(ingestor, url) == Mirrored((), (Withheld("missing_root", "shelf://host/b", 2),), 2)
    assert len(uris(ingestor)) == 2
    assert len(synced(ingestor, url, allow=outcome.allow_deletes).removed) == 2
    assert uris(ingestor) == []


def test_too_many_at_once_stay(ingestor: Ingestor, served: Served) -> None:
    for number in range(12):
        write_text(served.root / f"extra{number}.txt", "extra")
    synced(ingestor, "shelf://host")
    for file in served.root.glob("extra*"):
        file.unlink()
    outcome = synced(ingestor, "shelf://host/")
    assert outcome == Mirrored((), (Withheld("too_many", "shelf://host", 12),), 12)
    assert len(synced(ingestor, "shelf://host/", allow=12).removed) == 12


def test_what_cannot_be_listed_is_never_gone(ingestor: Ingestor, served: Served) -> None:
    synced(ingestor, "shelf://host/")
    shutil.rmtree(served.root / "b" / "deep")
    (served.root / "b" / "deep").mkdir()
    (served.root / "a.txt").unlink()
    served.failing["/b/deep"] = FileNotFoundError(2, "so some servers say of what may not be listed")
    outcome = synced(ingestor, "shelf://host/")
    assert [state.source_uri for state in outcome.removed] == ["shelf://host/a.txt"]
    assert outcome.withheld == (Withheld("unreadable", "shelf://host/b/deep", 1),)


@pytest.mark.parametrize("kind", ["shelf", "heap"])
def test_a_listing_that_breaks_off_removes_nothing(ingestor: Ingestor, served: Served, kind: str) -> None:
    url = f"{kind}://host/b"
    synced(ingestor, url)
    (served.root / "b" / "deep" / "4.txt").unlink()
    sync = ingestor.sync([url], allow_deletes=99)
    reading = iter(sync)
    served.failing["/b/deep" if kind == "shelf" else "/b"] = ConnectionError("away")
    if kind == "heap":  # listed in one go: there is nothing to go on with
        with pytest.raises(SourceError):
            next(reading)
        assert sync.outcome is None
    else:
        assert [result.status for result in reading] == ["unchanged"]
        assert sync.outcome == Mirrored((), (Withheld("unreadable", "shelf://host/b/deep", 1),), 0)
    assert len(uris(ingestor)) == 2
    served.failing.clear()
    assert len(synced(ingestor, url).removed) == 1


def test_a_server_that_is_away_removes_nothing(ingestor: Ingestor, served: Served) -> None:
    synced(ingestor, "shelf://host/")
    before = uris(ingestor)
    served.failing["/"] = ConnectionError("away")
    with pytest.raises(SourceError, match=r"shelf://host cannot be reached \(ConnectionError\)"):
        synced(ingestor, "shelf://host/", allow=99)
    assert uris(ingestor) == before


def test_what_a_listing_leaves_out_is_asked_for(ingestor: Ingestor, served: Served) -> None:
    synced(ingestor, "shelf://host/")
    served.unlisted |= {"/a.txt", "/b.txt"}
    (served.root / "b.txt").unlink()
    assert [state.source_uri for state in synced(ingestor, "shelf://host/").removed] == ["shelf://host/b.txt"]


def test_other_folders_tenants_and_uris_are_never_touched(ingestor: Ingestor, served: Served, tmp_path: Path) -> None:
    shutil.copytree(served.root / "b", served.root / "b2")
    synced(ingestor, "shelf://host/b", "shelf://host/b2", "heap://host/b", f"file://{served.root}/b", str(served.root))
    ingestor.routers["text"].process("shelf://host/a.txt", source_uri="shelf://host/b/named.txt")
    with Ingestor(ingestor.store, {**SETTINGS, "tenant_id": "north"}, routers={"text": TextRouter}) as north:
        synced(north, "shelf://host/b")
    before = uris(ingestor)
    for name in ("b", "b2"):
        (served.root / name / "2.txt").unlink()
    assert [state.source_uri for state in synced(ingestor, "shelf://host/b").removed] == ["shelf://host/b/2.txt"]
    assert set(before) - set(uris(ingestor)) == {"shelf://host/b/2.txt"}
    assert uris(ingestor, "north") == ["shelf://host/b/2.txt", "shelf://host/b/deep/4.txt"]


def test_a_worker_of_a_queue_fetches_only_what_changed(ingestor: Ingestor, served: Served) -> None:
    (asked,) = ingestor.discover(["shelf://host/b/deep"])
    stamp = asked.stamp
    request = JobRequest(
        asked.file_path,
        {},
        "text:1.0.0",
        size_bytes=stamp.size_bytes,
        modified_ns=stamp.modified_ns,
        etag=stamp.etag,
        format_name="text",
    )
    with JobServer(ingestor) as server:
        assert server.run(request).status == "committed"
        assert server.run(request).status == "unchanged"
        assert served.taken == ["/b/deep/4.txt"]
        assert server.run(replace(request, checksum=True)).status == "unchanged"
        assert len(served.taken) == 2
        refused = server.run(replace(request, content_hash="00"))
        assert (refused.status, refused.errors) == ("deferred", ("E_EXECUTION_SUBMIT",))
        served.failing["/b/deep/4.txt"] = ConnectionError("away")
        away = server.run(replace(request, size_bytes=99))
        assert (away.status, away.errors) == ("deferred", ("E_SOURCE_UNREADABLE",))


def test_a_folder_in_an_archive_that_was_replaced_is_read_anew(ingestor: Ingestor, folder: Path) -> None:
    url = url_of("zip", folder)
    synced(ingestor, url)
    write_text(folder / "a.txt", "replaced")
    (folder / "b.txt").unlink()
    url_of("zip", folder)
    assert len(synced(ingestor, url).removed) == 1
    assert len(ingestor.search("replaced")) == 1


def test_copies_of_a_killed_process_are_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = (
        "import time; from ingestkit_core.spool import fresh_directory as fresh; "
        "fresh().mkdir(parents=True); print(fresh().parent, flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], env={**os.environ, "TMPDIR": str(tmp_path)}, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    left = Path(process.stdout.readline().strip())
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    spool.LockedDirectory("jobs").close()
    assert left.is_dir(), "its owner lives"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert left.is_dir()
    spool.LockedDirectory("jobs").close()
    assert not left.exists()
