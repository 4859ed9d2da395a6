"""Pairs of foreign stores kept in step: the contract of every store, and what is left in the foreign ones."""

from __future__ import annotations

import contextlib
import http.server
import os
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pandas", reason="needs pip install 'ingestkit-core[frames]'")

from ingestkit_core.errors import ErrorCode, StoreError
from ingestkit_core.protocols import VectorStoreBackend
from ingestkit_core.stores import SqliteStore, open_store
from ingestkit_core.stores.base import DocumentStore
from ingestkit_core.stores.paired import PairedStore
from ingestkit_core.testing import (
    HashingEmbedder,
    MemoryStructuredDB,
    MemoryVectorStore,
    TextConfig,
    TextRouter,
    write_text,
)
from ingestkit_core.testing.stores import DocumentStoreContract, version

pytestmark = pytest.mark.integration


class TestPairedInMemory(DocumentStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[DocumentStore]:
        with PairedStore(MemoryVectorStore(), MemoryStructuredDB(), tmp_path / "journal.db") as opened:
            yield opened


class TestPairedWithQdrant(DocumentStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[DocumentStore]:
        qdrant = _qdrant()
        tables = SqliteStore(tmp_path / "tables.db")
        with PairedStore(qdrant(":memory:"), tables, tmp_path / "journal.db") as opened:
            yield opened
        tables.close()


def _qdrant() -> Any:
    try:
        from ingestkit_core.stores.qdrant import QdrantStore
    except ImportError:
        reason = "needs pip install 'ingestkit-core[qdrant]'"
        if "qdrant" in os.environ.get("INGESTKIT_REQUIRE", "").split(","):
            pytest.fail(reason)
        pytest.skip(reason)
    return QdrantStore


@pytest.fixture
def vectors() -> MemoryVectorStore:
    return MemoryVectorStore()


@pytest.fixture
def tables() -> MemoryStructuredDB:
    return MemoryStructuredDB()


@pytest.fixture
def store(tmp_path: Path, vectors: MemoryVectorStore, tables: MemoryStructuredDB) -> Iterator[PairedStore]:
    with PairedStore(vectors, tables, tmp_path / "journal.db") as opened:
        yield opened


def points(vectors: MemoryVectorStore) -> set[str]:
    return {chunk.text for chunk in vectors.points.get("default", {}).values()}


def test_the_foreign_stores_hold_the_current_version_and_nothing_else(
    store: PairedStore, vectors: MemoryVectorStore, tables: MemoryStructuredDB
) -> None:
    store.replace(version("/a.txt", ["old text", "kept"], rows=[("x", 1)], vectors=[[1.0, 0.0], [0.0, 1.0]]))
    written = store.replace(
        version("/a.txt", ["new text", "kept"], rows=[("y", 2), (None, None)], vectors=[[1.0, 0.0], [0.0, 1.0]])
    )
    assert points(vectors) == {"new text", "kept"}
    assert vectors.sizes == {"default": 2}
    assert set(vectors.points["default"]) == set(written.vector_point_ids)
    assert (written.vector_collection, set(tables.frames)) == ("default", set(written.db_table_names))
    (frame,) = tables.frames.values()
    assert list(frame.columns) == ["row_id", "label", "amount", "_page", "_box"]
    assert frame["amount"].tolist()[0] == 2
    assert frame["amount"].isna().tolist() == [False, True]
    record = store.find(None, "/a.txt")
    assert record is not None
    assert record.result.written == written
    store.remove(None, "/a.txt")
    assert (points(vectors), tables.frames) == (set(), {})


def test_a_failure_half_way_keeps_the_old_version_and_the_next_try_tidies_up(
    store: PairedStore, vectors: MemoryVectorStore, tables: MemoryStructuredDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.replace(version("/a.txt", ["old"], rows=[("x", 1)]))
    before = list(store.export())

    def fail(*_: object) -> None:
        raise ConnectionError("host=secret")

    with monkeypatch.context() as broken:
        broken.setattr(tables, "create_table_from_dataframe", fail)
        with pytest.raises(StoreError) as failed:
            store.replace(version("/a.txt", ["half"], rows=[("y", 2)]))
    assert failed.value.code is ErrorCode.E_BACKEND_DB_CONNECT
    assert "secret" not in str(failed.value)
    assert list(store.export()) == before
    assert points(vectors) == {"old", "half"}
    store.replace(version("/b.txt", ["other"]))
    assert points(vectors) == {"old", "other"}


def test_what_one_thread_has_written_is_not_swept_by_another_before_its_commit(
    tmp_path: Path, vectors: MemoryVectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    written, go_on = threading.Event(), threading.Event()
    upsert = vectors.upsert_chunks

    def slowly(collection: str, chunks: Any) -> int:
        number = upsert(collection, chunks)
        if chunks[0].metadata.source_uri == "first":
            written.set()
            go_on.wait(0.5)
        return number

    monkeypatch.setattr(vectors, "upsert_chunks", slowly)
    # As two routers of one program may have them.
    with PairedStore(vectors, None, tmp_path / "j.db") as one, PairedStore(vectors, None, tmp_path / "j.db") as other:
        first = threading.Thread(target=lambda: one.replace(version("first", ["one"])))
        first.start()
        assert written.wait(10)
        other.replace(version("second", ["two"]))
        go_on.set()
        first.join(10)
        stored = {hit.chunk_id for record in one.sources() for hit in one.chunks(None, record.state.source_uri)}
    assert set(vectors.points["default"]) == stored


def test_what_cannot_be_swept_now_is_swept_later(
    store: PairedStore, vectors: MemoryVectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.replace(version("/a.txt", ["old"]))

    def late(*_: object) -> None:
        raise TimeoutError

    with monkeypatch.context() as broken:
        broken.setattr(vectors, "delete_by_ids", late)
        store.replace(version("/a.txt", ["new"]))
    assert points(vectors) == {"old", "new"}
    store.replace(version("/b.txt", ["other"]))
    assert points(vectors) == {"new", "other"}


@pytest.mark.parametrize("method", ["_write", "_put", "_sweep"])
@pytest.mark.timeout(120)
def test_killed_anywhere_the_next_owner_leaves_what_an_undisturbed_run_leaves(tmp_path: Path, method: str) -> None:
    """Killed after each step; the foreign stores are files, so that they outlive the owner."""
    script = """
        import os, signal, sys
        from pathlib import Path
        from ingestkit_core.stores import SqliteStore
        from ingestkit_core.stores.paired import PairedStore
        from ingestkit_core.testing.stores import version
        folder, method = Path(sys.argv[1]), sys.argv[2]
        store = PairedStore(SqliteStore(folder / "points.db"), SqliteStore(folder / "tables.db"), folder / "journal.db")
        store.replace(version("/a.txt", ["old"], rows=[("x", 1)]))
        real = getattr(store, method)
        def step(*arguments):
            if method != "_sweep": real(*arguments)
            os.kill(os.getpid(), signal.SIGKILL)
        setattr(store, method, step)
        store.replace(version("/a.txt", ["new"], rows=[("y", 2)]))
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path), method]
    assert subprocess.run(command, timeout=110, check=False).returncode == -9
    with SqliteStore(tmp_path / "points.db") as points, SqliteStore(tmp_path / "tables.db") as tables:
        with PairedStore(points, tables, tmp_path / "journal.db") as store:
            token = "new" if method == "_sweep" else "old"
            assert [hit.text for hit in store.chunks(None, "/a.txt")] == [token]
            store.replace(version("/b.txt", ["other"]))
            assert [hit.text for hit in points.chunks(None, "/a.txt")] == [token]
            store.replace(version("/a.txt", ["new"], rows=[("y", 2)]))
        assert [hit.text for hit in points.chunks(None, "/a.txt")] == ["new"]
        (table,) = tables.tables()
        assert tables.query(f'SELECT label, amount, _page FROM "{table.table_name}"').rows == (("y", 2, 1),)


def test_what_is_left_over_is_swept_though_there_is_nothing_to_write(
    tmp_path: Path, vectors: MemoryVectorStore, tables: MemoryStructuredDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    with PairedStore(vectors, tables, tmp_path / "journal.db") as killed:
        killed.replace(version("/a.txt", ["old"], rows=[("x", 1)]))
        monkeypatch.setattr(killed, "_sweep", lambda: None)
        killed.replace(version("/a.txt", ["new"], rows=[("y", 2)]))
    assert points(vectors) == {"old", "new"}
    with PairedStore(vectors, tables, tmp_path / "journal.db") as store:
        with store.lease():
            assert points(vectors) == {"new"}
        record = store.find(None, "/a.txt")
        assert record is not None
        assert set(tables.frames) == set(record.result.written.db_table_names)
    with PairedStore(vectors, tables, tmp_path / "none.db") as unwritten, unwritten.lease():
        assert not unwritten.exists


def test_a_version_under_other_settings_that_is_not_committed_overwrites_nothing(
    store: PairedStore, vectors: MemoryVectorStore, tables: MemoryStructuredDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same bytes have the same key, and their chunks the same ids, whatever the settings make of the rest."""
    first = version("/a.txt", ["text"], rows=[("x", 1)], language="en", vectors=[[1.0, 0.0]])
    store.replace(first)
    before = _held(vectors, tables)
    other = version("/a.txt", ["text"], rows=[("x", 1)], language="fr", vectors=[[1.0, 0.0]])
    other = replace(
        other,
        state=replace(other.state, fingerprint="other"),
        tables=[replace(other.tables[0], rows=[("X", 2)])],
    )

    def fail(*_: object) -> None:
        raise StoreError(ErrorCode.E_STORE_FULL, "no room left", recoverable=True)

    with monkeypatch.context() as broken:
        broken.setattr(store, "_put", fail)
        with pytest.raises(StoreError):
            store.replace(other)
    assert before[1].items() < _held(vectors, tables)[1].items()
    store.replace(version("/b.txt", []))
    assert _held(vectors, tables) == before
    store.replace(other)
    assert {chunk.metadata.language for chunk in vectors.points["default"].values()} == {"fr"}
    assert [frame["amount"].tolist() for frame in tables.frames.values()] == [[2]]


def _held(vectors: MemoryVectorStore, tables: MemoryStructuredDB) -> tuple[dict[str, Any], dict[str, Any]]:
    """Points by id (whichever run wrote them) and tables by name, as plain values."""
    own = {"metadata": {"ingest_run_id"}}
    plain = {
        id_: chunk.model_dump(mode="json", exclude=own, exclude_none=True)
        for id_, chunk in vectors.points["default"].items()
    }
    return plain, {name: frame.to_dict() for name, frame in tables.frames.items()}


def test_an_embedder_is_used_from_the_first_commit_on(
    store: PairedStore, vectors: MemoryVectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.replace(version("/a.txt", ["without"]))

    def fail(*_: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(vectors, "upsert_chunks", fail)
        with pytest.raises(StoreError):
            store.replace(version("/b.txt", ["with"], vectors=[[1.0, 0.0]]))
    assert store.embedder() is None
    assert store.replace(version("/c.txt", ["more without"])).vector_collection == "default"


def test_what_cannot_be_forgotten_everywhere_is_not_half_there(
    store: PairedStore, vectors: MemoryVectorStore, tables: MemoryStructuredDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.replace(version("/a.txt", ["secret"], rows=[("x", 1)]))

    def fail(*_: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(tables, "drop_table", fail)
        with pytest.raises(StoreError) as failed:
            store.forget(None, "/a.txt")
    assert failed.value.code is ErrorCode.E_BACKEND_DB_CONNECT
    assert (list(store.export()), store.search("secret")) == ([], [])
    assert b"secret" not in store.path.read_bytes()
    with store.lease():
        assert (points(vectors), tables.frames) == (set(), {})


def test_an_older_journal_knows_what_is_left_over(
    tmp_path: Path, vectors: MemoryVectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with PairedStore(vectors, None, tmp_path / "journal.db") as older:
        older.replace(version("/a.txt", ["old"]))
        monkeypatch.setattr(older, "_sweep", lambda: None)
        older.replace(version("/a.txt", ["new"]))
    with contextlib.closing(sqlite3.connect(tmp_path / "journal.db")) as connection:
        connection.execute("DROP TABLE paired_left_over")
        connection.commit()
    with PairedStore(vectors, None, tmp_path / "journal.db") as store, store.lease():
        assert points(vectors) == {"new"}


def test_another_embedder_has_a_collection_of_its_own(
    store: PairedStore, vectors: MemoryVectorStore, tables: MemoryStructuredDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.replace(version("/a.txt", ["one", "two"], rows=[("x", 1)], vectors=[[1.0, 0.0], [0.0, 1.0]]))
    frames = set(tables.frames)
    assert not store.switch_embedder(("other", 3), {})
    store.add_vectors(("other", 3), {hash_: (1.0, 0.0, 0.0) for hash_, _ in store.unembedded(("other", 3), 9)})

    def fail(*_: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(vectors, "upsert_chunks", fail)
        with pytest.raises(StoreError):
            store.switch_embedder(("other", 3), {})
    assert (store.embedder(), points(vectors)) == (("model", 2), {"one", "two"})
    assert store.switch_embedder(("other", 3), {"fp": "new"})
    record = store.find(None, "/a.txt")
    assert record is not None
    place = record.result.written.vector_collection
    assert place is not None
    assert (store.embedder(), record.state.fingerprint, vectors.sizes[place]) == (("other", 3), "new", 3)
    assert {point.vector for point in vectors.points[place].values()} == {(1.0, 0.0, 0.0)}
    assert set(vectors.points[place]) == set(record.result.written.vector_point_ids)
    assert (points(vectors), set(tables.frames)) == (set(), frames)
    after = store.replace(replace(version("/b.txt", ["three"], vectors=[[0.0, 0.0, 1.0]]), embedder=("other", 3)))
    assert (after.vector_collection, len(vectors.points[place])) == (place, 3)
    store.remove(None, "/a.txt")
    assert [point.text for point in vectors.points[place].values()] == ["three"]


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("method", "identity"), [("_write_again", "model"), ("_sweep", "other")])
def test_killed_while_the_embedder_changes_one_of_them_is_whole(tmp_path: Path, method: str, identity: str) -> None:
    """Killed when half of the points are written, or after the switch; Qdrant's local files outlive the owner."""
    _qdrant()
    script = """
        import os, signal, sys
        from pathlib import Path
        from ingestkit_core.stores.paired import PairedStore
        from ingestkit_core.stores.qdrant import QdrantStore
        from ingestkit_core.testing.stores import version
        folder, method = Path(sys.argv[1]), sys.argv[2]
        store = PairedStore(QdrantStore(str(folder / "qdrant")), None, folder / "journal.db")
        for name in "abc":
            store.replace(version(f"/{name}.txt", [f"text {name}"], vectors=[[1.0, 0.0]]))
        other = ("other", 3)
        store.add_vectors(other, {hash_: (0.0, 1.0, 0.0) for hash_, _ in store.unembedded(other, 9)})
        real, calls = getattr(store, method), []
        def step(*arguments):
            calls.append(real(*arguments))
            if len(calls) == 2:
                os.kill(os.getpid(), signal.SIGKILL)
        setattr(store, method, step)
        store.switch_embedder(other, {})
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path), method]
    assert subprocess.run(command, timeout=110, check=False).returncode == -9
    qdrant = _qdrant()(str(tmp_path / "qdrant"))
    with PairedStore(qdrant, None, tmp_path / "journal.db") as store:
        assert (store.embedder() or ("", 0))[0] == identity
        dimension = 2 if identity == "model" else 3
        assert _qdrant_vectors(qdrant, store) == [dimension] * 3
        if identity == "model":
            store.add_vectors(("other", 3), {hash_: (0.0, 1.0, 0.0) for hash_, _ in store.unembedded(("other", 3), 9)})
            assert store.switch_embedder(("other", 3), {})
        store.replace(replace(version("/d.txt", ["text d"], vectors=[[0.0, 1.0, 0.0]]), embedder=("other", 3)))
        assert _qdrant_vectors(qdrant, store) == [3] * 4
        names = [one.name for one in qdrant._client.get_collections().collections]
        assert sum(qdrant._client.count(name).count for name in names) == 4
    qdrant.close()


def _qdrant_vectors(qdrant: Any, store: PairedStore) -> list[int]:
    """How long the vectors are of the points that the journal says there are."""
    lengths = []
    for record in store.sources():
        written = record.result.written
        found = qdrant._client.retrieve(written.vector_collection, list(written.vector_point_ids), with_vectors=True)
        lengths += [len(point.vector["text"]) for point in found]
    return lengths


def test_moving_moves_in_the_foreign_stores_too(
    store: PairedStore, vectors: MemoryVectorStore, tables: MemoryStructuredDB
) -> None:
    texts, rows = ["words", "more"], [("x", 1)]
    store.replace(version("/old/a.txt", texts, rows=rows, vectors=[[1.0], [0.5]]))
    old = store.find(None, "/old/a.txt")
    assert old is not None
    moved = store.move(old, version("/new/b.txt", texts, rows=rows).state, "run2")
    assert set(vectors.points["default"]) == set(moved.result.written.vector_point_ids)
    assert {chunk.metadata.source_uri for chunk in vectors.points["default"].values()} == {"/new/b.txt"}
    assert set(tables.frames) == set(moved.result.written.db_table_names)


def test_forgetting_forgets_in_the_foreign_stores_too(store: PairedStore, vectors: MemoryVectorStore) -> None:
    store.replace(version("/a.txt", ["text"], tenant="red"))
    store.replace(version("/b.txt", ["other"]))
    assert store.forget("red") == 1
    assert points(vectors) == {"other"}


def test_a_router_wraps_a_pair(tmp_path: Path, vectors: MemoryVectorStore, tables: MemoryStructuredDB) -> None:
    source = write_text(tmp_path / "a.txt", "# Title", "words of the text", "", "label|amount", "x|1")
    config = TextConfig(execution_strategy="thread", execution_max_workers=1, default_collection="mine")
    arguments = {"embedder": HashingEmbedder(8), "config": config, "journal": tmp_path / "journal.db"}
    with TextRouter(vectors, tables, **arguments) as router:
        result = router.process(source)
        assert (result.status, result.written.vector_collection) == ("committed", "mine")
        assert vectors.sizes == {"mine": 8}
        assert set(vectors.points["mine"]) == set(result.written.vector_point_ids)
        assert set(tables.frames) == set(result.written.db_table_names)
        assert router.process(source).status == "unchanged"
        assert router.process(source).written == result.written
    with SqliteStore(tmp_path / "journal.db") as journal:
        assert len(journal.search("words")) == 1


def test_what_is_no_backend_is_refused_by_name(tmp_path: Path, tables: MemoryStructuredDB) -> None:
    with pytest.raises(StoreError, match="vector_store is a dict"):
        TextRouter({}, tables, journal=tmp_path / "journal.db")
    with pytest.raises(StoreError, match="structured_db is a MemoryVectorStore"):
        TextRouter(None, MemoryVectorStore(), journal=tmp_path / "journal.db")


# Qdrant


def test_qdrant_holds_chunks_as_points(tmp_path: Path) -> None:
    qdrant = _qdrant()(str(tmp_path / "qdrant"))
    assert isinstance(qdrant, VectorStoreBackend)
    one = version("/a.txt", ["first", "second"], vectors=[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    qdrant.ensure_collection("c", 3)
    qdrant.ensure_collection("c", 3)
    with pytest.raises(StoreError) as refused:
        qdrant.ensure_collection("c", 4)
    assert refused.value.code is ErrorCode.E_STORE_DIMENSION
    assert qdrant.upsert_chunks("c", one.chunks) == qdrant.upsert_chunks("c", one.chunks) == 2
    qdrant.create_payload_index("c", "source_uri", "keyword")
    (hit,) = qdrant._client.query_points("c", query=[0.9, 0.1, 0.0], using="text", limit=1).points
    assert (hit.id, hit.payload["text"], hit.payload["source_uri"]) == (one.chunks[0].id, "first", "/a.txt")
    assert qdrant.delete_by_ids("c", [one.chunks[0].id, one.chunks[0].id.replace("-", "")[::-1]]) == 1
    assert qdrant.upsert_chunks("without", version("/b.txt", ["no vector"]).chunks) == 1
    qdrant.close()


class _Silent(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        time.sleep(3 if "slow" in self.path else 0)
        with contextlib.suppress(BrokenPipeError):
            self.send_error(503)

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.filterwarnings("ignore:Api key")
def test_a_qdrant_that_cannot_be_had_is_told_by_its_code(tmp_path: Path) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Silent)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    place = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        assert _code(_qdrant()(place, "secret-key", 1), "slow") is ErrorCode.E_BACKEND_VECTOR_TIMEOUT
        assert _code(_qdrant()(place), "c") is ErrorCode.E_BACKEND_VECTOR_CONNECT
    finally:
        server.shutdown()
        server.server_close()
    assert _code(_qdrant()(place), "c") is ErrorCode.E_BACKEND_VECTOR_CONNECT
    with open_store(f"qdrant+{place}?journal={tmp_path}/journal.db") as store:
        assert store.url == f"qdrant+{place}?journal={tmp_path}/journal.db"
        with pytest.raises(StoreError) as down:
            store.replace(version("/a.txt", ["text"], vectors=[[1.0]]))
        assert down.value.code is ErrorCode.E_BACKEND_VECTOR_CONNECT


@pytest.mark.parametrize(
    ("status", "code", "passes"),
    [
        (401, ErrorCode.E_STORE_COMMIT, False),
        (408, ErrorCode.E_BACKEND_VECTOR_CONNECT, True),
        (429, ErrorCode.E_BACKEND_VECTOR_CONNECT, True),
        (503, ErrorCode.E_BACKEND_VECTOR_CONNECT, True),
    ],
)
def test_what_qdrant_refuses_for_a_while_is_tried_again(status: int, code: ErrorCode, *, passes: bool) -> None:
    store = _qdrant()
    from ingestkit_core.testing.qdrantserver import QdrantServer

    with QdrantServer(lambda method, path: status) as server, pytest.raises(StoreError) as failed:
        store(server.url).upsert_chunks("c", version("/a.txt", ["text"]).chunks)
    assert (failed.value.code, failed.value.recoverable) == (code, passes)


def test_a_folder_of_qdrant_in_use_is_locked(tmp_path: Path) -> None:
    held = _qdrant()(str(tmp_path / "qdrant"))
    with pytest.raises(StoreError) as locked:
        _qdrant()(str(tmp_path / "qdrant"))
    assert (locked.value.code, locked.value.recoverable) == (ErrorCode.E_STORE_LOCKED, True)
    held.close()


def _code(qdrant: Any, collection: str) -> ErrorCode:
    with pytest.raises(StoreError) as failed:
        qdrant.ensure_collection(collection, 3)
    assert failed.value.recoverable
    assert "secret-key" not in str(failed.value)
    return failed.value.code


@pytest.mark.parametrize(
    "url",
    [
        "qdrant+http://host:6333",
        "qdrant+http://?journal=x",
        "qdrant+http://host?journal=x&nonsense=1",
        "qdrant+http://host:port?journal=x",
        "qdrant+http://host:99999?journal=x",
    ],
)
def test_a_url_of_qdrant_names_a_journal(url: str) -> None:
    _qdrant()
    with pytest.raises(StoreError, match="journal=path"):
        open_store(url)
