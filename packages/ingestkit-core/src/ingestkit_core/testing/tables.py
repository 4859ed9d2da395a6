"""What every DocumentStore is held to about typed tables and queries. See ``stores``."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from typing import Any

import pytest

from ingestkit_core.elements import CellRange, PageBox, TableColumn
from ingestkit_core.spooled import RowSpool, SpooledRanges, SpooledRows
from ingestkit_core.stores.base import (
    DocumentStore,
    QueryError,
)
from ingestkit_core.stores.records import place_of_row
from ingestkit_core.testing.versions import version

__all__ = ["TableContract"]


class TableContract:
    """The promises about tables and their rows, one test each."""

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
            "SELECT * FROM sqlite_master",
            "SELECT count(*) FROM sqlite_schema",
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

    def test_a_tenant_reads_its_own_catalog(self, store: DocumentStore) -> None:
        for tenant, uri in (("north", "/a.txt"), ("south", "/b.txt"), (None, "/c.txt")):
            store.replace(version(uri, ["text"], tenant=tenant, rows=[("x", 1)]))
        for tenant in ("north", ""):
            (own,) = store.tables(tenant)
            for sql in ("SELECT table_name FROM catalog", "SELECT C.table_name FROM Catalog AS c WHERE row_count = 1"):
                assert store.query(sql, tenant).rows == ((own.table_name,),)
            assert store.query("SELECT count(*) FROM catalog", tenant).rows == ((1,),)
            for whole in ("main.catalog", "ingestkit.catalog"):
                for hidden in (f"SELECT table_name FROM {whole}", f"SELECT count(*) FROM {whole}"):
                    for sql in (hidden, f"WITH catalog AS ({hidden}) SELECT * FROM catalog"):
                        with pytest.raises(QueryError):
                            store.query(sql, tenant)
        assert store.query("SELECT count(*) FROM catalog", "nobody").rows == ((0,),)

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
