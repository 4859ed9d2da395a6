"""The embedded store: the contract of every store, and what only a file can promise."""

from __future__ import annotations

import math
import os
import random
import sqlite3
import stat
import subprocess
import sys
import textwrap
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingestkit_core.errors import ErrorCode, StoreError
from ingestkit_core.keys import hash_text
from ingestkit_core.protocols import StructuredDBBackend, VectorStoreBackend
from ingestkit_core.stores import SqliteStore, open_store
from ingestkit_core.stores.files import network_file_system
from ingestkit_core.stores.fulltext import match_queries
from ingestkit_core.stores.naming import MAX_NAME_BYTES, table_name
from ingestkit_core.stores.sqlite import schema
from ingestkit_core.testing.stores import DocumentStoreContract, version

pytestmark = pytest.mark.unit


class TestSqliteStore(DocumentStoreContract):
    pass


def code_of(error: pytest.ExceptionInfo[StoreError]) -> ErrorCode:
    return error.value.code


def test_it_satisfies_the_simpler_protocols_too(store: SqliteStore) -> None:
    assert isinstance(store, VectorStoreBackend)
    assert isinstance(store, StructuredDBBackend)
    one = version("/a.txt", ["brought by hand"])
    store.ensure_collection("default", 3)
    assert store.upsert_chunks("default", one.chunks) == 1
    assert store.upsert_chunks("default", one.chunks) == 1
    assert [hit.text for hit in store.search("brought hand")] == ["brought by hand"]
    store.create_payload_index("default", "language", "keyword")
    assert store.delete_by_ids("default", [one.chunks[0].id, "unknown"]) == 1
    assert store.search("brought") == []
    with pytest.raises(StoreError) as refused:
        store.ensure_collection("default", 4)
    assert code_of(refused) is ErrorCode.E_STORE_DIMENSION


def test_nothing_is_created_before_the_first_write(tmp_path: Path) -> None:
    with SqliteStore(tmp_path / "store.db") as store:
        assert store.find(None, "/a") is None
        assert store.tables() == list(store.export()) == []
        assert store.release(None) == 0
        assert store.forget(None, "/a") == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"not a database at all, just text" * 40, b"SQLite format 3\x00" + b"\xff" * 600])
def test_a_file_that_is_no_store_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(content)
    with pytest.raises(StoreError) as refused:
        SqliteStore(path)
    assert code_of(refused) is ErrorCode.E_STORE_INVALID
    assert path.read_bytes() == content


def test_somebody_elses_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "photos.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE photos (id)")
    other.commit()
    other.close()
    with pytest.raises(StoreError) as refused:
        SqliteStore(path)
    assert code_of(refused) is ErrorCode.E_STORE_INVALID


def test_a_newer_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with SqliteStore(path) as store:
        store.replace(version("/a.txt", ["text"]))
    raw = sqlite3.connect(path)
    raw.execute(f"PRAGMA user_version = {schema.SCHEMA_VERSION + 1}")
    raw.close()
    with pytest.raises(StoreError) as refused:
        SqliteStore(path)
    assert code_of(refused) is ErrorCode.E_STORE_VERSION


