"""What every DocumentStore is held to: subclass the contract, give it a ``store`` fixture, run it with pytest."""

from __future__ import annotations

import json
import pickle
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingestkit_core.elements import CellRange, PageBox, TableColumn
from ingestkit_core.errors import ErrorCode, IngestError, StoreError
from ingestkit_core.keys import IngestKey, chunk_id, hash_text
from ingestkit_core.models import BaseChunkMetadata, ChunkPayload, ProcessingResult
from ingestkit_core.spooled import RowSpool, SpooledRanges, SpooledRows
from ingestkit_core.stores import open_store
from ingestkit_core.stores.base import (
    DocumentStore,
    DocumentVersion,
    NamedTable,
    QuarantineRecord,
    QueryError,
    RootRecord,
    SourceState,
)
from ingestkit_core.stores.naming import table_name
from ingestkit_core.stores.records import place_of_row

__all__ = ["DocumentStoreContract", "version"]


def version(
    uri: str,
    texts: Sequence[str],
    *,
    tenant: str | None = None,
    rows: Sequence[tuple[Any, ...]] = (),
    language: str | None = None,
    vectors: Sequence[Sequence[float]] | None = None,
    moved_from: str | None = None,
) -> DocumentVersion:
    """A version of a made-up document: one chunk per text, one table if there are rows."""
    content_hash = hash_text("\n".join(texts) + repr(list(rows)))
    key = IngestKey(content_hash=content_hash, source_uri=uri, parser_version="t:1", tenant_id=tenant).key
    state = SourceState(tenant, uri, uri, "text", content_hash, key, "fp", "t:1", 10, 20)
    name = table_name(tenant, uri, "page 1", "r1")
    return DocumentVersion(
        state=state,
        run_id="run",
        result=ProcessingResult(file_path=uri, ingest_key=key, tenant_id=tenant, status="committed"),
        chunks=[
            ChunkPayload(
                id=chunk_id(key, i, hash_text(text)),
                text=text,
                vector=tuple(vectors[i]) if vectors else None,
                metadata=BaseChunkMetadata(
                    source_uri=uri,
                    source_format="text",
                    ingestion_method="text",
                    parser_version="t:1",
                    chunk_index=i,
                    chunk_hash=hash_text(text),
                    ingest_key=key,
                    tenant_id=tenant,
                    language=language,
                    locations=(PageBox(1, (0, 12.0 * i, 100, 12.0 * i + 12)),),
                ),
            )
            for i, text in enumerate(texts)
        ],
        tables=[
            NamedTable(
                name,
                "page 1",
                "r1",
                "A table",
                PageBox(1, (0, 0, 100, 100)),
                (TableColumn("label", "Label", "text"), TableColumn("amount", "Amount", "integer")),
                list(rows),
                [PageBox(1, (0, 12.0 * i, 100, 12.0 * i + 12)) for i in range(len(rows))],
            )
        ]
        if rows
        else [],
        embedder=("model", len(vectors[0])) if vectors else None,
        moved_from=moved_from,
    )


def found(store: DocumentStore, text: str, **options: Any) -> list[str]:
    """The URIs of what a search finds, best first."""
    return [hit.source_uri for hit in store.search(text, **options)]


