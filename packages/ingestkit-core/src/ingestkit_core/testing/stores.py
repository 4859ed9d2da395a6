"""What every DocumentStore is held to: subclass the contract, give it a ``store`` fixture, run it with pytest."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from ingestkit_core.errors import IngestError, StoreError
from ingestkit_core.keys import hash_text
from ingestkit_core.stores import open_store
from ingestkit_core.stores.base import (
    DocumentStore,
    QuarantineRecord,
    QueryError,
    RootRecord,
)
from ingestkit_core.testing.searching import SearchContract
from ingestkit_core.testing.tables import TableContract
from ingestkit_core.testing.versions import found, version

__all__ = ["DocumentStoreContract", "version"]


class DocumentStoreContract(SearchContract, TableContract):
    """The promises of a store, one test each."""

    def test_a_replaced_document_leaves_nothing_behind(self, store: DocumentStore) -> None:
        store.replace(version("/a.txt", ["first words", "second words"], rows=[("x", 1), ("y", 2)]))
        (table,) = store.tables()
        store.replace(version("/a.txt", ["third words"]))
        assert found(store, "first") == found(store, "second") == []
        assert [hit.text for hit in store.chunks(None, "/a.txt")] == ["third words"]
        assert store.tables() == []
        with pytest.raises(QueryError):
            store.query(f'SELECT * FROM "{table.table_name}"')
        assert (store.status().sources, store.status().chunks) == (1, 1)

    def test_a_failed_replacement_keeps_the_old_version(self, store: DocumentStore) -> None:
        store.replace(version("/a.txt", ["old words"], rows=[("x", 1)]))
        before = list(store.export())
        broken = version("/a.txt", ["new words"], rows=[("x", object())])
        with pytest.raises(StoreError):
            store.replace(broken)
        assert list(store.export()) == before
        assert found(store, "new") == []

    def test_quarantine_stands_beside_the_committed_version(self, store: DocumentStore) -> None:
        good = version("/a.txt", ["good words"])
        store.replace(good)
        error = IngestError(code="E_PARSE_CORRUPT", message="broken", stage="parse")
        store.quarantine(QuarantineRecord(good.state, "E_PARSE_CORRUPT", (error,)))
        record = store.find_quarantined(None, "/a.txt")
        assert record is not None
        assert (record.code, record.errors, record.attempts) == ("E_PARSE_CORRUPT", (error,), 1)
        assert found(store, "good") == ["/a.txt"]
        assert store.release(None, ["E_OTHER"]) == 0
        assert store.release(None, ["E_PARSE_CORRUPT"]) == 1
        assert list(store.quarantined()) == []

    def test_committing_ends_the_quarantine(self, store: DocumentStore) -> None:
        good = version("/a.txt", ["good words"])
        store.quarantine(QuarantineRecord(good.state, "E_PARSE_CORRUPT", ()))
        store.replace(good)
        assert store.find_quarantined(None, "/a.txt") is None

    def test_moving_is_the_same_as_ingesting_under_the_new_name(self, store: DocumentStore) -> None:
        texts, rows = ["words of the document", "more"], [("x", 1)]
        store.replace(version("/old/a.txt", texts, rows=rows))
        old = store.find(None, "/old/a.txt")
        assert old is not None
        store.move(old, version("/new/b.txt", texts, rows=rows).state, "run2")
        moved = _comparable(store)
        store.remove(None, "/new/b.txt")
        store.replace(version("/new/b.txt", texts, rows=rows))
        assert _comparable(store) == moved
        assert store.find(None, "/old/a.txt") is None

    def test_replacing_can_take_the_place_of_another_source(self, store: DocumentStore) -> None:
        store.replace(version("/old.txt", ["words"]))
        store.replace(version("/new.txt", ["words"], moved_from="/old.txt"))
        assert found(store, "words") == ["/new.txt"]

    def test_export_depends_on_content_alone(self, store: DocumentStore) -> None:
        versions = [version(f"/{name}.txt", [f"text {name}"], rows=[(name, 1)]) for name in "abc"]
        for one in versions:
            store.replace(one)
        first = list(store.export())
        for one in reversed(versions):
            store.remove(None, one.state.source_uri)
        for one in reversed(versions):
            store.replace(one)
        assert list(store.export()) == first

    def test_export_shows_a_change_of_anything(self, store: DocumentStore) -> None:
        seen = set()
        for one in (
            version("/a.txt", ["text"], rows=[("x", 1)]),
            version("/a.txt", ["text!"], rows=[("x", 1)]),
            version("/a.txt", ["text"], rows=[("x", 2)]),
            version("/a.txt", ["text"], rows=[("x", "1")]),
            version("/a.txt", ["text"]),
            version("/a.txt", ["text"], rows=[("x", 1)], language="en"),
            version("/b.txt", ["text"], rows=[("x", 1)]),
        ):
            for uri in ("/a.txt", "/b.txt"):
                store.remove(None, uri)
            store.replace(one)
            seen.add("\n".join(store.export()))
        assert len(seen) == 7
        store.quarantine(QuarantineRecord(version("/c.txt", []).state, "E_PARSE_CORRUPT", ()))
        seen.add("\n".join(store.export()))
        store.quarantine(QuarantineRecord(version("/c.txt", []).state, "E_PARSE_EMPTY", ()))
        seen.add("\n".join(store.export()))
        assert len(seen) == 9

    def test_readers_see_one_version_while_a_writer_replaces(self, store: DocumentStore) -> None:
        """Never half: the token in the chunk, the table and the journal is the same in every look."""
        store.replace(version("/a.txt", ["token0"], rows=[("token0", 0)]))
        stop = threading.Event()

        def write() -> None:
            number = 0
            while not stop.is_set():
                number += 1
                store.replace(version("/a.txt", [f"token{number}"], rows=[(f"token{number}", number)]))

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for _ in range(150):
                lines = list(store.chunks(None, "/a.txt"))
                assert len(lines) == 1
                assert store.find(None, "/a.txt") is not None
        finally:
            stop.set()
            writer.join()

    def test_roots_are_remembered_by_tenant_and_forgotten_with_it(self, store: DocumentStore) -> None:
        assert store.find_root(None, "/docs") is None
        for tenant in (None, "north"):
            store.record_root(RootRecord(tenant, "/docs", "2049", 3))
        exported = list(store.export())
        store.record_root(RootRecord("north", "/docs", "18446744073709551615", 4))
        assert store.find_root(None, "/docs") == RootRecord(None, "/docs", "2049", 3)
        assert store.find_root("north", "/docs") == RootRecord("north", "/docs", "18446744073709551615", 4)
        assert list(store.export()) == exported
        store.forget("north")
        assert store.find_root("north", "/docs") is None
        assert store.find_root(None, "/docs") is not None

    def test_a_copy_holds_the_same(self, store: DocumentStore, tmp_path: Path) -> None:
        store.replace(version("/a.txt", ["text"], rows=[("x", 1)], vectors=[[1.0, 0.0]], tenant="red"))
        store.quarantine(QuarantineRecord(version("/c.txt", []).state, "E_PARSE_CORRUPT", ()))
        store.backup(tmp_path / "copy.db")
        with open_store(tmp_path / "copy.db") as copy:
            assert list(copy.export()) == list(store.export())
            assert copy.known_vectors("model", [hash_text("text")]) == {hash_text("text"): (1.0, 0.0)}
        with pytest.raises(StoreError, match="never overwrites"):
            store.backup(tmp_path / "copy.db")

    def test_forgetting_takes_everything(self, store: DocumentStore) -> None:
        store.replace(version("/a.txt", ["text"], rows=[("x", 1)], vectors=[[1.0, 0.0]]))
        store.replace(version("/b.txt", ["other"]))
        assert store.forget(None, "/a.txt") == 1
        assert store.forget(None, "/a.txt") == 0
        assert found(store, "text") == []
        assert found(store, "other") == ["/b.txt"]
        assert store.forget(None) == 1
        assert list(store.export()) == []


def _comparable(store: DocumentStore) -> list[str]:
    return [line for line in store.export() if '"kind":"source"' not in line]