def test_an_older_store_is_migrated_with_its_content(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with SqliteStore(path) as store:
        store.replace(version("/a.txt", ["kept text"], rows=[("x", 1)], vectors=[[3.0, 4.0]]))
        expected = list(store.export())
        kept = store.known_vectors("model", [hash_text("kept text")])
    raw = sqlite3.connect(path)
    raw.executescript("DROP TABLE ingest_jobs; DROP TABLE ingest_workers")
    raw.executescript(
        "ALTER TABLE vectors RENAME TO newer; CREATE TABLE vectors (embedder TEXT NOT NULL, text_hash TEXT NOT NULL, "
        "vector BLOB NOT NULL, PRIMARY KEY (embedder, text_hash)) WITHOUT ROWID; "
        "INSERT INTO vectors SELECT * FROM newer; DROP TABLE newer"
    )
    raw.execute("ALTER TABLE quarantine DROP COLUMN attempts")
    raw.executescript("ALTER TABLE sources DROP COLUMN etag; ALTER TABLE quarantine DROP COLUMN etag")
    raw.execute("DROP TABLE roots")
    raw.execute("PRAGMA user_version = 1")
    raw.commit()
    raw.close()
    with SqliteStore(path) as store:
        assert store.status().schema_version == schema.SCHEMA_VERSION
        assert list(store.export()) == expected
        assert store.known_vectors("model", [hash_text("kept text")]) == kept != {}
        assert list(store.quarantined()) == []
        assert store.find_root(None, "/a") is None


def test_forgetting_leaves_no_byte(tmp_path: Path) -> None:
    token, word = "Xylophonquartz", "zyzzyvaplanted"
    path = tmp_path / "store.db"
    with SqliteStore(path) as store:
        for number in range(30):
            store.replace(version(f"/other{number}.txt", [f"ordinary text number {number} " * 20]))
        old = version("/secret.txt", [f"an older {token} text {word}"], rows=[(token, 1)])
        store.replace(old)
        store.replace(version("/secret.txt", [f"the {token} text {word}", "more"], rows=[(f"{token}2", 1)]))
        assert any(token.encode() in file.read_bytes() for file in tmp_path.iterdir())
        store.forget(None, "/secret.txt")
        for file in tmp_path.iterdir():
            content = file.read_bytes().lower()
            for needle in (token, word, "secret.txt", token[4:12], word[3:10]):
                assert needle.lower().encode() not in content, (file.name, needle)
        assert len(store.search("ordinary", k=50)) == 30


def run_python(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.timeout(180)
def test_one_owner_at_a_time_and_readers_always(store: SqliteStore) -> None:
    store.replace(version("/a.txt", ["text"]))
    script = """
        import sys
        from ingestkit_core.stores import SqliteStore
        from ingestkit_core.testing.stores import version
        store = SqliteStore(sys.argv[1])
        print(len(store.search("text")))
        try:
            store.replace(version("/b.txt", ["text"]))
        except Exception as error:
            print(error.code, error.message)
    """
    done = run_python(script, store.path)
    assert done.stdout.startswith("1\nE_STORE_LOCKED"), done
    assert f"process {os.getpid()}" in done.stdout
    store.close()
    assert "E_STORE_LOCKED" not in run_python(script, store.path).stdout


def test_two_stores_in_one_process_share_the_lease(store: SqliteStore) -> None:
    store.replace(version("/a.txt", ["text one"]))
    with SqliteStore(store.path) as second:
        second.replace(version("/b.txt", ["text two"]))
    store.replace(version("/c.txt", ["text three"]))
    assert len(store.search("text")) == 3


def test_waiting_for_the_lock_ends(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from ingestkit_core.stores.lease import Lease; from pathlib import Path\n"
            "with Lease(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()",
            str(tmp_path / "store.db"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    store = SqliteStore(tmp_path / "store.db")
    with pytest.raises(StoreError), store.lease(0.3):
        pass
    holder.communicate("")
    with store.lease(None):
        pass


def test_a_read_only_copy_can_be_searched_and_queried(tmp_path: Path) -> None:
    with SqliteStore(tmp_path / "store.db") as store:
        store.replace(version("/a.txt", ["text"], rows=[("x", 1)]))
        store.backup(tmp_path / "copy.db")
        with pytest.raises(StoreError):
            store.backup(tmp_path / "copy.db")
    locked = tmp_path / "locked"
    locked.mkdir()
    (tmp_path / "copy.db").rename(locked / "copy.db")
    (locked / "copy.db").chmod(0o400)
    locked.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        with SqliteStore(locked / "copy.db") as copy:
            assert len(copy.search("text")) == 1
            (table,) = copy.tables()
            assert copy.query(f'SELECT amount FROM "{table.table_name}"').rows == ((1,),)
    finally:
        locked.chmod(stat.S_IRWXU)


def test_a_copy_of_a_closed_store_in_wal_mode_opens_read_only(tmp_path: Path) -> None:
    with SqliteStore(tmp_path / "store.db") as store:
        store.replace(version("/a.txt", ["text"]))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store.db", "store.db.lock"]
    with SqliteStore(tmp_path / "store.db") as store:
        assert store.status().chunks == 1


def test_a_store_url_is_opened_and_others_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_store(f"sqlite:///{tmp_path}/x.db").url == f"sqlite:///{tmp_path}/x.db"
    monkeypatch.setenv("INGESTKIT_STORE", str(tmp_path / "y.db"))
    assert open_store().url.endswith("/y.db")
    with pytest.raises(StoreError):
        open_store("mysql://host/db")


def test_the_folder_must_exist(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="does not exist"):
        SqliteStore(tmp_path / "nowhere" / "store.db").replace(version("/a.txt", ["text"]))


@pytest.mark.parametrize(
    ("folder", "expected"), [("/mnt/share/docs", "nfs4"), ("/mnt/share docs", "cifs"), ("/mnt", None), ("/", None)]
)
def test_network_file_systems_are_recognised(tmp_path: Path, folder: str, expected: str | None) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
        "40 22 0:40 / /mnt/share rw shared:1 - nfs4 server:/share rw\n"
        "41 22 0:41 / /mnt/share\\040docs rw - cifs //server/share rw\n"
    )
    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux tells what lies under a folder")
    assert network_file_system(Path(folder), mounts) == expected


@given(st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_makes_a_query_that_fts5_accepts(text: str) -> None:
    queries = match_queries(text)
    if queries is not None:
        _FTS.execute("SELECT * FROM t WHERE t MATCH ?", (queries[0],)).fetchall()
        _FTS.execute("SELECT * FROM t WHERE t MATCH ?", (queries[1],)).fetchall()


_FTS = sqlite3.connect(":memory:")
_FTS.execute("CREATE VIRTUAL TABLE t USING fts5 (a)")


@given(st.text(min_size=1, max_size=80), st.text(min_size=1, max_size=80), st.text(max_size=9))
def test_table_names_are_stable_short_and_apart(uri: str, unit: str, region: str) -> None:
    name = table_name("t", uri, unit, region)
    assert name == table_name("t", uri, unit, region)
    assert len(name.encode("utf-8")) <= MAX_NAME_BYTES
    assert name != table_name("t", uri, unit, region + "x")
    assert name != table_name("u", uri, unit, region)


@pytest.mark.integration
def test_a_full_disk_loses_nothing(small_disk: Path) -> None:
    with SqliteStore(small_disk / "store.db") as store:
        store.replace(version("/a.txt", ["text that fits"]))
        with pytest.raises(StoreError) as refused:
            store.replace(version("/b.txt", [f"much text {i} " * 500 for i in range(300)]))
        assert code_of(refused) is ErrorCode.E_STORE_FULL
        assert len(store.search("fits")) == 1
        assert store.find(None, "/b.txt") is None
        store.replace(version("/c.txt", ["small again"]))


@pytest.mark.integration
def test_a_store_that_could_not_be_made_keeps_no_lock(small_disk: Path) -> None:
    (small_disk / "filling").write_bytes(bytes(690_000))
    with SqliteStore(small_disk / "store.db") as store:
        for _ in range(2):
            with pytest.raises(StoreError):
                store.replace(version("/a.txt", ["text"]))
        (small_disk / "filling").unlink()
        store.replace(version("/a.txt", ["text"]))
    script = "import sys; from ingestkit_core.stores.lease import Lease; from pathlib import Path\n"
    script += "with Lease(Path(sys.argv[1])): pass"
    subprocess.run([sys.executable, "-c", script, str(small_disk / "store.db")], check=True, timeout=30)


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is a folder"):
        SqliteStore(tmp_path)


def test_a_backup_that_cannot_be_written_names_its_place(store: SqliteStore, tmp_path: Path) -> None:
    store.replace(version("/a.txt", ["text"]))
    with pytest.raises(StoreError, match=r"nowhere/copy\.db"):
        store.backup(tmp_path / "nowhere" / "copy.db")


def test_a_file_without_a_schema_is_no_store_yet(tmp_path: Path) -> None:
    raw = sqlite3.connect(tmp_path / "store.db")
    raw.execute("PRAGMA journal_mode = WAL")
    raw.execute("CREATE TABLE x (a)")
    raw.execute("DROP TABLE x")
    raw.close()
    with SqliteStore(tmp_path / "store.db") as store:
        assert list(store.sources()) == []
        with pytest.raises(StoreError, match="no store"):
            store.search("text")
        store.replace(version("/a.txt", ["text"]))
        assert len(store.search("text")) == 1


def test_a_store_in_the_making_is_never_taken_for_a_foreign_file(tmp_path: Path) -> None:
    for number in range(40):
        path = tmp_path / f"{number}.db"
        writer, reader = SqliteStore(path), SqliteStore(path)
        failures: list[StoreError] = []

        def look(reader: SqliteStore = reader, failures: list[StoreError] = failures) -> None:
            for _ in range(200):
                try:
                    reader.find(None, "/a.txt")
                except StoreError as exc:
                    failures.append(exc)

        looking = threading.Thread(target=look)
        looking.start()
        writer.touch(version("/a.txt", []).state)
        looking.join()
        writer.close()
        reader.close()
        assert failures == []


def test_a_lookup_sees_what_is_committed_whoever_writes_meanwhile(tmp_path: Path) -> None:
    with SqliteStore(tmp_path / "store.db") as store:
        store.replace(version("/a.txt", ["a text"]))
        replaced, looked = threading.Event(), threading.Event()

        def replace_slowly() -> None:
            with store._file.writing() as connection:
                connection.execute("DELETE FROM sources")
                replaced.set()
                assert looked.wait(30)

        writer = threading.Thread(target=replace_slowly)
        writer.start()
        assert replaced.wait(30)
        assert store.find(None, "/a.txt") is not None
        looked.set()
        writer.join()
        with store._file.writing() as connection:
            connection.execute("INSERT INTO settings VALUES ('embedder', '[\"model\", 3]')")
            assert store.embedder() is None
        assert store.embedder() == ("model", 3)


def test_an_owner_looks_things_up_without_parsing_all_its_tables_again(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.replace(version("/a.txt", ["a text"], rows=[("a", 1)]))
    monkeypatch.setattr(store._file, "open_reader", lambda: pytest.fail("a reader was opened"))
    monkeypatch.setattr(store._file, "_readers", [])
    assert store.find(None, "/a.txt") is not None
    assert store.find_quarantined(None, "/a.txt") is None
    assert store.find_root(None, "/") is None
    assert store.embedder() is None


def test_a_new_version_makes_no_table_anew_whose_columns_stay(store: SqliteStore) -> None:
    def schemas() -> int:
        with sqlite3.connect(store.path) as connection:
            (count,) = connection.execute("PRAGMA schema_version").fetchone()
        return int(count)

    store.replace(version("/a.txt", ["a text"], rows=[("a", 1), ("b", 2)]))
    before = schemas()
    store.replace(version("/a.txt", ["another text"], rows=[("c", 3)]))
    (table,) = store.tables()
    rows = store.query(f"SELECT label, amount FROM {table.table_name}").rows
    assert (schemas(), rows, table.row_count) == (before, (("c", 3),), 1)
    store.replace(version("/a.txt", ["a text without a table"]))
    assert store.tables() == []
    with sqlite3.connect(store.path) as connection:
        assert connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table.table_name,)).fetchone() is None


def test_nearest_chunks_are_those_of_what_is_committed_whatever_was_searched_before(store: SqliteStore) -> None:
    """The vectors of the last search are kept; equal ones are in the order of their places."""
    chance = random.Random(3)
    texts = [f"text {number}" for number in range(40)]
    made = {uri: [[chance.gauss(0, 1) for _ in range(4)] for _ in texts] for uri in ("/b.txt", "/a.txt", "/c.txt")}
    made["/c.txt"][7] = made["/a.txt"][7]
    for uri, vectors in made.items():
        tenant = "t" if uri == "/c.txt" else None
        store.replace(version(uri, [f"{uri} {text}" for text in texts], vectors=vectors, tenant=tenant))

    def nearest(uris: Sequence[str], wanted: Sequence[float]) -> list[str]:
        def distance(uri: str, number: int) -> tuple[float, bool, str, int]:
            vector = made[uri][number]
            return (
                -sum(a * b for a, b in zip(vector, wanted, strict=True)) / math.hypot(*vector),
                uri == "/c.txt",
                uri,
                number,
            )

        found = sorted(distance(uri, number) for uri in uris for number in range(len(texts)))
        return [f"{uri} text {number}" for *_, uri, number in found[:3]]

    def hits(**options: Any) -> list[str]:
        return [hit.text for hit in store.search("", 3, vector=wanted, **options)]

    wanted = made["/a.txt"][7]
    for _ in range(2):
        assert hits() == nearest(["/a.txt", "/b.txt", "/c.txt"], wanted)
        assert hits(tenant_id="t") == nearest(["/c.txt"], wanted)
        assert hits(tenant_id="") == nearest(["/a.txt", "/b.txt"], wanted)
        assert hits(filters={"source_uri": "/b.txt"}) == nearest(["/b.txt"], wanted)
        assert hits(filters={"content_type": "none"}) == []
    store.remove("t", "/c.txt")
    assert hits() == nearest(["/a.txt", "/b.txt"], wanted)
    with SqliteStore(store.path) as other:
        other.remove(None, "/a.txt")
    assert hits() == nearest(["/b.txt"], wanted)