class DocumentStoreContract:
    """The promises of a store, one test each."""

    def test_what_is_committed_is_found_with_its_citation(self, store: DocumentStore) -> None:
        store.replace(version("/a.txt", ["solar panels on the roof", "nothing else"]))
        (hit,) = store.search("panels roof")
        assert (hit.source_uri, hit.text) == ("/a.txt", "solar panels on the roof")
        assert hit.metadata["locations"] == [{"page_number": 1, "box": [0.0, 0.0, 100.0, 12.0]}]
        assert hit.metadata["ingest_run_id"] == "run"

    def test_all_words_come_before_any_word(self, store: DocumentStore) -> None:
        store.replace(version("/one.txt", ["panels panels panels"]))
        store.replace(version("/both.txt", ["a roof of many things among which panels"]))
        assert found(store, "panels roof") == ["/both.txt", "/one.txt"]

    def test_english_is_stemmed_and_other_languages_are_not(self, store: DocumentStore) -> None:
        store.replace(version("/en.txt", ["the shipping of batteries"], language="en"))
        store.replace(version("/de.txt", ["Angebote und Häuser"], language="de"))
        assert found(store, "ship battery") == ["/en.txt"]
        assert found(store, "häuser") == ["/de.txt"]
        assert found(store, "hauser") == ["/de.txt"]
        assert found(store, "angebot") == []

    @pytest.mark.parametrize(
        ("text", "queries", "misses"),
        [
            ("东京都政府发布了太阳能计划", ["太阳能", "东京", "计划", "京"], ["月球"]),
            ("東京都庁は太陽電池を発表した", ["太陽電池", "都庁", "庁"], ["大阪"]),
            ("แผงโซลาร์เซลล์บนหลังคา", ["โซลาร์", "หลังคา"], ["ทะเล"]),
            ("서울특별시 태양광 사업", ["태양광", "서울"], ["부산"]),
            ("الألواح الشمسية على السطح", ["الشمسية", "السطح"], ["القمر"]),
        ],
    )
    def test_scripts_without_spaces(
        self, store: DocumentStore, text: str, queries: list[str], misses: list[str]
    ) -> None:
        store.replace(version("/x.txt", [text]))
        assert all(found(store, query) == ["/x.txt"] for query in queries)
        assert all(found(store, query) == [] for query in misses)

    @pytest.mark.parametrize(
        "text",
        ["", "   ", '"', "AND", "NEAR(a b)", "a*", "^x", "col:x", "-", "(", "a OR", "\x00", "'; --", "🌞", "{a}"],
    )
    def test_any_text_may_be_searched_for(self, store: DocumentStore, text: str) -> None:
        store.replace(version("/a.txt", ["a or and near x"]))
        store.search(text)

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

    def test_rows_keep_their_types_and_places(self, store: DocumentStore) -> None:
        store.replace(version("/a.txt", ["t"], rows=[("00123", 7), (None, 2**53 + 1)]))
        (table,) = store.tables()
        assert [(c.name, c.header, c.type) for c in table.columns] == [
            ("label", "Label", "text"),
            ("amount", "Amount", "integer"),
        ]
        result = store.query(f'SELECT row_id, label, amount, _page, _box FROM "{table.table_name}" ORDER BY row_id')
        assert [row[:4] for row in result.rows] == [(1, "00123", 7, 1), (2, None, 2**53 + 1, 1)]
        assert (table.row_count, table.source_uri) == (2, "/a.txt")

    def test_a_row_may_stand_in_several_boxes(self, store: DocumentStore) -> None:
        whole = version("/a.txt", ["t"], rows=[("left", 1), ("right", 2)])
        boxes = PageBox(3, (1.0, 2.0, 30.5, 4.0)), PageBox(3, (50.0, 2.0, 60.0, 4.25))
        store.replace(replace(whole, tables=[replace(whole.tables[0], row_locations=[boxes, boxes[0]])]))
        (table,) = store.tables()
        name = table.table_name
        stored = store.query(f'SELECT _page, _box FROM "{name}" ORDER BY row_id').rows
        assert stored == ((3, "[1.0,2.0,30.5,4.0,50.0,2.0,60.0,4.25]"), (3, "[1.0,2.0,30.5,4.0]"))
        assert [place_of_row(*row, on_page=True) for row in stored] == [boxes, boxes[0]]

    def test_spooled_rows_are_stored_as_listed_ones(self, store: DocumentStore) -> None:
        rows = [("00123", 7), (None, 2**53 + 1), ("日本 🌞 'x'", -1)]
        whole = version("/a.txt", ["t"], rows=rows)
        places: list[Any] = [CellRange("Sheet 1", f"B{number}:D{number}") for number in range(5, 8)]
        spool = RowSpool(2)
        spool.add((*row, f"B{number}:D{number}") for number, row in enumerate(rows, 5))
        spooled: SpooledRows = pickle.loads(pickle.dumps(spool.finish()))
        exports = []
        for some, where in ((rows, places), (spooled, SpooledRanges(spooled, "Sheet 1"))):
            # More of them than can be attached at once.
            tables = [
                replace(whole.tables[0], name=f"t{number}", location=places[0], rows=some, row_locations=where)
                for number in range(12)
            ]
            store.replace(replace(whole, tables=tables))
            exports.append(list(store.export()))
        assert exports[0] == exports[1]
        assert sum('"kind":"row"' in line for line in exports[0]) == 36

    def test_tenants_do_not_see_each_other(self, store: DocumentStore) -> None:
        for tenant in ("red", "blue"):
            store.replace(version("/a.txt", [f"{tenant} secret"], tenant=tenant, rows=[(tenant, 1)]))
        assert len(store.search("secret")) == 2
        (hit,) = store.search("secret", tenant_id="red")
        assert hit.tenant_id == "red"
        (red,) = store.tables("red")
        (blue,) = store.tables("blue")
        assert red.table_name != blue.table_name
        assert store.query(f'SELECT label FROM "{red.table_name}"', "red").rows == (("red",),)
        with pytest.raises(QueryError):
            store.query(f'SELECT label FROM "{blue.table_name}"', "red")
        with pytest.raises(QueryError, match="tenant"):
            store.query("SELECT 1")

    def test_filters(self, store: DocumentStore) -> None:
        store.replace(version("/a.txt", ["same words"], language="en"))
        store.replace(version("/b.txt", ["same words"], language="de"))
        assert found(store, "same", filters={"source_uri": "/b.txt"}) == ["/b.txt"]
        assert found(store, "same", filters={"language": "en"}) == ["/a.txt"]
        assert found(store, "same", filters={"language": "x' OR 1"}) == []

    def test_vectors_join_the_words(self, store: DocumentStore) -> None:
        store.replace(version("/a.txt", ["alpha"], vectors=[[1.0, 0.0]]))
        store.replace(version("/b.txt", ["beta"], vectors=[[0.0, 1.0]]))
        assert [hit.source_uri for hit in store.search("", vector=[0.1, 0.9])][0] == "/b.txt"
        assert [hit.source_uri for hit in store.search("alpha", vector=[1.0, 0.0])][0] == "/a.txt"
        assert set(store.known_vectors("model", [hash_text("alpha"), hash_text("gone")])) == {hash_text("alpha")}
        store.remove(None, "/a.txt")
        assert store.known_vectors("model", [hash_text("alpha")]) == {}

    def test_another_embedder_is_made_ready_beside_the_one_in_use(self, store: DocumentStore) -> None:
        assert store.embedder() is None
        store.replace(version("/a.txt", ["alpha", "twice"], vectors=[[1.0, 0.0], [0.5, 0.5]]))
        store.replace(version("/b.txt", ["beta", "twice"], vectors=[[0.0, 1.0], [0.5, 0.5]]))
        other = ("other", 3)
        waiting = dict(store.unembedded(other, 10))
        assert waiting == {hash_text(text): text for text in ("alpha", "beta", "twice")}
        assert len(store.unembedded(other, 2)) == 2
        store.add_vectors(other, {hash_text("alpha"): [0.0, 0.0, 1.0], hash_text("twice"): [0.0, 1.0, 0.0]})
        assert store.unembedded(other, 10) == [(hash_text("beta"), "beta")]
        assert store.switch_embedder(other, {"fp": "new fp"}) is False
        record = store.find(None, "/a.txt")
        assert (store.embedder(), record and record.state.fingerprint) == (("model", 2), "fp")
        assert [hit.text for hit in store.search("", vector=[1.0, 0.0])][0] == "alpha"
        store.add_vectors(other, {hash_text("beta"): [1.0, 0.0, 0.0]})
        assert store.switch_embedder(other, {"fp": "new fp"}) is True
        record = store.find(None, "/a.txt")
        assert (store.embedder(), record and record.state.fingerprint) == (other, "new fp")
        assert [hit.text for hit in store.search("", vector=[0.0, 0.0, 1.0])][0] == "alpha"
        assert store.known_vectors("model", [hash_text("alpha")]) == {}
        assert store.status().vectors == 3

    def test_vectors_in_the_making_are_not_searched(self, store: DocumentStore) -> None:
        store.replace(version("/a.txt", ["alpha", "beta"], vectors=[[1.0, 0.0], [0.0, 1.0]]))
        other = ("other", 2)
        store.add_vectors(other, {hash_text("alpha"): [0.0, 1.0], hash_text("beta"): [1.0, 0.1]})
        best = [hit.text for hit in store.search("", vector=[1.0, 0.1])]
        assert best == ["alpha", "beta"]
        assert store.status().vectors == 2
        assert store.switch_embedder(other, {}) is True
        assert [hit.text for hit in store.search("", vector=[1.0, 0.1])] == ["beta", "alpha"]

    def test_all_vectors_may_go(self, store: DocumentStore) -> None:
        store.replace(version("/a.txt", ["alpha"], vectors=[[1.0, 0.0]]))
        assert store.switch_embedder(None, {}) is True
        assert (store.embedder(), store.status().vectors) == (None, 0)
        assert found(store, "alpha") == found(store, "alpha", vector=[1.0, 0.0]) == ["/a.txt"]
        store.replace(version("/b.txt", ["beta"], vectors=[[1.0, 0.0, 0.0]]))
        assert store.embedder() == ("model", 3)

    def test_vectors_of_another_size_are_refused_before_anything_is_written(self, store: DocumentStore) -> None:
        store.replace(version("/a.txt", ["alpha"], vectors=[[1.0, 0.0]]))
        with pytest.raises(StoreError) as refused:
            store.replace(version("/b.txt", ["beta"], vectors=[[1.0, 0.0, 0.0]]))
        assert refused.value.code is ErrorCode.E_STORE_DIMENSION
        mixed = version("/b.txt", ["beta", "gamma"], vectors=[[1.0, 0.0], [1.0, 0.0, 0.0]])
        with pytest.raises(StoreError) as refused:
            store.replace(mixed)
        assert refused.value.code is ErrorCode.E_STORE_DIMENSION
        assert store.find(None, "/b.txt") is None

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

    @pytest.mark.parametrize(
        "sql",
        [
            "ATTACH 'other.db' AS o",
            "VACUUM INTO 'copy.db'",
            "PRAGMA journal_mode = DELETE",
            "PRAGMA table_info(chunks)",
            "CREATE TABLE x (a)",
            "CREATE TEMP TABLE x (a)",
            "DROP TABLE chunks",
            "DELETE FROM sources",
            "UPDATE chunks SET text = ''",
            "INSERT INTO catalog SELECT * FROM catalog",
            "SELECT load_extension('x')",
            "SELECT * FROM chunks",
            "SELECT text FROM chunks",
            "SELECT count(*) FROM chunks",
            "WITH c AS (SELECT * FROM chunks) SELECT count(*) FROM c",
            "SELECT * FROM sources",
            "SELECT * FROM pragma_table_info('chunks')",
            "SELECT 1; SELECT 2",
            "BEGIN",
            "COMMIT",
            "SELEC 1",
            "",
            "SELECT * FROM ingestkit.chunks",
            "TABLE chunks",
            "COPY (SELECT 1) TO '/tmp/x'",
            "COPY chunks FROM PROGRAM 'id'",
            "DO $$ BEGIN NULL; END $$",
            "SET search_path = ingestkit",
            "SHOW data_directory",
            "EXPLAIN ANALYZE DELETE FROM sources",
            "SELECT 1 INTO x",
            "WITH gone AS (DELETE FROM sources RETURNING *) SELECT * FROM gone",
            "SELECT * FROM pg_class",
            "SELECT * FROM pg_user",
            "SELECT pg_read_file('/etc/passwd')",
            "SELECT pg_ls_dir('.')",
            "SELECT lo_import('/etc/passwd')",
            "SELECT pg_terminate_backend(1)",
            "SELECT set_config('role', 'postgres', false)",
            "SELECT current_setting('data_directory')",
            "SELECT query_to_xml('SELECT text FROM ingestkit.chunks', true, true, '')",
            "SELECT table_to_xml('ingestkit.chunks', true, true, '')",
            "SELECT (SELECT count(*) FROM pg_authid) > 0",
            "SELECT count(*) FILTER (WHERE pg_sleep(0) IS NULL) OVER ()",
            "SELECT word FROM ts_stat('SELECT words FROM ingestkit.chunks')",
            "LISTEN x",
        ],
    )
    def test_a_query_can_only_select_from_tables(self, store: DocumentStore, sql: str) -> None:
        store.replace(version("/a.txt", ["text"], rows=[("x", 1)]))
        before = list(store.export())
        with pytest.raises(QueryError):
            store.query(sql)
        assert list(store.export()) == before

    def test_an_endless_query_is_stopped(self, store: DocumentStore) -> None:
        store.replace(version("/a.txt", ["text"], rows=[("x", 1)]))
        endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
        with pytest.raises(QueryError, match="longer than"):
            store.query(endless, timeout_seconds=0.3)

    def test_rows_are_limited(self, store: DocumentStore) -> None:
        store.replace(version("/a.txt", ["text"], rows=[("x", i) for i in range(20)]))
        (table,) = store.tables()
        result = store.query(f'SELECT amount FROM "{table.table_name}"', max_rows=5)
        assert (len(result.rows), result.truncated) == (5, True)
        assert not store.query("SELECT 1").truncated

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

    def test_a_query_gives_numbers_texts_and_nulls(self, store: DocumentStore) -> None:
        store.replace(version("/a.txt", ["text"], rows=[("b", 2), ("A", None), ("a", 1), (None, 4)]))
        (table,) = store.tables()
        name = f'"{table.table_name}"'
        result = store.query(f"SELECT sum(amount), avg(amount), count(*), count(label), 1 = 1 FROM {name};")
        assert result.rows == ((7, 7 / 3, 4, 3, 1),)
        assert store.query(f"SELECT label FROM {name} WHERE label IS NOT NULL ORDER BY label").rows == (
            ("A",),
            ("a",),
            ("b",),
        )
        assert store.query(f"SELECT count(*), count(*) FROM {name}").rows == ((4, 4),)
        nested = (
            f"WITH big AS (SELECT * FROM {name} WHERE amount > 1) SELECT b.label FROM big b JOIN {name} USING (row_id)"
        )
        assert set(store.query(nested).rows) == {("b",), (None,)}

    def test_values_that_do_not_fit_their_column_are_kept(self, store: DocumentStore) -> None:
        odd = [("1", 7), ("nul\x00 and \uffff0", "12"), (None, 1.5), ("x", "no number"), ("y", "9" * 30)]
        store.replace(version("/a.txt", ["text"], rows=odd))
        rows = [json.loads(line)["values"][1:3] for line in store.export() if '"kind":"row"' in line]
        assert rows == [["1", 7], ["nul\x00 and \uffff0", 12], [None, 1.5], ["x", "no number"], ["y", 1e30]]

    def test_a_chunk_keeps_every_character(self, store: DocumentStore) -> None:
        text = "before\x00after \uffff1 \\N \t tab, line\nbreak, 𝔘nicode, \u2028"
        store.replace(version("/a.txt", [text], language="x\x00y"))
        (hit,) = store.search("before", filters={"source_format": "text"})
        assert (hit.text, hit.metadata["language"]) == (text, "x\x00y")

    def test_a_table_may_get_other_columns(self, store: DocumentStore) -> None:
        store.replace(version("/a.txt", ["text"], rows=[("x", 1)]))
        other = version("/a.txt", ["text"], rows=[("x", 1)])
        (table,) = other.tables
        columns = (TableColumn("label", "Label", "text"), TableColumn("share", "Share", "number"))
        store.replace(replace(other, tables=[replace(table, columns=columns, rows=[("x", 0.5)])]))
        assert store.query(f'SELECT share FROM "{table.name}"').rows == ((0.5,),)

    def test_a_table_may_be_very_wide(self, store: DocumentStore) -> None:
        """As wide as readers make them: 1,500 columns, all with values."""
        wide = version("/a.txt", ["text"], rows=[("x", 1)])
        (table,) = wide.tables
        columns = tuple(TableColumn(f"c{i}", f"C{i}", "text" if i % 2 else "integer") for i in range(1500))
        rows = [tuple(f"value of column {i} in {n}" if i % 2 else i + n for i in range(1500)) for n in range(2)]
        places = [PageBox(1, (0, 0, 1, 1))] * 2
        full = replace(wide, tables=[replace(table, columns=columns, rows=rows, row_locations=places)])
        store.replace(full)
        exported = list(store.export())
        (line,) = [line for line in exported if '"kind":"row"' in line and '"values":[1,' in line]
        assert json.loads(line)["values"] == [1, *rows[0], 1, "[0,0,1,1]"]
        assert store.query(f'SELECT c0, c1499 FROM "{table.name}" ORDER BY row_id').rows[1] == (1, rows[1][1499])
        store.replace(replace(full, state=replace(full.state, size_bytes=11)))
        assert [line for line in store.export() if '"kind":"row"' in line] == [
            line for line in exported if '"kind":"row"' in line
        ]
        old = store.find(None, "/a.txt")
        assert old is not None
        store.move(old, version("/b.txt", ["text"], rows=[("x", 1)]).state, "run2")
        (moved,) = store.tables()
        assert store.query(f'SELECT c777 FROM "{moved.table_name}" ORDER BY row_id').rows[0] == (rows[0][777],)
        store.remove(None, "/b.txt")
        assert store.tables() == []

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
